//! Nonce lanes: one per (signer, network), with many transactions in flight.
//!
//! A nonce is reserved in memory after the payment has passed every check, and is either used (the bytes
//! were sent, or may have been) or given back. Given-back nonces are used first, so that a failure before
//! sending leaves no gap for long.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

#[derive(Debug, Default)]
struct Nonces {
    /// Next nonce that was never reserved; none until the chain has been asked.
    next: Option<u64>,
    given_back: BTreeSet<u64>,
    /// Nonces of an earlier run whose transactions are still followed: the chain may not know them yet.
    held: BTreeSet<u64>,
    last_used: Option<Instant>,
}

/// The lane of one signer on one network.
#[derive(Debug)]
pub(super) struct Lane {
    signer: [u8; 20],
    nonces: Mutex<Nonces>,
    slots: Arc<Semaphore>,
    slot_count: usize,
}

/// A nonce that nobody else has, and a place among the transactions in flight. Dropping it gives the nonce
/// back unless it was marked as used; the place is free again when it is dropped either way.
#[derive(Debug)]
pub(super) struct Reservation {
    lane: Arc<Lane>,
    nonce: u64,
    used: bool,
    _slot: OwnedSemaphorePermit,
}

/// A nonce of an earlier run. While it is held, the chain's count cannot bring the lane below it.
#[derive(Debug)]
pub struct HeldNonce {
    lane: Arc<Lane>,
    nonce: u64,
}

impl Drop for HeldNonce {
    fn drop(&mut self) {
        self.lane.nonces().held.remove(&self.nonce);
    }
}

impl Lane {
    pub(super) fn new(signer: [u8; 20], max_in_flight: usize) -> Self {
        Self {
            signer,
            nonces: Mutex::new(Nonces::default()),
            slots: Arc::new(Semaphore::new(max_in_flight)),
            slot_count: max_in_flight,
        }
    }

    pub(super) const fn signer(&self) -> [u8; 20] {
        self.signer
    }

    /// A panic elsewhere leaves the numbers as valid as before: each change is one assignment.
    fn nonces(&self) -> MutexGuard<'_, Nonces> {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Transactions in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.slot_count.saturating_sub(self.slots.available_permits())
    }

    /// Reserves a nonce, waiting for a place among those in flight.
    ///
    /// None if the chain's nonce is not known yet.
    pub(super) async fn reserve(self: &Arc<Self>) -> Option<Reservation> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok()?;
        let mut nonces = self.nonces();
        let nonce = match nonces.given_back.pop_first() {
            Some(nonce) => nonce,
            None => {
                let next = nonces.next?;
                nonces.next = Some(next.checked_add(1)?);
                next
            }
        };
        nonces.last_used = Some(Instant::now());
        drop(nonces);
        Some(Reservation { lane: Arc::clone(self), nonce, used: false, _slot: slot })
    }

    /// Takes the chain's count of transactions. While nothing is in flight it is the truth in both
    /// directions; otherwise it may only raise ours.
    pub(super) fn observe_chain_nonce(&self, chain: u64) {
        const SETTLING: Duration = Duration::from_secs(5);
        let idle = self.in_flight() == 0;
        let mut nonces = self.nonces();
        let above_held = nonces.held.last().map_or(0, |&nonce| nonce.saturating_add(1));
        let chain = chain.max(above_held);
        let ours = nonces.next;
        let lately = nonces.last_used.is_some_and(|at| at.elapsed() < SETTLING);
        match ours {
            Some(next) if next == chain => {}
            Some(next) if chain < next && (!idle || lately) => {}
            _ => {
                if let Some(next) = ours {
                    tracing::warn!(event = "lane_drift", ours = next, chain);
                }
                nonces.next = Some(chain);
                nonces.given_back.clear();
            }
        }
        nonces.given_back.retain(|&nonce| nonce >= chain);
    }

    /// Takes up a nonce that was signed for before a restart: nothing else gets it while it is held, even
    /// if its bytes never reached the chain.
    pub(super) fn hold(self: &Arc<Self>, nonce: u64) -> HeldNonce {
        let mut nonces = self.nonces();
        let after = nonce.saturating_add(1);
        if nonces.next.is_some_and(|next| next < after) {
            nonces.next = Some(after);
        }
        nonces.given_back.remove(&nonce);
        nonces.held.insert(nonce);
        drop(nonces);
        HeldNonce { lane: Arc::clone(self), nonce }
    }

    fn give_back(&self, nonce: u64) {
        let mut nonces = self.nonces();
        if nonces.next == nonce.checked_add(1) {
            nonces.next = Some(nonce);
            // Those just below the end are not gaps any more.
            while let (Some(last), Some(next)) = (nonces.given_back.last().copied(), nonces.next) {
                if last.checked_add(1) != Some(next) {
                    break;
                }
                nonces.given_back.pop_last();
                nonces.next = Some(last);
            }
        } else if nonces.next.is_some_and(|next| nonce < next) {
            nonces.given_back.insert(nonce);
        }
    }
}

impl Reservation {
    pub(super) const fn nonce(&self) -> u64 {
        self.nonce
    }

    pub(super) fn signer(&self) -> [u8; 20] {
        self.lane.signer
    }

    /// The bytes were sent or may have been: the nonce is not free any more.
    pub(super) const fn mark_used(&mut self) {
        self.used = true;
    }

    /// The node proved that the bytes are nowhere: the nonce is free again.
    pub(super) const fn mark_unused(&mut self) {
        self.used = false;
    }

    /// The chain is past this nonce without our bytes: it is neither ours nor free.
    pub(super) fn overtaken(&mut self, chain: u64) {
        self.used = true;
        let mut nonces = self.lane.nonces();
        if nonces.next.is_none_or(|next| next < chain) {
            nonces.next = Some(chain);
        }
        nonces.given_back.retain(|&nonce| nonce >= chain);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.used {
            self.lane.give_back(self.nonce);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lane(next: u64) -> Arc<Lane> {
        let lane = Arc::new(Lane::new([1; 20], 64));
        lane.observe_chain_nonce(next);
        lane
    }

    async fn take(lane: &Arc<Lane>) -> Reservation {
        lane.reserve().await.unwrap()
    }

    #[tokio::test]
    async fn nothing_is_reserved_before_the_chain_was_asked() {
        let lane = Arc::new(Lane::new([1; 20], 4));
        assert!(lane.reserve().await.is_none());
        assert_eq!(lane.in_flight(), 0);
    }

    #[tokio::test]
    async fn concurrent_reservations_never_share_a_nonce() {
        let lane = lane(7).await;
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let lane = Arc::clone(&lane);
                tokio::spawn(async move {
                    let mut reservation = lane.reserve().await.unwrap();
                    reservation.mark_used();
                    reservation.nonce()
                })
            })
            .collect();
        let mut nonces = BTreeSet::new();
        for task in tasks {
            nonces.insert(task.await.unwrap());
        }
        assert_eq!(nonces, (7..57).collect());
    }

    #[tokio::test]
    async fn a_nonce_given_back_is_used_first() {
        let lane = lane(0).await;
        let (zero, mut one, mut two) = (take(&lane).await, take(&lane).await, take(&lane).await);
        one.mark_used();
        two.mark_used();
        drop(zero);
        assert_eq!(take(&lane).await.nonce(), 0);
    }

    #[tokio::test]
    async fn giving_back_in_any_order_leaves_no_gap() {
        let lane = lane(0).await;
        let (zero, one, two) = (take(&lane).await, take(&lane).await, take(&lane).await);
        drop(one);
        drop(zero);
        drop(two);
        let nonces = lane.nonces();
        assert_eq!((nonces.next, nonces.given_back.len()), (Some(0), 0));
    }

    #[tokio::test]
    async fn the_chain_may_raise_a_busy_lane_but_not_lower_it() {
        let lane = lane(5).await;
        let mut busy = take(&lane).await;
        busy.mark_used();
        lane.observe_chain_nonce(3);
        assert_eq!(lane.nonces().next, Some(6));
        lane.observe_chain_nonce(9);
        assert_eq!(lane.nonces().next, Some(9));
    }

    #[tokio::test]
    async fn a_nonce_of_an_earlier_run_is_not_reserved_though_the_chain_does_not_know_it() {
        let lane = Arc::new(Lane::new([1; 20], 4));
        let held = lane.hold(5);
        lane.observe_chain_nonce(5);
        assert_eq!(take(&lane).await.nonce(), 6);
        drop(held);
        lane.nonces().last_used = None;
        lane.observe_chain_nonce(5);
        assert_eq!(take(&lane).await.nonce(), 5, "given up: the chain is the truth again");
    }

    #[tokio::test]
    async fn places_in_flight_are_bounded() {
        let lane = Arc::new(Lane::new([1; 20], 1));
        lane.observe_chain_nonce(0);
        let first = take(&lane).await;
        let waiting = tokio::time::timeout(Duration::from_millis(20), lane.reserve()).await;
        assert!(waiting.is_err());
        drop(first);
        assert_eq!(take(&lane).await.nonce(), 0);
    }
}
