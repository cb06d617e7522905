//! Steps 4 to 10 of a settlement that this process has claimed, in the one task that owns it.

use std::{sync::Arc, time::Instant};

use facilitator_chain::evm::{Broadcast, EvmNetwork, Pending, Refusal as NodeRefusal, Signed};
use facilitator_journal::{JournalError, Outcome, Owner, PaymentId};
use facilitator_protocol::{Valid, reason};

use super::{
    Ended, Refusal,
    drive::{Job, drive, log_refused},
    joins::Place,
    ready::{Reserved, make_ready, reserve_and_sign, upstream},
    route::Routed,
    verify::millis,
};
use crate::{app::App, ports::unix_ms};

/// A payment that was verified and claimed.
pub(super) struct Settlement {
    pub(super) routed: Routed,
    pub(super) valid: Valid,
    pub(super) payment_id: PaymentId,
    pub(super) owner: Owner,
    pub(super) place: Place,
}

/// Settles a claimed payment, and ends the waiting of everybody who joined.
pub(super) async fn run(app: Arc<App>, settlement: Settlement) {
    let started = Instant::now();
    let about = About::of(&settlement);
    let claimed_at_ms = unix_ms();
    let (ended, place) = match sign(&app, &settlement).await {
        Ok((evm, Reserved { signed, place: in_flight })) => {
            let pending = send(&app, &evm, &settlement, signed).await;
            let Settlement { routed, valid, payment_id, owner, place } = settlement;
            let mut job =
                Job { routed, payment_id, owner, payer: valid.payer, claimed_at_ms, ended: None, pending };
            let ended = drive(&app, &mut job, &place).await;
            // The transaction keeps its place in the lane until it has ended.
            drop(in_flight);
            (ended, place)
        }
        Err(refusal) => {
            let Settlement { payment_id, owner, place, valid, .. } = settlement;
            (release(&app, owner, &payment_id, &valid.payer, refusal).await, place)
        }
    };
    if matches!(ended, Ended::Undecided { .. }) {
        app.orphans.add_later(&about.payment_id);
    }
    about.log_end(&ended, started);
    place.end(ended);
}

/// Steps 4 to 7 up to the journal: prepare, approve, build and sign, record.
async fn sign(app: &App, settlement: &Settlement) -> Result<(Arc<EvmNetwork>, Reserved), Refusal> {
    let Settlement { routed, valid, payment_id, owner, .. } = settlement;
    let evm = routed.network.evm().ok_or_else(upstream)?;
    let approved = make_ready(app, routed, valid, payment_id).await?;
    let reserved = reserve_and_sign(app, evm, routed, &approved, *owner, payment_id, None).await?;
    Ok((Arc::clone(evm), reserved))
}

/// Step 7, broadcast. Whatever a node answers, the chain alone tells what becomes of the bytes.
async fn send(app: &Arc<App>, evm: &EvmNetwork, settlement: &Settlement, signed: Signed) -> Pending {
    let variant = signed.variant();
    settlement.place.sent(&variant.hash);
    let mut since = Instant::now();
    match evm.broadcast(&variant).await {
        Broadcast::Accepted => {}
        Broadcast::Unknown(reason) => {
            tracing::warn!(event = "broadcast_unknown", tx = variant.hash, reason);
        }
        Broadcast::Refused(refusal) => {
            log_refused(&variant.hash, refusal);
            if refusal == NodeRefusal::FeeTooLow {
                // No need to wait until it looks stuck.
                since = since.checked_sub(LONG_AGO).unwrap_or(since);
            }
        }
    }
    record_broadcast(app, settlement.owner, &settlement.payment_id);
    Pending {
        earlier: Vec::new(),
        latest: variant,
        signer: settlement.routed.sender,
        nonce: signed.nonce,
        expires_at: settlement.valid.expires_at,
        fee: Some(signed.fee),
        since,
    }
}

/// Longer than any transaction waits before its fee is raised.
const LONG_AGO: std::time::Duration = std::time::Duration::from_secs(3_600);

/// Nobody waits for this: bytes that are signed may have been sent, and are treated as if they were.
fn record_broadcast(app: &Arc<App>, owner: Owner, payment_id: &PaymentId) {
    let (journal, payment_id) = (Arc::clone(&app.journal), payment_id.clone());
    app.tasks.spawn(async move {
        match journal.broadcast(owner, &payment_id).await {
            // The outcome may be written already.
            Ok(()) | Err(JournalError::IllegalTransition { .. }) => {}
            Err(error) => tracing::warn!(event = "broadcast_not_recorded", reason = %error),
        }
    });
}

/// Gives a payment up for which nothing was signed.
async fn release(app: &App, owner: Owner, payment_id: &PaymentId, payer: &str, refusal: Refusal) -> Ended {
    match app.journal.release(owner, payment_id).await {
        // Taken over, or released by whoever did.
        Ok(()) | Err(JournalError::Fenced { .. } | JournalError::NotFound { .. }) => {}
        // Bytes are in the journal although writing them had failed: they will be sent.
        Err(error @ JournalError::NotReleasable { .. }) => {
            tracing::warn!(event = "settlement_not_released", reason = %error);
            app.orphans.add(payment_id);
            return Ended::Undecided { transaction: String::new(), payer: payer.to_owned() };
        }
        Err(error) => {
            tracing::error!(event = "journal_failed", reason = %error);
            app.orphans.add(payment_id);
        }
    }
    Ended::Released(refusal)
}

/// What the line at the end of a settlement says of it.
struct About {
    payment_id: PaymentId,
    x402_version: u8,
    network: String,
    scheme: String,
    guest: String,
    generation: u64,
}

impl About {
    fn of(Settlement { routed, payment_id, .. }: &Settlement) -> Self {
        Self {
            payment_id: payment_id.clone(),
            x402_version: routed.request.x402_version.number(),
            network: routed.network.caip2().to_string(),
            scheme: routed.request.scheme.clone(),
            guest: routed.guest.name().to_owned(),
            generation: routed.guest.number(),
        }
    }

    fn log_end(&self, ended: &Ended, started: Instant) {
        let (success, reason, tx) = match ended {
            Ended::Recorded { outcome: Outcome::Confirmed { transaction, .. }, .. } => {
                (true, None, Some(transaction.as_str()))
            }
            Ended::Recorded {
                outcome: Outcome::Failed { reason, .. } | Outcome::Expired { reason, .. },
                transaction,
                ..
            } => (false, Some(reason.as_str()), transaction.as_deref()),
            Ended::Undecided { transaction, .. } => {
                (false, Some(reason::SETTLEMENT_PENDING), Some(transaction.as_str()))
            }
            Ended::Released(refusal) => (false, Some(refusal.reason), None),
        };
        tracing::info!(
            event = "settle",
            success,
            payment_id = self.payment_id.as_str(),
            reason,
            tx,
            x402_version = self.x402_version,
            network = self.network,
            scheme = self.scheme,
            guest = self.guest,
            generation = self.generation,
            duration_ms = millis(started),
        );
    }
}
