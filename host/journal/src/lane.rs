//! Places in a signer's sequence, shared by all processes that sign with its key.
//!
//! Two things are kept of a lane. A counter hands out the next sequence number; it is a hint that keeps
//! processes out of each other's way, and may skip numbers or run ahead of the chain. A *slot* is taken when
//! bytes are signed for a number, and there is one slot for a number: that is what makes it impossible that
//! two transactions of ours are sent with one number by accident.

use std::collections::BTreeSet;

use facilitator_protocol::Caip2;

use crate::{JournalError, Owner, PaymentId, SignedBytes};

/// Longest name of a signer, bytes.
const MAX_SIGNER_BYTES: usize = 256;

/// The sequence of one account on one network: EVM nonces, NEAR access-key nonces, Stellar sequence numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneKey {
    /// The network.
    pub network: Caip2,
    /// The account, and the key where it has several, in the form of [`SignedBytes::signer`].
    pub signer: String,
}

impl LaneKey {
    pub(crate) fn check(&self) -> Result<(), JournalError> {
        crate::record::at_most("signer", self.signer.len(), MAX_SIGNER_BYTES)
    }

    /// Whether `filler` can be recorded for a place in this lane.
    pub(crate) fn check_filler(&self, filler: &SignedBytes) -> Result<(), JournalError> {
        self.check()?;
        filler.check()?;
        if filler.lane_sequence.is_none() {
            return Err(JournalError::OutOfRange { field: "lane_sequence", limit: i64::MAX as u64 });
        }
        if filler.signer != self.signer {
            return Err(JournalError::OutOfRange { field: "signer", limit: MAX_SIGNER_BYTES as u64 });
        }
        Ok(())
    }
}

/// Bytes that were signed for a sequence number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The number.
    pub sequence: u64,
    /// Payment that it was taken for; none if it is filled because others wait behind it.
    pub payment: Option<PaymentId>,
    /// The transaction that does nothing but use the number up, if one was signed.
    pub filler: Option<SignedBytes>,
    /// Who signed last for it.
    pub owner: Owner,
}

/// A lane as the journal knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneView {
    /// The number that is handed out next; none if none was yet.
    pub next: Option<u64>,
    /// Numbers that were handed out and given back.
    pub free: BTreeSet<u64>,
    /// In ascending order, at most [`MAX_SLOTS`](crate::MAX_SLOTS), the lowest.
    pub slots: Vec<Slot>,
}
