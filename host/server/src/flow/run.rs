//! Steps 4 to 10 of a settlement that this process has claimed, in the one task that owns it.

use std::{any::Any, sync::Arc, time::Instant};

use facilitator_journal::{JournalError, Outcome, Owner, PaymentId};
use facilitator_protocol::{Valid, reason};

use super::{
    Ended, Refusal,
    drive::{Job, Payment, Sent, drive},
    evm,
    joins::Place,
    refused::upstream,
    route::Routed,
    verify::millis,
};
use crate::{app::App, networks::Chain, ports::unix_ms};

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
    let (ended, place) = match begin(&app, &settlement).await {
        Ok(Begun { sent, in_flight }) => {
            record_broadcast(&app, settlement.owner, &settlement.payment_id);
            let Settlement { routed, valid, payment_id, owner, place } = settlement;
            let payment =
                Payment { routed, payment_id, owner, payer: valid.payer, claimed_at_ms, ended: None };
            let ended = drive(&app, &mut Job { payment, sent }, &place).await;
            // The transaction keeps its place among those in flight until it has ended.
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

/// What was signed, written down and handed to the network.
pub(super) struct Begun {
    pub(super) sent: Sent,
    /// Held until the payment has ended.
    pub(super) in_flight: Box<dyn Any + Send>,
}

/// Steps 4 to 7: prepare, approve, build and sign, record, broadcast.
async fn begin(app: &Arc<App>, settlement: &Settlement) -> Result<Begun, Refusal> {
    match settlement.routed.network.chain() {
        Some(Chain::Evm(network)) => evm::begin(app, network, settlement).await,
        None => Err(upstream()),
    }
}

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
