//! How a settlement ended, and what is answered of it.

use facilitator_journal::{Outcome, Record, State};
use facilitator_protocol::{SettleResponse, reason};

/// Why a settlement was given up before anything was signed. The payment may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// It will be refused again: a verdict.
    Verdict,
    /// A chain could not be asked.
    Upstream,
    /// The journal could not be written.
    Journal,
    /// Another process has the payment now.
    Fenced,
    /// Our fault or the guest's.
    Internal,
}

/// A settlement that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whose fault it is.
    pub kind: RefusalKind,
    /// Machine code.
    pub reason: &'static str,
    /// For people.
    pub message: String,
}

/// The end of a settlement in this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// In the journal for good.
    Recorded {
        /// What happened.
        outcome: Outcome,
        /// Transaction that was sent.
        transaction: Option<String>,
        /// Verified payer.
        payer: String,
    },
    /// Sent, and nobody could tell its outcome; the record stays open.
    Undecided {
        /// Transaction that was sent.
        transaction: String,
        /// Verified payer.
        payer: String,
    },
    /// Nothing was signed.
    Released(Refusal),
}

/// The answer for an outcome; `network` in the form that the request used.
pub(super) fn of_outcome(
    network: &str,
    outcome: &Outcome,
    transaction: Option<&str>,
    verified_payer: &str,
) -> SettleResponse {
    match outcome {
        Outcome::Confirmed { payer, amount, transaction } => SettleResponse {
            success: true,
            transaction: transaction.clone(),
            network: network.to_owned(),
            payer: Some(payer.clone()),
            amount: Some(amount.clone()),
            error_reason: None,
            error_message: None,
        },
        Outcome::Failed { reason, message, transaction: included } => SettleResponse {
            transaction: included.as_deref().or(transaction).unwrap_or_default().to_owned(),
            ..SettleResponse::failed(network, reason, message, Some(verified_payer.to_owned()))
        },
        Outcome::Expired { reason, message } => SettleResponse {
            transaction: transaction.unwrap_or_default().to_owned(),
            ..SettleResponse::failed(network, reason, message, Some(verified_payer.to_owned()))
        },
    }
}

/// The answer while a transaction is under way.
pub(super) fn pending(network: &str, transaction: Option<&str>, payer: &str) -> SettleResponse {
    SettleResponse {
        transaction: transaction.unwrap_or_default().to_owned(),
        ..SettleResponse::failed(
            network,
            reason::SETTLEMENT_PENDING,
            "the outcome is not known yet; send the same request again to learn it",
            Some(payer.to_owned()),
        )
    }
}

/// The answer to another request for a payment that has a record already.
pub(super) fn duplicate(network: &str) -> SettleResponse {
    SettleResponse::failed(
        network,
        reason::DUPLICATE_SETTLEMENT,
        "this payment was or is being settled, against other requirements or from another payload",
        None,
    )
}

/// The answer that a record gives by itself.
pub(super) fn of_record(network: &str, record: &Record) -> SettleResponse {
    match &record.outcome {
        Some(outcome) => of_outcome(network, outcome, record.transaction(), &record.settlement.payer),
        None => pending(network, sent(record), &record.settlement.payer),
    }
}

/// The transaction of a record, once it may have been sent.
fn sent(record: &Record) -> Option<&str> {
    if record.state >= State::Signed { record.transaction() } else { None }
}
