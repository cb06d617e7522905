//! Steps 8 to 10 of a settlement: from signed bytes that may be on their way to an outcome in the journal.
//!
//! A settlement that this process began and one that it took over come through here alike. Whatever is sent
//! here is in the journal first, and of all that was signed for a payment at most one transaction can land: a
//! higher fee keeps the nonce, and another nonce is used only when the first is used up by somebody else's
//! transaction.

use std::{sync::Arc, time::Duration};

use facilitator_chain::evm::{
    Broadcast, EvmNetwork, ExpectedTransfer, Followed, Pending, Refusal as NodeRefusal, Tracked, Variant,
};
use facilitator_journal::{JournalError, Outcome, Owner, PaymentId, SignedBytes, State};
use facilitator_protocol::{Confirmation, Observation, PaymentRequirements, Phase, Verdict, reason};

use super::{
    Ended, RefusalKind, front_run,
    joins::Place,
    judge::{guest_failed, judge},
    ready::{Reserved, make_ready, reserve_and_sign},
    route::Routed,
};
use crate::{app::App, networks::address_text, ports::unix_ms};

/// A payment that was signed for.
pub(super) struct Job {
    pub(super) routed: Routed,
    pub(super) payment_id: PaymentId,
    pub(super) owner: Owner,
    /// As verified and approved.
    pub(super) payer: String,
    /// When it was claimed, Unix milliseconds.
    pub(super) claimed_at_ms: u64,
    /// The outcome that the record has, if the chain was reorganised since: then no other nonce is tried.
    pub(super) ended: Option<State>,
    pub(super) pending: Pending,
}

/// Between two attempts at what a chain or the journal did not answer.
pub(super) const RETRY: Duration = Duration::from_secs(2);
/// Times that a guest is asked about a transaction that is included, before an operator is called.
const CONFIRM_ATTEMPTS: u32 = 20;
/// Between them.
const CONFIRM_RETRY: Duration = Duration::from_secs(3);
/// Times that writing an outcome is tried before it is answered all the same.
const RECORD_ATTEMPTS: u32 = 3;

/// By how much our clock must be past the end of an authorization that cannot be sent again, seconds. Nothing
/// that was signed for it can land, so a wrong clock ends it early and no more.
const EXPIRED_FOR_SURE_S: u64 = 120;

/// What became of a transaction that cannot land.
enum Next {
    /// Another one is on its way.
    Follow,
    /// It is over.
    Ended(Outcome),
    /// The record belongs to another process.
    Fenced,
}

/// Follows a payment to its end, and records it. [`Ended::Undecided`] if nobody could tell, or another
/// process has the record now; it is taken up again then.
pub(super) async fn drive(app: &Arc<App>, job: &mut Job, place: &Place) -> Ended {
    match follow_to_end(app, job, place).await {
        Some(outcome) => record(app, job, outcome).await,
        None => Ended::Undecided { transaction: job.pending.latest.hash.clone(), payer: job.payer.clone() },
    }
}

/// Steps 8 and 9, and whatever has to be sent meanwhile. None if nobody could tell, or another process has the
/// record now.
pub(super) async fn follow_to_end(app: &Arc<App>, job: &mut Job, place: &Place) -> Option<Outcome> {
    let evm = job.routed.network.evm().cloned()?;
    loop {
        match evm.follow(&mut job.pending).await {
            Followed::Included(tracked) => return of_included(&evm, job, tracked).await,
            // What was told to be paid is brought back at a higher fee. For the others nothing more is offered.
            Followed::Stuck if job.ended.is_some_and(|state| state != State::Confirmed) => {
                job.pending.since = std::time::Instant::now()
            }
            Followed::Overtaken if job.ended.is_some() => {
                if let Some(fee) = job.pending.fee.take() {
                    fee.release();
                }
                return Some(front_run::paid_by(&evm, job).await.unwrap_or_else(|| Outcome::Failed {
                    reason: reason::INVALID_TRANSACTION_STATE.to_owned(),
                    message:
                        "another transaction has the place that the payment's had on the chain".to_owned(),
                    transaction: None,
                }));
            }
            Followed::Stuck => match raise_fee(app, &evm, job).await {
                Ok(()) => place.sent(&job.pending.latest.hash),
                Err(JournalError::Fenced { .. }) => return None,
                Err(_) => {}
            },
            Followed::Overtaken => match send_anew(app, &evm, job).await {
                Next::Follow => place.sent(&job.pending.latest.hash),
                Next::Ended(outcome) => return Some(outcome),
                Next::Fenced => return None,
            },
            Followed::Expired => {
                let paid = front_run::paid_by(&evm, job).await;
                return Some(paid.unwrap_or_else(|| expired("the authorization expired before it landed")));
            }
        }
    }
}

fn expired(why: &str) -> Outcome {
    Outcome::Expired { reason: reason::INVALID_TRANSACTION_STATE.to_owned(), message: why.to_owned() }
}

/// Step 9: whether the exact transfer happened, by the guest's word and by the host's own look.
///
/// None if the guest cannot say, or says other than the chain.
async fn of_included(evm: &EvmNetwork, job: &Job, tracked: Tracked) -> Option<Outcome> {
    let Job { routed, payer, .. } = job;
    let observation = Observation { transaction: tracked.hash.clone(), data: tracked.receipt };
    for _ in 0..CONFIRM_ATTEMPTS {
        let confirmation = confirm(routed, &observation).await;
        // The host's own look at the receipt is the second lock: a guest alone makes nothing paid, and
        // nothing failed that the chain shows as paid.
        let is_paid = if tracked.succeeded {
            expected(routed, payer).is_shown_by(&observation.data)
        } else {
            Some(false)
        };
        match (confirmation, is_paid) {
            (Some(Confirmation::Paid { amount, .. }), Some(true)) if amount == routed.requirements.amount => {
                // The payer whom the policy and the receipt know: the guest may name another here.
                return Some(confirmed(job, &tracked.hash));
            }
            (Some(Confirmation::Failed { reason, message }), Some(false)) => {
                // Ours may have failed because somebody else was faster with the same authorization.
                if let Some(outcome) = front_run::paid_by(evm, job).await {
                    return Some(outcome);
                }
                return Some(Outcome::Failed { reason, message, transaction: Some(tracked.hash) });
            }
            (Some(Confirmation::Paid { .. }), Some(false)) => {
                log_contradiction(job, &tracked.hash, "the guest says paid, the receipt does not show it");
                return Some(Outcome::Failed {
                    reason: reason::UNEXPECTED_SETTLE_ERROR.to_owned(),
                    message: "the receipt does not show the payment".to_owned(),
                    transaction: Some(tracked.hash),
                });
            }
            (Some(Confirmation::Paid { .. } | Confirmation::Failed { .. }), Some(true)) => {
                let reason = "the receipt shows the payment, the guest says otherwise";
                log_contradiction(job, &tracked.hash, reason);
                return None;
            }
            (Some(Confirmation::Unknown) | None, _) | (_, None) => tokio::time::sleep(CONFIRM_RETRY).await,
        }
    }
    tracing::error!(event = "confirm_given_up", tx = tracked.hash, attempts = CONFIRM_ATTEMPTS);
    None
}

pub(super) fn confirmed(job: &Job, transaction: &str) -> Outcome {
    Outcome::Confirmed {
        payer: job.payer.clone(),
        amount: job.routed.requirements.amount.clone(),
        transaction: transaction.to_owned(),
    }
}

pub(super) fn expected<'a>(routed: &'a Routed, payer: &'a str) -> ExpectedTransfer<'a> {
    let PaymentRequirements { asset, pay_to, amount, .. } = &routed.requirements;
    ExpectedTransfer { asset, from: payer, to: pay_to, amount }
}

fn log_contradiction(job: &Job, transaction: &str, reason: &str) {
    let guest = &job.routed.guest;
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

/// Signs the same transaction with a higher fee, writes it down and sends it.
async fn raise_fee(app: &App, evm: &EvmNetwork, job: &mut Job) -> Result<(), JournalError> {
    let pending = &mut job.pending;
    // If it cannot be raised, it is looked at again after another while.
    pending.since = std::time::Instant::now();
    let raised = match evm.raise_fee(&pending.latest.bytes, pending.fee.as_mut()).await {
        Ok(raised) => raised,
        Err(error) => {
            let tx = pending.latest.hash.as_str();
            tracing::warn!(event = "fee_not_raised", tx, reason = %error);
            return Ok(());
        }
    };
    let bytes = signed_bytes(&raised, pending.signer, pending.nonce);
    app.journal.replaced(job.owner, &job.payment_id, bytes).await.inspect_err(|error| {
        tracing::warn!(event = "fee_not_raised", tx = pending.latest.hash, reason = %error);
    })?;
    tracing::info!(
        event = "fee_raised",
        payment_id = job.payment_id.as_str(),
        before = pending.latest.hash,
        tx = raised.hash
    );
    pending.replace(raised, pending.nonce);
    send(evm, &pending.latest).await;
    Ok(())
}

/// Verifies a payment again whose nonce somebody else's transaction has used, and sends it with another.
async fn send_anew(app: &Arc<App>, evm: &Arc<EvmNetwork>, job: &mut Job) -> Next {
    tracing::warn!(
        event = "nonce_overtaken",
        payment_id = job.payment_id.as_str(),
        tx = job.pending.latest.hash,
        nonce = job.pending.nonce
    );
    if let Some(fee) = job.pending.fee.take() {
        fee.release();
    }
    loop {
        if let Some(outcome) = front_run::paid_by(evm, job).await {
            return Next::Ended(outcome);
        }
        if unix_ms() / 1_000 > job.pending.expires_at.saturating_add(EXPIRED_FOR_SURE_S) {
            return Next::Ended(expired("the authorization expired before it could be sent again"));
        }
        match catch_up(app, job).await {
            Ok(true) => {
                send(evm, &job.pending.latest).await;
                return Next::Follow;
            }
            Ok(false) => {
                // The chain's nonce has moved: what is handed out next must be above.
                if let Some(count) = evm.observe_nonce(job.pending.signer).await
                    && let Some(next) = verify_and_send_anew(app, evm, job, count).await
                {
                    return next;
                }
            }
            Err(JournalError::Fenced { .. } | JournalError::NotFound { .. }) => return Next::Fenced,
            Err(error) => tracing::warn!(event = "journal_failed", reason = %error),
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Takes up bytes that are in the journal although the answer to writing them was lost: signing others would
/// leave their nonce to a transaction that nobody sends.
async fn catch_up(app: &App, job: &mut Job) -> Result<bool, JournalError> {
    let payment_id = &job.payment_id;
    let Some(record) = app.journal.get(payment_id).await? else {
        return Err(JournalError::NotFound { payment_id: payment_id.clone() });
    };
    if record.owner != job.owner || record.state.is_final() {
        return Err(JournalError::Fenced { payment_id: payment_id.clone(), owner: record.owner });
    }
    let Some(SignedBytes { transaction, bytes, lane_sequence: Some(nonce), .. }) = record.signed else {
        return Ok(false);
    };
    if transaction == job.pending.latest.hash {
        return Ok(false);
    }
    job.pending.fee = app.vault.hold_fee(job.routed.network.caip2(), &bytes);
    job.pending.replace(Variant { hash: transaction, bytes }, nonce);
    Ok(true)
}

/// None if it is to be tried again. `count` is the chain's count of the signer's transactions.
async fn verify_and_send_anew(
    app: &Arc<App>,
    evm: &Arc<EvmNetwork>,
    job: &mut Job,
    count: u64,
) -> Option<Next> {
    job.routed.refresh()?;
    let valid = match judge(&job.routed, Phase::Settle).await.ok()? {
        Verdict::Valid(valid) if valid.payment_id == job.payment_id.as_str() => valid,
        Verdict::Valid(_) => return None,
        Verdict::Invalid(invalid) => {
            // It may have been paid between the look at the logs and now.
            return Some(Next::Ended(front_run::paid_by(evm, job).await.unwrap_or(Outcome::Failed {
                reason: invalid.reason,
                message: invalid.message,
                transaction: None,
            })));
        }
    };
    let approved = make_ready(app, &job.routed, &valid, &job.payment_id).await.ok()?;
    // The one asked may lag behind those that have seen the nonce used.
    let least = Some(count.max(job.pending.nonce.saturating_add(1)));
    match reserve_and_sign(app, evm, &job.routed, &approved, job.owner, &job.payment_id, least).await {
        Ok(Reserved { signed, place: _ }) => {
            job.pending.replace(signed.variant(), signed.nonce);
            job.pending.fee = Some(signed.fee);
            send(evm, &job.pending.latest).await;
            Some(Next::Follow)
        }
        Err(refusal) if refusal.kind == RefusalKind::Fenced => Some(Next::Fenced),
        Err(_) => None,
    }
}

async fn send(evm: &EvmNetwork, variant: &Variant) {
    match evm.send_again(variant).await {
        Broadcast::Accepted => {}
        Broadcast::Unknown(reason) => {
            tracing::warn!(event = "broadcast_unknown", tx = variant.hash, reason);
        }
        Broadcast::Refused(refusal) => log_refused(&variant.hash, refusal),
    }
}

/// A node's refusal ends nothing: the bytes may land by another way, and the chain alone tells that they
/// cannot.
pub(super) fn log_refused(transaction: &str, refusal: NodeRefusal) {
    tracing::error!(event = "broadcast_refused", tx = transaction, reason = %refusal);
}

pub(super) fn signed_bytes(variant: &Variant, signer: [u8; 20], nonce: u64) -> SignedBytes {
    SignedBytes {
        transaction: variant.hash.clone(),
        bytes: variant.bytes.clone(),
        signer: address_text(signer),
        lane_sequence: Some(nonce),
    }
}

/// Step 10. The outcome is answered even if it cannot be written: whoever takes the record up finds it out
/// again from the chain.
async fn record(app: &Arc<App>, job: &Job, outcome: Outcome) -> Ended {
    let ended = Ended::Recorded {
        outcome: outcome.clone(),
        transaction: Some(job.pending.latest.hash.clone()),
        payer: job.payer.clone(),
    };
    for attempt in 1..=RECORD_ATTEMPTS {
        match app.journal.finish(job.owner, &job.payment_id, outcome.clone()).await {
            Ok(()) => {
                app.finality.watch(job.routed.network.caip2(), &job.payment_id, job.owner);
                return ended;
            }
            // It has ended already, or is another's: what the chain shows is the truth all the same.
            Err(error @ (JournalError::Fenced { .. } | JournalError::IllegalTransition { .. })) => {
                tracing::warn!(event = "outcome_not_recorded", reason = %error);
                // By a later lease of ours, or with another outcome: then it is ours to look after.
                app.orphans.add(&job.payment_id);
                return ended;
            }
            Err(error) => {
                tracing::error!(event = "journal_failed", attempt, reason = %error);
                tokio::time::sleep(RETRY / 2).await;
            }
        }
    }
    app.orphans.add(&job.payment_id);
    ended
}
