//! What is remembered of a lane between two looks. Nothing of it has to outlive the process.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    time::{Duration, Instant},
};

use facilitator_vault::FeeReservation;

/// Between two looks of the leader at lanes that are at rest.
const REST_INTERVAL: Duration = Duration::from_secs(30);
/// How long a nonce must have been missing before it is filled: longer than it takes to sign for it.
pub(super) const GAP_GRACE: Duration = Duration::from_secs(3);
/// How long a counter must have stood still ahead of everything signed before it is set back.
const LOST_GRACE: Duration = Duration::from_secs(15);
/// Fillers that are made at one look.
pub(super) const MAX_FILLED: usize = 32;
/// Chain nonces that are remembered, to know which are final.
const MAX_HISTORY: usize = 1_000;

/// What is remembered of a lane between two looks.
pub(super) struct Memory {
    /// Whether it was never looked at.
    pub(super) is_new: bool,
    pub(super) looked: Option<Instant>,
    /// Whether anything was waiting in it.
    pub(super) is_occupied: bool,
    /// Missing nonces, and since when.
    pub(super) missing: HashMap<u64, Instant>,
    /// The counter, and since when it is that.
    pub(super) counter: Option<(u64, Instant)>,
    /// Fillers that are not included.
    pub(super) fillers: HashMap<u64, Filler>,
    /// The chain's nonce at earlier times, oldest first.
    pub(super) history: VecDeque<(Instant, u64)>,
}

/// What is remembered of a transaction that does nothing.
pub(super) struct Filler {
    pub(super) sent: Option<Instant>,
    /// When it was signed, or seen first.
    pub(super) since: Instant,
    /// What it can cost, if it was signed here. Counts as spent once its nonce is used.
    pub(super) fee: Option<FeeReservation>,
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
    pub(super) fn is_due(&self, is_busy: bool, is_leader: bool) -> bool {
        let rested = self.looked.is_none_or(|looked| looked.elapsed() >= REST_INTERVAL);
        self.is_new || is_busy || (is_leader && (self.is_occupied || rested))
    }

    /// The nonces of `missing` that have been missing for long enough; forgets those that are not any more.
    pub(super) fn long_missing(&mut self, missing: &BTreeSet<u64>) -> Vec<u64> {
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
    pub(super) fn stands_still(&mut self, counter: u64) -> bool {
        match self.counter {
            Some((before, since)) if before == counter => since.elapsed() >= LOST_GRACE,
            _ => {
                self.counter = Some((counter, Instant::now()));
                false
            }
        }
    }

    /// Takes the chain's nonce, and gives the one that was its nonce `ago`.
    pub(super) fn nonce_ago(&mut self, count: u64, ago: Duration) -> Option<u64> {
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
