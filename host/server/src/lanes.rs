//! Looking after lanes: what keeps the transactions of a signer from being included is put right.
//!
//! - A nonce below others in flight that nobody has signed for (its process died, or gave it back) is filled
//!   with a transaction that does nothing.
//! - A payment that has ended without landing, and still holds the next nonce, is cancelled the same way.
//! - A counter that the chain has overtaken, or that runs ahead of everything signed, is set right.
//!
//! Several processes may do this at once: what is sent is in the journal first, and of two transactions with
//! one nonce one lands.

mod leadership;
mod memory;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use facilitator_chain::evm::{Broadcast, EvmNetwork, NetworkState};
use facilitator_journal::{
    JournalError, LaneKey, LaneView, MAX_SLOTS, Outcome, Owner, PaymentId, Record, SignedBytes, Slot, State,
};

pub use leadership::Leadership;
use memory::{Filler, MAX_FILLED, Memory};

use crate::{
    app::App,
    networks::{Network, address_text},
};

/// Between two looks at lanes that are busy here, or had something in them at the last look.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// The same while networks are still being attested, so that nothing waits for the first look.
const STARTING_INTERVAL: Duration = Duration::from_millis(250);
const STARTING: Duration = Duration::from_secs(5);
/// Between two sends of a filler that is not included.
const RESEND_INTERVAL: Duration = Duration::from_secs(6);
/// How long a filler may be next before its fee is raised; and at least three blocks.
const STUCK_AFTER: Duration = Duration::from_secs(9);
/// How far ahead of the chain a nonce can be: what is further came of a node's wrong word, and filling up to it
/// would cost without end.
const MAX_AHEAD: u64 = MAX_SLOTS as u64;

/// Looks after all lanes for as long as the process runs.
pub async fn keep_lanes(app: Arc<App>) {
    let started = Instant::now();
    let mut memories: HashMap<LaneKey, Memory> = HashMap::new();
    loop {
        for network in app.networks.all() {
            let Some(evm) = network.evm().filter(|evm| evm.state() == NetworkState::Ready) else { continue };
            for signer in evm.signers() {
                let key = LaneKey { network: network.caip2().clone(), signer: address_text(signer) };
                let memory = memories.entry(key.clone()).or_default();
                // What was taken over has no place in a lane.
                let is_busy = evm.is_busy(signer) || app.joins.count() > 0;
                if !memory.is_due(is_busy, app.leadership.is_ours()) {
                    continue;
                }
                memory.looked = Some(Instant::now());
                let lane = Lane { app: &app, network, evm, signer, key: &key };
                if let Err(error) = lane.look(memory).await {
                    tracing::warn!(event = "lane_not_tended", signer = key.signer, reason = %error);
                }
            }
        }
        tokio::time::sleep(if started.elapsed() < STARTING { STARTING_INTERVAL } else { LOOK_INTERVAL })
            .await;
    }
}

struct Lane<'a> {
    app: &'a App,
    network: &'a Network,
    evm: &'a EvmNetwork,
    signer: [u8; 20],
    key: &'a LaneKey,
}

impl Lane<'_> {
    async fn look(&self, memory: &mut Memory) -> Result<(), JournalError> {
        let Some(owner) = self.app.lease.for_new_payments() else { return Ok(()) };
        // What is below the chain's nonce is of no interest, and may be much: it stays until it is final.
        let from = match memory.history.back() {
            Some((_, count)) => *count,
            None => match self.evm.observe_nonce(self.signer).await {
                Some(count) => count,
                None => return Ok(()),
            },
        };
        // In this order: what is signed in between is above the count, or not missing.
        let view = self.app.journal.lane(self.key, from).await?;
        let Some(count) = self.evm.observe_nonce(self.signer).await else { return Ok(()) };
        let waiting = waiting(&view, count);
        memory.is_occupied = !waiting.is_empty();
        memory.fillers.retain(|nonce, _| *nonce >= count);
        if std::mem::take(&mut memory.is_new) && self.app.leadership.is_alone() {
            return self.reclaim(&view, &waiting, count).await;
        }
        self.set_counter(memory, &view, &waiting, count).await?;
        for nonce in memory.long_missing(&missing(&waiting, count, MAX_FILLED)) {
            tracing::warn!(event = "lane_gap", signer = self.key.signer, nonce, chain = count);
            self.fill(memory, owner, nonce, None, None).await?;
        }
        if let Some(head) = waiting.first().filter(|slot| slot.sequence == count) {
            self.tend_head(memory, owner, head).await?;
        }
        let finality =
            Duration::from_millis(self.network.settings.facts.block_time_ms) * self.finality_blocks();
        if let Some(below) = memory.nonce_ago(count, finality) {
            self.app.journal.forget_fillers(self.key, below).await?;
        }
        Ok(())
    }

    fn finality_blocks(&self) -> u32 {
        u32::try_from(self.network.settings.finality_blocks).unwrap_or(u32::MAX)
    }

    /// At the first look of a process that has the journal to itself: whoever had the missing numbers is gone,
    /// so they are handed out again at once.
    async fn reclaim(&self, view: &LaneView, waiting: &[&Slot], count: u64) -> Result<(), JournalError> {
        let Some(next) = view.next else { return Ok(()) };
        let free = missing(waiting, count, MAX_SLOTS);
        let needed = view.slots.last().map_or(count, |slot| slot.sequence.saturating_add(1).max(count));
        if next != needed || free != view.free {
            tracing::info!(
                event = "lane_reclaimed",
                signer = self.key.signer,
                missing = free.len(),
                next = needed
            );
            self.app.journal.reset_lane(self.key, Some(next), needed, free).await?;
        }
        Ok(())
    }

    /// The counter follows the chain in both directions.
    async fn set_counter(
        &self,
        memory: &mut Memory,
        view: &LaneView,
        waiting: &[&Slot],
        count: u64,
    ) -> Result<(), JournalError> {
        let Some(next) = view.next else { return Ok(()) };
        let stands_still = memory.stands_still(next);
        let needed = waiting.last().map_or(count, |slot| slot.sequence.saturating_add(1));
        if is_adrift(next, needed, count, stands_still, view.slots.len() >= MAX_SLOTS) {
            tracing::warn!(event = "lane_drift", signer = self.key.signer, ours = next, chain = count);
            self.app.journal.reset_lane(self.key, Some(next), needed, BTreeSet::new()).await?;
        }
        Ok(())
    }

    /// What is next in the lane, if it is no payment that somebody drives.
    async fn tend_head(&self, memory: &mut Memory, owner: Owner, head: &Slot) -> Result<(), JournalError> {
        let nonce = head.sequence;
        if let Some(filler) = &head.filler {
            return self.tend_filler(memory, owner, head, filler).await;
        }
        let Some(payment_id) = &head.payment else { return Ok(()) };
        let Some(record) = self.app.journal.get(payment_id).await? else { return Ok(()) };
        let Some(signed) = &record.signed else { return Ok(()) };
        if record.state == State::Confirmed && record.transaction() == Some(&signed.transaction) {
            // The chain was reorganised, or the node lags: it is to come back, not to be cancelled.
            let tx = signed.transaction.as_str();
            tracing::warn!(event = "confirmed_sent_again", payment_id = payment_id.as_str(), tx, nonce);
            self.send(&signed.transaction, &signed.bytes).await;
            return Ok(());
        }
        if !may_be_cancelled(&record) {
            return Ok(());
        }
        tracing::warn!(
            event = "lane_cancel",
            payment_id = payment_id.as_str(),
            signer = self.key.signer,
            nonce
        );
        self.fill(memory, owner, nonce, Some(&signed.bytes), Some(payment_id)).await
    }

    async fn tend_filler(
        &self,
        memory: &mut Memory,
        owner: Owner,
        slot: &Slot,
        filler: &SignedBytes,
    ) -> Result<(), JournalError> {
        let stuck_after =
            STUCK_AFTER.max(Duration::from_millis(self.network.settings.facts.block_time_ms) * 3);
        let now = Instant::now();
        let unknown = Filler { sent: None, since: now, fee: None };
        let known = memory.fillers.entry(slot.sequence).or_insert(unknown);
        if known.since.elapsed() >= stuck_after {
            // If it cannot be raised, it is tried again after another while.
            known.since = now;
            return self.fill(memory, owner, slot.sequence, Some(&filler.bytes), slot.payment.as_ref()).await;
        }
        if known.sent.is_none_or(|sent| sent.elapsed() >= RESEND_INTERVAL) {
            known.sent = Some(now);
            self.send(&filler.transaction, &filler.bytes).await;
        }
        Ok(())
    }

    /// Signs a transaction that does nothing but use a nonce up, writes it down and sends it.
    async fn fill(
        &self,
        memory: &mut Memory,
        owner: Owner,
        nonce: u64,
        over: Option<&[u8]>,
        instead_of: Option<&PaymentId>,
    ) -> Result<(), JournalError> {
        let signed = match self.evm.sign_filler(self.signer, nonce, over).await {
            Ok(signed) => signed,
            Err(error) => {
                tracing::error!(event = "lane_not_filled", signer = self.key.signer, nonce, reason = %error);
                return Ok(());
            }
        };
        let variant = signed.variant();
        let bytes = SignedBytes {
            transaction: variant.hash.clone(),
            bytes: variant.bytes.clone(),
            signer: self.key.signer.clone(),
            lane_sequence: Some(nonce),
        };
        match self.app.journal.fill(owner, self.key, bytes, instead_of).await {
            Ok(()) => {}
            // Somebody has signed for it meanwhile, which is better.
            Err(JournalError::SequenceTaken { .. }) => {
                signed.fee.release();
                return Ok(());
            }
            Err(error) => {
                signed.fee.release();
                return Err(error);
            }
        }
        let now = Instant::now();
        let filler = Filler { sent: Some(now), since: now, fee: Some(signed.fee) };
        let before = memory.fillers.insert(nonce, filler).and_then(|before| before.fee);
        // One of the two lands, and this one can cost more.
        if let Some(fee) = before {
            fee.release();
        }
        self.send(&variant.hash, &variant.bytes).await;
        Ok(())
    }

    async fn send(&self, transaction: &str, bytes: &[u8]) {
        match self.evm.send_bytes(bytes).await {
            Broadcast::Accepted => tracing::info!(event = "filler_sent", tx = transaction),
            Broadcast::Unknown(reason) => tracing::info!(event = "filler_sent", tx = transaction, reason),
            Broadcast::Refused(refusal) => {
                tracing::warn!(event = "filler_refused", tx = transaction, reason = %refusal);
            }
        }
    }
}

/// What waits for the chain, at nonces that it can come to.
fn waiting(view: &LaneView, count: u64) -> Vec<&Slot> {
    let reach = count..count.saturating_add(MAX_AHEAD);
    view.slots.iter().filter(|slot| reach.contains(&slot.sequence)).collect()
}

/// Whether a counter is to be set to `needed`: the chain has overtaken it, or it has been ahead of everything
/// signed for long, or is so far ahead that no traffic explains it. Where not all slots are known (`is_cut`),
/// nobody can tell what is signed.
const fn is_adrift(next: u64, needed: u64, count: u64, stands_still: bool, is_cut: bool) -> bool {
    let is_far = next > needed.saturating_add(MAX_AHEAD);
    next < count || is_far || (next > needed && stands_still && !is_cut)
}

/// Whether the nonce of a payment may be given to something else: the payment has ended, and not by one of its
/// own transactions. If the chain does not show such a one now, it was reorganised or a node lags: then it is
/// sent again, and cancelling it would take back what was told to be paid.
fn may_be_cancelled(record: &Record) -> bool {
    let ended_by = match &record.outcome {
        Some(Outcome::Confirmed { transaction, .. }) => Some(transaction),
        Some(Outcome::Failed { transaction, .. }) => transaction.as_ref(),
        Some(Outcome::Expired { .. }) => None,
        None => return false,
    };
    let mut own = record.earlier.iter().chain(&record.signed);
    !ended_by.is_some_and(|hash| own.any(|signed| signed.transaction == *hash))
}

/// Nonces from `count` on, below the highest that is signed for, which nobody has signed for.
fn missing(waiting: &[&Slot], count: u64, limit: usize) -> BTreeSet<u64> {
    let mut expected = count;
    let mut missing = BTreeSet::new();
    for slot in waiting {
        while expected < slot.sequence && missing.len() < limit {
            missing.insert(expected);
            expected += 1;
        }
        expected = slot.sequence.saturating_add(1);
    }
    missing
}

#[cfg(test)]
mod tests;
