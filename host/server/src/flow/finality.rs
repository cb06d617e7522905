//! Watching over settlements that have ended until their block is final.
//!
//! An outcome is answered as soon as its transaction is as deep as the operator wants, which on most networks
//! is before the chain is final. Until it is, the record stays unsealed and is looked at again. A transaction
//! that has vanished is an alert; it is sent and followed again, and whatever the chain shows then becomes
//! the outcome of the record.

mod judge;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use facilitator_chain::evm::{EvmNetwork, MAX_STANDING};
use facilitator_journal::{JournalError, Outcome, Owner, PaymentId, Record};
use facilitator_protocol::Caip2;
use judge::{Judged, judge};

use super::{
    Ended,
    drive::{Payment, follow_to_end},
    joins::Place,
    recover::job_of,
};
use crate::{app::App, networks::Network};

/// Between two looks at heads of networks.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// Most settlements that are watched over. Others stay unsealed until the next start.
const MAX_WATCHED: usize = 50_000;

/// One settlement that has ended.
#[derive(Clone, Debug)]
struct Watched {
    payment_id: PaymentId,
    owner: Owner,
    /// Block at which its nonce was first seen to be used by something else, if nothing of it landed.
    passed_at: Option<u64>,
    /// Block from which it is looked at again.
    look_at: u64,
    misses: u32,
}

/// Settlements that have ended and are not final, by network.
#[derive(Default)]
pub struct Finality(Mutex<HashMap<Caip2, OfNetwork>>);

/// Those of one network. One that is watched over twice would be followed twice.
type OfNetwork = HashMap<PaymentId, Watched>;

impl Finality {
    fn watched(&self) -> MutexGuard<'_, HashMap<Caip2, OfNetwork>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches over a settlement from now on.
    pub(super) fn watch(&self, network: &Caip2, payment_id: &PaymentId, owner: Owner) {
        let one = Watched { payment_id: payment_id.clone(), owner, passed_at: None, look_at: 0, misses: 0 };
        // With the present owner, whoever's it was.
        if let Some(all) = self.watched().get_mut(network) {
            all.remove(payment_id);
        }
        self.put(network, vec![one]);
    }

    /// Puts back what was taken. What is watched over anew since stays as it is.
    fn put(&self, network: &Caip2, back: Vec<Watched>) {
        let mut watched = self.watched();
        let mut room = MAX_WATCHED.saturating_sub(watched.values().map(HashMap::len).sum());
        let all = watched.entry(network.clone()).or_default();
        let mut dropped = 0_usize;
        for one in back {
            if all.contains_key(&one.payment_id) {
                continue;
            }
            if room == 0 {
                dropped += 1;
                continue;
            }
            room -= 1;
            all.insert(one.payment_id.clone(), one);
        }
        if dropped > 0 {
            tracing::warn!(event = "finality_not_watched", payments = dropped);
        }
    }

    /// Those of a network that are to be looked at when its head is at `head`: [`MAX_STANDING`] of them.
    fn take_due(&self, network: &Caip2, head: u64) -> Vec<Watched> {
        let mut watched = self.watched();
        let Some(all) = watched.get_mut(network) else { return Vec::new() };
        let due: Vec<PaymentId> = all
            .values()
            .filter(|one| one.look_at <= head)
            .take(MAX_STANDING)
            .map(|one| one.payment_id.clone())
            .collect();
        due.iter().filter_map(|payment_id| all.remove(payment_id)).collect()
    }

    fn is_empty(&self, network: &Caip2) -> bool {
        self.watched().get(network).is_none_or(HashMap::is_empty)
    }
}

/// Watches for as long as the process runs.
pub async fn keep_watching(app: Arc<App>) {
    let mut heads: HashMap<String, u64> = HashMap::new();
    loop {
        tokio::time::sleep(LOOK_INTERVAL).await;
        for network in app.networks.all() {
            let Some(evm) = network.evm() else { continue };
            if app.finality.is_empty(network.caip2()) {
                continue;
            }
            let Some(head) = evm.head().await else { continue };
            // A head that stands still brings nothing new, but for those never looked at.
            let name = network.caip2().to_string();
            let moved = heads.insert(name, head) != Some(head);
            look(&app, network, evm, if moved { head } else { 0 }).await;
        }
    }
}

/// One look at those of a network that are due at `head`.
async fn look(app: &Arc<App>, network: &Arc<Network>, evm: &Arc<EvmNetwork>, head: u64) {
    loop {
        let due = app.finality.take_due(network.caip2(), head);
        let is_last = due.len() < MAX_STANDING;
        let mut kept = Vec::with_capacity(due.len());
        let mut hashes = Vec::new();
        let mut records = Vec::with_capacity(due.len());
        for one in due {
            match app.journal.get(&one.payment_id).await {
                // Sealed or taken by others meanwhile: no business of ours.
                Ok(Some(record)) if record.owner == one.owner && !record.sealed => {
                    let hash = record.transaction().unwrap_or_default().to_owned();
                    hashes.push(hash.clone());
                    records.push((one, record, hash));
                }
                Ok(_) => {}
                Err(_) => kept.push(one),
            }
        }
        let standing = if hashes.is_empty() { None } else { evm.standing(&hashes).await };
        for (mut one, record, hash) in records {
            let Some((head, found)) = &standing else {
                kept.push(one);
                continue;
            };
            let tracked = found.iter().find(|tracked| tracked.hash == hash);
            match judge(network, evm, &mut one, &record, tracked, *head).await {
                Judged::Wait => kept.push(one),
                Judged::Final => seal(app, &one, &mut kept).await,
                Judged::Vanished => match app.joins.register_alone(&one.payment_id) {
                    Some(place) => follow_again(app, network, &one, record, place),
                    // Whoever is at it here finds out the same.
                    None => kept.push(one),
                },
            }
        }
        app.finality.put(network.caip2(), kept);
        if is_last || standing.is_none() {
            return;
        }
    }
}

async fn seal(app: &App, one: &Watched, kept: &mut Vec<Watched>) {
    match app.journal.seal(one.owner, &one.payment_id).await {
        Ok(()) | Err(JournalError::Fenced { .. } | JournalError::NotFound { .. }) => {}
        Err(error) => {
            tracing::warn!(event = "not_sealed", payment_id = one.payment_id.as_str(), reason = %error);
            kept.push(one.clone());
        }
    }
}

/// The chain does not show any more what was answered: sends and follows it again, and puts what it shows
/// then in the place of the outcome.
fn follow_again(app: &Arc<App>, network: &Arc<Network>, one: &Watched, record: Record, place: Place) {
    tracing::error!(
        event = "settlement_reorganised",
        payment_id = one.payment_id.as_str(),
        tx = record.transaction(),
        state = %record.state,
    );
    let Some(mut job) = job_of(app, network, one.owner, &record) else {
        app.orphans.add_later(&one.payment_id);
        return;
    };
    let (app, network) = (Arc::clone(app), Arc::clone(network));
    tokio::spawn(async move {
        let unless = app.orphans.unless_done(&job.payment.payment_id);
        place.sent(job.sent.transaction());
        job.send_again().await;
        let ended = follow_to_end(&app, &mut job, &place).await;
        let transaction = job.sent.transaction().to_owned();
        let Payment { payment_id, owner, payer, .. } = job.payment;
        match ended {
            Some(outcome) => {
                revise(&app, &network, &payment_id, owner, &record, &outcome).await;
                unless.done();
                place.end(Ended::Recorded { outcome, transaction: Some(transaction), payer });
            }
            None => {
                app.orphans.add_later(&payment_id);
                unless.done();
                place.end(Ended::Undecided { transaction, payer });
            }
        }
    });
}

async fn revise(
    app: &App,
    network: &Network,
    payment_id: &PaymentId,
    owner: Owner,
    before: &Record,
    outcome: &Outcome,
) {
    if before.outcome.as_ref() == Some(outcome) {
        tracing::warn!(event = "settlement_restored", payment_id = payment_id.as_str());
        app.finality.watch(network.caip2(), payment_id, owner);
        return;
    }
    match app.journal.revise(owner, payment_id, outcome.clone()).await {
        Ok(()) => {
            tracing::error!(
                event = "outcome_revised",
                payment_id = payment_id.as_str(),
                before = %before.state,
                now = %outcome.state(),
            );
            app.finality.watch(network.caip2(), payment_id, owner);
        }
        Err(error) => {
            tracing::error!(event = "outcome_not_revised", payment_id = payment_id.as_str(), reason = %error);
            app.orphans.add_later(payment_id);
        }
    }
}

#[cfg(test)]
mod tests;
