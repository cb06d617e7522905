//! Step 9 of a settlement: whether the exact transfer happened, by the guest's word and by the host's own look.
//!
//! The host's look is the second lock: a guest alone makes nothing paid, and nothing failed that the chain shows
//! as paid.

use std::time::Duration;

use facilitator_journal::Outcome;
use facilitator_protocol::{Confirmation, Observation, reason};

use super::{drive::Payment, judge::guest_failed, route::Routed};

/// Times that a guest is asked about a transaction that is included, before an operator is called.
const ATTEMPTS: u32 = 20;
/// Between them.
const RETRY: Duration = Duration::from_secs(3);

/// What an included transaction did.
pub(super) enum Observed {
    /// The exact transfer.
    Paid,
    /// Not that transfer, as guest and host agree.
    Failed { reason: String, message: String },
    /// Not that transfer, though the guest says so.
    NotShown,
    /// The guest cannot say, or denies what the chain shows.
    Unknown,
}

/// Asks the guest, and holds its word against what the host has `shown` by itself.
pub(super) async fn observed(payment: &Payment, observation: &Observation, shown: Option<bool>) -> Observed {
    let routed = &payment.routed;
    let transaction = observation.transaction.as_str();
    for _ in 0..ATTEMPTS {
        match (confirm(routed, observation).await, shown) {
            (Some(Confirmation::Paid { amount, .. }), Some(true)) if amount == routed.requirements.amount => {
                return Observed::Paid;
            }
            (Some(Confirmation::Failed { reason, message }), Some(false)) => {
                return Observed::Failed { reason, message };
            }
            (Some(Confirmation::Paid { .. }), Some(false)) => {
                log_contradiction(payment, transaction, "the guest says paid, the chain does not show it");
                return Observed::NotShown;
            }
            (Some(Confirmation::Paid { .. } | Confirmation::Failed { .. }), Some(true)) => {
                log_contradiction(
                    payment,
                    transaction,
                    "the chain shows the payment, the guest says otherwise",
                );
                return Observed::Unknown;
            }
            (Some(Confirmation::Unknown) | None, _) | (_, None) => tokio::time::sleep(RETRY).await,
        }
    }
    tracing::error!(event = "confirm_given_up", tx = transaction, attempts = ATTEMPTS);
    Observed::Unknown
}

/// The outcome of a payment whose transaction does not show it, against the guest's word.
pub(super) fn not_shown(transaction: String) -> Outcome {
    Outcome::Failed {
        reason: reason::UNEXPECTED_SETTLE_ERROR.to_owned(),
        message: "the chain does not show the payment".to_owned(),
        transaction: Some(transaction),
    }
}

/// The outcome of a payment that a transaction made. The payer is the one whom the policy and the chain know: the
/// guest may name another.
pub(super) fn confirmed(payment: &Payment, transaction: &str) -> Outcome {
    Outcome::Confirmed {
        payer: payment.payer.clone(),
        amount: payment.routed.requirements.amount.clone(),
        transaction: transaction.to_owned(),
    }
}

fn log_contradiction(payment: &Payment, transaction: &str, reason: &str) {
    let guest = &payment.routed.guest;
    tracing::error!(
        event = "confirm_contradicts_receipt",
        tx = transaction,
        guest = guest.name(),
        generation = guest.number(),
        sha256 = guest.sha256(),
        reason,
    );
}

pub(super) async fn confirm(routed: &Routed, observation: &Observation) -> Option<Confirmation> {
    let ports = routed.ports()?;
    match routed.guest.confirm(ports, &routed.request, observation).await {
        Ok(confirmation) => Some(confirmation),
        Err(error) => {
            guest_failed(routed, &error);
            None
        }
    }
}
