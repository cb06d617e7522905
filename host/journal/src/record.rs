//! What the journal keeps of a settlement.

use std::fmt;

use facilitator_protocol::{AtomicAmount, Caip2, X402Version};

use crate::{Fingerprint, JournalError, Owner, PayloadDigest, PaymentId, State};

/// Longest request or signed transaction that is kept, bytes.
const MAX_BLOB_BYTES: usize = 128 << 10;
/// Longest name, address or hash, bytes.
const MAX_TEXT_BYTES: usize = 256;
/// Longest message that is kept, bytes; what is over is cut off.
const MAX_MESSAGE_BYTES: usize = 1_000;

/// The guest generation that a settlement began with, and is confirmed by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GuestGeneration {
    /// Name of the guest.
    pub name: String,
    /// SHA-256 of the component.
    pub sha256: [u8; 32],
}

/// A payment that is to be settled. It was verified.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSettlement {
    /// What makes it this payment.
    pub payment_id: PaymentId,
    /// What was signed by the payer, as a digest.
    pub payload: PayloadDigest,
    /// What makes it this request.
    pub fingerprint: Fingerprint,
    /// Network that it settles on.
    pub network: Caip2,
    /// Protocol version of the request.
    pub x402_version: X402Version,
    /// Scheme, such as `exact`.
    pub scheme: String,
    /// What confirming needs after a restart, JSON text: payload and requirements. Opaque here.
    pub request: String,
    /// Guest that verified it.
    pub guest: GuestGeneration,
    /// Account that pays, as verified; while confirmed, as seen on chain.
    pub payer: String,
    /// What it pays, as verified; while confirmed, as seen on chain.
    pub amount: AtomicAmount,
    /// Unix seconds after which the payment can no longer land. Kept up to 2^63 - 1.
    pub expires_at: u64,
}

/// A signed transaction, before it is sent.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedBytes {
    /// Its hash or signature, in the network's text form.
    pub transaction: String,
    /// The very bytes that are broadcast.
    pub bytes: Vec<u8>,
    /// Account of the facilitator that signed.
    pub signer: String,
    /// Place in the signer's lane: the nonce or sequence number, where the family has one.
    pub lane_sequence: Option<u64>,
}

/// How a settlement ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The exact transfer was seen on chain.
    Confirmed {
        /// Account that paid.
        payer: String,
        /// What was transferred.
        amount: AtomicAmount,
        /// Transaction that did it; not ours if someone else submitted the same authorization.
        transaction: String,
    },
    /// It did not happen and will not.
    Failed {
        /// Machine code.
        reason: String,
        /// For people.
        message: String,
        /// Transaction that failed, if one was included.
        transaction: Option<String>,
    },
    /// It did not happen in time and can no longer land.
    Expired {
        /// Machine code.
        reason: String,
        /// For people.
        message: String,
    },
}

/// Everything that is known of a settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What is settled.
    pub settlement: NewSettlement,
    /// Who may move it.
    pub owner: Owner,
    /// How far it has come.
    pub state: State,
    /// Whether it has ended and nothing about it can change any more.
    pub sealed: bool,
    /// What was signed, from [`State::Signed`] on; the last, if it was replaced.
    pub signed: Option<SignedBytes>,
    /// What was signed before and replaced, oldest first. At most one of all can land.
    pub earlier: Vec<SignedBytes>,
    /// How it ended, in a final state.
    pub outcome: Option<Outcome>,
    /// When it was claimed, Unix milliseconds.
    pub created_at_ms: u64,
    /// When it last moved, Unix milliseconds.
    pub updated_at_ms: u64,
}

/// Answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The payment is the caller's to settle.
    Won,
    /// It was claimed before: this is how far it is.
    Existing(Box<Record>),
}

/// Place in a listing, after which the next page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) created_at_ms: u64,
    pub(crate) payment_id: PaymentId,
}

/// One page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order of the listing.
    pub records: Vec<Record>,
    /// Where the next page begins; none if this is the last.
    pub next: Option<Cursor>,
}

impl Record {
    /// The transaction that answers name: the one of the outcome, else the one that was signed.
    #[must_use]
    pub fn transaction(&self) -> Option<&str> {
        let signed = self.signed.as_ref().map(|signed| signed.transaction.as_str());
        match &self.outcome {
            Some(Outcome::Confirmed { transaction, .. }) => Some(transaction),
            Some(Outcome::Failed { transaction, .. }) => transaction.as_deref().or(signed),
            Some(Outcome::Expired { .. }) | None => signed,
        }
    }
}

impl Outcome {
    /// The state that this outcome ends in.
    #[must_use]
    pub const fn state(&self) -> State {
        match self {
            Self::Confirmed { .. } => State::Confirmed,
            Self::Failed { .. } => State::Failed,
            Self::Expired { .. } => State::Expired,
        }
    }

    /// The outcome as a record can hold it: texts for people and foreign codes are cut, facts are not.
    pub(crate) fn bounded(mut self) -> Result<Self, JournalError> {
        match &mut self {
            Self::Confirmed { payer, transaction, .. } => {
                at_most("payer", payer.len(), MAX_TEXT_BYTES)?;
                at_most("transaction", transaction.len(), MAX_TEXT_BYTES)?;
            }
            Self::Failed { reason, message, transaction } => {
                cut(reason, MAX_TEXT_BYTES);
                cut(message, MAX_MESSAGE_BYTES);
                at_most("transaction", transaction.as_ref().map_or(0, String::len), MAX_TEXT_BYTES)?;
            }
            Self::Expired { reason, message } => {
                cut(reason, MAX_TEXT_BYTES);
                cut(message, MAX_MESSAGE_BYTES);
            }
        }
        Ok(self)
    }
}

impl NewSettlement {
    pub(crate) fn check(&self) -> Result<(), JournalError> {
        at_most("scheme", self.scheme.len(), MAX_TEXT_BYTES)?;
        at_most("request", self.request.len(), MAX_BLOB_BYTES)?;
        at_most("guest", self.guest.name.len(), MAX_TEXT_BYTES)?;
        at_most("payer", self.payer.len(), MAX_TEXT_BYTES)
    }
}

impl SignedBytes {
    pub(crate) fn check(&self) -> Result<(), JournalError> {
        at_most("transaction", self.transaction.len(), MAX_TEXT_BYTES)?;
        at_most("bytes", self.bytes.len(), MAX_BLOB_BYTES)?;
        at_most("signer", self.signer.len(), MAX_TEXT_BYTES)
    }
}

pub(crate) fn at_most(field: &'static str, found: usize, limit: usize) -> Result<(), JournalError> {
    if found <= limit { Ok(()) } else { Err(JournalError::OutOfRange { field, limit: limit as u64 }) }
}

/// Cuts `text` to at most `limit` bytes, between characters.
fn cut(text: &mut String, limit: usize) {
    text.truncate(text.floor_char_boundary(limit));
}

impl fmt::Debug for NewSettlement {
    /// Without the request: payloads carry signatures, and records end up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSettlement")
            .field("payment_id", &self.payment_id)
            .field("fingerprint", &self.fingerprint)
            .field("network", &self.network)
            .field("x402_version", &self.x402_version)
            .field("scheme", &self.scheme)
            .field("guest", &self.guest.name)
            .field("payer", &self.payer)
            .field("amount", &self.amount)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SignedBytes {
    /// Without the bytes: whoever reads them can send them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedBytes")
            .field("transaction", &self.transaction)
            .field("signer", &self.signer)
            .field("lane_sequence", &self.lane_sequence)
            .finish_non_exhaustive()
    }
}
