//! Did the payment happen on chain?

use crate::AtomicAmount;

/// What the host saw of a transaction that it sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Hash or signature.
    pub transaction: String,
    /// The family's record of it, JSON text (the receipt on EVM).
    pub data: String,
}

/// A guest's reading of an observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// The exact transfer was seen.
    Paid {
        /// Account that paid.
        payer: String,
        /// What was transferred.
        amount: AtomicAmount,
    },
    /// It did not happen and will not.
    Failed {
        /// Machine code.
        reason: String,
        /// For people.
        message: String,
    },
    /// Not decided by this observation.
    Unknown,
}
