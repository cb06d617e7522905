//! Following an EVM payment's transactions until one is included, and what is done when none is.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use facilitator_chain::evm::{EvmNetwork, ExpectedTransfer, Followed, Pending, Tracked};
use facilitator_journal::{JournalError, Outcome, State};
use facilitator_protocol::{Observation, PaymentRequirements, reason};

use super::{
    super::{
        confirm::{Observed, confirmed, not_shown, observed},
        drive::Payment,
        joins::Place,
        route::Routed,
    },
    front_run,
    replace::{Next, raise_fee, send_anew},
};
use crate::app::App;

/// Between two attempts at what a chain or the journal did not answer.
pub(super) const RETRY: Duration = Duration::from_secs(2);
/// Steps 8 and 9, and whatever has to be sent meanwhile. None if nobody could tell, or another process has the
/// record now.
pub(in crate::flow) async fn follow_to_end(
    app: &Arc<App>,
    payment: &mut Payment,
    pending: &mut Pending,
    place: &Place,
) -> Option<Outcome> {
    let evm = payment.routed.network.evm().cloned()?;
    loop {
        match evm.follow(pending).await {
            Followed::Included(tracked) => return of_included(&evm, payment, tracked).await,
            // What was told to be paid is brought back at a higher fee. For the others nothing more is offered.
            Followed::Stuck if payment.ended.is_some_and(|state| state != State::Confirmed) => {
                pending.since = Instant::now()
            }
            Followed::Overtaken if payment.ended.is_some() => {
                if let Some(fee) = pending.fee.take() {
                    fee.release();
                }
                return Some(front_run::paid_by(&evm, payment).await.unwrap_or_else(|| Outcome::Failed {
                    reason: reason::INVALID_TRANSACTION_STATE.to_owned(),
                    message:
                        "another transaction has the place that the payment's had on the chain".to_owned(),
                    transaction: None,
                }));
            }
            Followed::Stuck => match raise_fee(app, &evm, payment, pending).await {
                Ok(()) => place.sent(&pending.latest.hash),
                Err(JournalError::Fenced { .. }) => return None,
                Err(_) => {}
            },
            Followed::Overtaken => match send_anew(app, &evm, payment, pending).await {
                Next::Follow => place.sent(&pending.latest.hash),
                Next::Ended(outcome) => return Some(outcome),
                Next::Fenced => return None,
            },
            Followed::Expired => {
                let paid = front_run::paid_by(&evm, payment).await;
                return Some(paid.unwrap_or_else(|| expired("the authorization expired before it landed")));
            }
        }
    }
}

pub(super) fn expired(why: &str) -> Outcome {
    Outcome::Expired { reason: reason::INVALID_TRANSACTION_STATE.to_owned(), message: why.to_owned() }
}

/// Step 9. None if nobody can say.
async fn of_included(evm: &EvmNetwork, payment: &Payment, tracked: Tracked) -> Option<Outcome> {
    let shown = if tracked.succeeded {
        expected(&payment.routed, &payment.payer).is_shown_by(&tracked.receipt)
    } else {
        Some(false)
    };
    let Tracked { hash, receipt, .. } = tracked;
    let observation = Observation { transaction: hash.clone(), data: receipt };
    match observed(payment, &observation, shown).await {
        Observed::Paid => Some(confirmed(payment, &hash)),
        // Ours may have failed because somebody else was faster with the same authorization.
        Observed::Failed { reason, message } => {
            Some(front_run::paid_by(evm, payment).await.unwrap_or(Outcome::Failed {
                reason,
                message,
                transaction: Some(hash),
            }))
        }
        Observed::NotShown => Some(not_shown(hash)),
        Observed::Unknown => None,
    }
}

pub(super) fn expected<'a>(routed: &'a Routed, payer: &'a str) -> ExpectedTransfer<'a> {
    let PaymentRequirements { asset, pay_to, amount, .. } = &routed.requirements;
    ExpectedTransfer { asset, from: payer, to: pay_to, amount }
}
