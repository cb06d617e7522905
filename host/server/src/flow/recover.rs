//! Taking up what others left: settlements of a process that is gone, and our own that nobody drives.
//!
//! The same at start, while running, and beside other processes on the same journal. A process that is gone
//! is one whose lease has ended; a lease that shows no sign of life for [`SILENCE`](crate::lease::SILENCE), by this process's steady
//! clock, is ended here, by a write that fails if a sign came meanwhile. Its records are taken over one by
//! one, each by a write that fails if it is not the old owner's any more. What is taken over is sent again as
//! the same bytes; nothing new is signed while they can land.

mod watch;

use std::{sync::Arc, time::Duration};

use facilitator_engine::{GuestRequest, Route};
use facilitator_journal::{JournalError, Lease, Liveness, Outcome, Owner, PaymentId, Record};
use facilitator_protocol::PaymentRequirements;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Ended,
    drive::{Job, Payment, Sent, drive},
    evm,
    joins::Place,
    route::Routed,
};
use crate::{
    app::App,
    networks::{Chain, Network},
    ports::unix_ms,
};

pub use watch::Watch;

/// Between two looks at leases and orphans.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Between two looks at a network that is not ready.
const NOT_READY_RETRY: Duration = Duration::from_secs(1);
/// How long a record of ours must have stood still before it counts as nobody's, milliseconds.
const ADOPTED_AFTER_MS: u64 = 3_000;
/// Records of one page.
const PAGE: usize = 100;

/// Looks after others' leases and our orphans for as long as the process runs.
pub async fn keep_recovering(app: Arc<App>, mut watch: Watch) {
    loop {
        recover(&app, &mut watch).await;
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// One look: takes up whatever nobody drives. Following goes on in tasks of its own. What the journal does
/// not answer now is looked for at the next.
pub async fn recover(app: &Arc<App>, watch: &mut Watch) {
    let Some(own) = app.lease.owner() else { return };
    let leases = match app.journal.leases().await {
        Ok(leases) => leases,
        Err(error) => {
            tracing::warn!(event = "recovery_failed", reason = %error);
            return;
        }
    };
    for payment_id in app.orphans.take_due() {
        if let Err(error) = adopt(app, own, &leases, &payment_id).await {
            tracing::warn!(event = "orphan_not_taken_up", payment_id = payment_id.as_str(), reason = %error);
            app.orphans.add(&payment_id);
        }
    }
    watch.keep(&leases);
    app.leadership.set(own, &leases);
    for lease in leases.into_iter().filter(|lease| lease.owner != own) {
        // What one process has left must not keep that of others.
        if let Err(error) = recover_lease(app, watch, &lease, own).await {
            tracing::warn!(event = "recovery_failed", lease = lease.owner.number(), reason = %error);
        }
    }
}

async fn recover_lease(
    app: &Arc<App>,
    watch: &mut Watch,
    lease: &Lease,
    own: Owner,
) -> Result<(), JournalError> {
    if watch.is_due(app.journal.as_ref(), lease).await? {
        take_over_all(app, lease.owner, own).await.inspect_err(|_| watch.look_again(lease.owner))?;
    }
    Ok(())
}

/// Takes over every record of a lease that has ended.
async fn take_over_all(app: &Arc<App>, from: Owner, own: Owner) -> Result<(), JournalError> {
    let mut after = None;
    loop {
        let page = app.journal.unsealed(from, after, PAGE).await?;
        for record in page.records {
            let id = &record.settlement.payment_id;
            // If the answer is lost, the record may be ours all the same, and is not among the others' any more.
            let unless = app.orphans.unless_done(id);
            match app.journal.take_over(id, from, own).await? {
                // Another process was faster.
                Some(record) if record.owner != own => {}
                Some(record) => take_up(app, own, record).await?,
                None => {}
            }
            unless.done();
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

/// Takes up one record that nobody seems to drive, whoever owned it.
async fn adopt(
    app: &Arc<App>,
    own: Owner,
    leases: &[Lease],
    payment_id: &PaymentId,
) -> Result<(), JournalError> {
    if app.joins.find(payment_id).is_some() {
        // Whoever is at it may be about to give it up.
        app.orphans.add_later(payment_id);
        return Ok(());
    }
    let Some(record) = app.journal.get(payment_id).await? else { return Ok(()) };
    if record.sealed {
        return Ok(());
    }
    if record.owner == own {
        // Whoever claimed it a moment ago may be about to drive it. Another machine's clock may have been ahead.
        if unix_ms().abs_diff(record.updated_at_ms) < ADOPTED_AFTER_MS {
            app.orphans.add(payment_id);
            return Ok(());
        }
        return take_up(app, own, record).await;
    }
    if !has_ended(app, leases, record.owner).await? {
        return Ok(());
    }
    match app.journal.take_over(payment_id, record.owner, own).await? {
        Some(record) if record.owner == own => take_up(app, own, record).await,
        _ => Ok(()),
    }
}

/// Whether a lease has ended, by a list that may be older than the lease itself.
async fn has_ended(app: &App, leases: &[Lease], owner: Owner) -> Result<bool, JournalError> {
    let ended = |leases: &[Lease]| {
        leases.iter().find(|lease| lease.owner == owner).map(|lease| lease.liveness == Liveness::Ended)
    };
    match ended(leases) {
        Some(ended) => Ok(ended),
        // One that is forgotten has ended long ago.
        None => Ok(ended(&app.journal.leases().await?).unwrap_or(true)),
    }
}

/// Goes on with a record that is ours: forgets one for which nothing was signed, follows one that may have
/// been sent, and watches over one that has ended until its block is final.
async fn take_up(app: &Arc<App>, own: Owner, record: Record) -> Result<(), JournalError> {
    let payment_id = record.settlement.payment_id.clone();
    if record.state.is_releasable() {
        tracing::info!(event = "settlement_released", payment_id = payment_id.as_str(), state = %record.state);
        return app.journal.release(own, &payment_id).await;
    }
    let network =
        app.networks.find(facilitator_protocol::X402Version::V2, record.settlement.network.as_str());
    if let (Some(network), true) = (network, record.state.is_final()) {
        app.finality.watch(network.caip2(), &payment_id, own);
        return Ok(());
    }
    let Some(place) = app.joins.register_alone(&payment_id) else {
        // Driven here by an earlier lease of ours: the journal refuses its next write, and it gives up.
        app.orphans.add_later(&payment_id);
        return Ok(());
    };
    let Some(job) = network.and_then(|network| job_of(app, network, own, &record)) else {
        // For an operator: the record needs a network or guest that this configuration lacks.
        let tx = record.transaction();
        tracing::error!(event = "settlement_not_resumed", payment_id = payment_id.as_str(), tx);
        app.orphans.add_later(&payment_id);
        return Ok(());
    };
    tracing::info!(
        event = "settlement_resumed",
        payment_id = payment_id.as_str(),
        tx = job.sent.transaction()
    );
    place.sent(job.sent.transaction());
    // Not among the tasks that a shutdown waits for: it can be taken up again as it was now.
    tokio::spawn(resume(Arc::clone(app), job, place));
    Ok(())
}

async fn resume(app: Arc<App>, mut job: Job, place: Place) {
    let Payment { payment_id, owner, .. } = &job.payment;
    let unless = app.orphans.unless_done(payment_id);
    // Whether the operator has stopped the network is no matter: what is sent is signed already.
    while !job.payment.routed.network.is_attested() {
        tokio::time::sleep(NOT_READY_RETRY).await;
    }
    job.send_again().await;
    if let Err(error) = app.journal.broadcast(*owner, payment_id).await {
        tracing::debug!(event = "journal_unmoved", reason = %error);
    }
    let ended = drive(&app, &mut job, &place).await;
    match &ended {
        Ended::Undecided { .. } => app.orphans.add_later(&job.payment.payment_id),
        Ended::Recorded { .. } | Ended::Released(_) => {
            let (payment_id, tx) = (job.payment.payment_id.as_str(), job.sent.transaction());
            tracing::info!(event = "settlement_recovered", payment_id, tx);
        }
    }
    unless.done();
    place.end(ended);
}

#[derive(Deserialize)]
struct Request {
    payload: Box<RawValue>,
    requirements: Box<RawValue>,
}

/// What driving needs, from what the record holds. None if this configuration lacks the network's signer or
/// a guest for it.
pub(super) fn job_of(app: &App, network: &Arc<Network>, own: Owner, record: &Record) -> Option<Job> {
    let settlement = &record.settlement;
    let signed = record.signed.as_ref()?;
    let version = settlement.x402_version;
    let request: Request = serde_json::from_str(&settlement.request).ok()?;
    let route = Route {
        x402_version: version,
        family: network.settings.facts.family,
        scheme: settlement.scheme.clone(),
    };
    let routed = Routed {
        network: Arc::clone(network),
        guest: app.guests.find_for(&route, &hex::encode(settlement.guest.sha256))?,
        requirements: PaymentRequirements::from_json(version, request.requirements.get()).ok()?,
        request: GuestRequest {
            x402_version: version,
            scheme: settlement.scheme.clone(),
            network: network.caip2().clone(),
            payload: request.payload.get().to_owned(),
            requirements: request.requirements.get().to_owned(),
            settings: network.settings_for_settle(&signed.signer)?,
        },
        sender: signed.signer.clone(),
        simulated: Arc::default(),
    };
    let sent = sent_of(app, network, record)?;
    let payment = Payment {
        routed,
        payment_id: settlement.payment_id.clone(),
        owner: own,
        payer: settlement.payer.clone(),
        claimed_at_ms: record.created_at_ms,
        ended: record.outcome.as_ref().map(Outcome::state),
    };
    Some(Job { payment, sent })
}

fn sent_of(app: &App, network: &Network, record: &Record) -> Option<Sent> {
    match network.chain()? {
        Chain::Evm(_) => evm::taken_up(app, record),
    }
}
