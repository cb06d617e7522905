//! Steps 8 to 10 of a settlement, of any family: from signed bytes that may be on their way to an outcome in the
//! journal.
//!
//! A settlement that this process began and one that it took over come through here alike. What may be sent,
//! and how it is followed, is the family's; whatever it sends is in the journal first, and of all that was signed
//! for a payment at most one transaction can land.

use std::{sync::Arc, time::Duration};

use facilitator_journal::{JournalError, Outcome, Owner, PaymentId, State};

use super::{Ended, evm, joins::Place, route::Routed};
use crate::app::App;

/// A payment that was signed for.
pub(super) struct Payment {
    pub(super) routed: Routed,
    pub(super) payment_id: PaymentId,
    pub(super) owner: Owner,
    /// As verified and approved.
    pub(super) payer: String,
    /// When it was claimed, Unix milliseconds.
    pub(super) claimed_at_ms: u64,
    /// The outcome that the record has, if the chain was reorganised since: then nothing else is signed.
    pub(super) ended: Option<State>,
}

/// What was signed for a payment, by family.
pub(super) enum Sent {
    Evm(evm::Pending),
}

impl Sent {
    /// The transaction that was signed last.
    pub(super) fn transaction(&self) -> &str {
        match self {
            Self::Evm(pending) => &pending.latest.hash,
        }
    }
}

/// A payment with what was signed for it.
pub(super) struct Job {
    pub(super) payment: Payment,
    pub(super) sent: Sent,
}

impl Job {
    /// Hands the very bytes to the network once more.
    pub(super) async fn send_again(&self) {
        let network = &self.payment.routed.network;
        let outcome = match &self.sent {
            Sent::Evm(pending) => match network.evm() {
                Some(evm) => format!("{:?}", evm.send_again(&pending.latest).await),
                None => return,
            },
        };
        tracing::info!(event = "rebroadcast", tx = self.sent.transaction(), outcome);
    }

    fn undecided(&self) -> Ended {
        let transaction = self.sent.transaction().to_owned();
        Ended::Undecided { transaction, payer: self.payment.payer.clone() }
    }
}

/// Times that writing an outcome is tried before it is answered all the same.
const RECORD_ATTEMPTS: u32 = 3;
/// Between them.
const RECORD_RETRY: Duration = Duration::from_secs(1);

/// Follows a payment to its end, and records it. [`Ended::Undecided`] if nobody could tell, or another
/// process has the record now; it is taken up again then.
pub(super) async fn drive(app: &Arc<App>, job: &mut Job, place: &Place) -> Ended {
    match follow_to_end(app, job, place).await {
        Some(outcome) => record(app, job, outcome).await,
        None => job.undecided(),
    }
}

/// Steps 8 and 9, and whatever has to be sent meanwhile. None if nobody could tell, or another process has the
/// record now.
pub(super) async fn follow_to_end(app: &Arc<App>, job: &mut Job, place: &Place) -> Option<Outcome> {
    let Job { payment, sent } = job;
    match sent {
        Sent::Evm(pending) => evm::follow_to_end(app, payment, pending, place).await,
    }
}

/// Step 10. The outcome is answered even if it cannot be written: whoever takes the record up finds it out
/// again from the chain.
async fn record(app: &Arc<App>, job: &Job, outcome: Outcome) -> Ended {
    let payment = &job.payment;
    let ended = Ended::Recorded {
        outcome: outcome.clone(),
        transaction: Some(job.sent.transaction().to_owned()),
        payer: payment.payer.clone(),
    };
    for attempt in 1..=RECORD_ATTEMPTS {
        match app.journal.finish(payment.owner, &payment.payment_id, outcome.clone()).await {
            Ok(()) => {
                app.finality.watch(payment.routed.network.caip2(), &payment.payment_id, payment.owner);
                return ended;
            }
            // It has ended already, or is another's: what the chain shows is the truth all the same.
            Err(error @ (JournalError::Fenced { .. } | JournalError::IllegalTransition { .. })) => {
                tracing::warn!(event = "outcome_not_recorded", reason = %error);
                // By a later lease of ours, or with another outcome: then it is ours to look after.
                app.orphans.add(&payment.payment_id);
                return ended;
            }
            Err(error) => {
                tracing::error!(event = "journal_failed", attempt, reason = %error);
                tokio::time::sleep(RECORD_RETRY).await;
            }
        }
    }
    app.orphans.add(&payment.payment_id);
    ended
}
