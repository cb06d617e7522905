//! Looking after lanes: what keeps the transactions of a signer from being included is put right.
//!
//! - A nonce below others in flight that nobody has signed for (its process died, or gave it back) is filled
//!   with a transaction that does nothing.
//! - A payment that has ended without landing, and still holds the next nonce, is cancelled the same way.
//! - A counter that the chain has overtaken, or that runs ahead of everything signed, is set right.
//!
//! Several processes may do this at once: what is sent is in the journal first, and of two transactions with
//! one nonce one lands.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use facilitator_chain::evm::{Broadcast, EvmNetwork, NetworkState};
use facilitator_journal::{
    JournalError, LaneKey, LaneView, Lease, Liveness, MAX_SLOTS, Outcome, Owner, PaymentId, Record,
    SignedBytes, Slot, State,
};
use facilitator_vault::FeeReservation;

use crate::{
    app::App,
    networks::{Network, address_text},
};

/// Between two looks at lanes that are busy here, or had something in them at the last look.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// The same while networks are still being attested, so that nothing waits for the first look.
const STARTING_INTERVAL: Duration = Duration::from_millis(250);
const STARTING: Duration = Duration::from_secs(5);
/// Between two looks of the leader at lanes that are at rest.
const REST_INTERVAL: Duration = Duration::from_secs(30);
/// How long a nonce must have been missing before it is filled: longer than it takes to sign for it.
const GAP_GRACE: Duration = Duration::from_secs(4);
/// How long a counter must have stood still ahead of everything signed before it is set back.
const LOST_GRACE: Duration = Duration::from_secs(15);
/// Between two sends of a filler that is not included.
const RESEND_INTERVAL: Duration = Duration::from_secs(6);
/// How long a filler may be next before its fee is raised; and at least three blocks.
const STUCK_AFTER: Duration = Duration::from_secs(9);
/// Fillers that are made at one look.
const MAX_FILLED: usize = 32;
/// How far ahead of the chain a nonce can be: what is further came of a node's wrong word, and filling up to it
/// would cost without end.
const MAX_AHEAD: u64 = MAX_SLOTS as u64;
/// Chain nonces that are remembered, to know which are final.
const MAX_HISTORY: usize = 1_000;

/// Whether this process looks after what is nobody's in particular: the one with the oldest lease does. If
/// two believe so for a moment, no harm is done.
#[derive(Debug, Default)]
pub struct Leadership {
    leads: AtomicBool,
    is_alone: AtomicBool,
}

impl Leadership {
    /// Takes a list of leases.
    pub(crate) fn set(&self, own: Owner, leases: &[Lease]) {
        let living =
            || leases.iter().filter(|lease| lease.liveness != Liveness::Ended).map(|lease| lease.owner);
        self.leads.store(living().all(|owner| owner >= own), Ordering::Relaxed);
        self.is_alone.store(living().all(|owner| owner == own), Ordering::Relaxed);
    }

    fn is_ours(&self) -> bool {
        self.leads.load(Ordering::Relaxed)
    }

    /// Whether no other process has a lease.
    fn is_alone(&self) -> bool {
        self.is_alone.load(Ordering::Relaxed)
    }
}

/// What is remembered of a lane between two looks.
struct Memory {
    /// Whether it was never looked at.
    is_new: bool,
    looked: Option<Instant>,
    /// Whether anything was waiting in it.
    is_occupied: bool,
    /// Missing nonces, and since when.
    missing: HashMap<u64, Instant>,
    /// The counter, and since when it is that.
    counter: Option<(u64, Instant)>,
    /// Fillers that are not included.
    fillers: HashMap<u64, Filler>,
    /// The chain's nonce at earlier times, oldest first.
    history: VecDeque<(Instant, u64)>,
}

/// What is remembered of a transaction that does nothing.
struct Filler {
    sent: Option<Instant>,
    /// When it was signed, or seen first.
    since: Instant,
    /// What it can cost, if it was signed here. Counts as spent once its nonce is used.
    fee: Option<FeeReservation>,
}

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

impl Default for Memory {
    fn default() -> Self {
        Self {
            is_new: true,
            looked: None,
            is_occupied: false,
            missing: HashMap::new(),
            counter: None,
            fillers: HashMap::new(),
            history: VecDeque::new(),
        }
    }
}

impl Memory {
    fn is_due(&self, is_busy: bool, is_leader: bool) -> bool {
        let rested = self.looked.is_none_or(|looked| looked.elapsed() >= REST_INTERVAL);
        self.is_new || is_busy || (is_leader && (self.is_occupied || rested))
    }

    /// The nonces of `missing` that have been missing for long enough; forgets those that are not any more.
    fn long_missing(&mut self, missing: &BTreeSet<u64>) -> Vec<u64> {
        let now = Instant::now();
        self.missing.retain(|nonce, _| missing.contains(nonce));
        for nonce in missing {
            self.missing.entry(*nonce).or_insert(now);
        }
        let mut long: Vec<u64> = self
            .missing
            .iter()
            .filter(|(_, since)| since.elapsed() >= GAP_GRACE)
            .map(|(nonce, _)| *nonce)
            .collect();
        long.sort_unstable();
        long.truncate(MAX_FILLED);
        long
    }

    /// Whether the counter has stood still for long enough.
    fn stands_still(&mut self, counter: u64) -> bool {
        match self.counter {
            Some((before, since)) if before == counter => since.elapsed() >= LOST_GRACE,
            _ => {
                self.counter = Some((counter, Instant::now()));
                false
            }
        }
    }

    /// Takes the chain's nonce, and gives the one that was its nonce `ago`.
    fn nonce_ago(&mut self, count: u64, ago: Duration) -> Option<u64> {
        if self.history.back().is_none_or(|(_, last)| *last != count) {
            self.history.push_back((Instant::now(), count));
        }
        let mut old = None;
        while let Some((at, nonce)) = self.history.front().copied() {
            if at.elapsed() < ago && self.history.len() <= MAX_HISTORY {
                break;
            }
            old = Some(nonce);
            self.history.pop_front();
        }
        old
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
            // The chain was reorganised: it is to come back, not to be cancelled.
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
mod tests {
    use super::*;
    use crate::flow::testing::{record, signed};

    fn slot(sequence: u64) -> Slot {
        Slot { sequence, payment: None, filler: None, owner: Owner::from_number(1) }
    }

    #[test]
    fn only_what_others_wait_behind_is_missing() {
        let slots = [slot(5), slot(8), slot(9)];
        let waiting: Vec<&Slot> = slots.iter().collect();
        assert_eq!(missing(&waiting, 4, 9), BTreeSet::from([4, 6, 7]));
        assert_eq!(missing(&waiting, 5, 9), BTreeSet::from([6, 7]));
        assert!(missing(&[], 4, 9).is_empty(), "nobody waits");
        assert_eq!(missing(&[&slot(u64::MAX - 1)], 0, 9).len(), 9, "bounded");
    }

    #[test]
    fn a_nonce_is_filled_only_after_a_while_and_not_if_it_was_taken_meanwhile() {
        let mut memory = Memory::default();
        assert!(memory.long_missing(&BTreeSet::from([4, 5])).is_empty());
        let long_ago = Instant::now() - GAP_GRACE;
        memory.missing.values_mut().for_each(|since| *since = long_ago);
        assert_eq!(memory.long_missing(&BTreeSet::from([5, 6])), [5]);
        assert_eq!(memory.missing.len(), 2);
    }

    fn view(sequences: &[u64]) -> LaneView {
        LaneView { slots: sequences.iter().copied().map(slot).collect(), ..LaneView::default() }
    }

    #[test]
    fn what_the_chain_cannot_come_to_is_waited_for_by_nobody() {
        let view = view(&[3, 4, 6, 4 + MAX_AHEAD, u64::MAX]);
        let waiting: Vec<u64> = waiting(&view, 4).iter().map(|slot| slot.sequence).collect();
        assert_eq!(waiting, [4, 6]);
    }

    #[test]
    fn the_counter_follows_the_chain_at_once_and_comes_back_when_nothing_moves() {
        for (next, needed, count, stands_still, is_cut, expected) in [
            (4, 4, 4, true, false, false),
            (3, 4, 4, false, false, true),
            (3, 4, 4, false, true, true),
            (9, 4, 4, false, false, false),
            (9, 4, 4, true, false, true),
            (9, 4, 4, true, true, false),
            (4 + MAX_AHEAD, 4, 4, false, true, false),
            (5 + MAX_AHEAD, 4, 4, false, true, true),
            (u64::MAX, 4, 4, false, false, true),
        ] {
            let adrift = is_adrift(next, needed, count, stands_still, is_cut);
            assert_eq!(adrift, expected, "{next} {needed} {count} {stands_still} {is_cut}");
        }
    }

    #[test]
    fn only_what_has_ended_by_none_of_its_own_transactions_is_cancelled() {
        let confirmed = |transaction: &str| Outcome::Confirmed {
            payer: "0xa".to_owned(),
            amount: "1000".parse().unwrap(),
            transaction: transaction.to_owned(),
        };
        let failed = |transaction: Option<&str>| Outcome::Failed {
            reason: "reason".to_owned(),
            message: String::new(),
            transaction: transaction.map(str::to_owned),
        };
        let expired = Outcome::Expired { reason: "reason".to_owned(), message: String::new() };
        for (outcome, expected) in [
            (None, false),
            (Some(confirmed("0x77")), false),
            (Some(confirmed("0x76")), false),
            (Some(confirmed("0x99")), true),
            (Some(failed(Some("0x77"))), false),
            (Some(failed(None)), true),
            (Some(expired), true),
        ] {
            let mut record = record(outcome.clone());
            record.earlier.push(signed("0x76"));
            assert_eq!(may_be_cancelled(&record), expected, "{outcome:?}");
        }
    }

    #[test]
    fn the_oldest_lease_that_lives_leads() {
        let lease =
            |number, liveness| Lease { owner: Owner::from_number(number), name: String::new(), liveness };
        let leases = [lease(1, Liveness::Ended), lease(2, Liveness::Renewed(7)), lease(3, Liveness::Running)];
        let leadership = Leadership::default();
        for (own, leads) in [(2, true), (3, false)] {
            leadership.set(Owner::from_number(own), &leases);
            assert_eq!(leadership.is_ours(), leads);
        }
    }
}
