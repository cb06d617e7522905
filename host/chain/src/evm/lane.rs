//! Lanes: places for transactions in flight, one lane per signer on a network.
//!
//! Which nonce a transaction gets is not decided here: processes that share a key share a counter and the
//! slots behind it, which are the journal's. A lane knows what only this process can know, how many of its
//! transactions are under way, and what the chain said last of the signer's nonce.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Stands for a nonce that the chain has not told yet. No transaction can have it (EIP-2681).
const UNKNOWN: u64 = u64::MAX;

/// The lane of one signer on one network.
#[derive(Debug)]
pub(super) struct Lane {
    signer: [u8; 20],
    places: Arc<Semaphore>,
    place_count: usize,
    chain_nonce: AtomicU64,
}

/// A place among the transactions in flight. Dropping it makes room for another.
#[derive(Debug)]
pub struct Place {
    lane: Arc<Lane>,
    floor: u64,
    _permit: OwnedSemaphorePermit,
}

impl Lane {
    pub(super) fn new(signer: [u8; 20], max_in_flight: usize) -> Self {
        Self {
            signer,
            places: Arc::new(Semaphore::new(max_in_flight)),
            place_count: max_in_flight,
            chain_nonce: AtomicU64::new(UNKNOWN),
        }
    }

    pub(super) const fn signer(&self) -> [u8; 20] {
        self.signer
    }

    /// Transactions in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.place_count.saturating_sub(self.places.available_permits())
    }

    /// What the chain said last of the signer's nonce; none before it said anything.
    pub(super) fn chain_nonce(&self) -> Option<u64> {
        Some(self.chain_nonce.load(Ordering::Relaxed)).filter(|&nonce| nonce != UNKNOWN)
    }

    /// Takes the chain's count of the signer's transactions, in either direction: a lower one is that of a
    /// node that lags, or of a reorganised chain, and a floor that is too low costs nothing.
    pub(super) fn observe_chain_nonce(&self, chain: u64) {
        self.chain_nonce.store(chain, Ordering::Relaxed);
    }

    /// A place, once there is one. None if the chain's nonce is not known yet.
    pub(super) async fn place(self: &Arc<Self>) -> Option<Place> {
        self.chain_nonce()?;
        let permit = Arc::clone(&self.places).acquire_owned().await.ok()?;
        Some(Place { lane: Arc::clone(self), floor: self.chain_nonce()?, _permit: permit })
    }
}

impl Place {
    /// The account that signs.
    #[must_use]
    pub fn signer(&self) -> [u8; 20] {
        self.lane.signer
    }

    /// The least nonce that can still be used, as far as the chain has told.
    #[must_use]
    pub const fn floor(&self) -> u64 {
        self.floor
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn there_is_no_place_before_the_chain_was_asked() {
        let lane = Arc::new(Lane::new([1; 20], 4));
        assert!(lane.place().await.is_none());
        lane.observe_chain_nonce(7);
        assert_eq!(lane.place().await.unwrap().floor(), 7);
        assert_eq!(lane.in_flight(), 0);
    }

    #[tokio::test]
    async fn the_floor_is_what_the_chain_said_last() {
        let lane = Arc::new(Lane::new([1; 20], 4));
        lane.observe_chain_nonce(9);
        lane.observe_chain_nonce(3);
        assert_eq!(lane.place().await.unwrap().floor(), 3);
    }

    #[tokio::test]
    async fn places_in_flight_are_bounded() {
        let lane = Arc::new(Lane::new([1; 20], 1));
        lane.observe_chain_nonce(0);
        let first = lane.place().await.unwrap();
        assert_eq!(lane.in_flight(), 1);
        assert!(tokio::time::timeout(Duration::from_millis(20), lane.place()).await.is_err());
        drop(first);
        assert!(lane.place().await.is_some());
    }
}
