//! A guest's answer to "is this payment good?".

use crate::AtomicAmount;

/// Why a payment is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// `POST /verify`.
    Verify,
    /// The last check before the host signs.
    Settle,
}

/// The payment is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Valid {
    /// Account that pays.
    pub payer: String,
    /// What it pays.
    pub amount: AtomicAmount,
    /// What makes two payloads the same payment.
    pub payment_id: String,
    /// Unix seconds after which the payment can no longer land.
    pub expires_at: u64,
    /// The guest's own note to its `prepare`.
    pub carry: String,
}

/// The payment is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Machine code, see [`crate::reason`].
    pub reason: String,
    /// For people.
    pub message: String,
    /// Only when the signature was verified.
    pub payer: Option<String>,
}

/// A verdict on a payment; refusing is a normal answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Good.
    Valid(Valid),
    /// Refused.
    Invalid(Invalid),
}
