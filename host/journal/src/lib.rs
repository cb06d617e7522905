//! Settlement records: what was promised, signed and sent, durable before the next step is taken.
//!
//! The journal is what makes a settlement happen once. It does not know what a payment means, how it
//! is signed or sent, or what HTTP is; it keeps records, moves them along the edges of
//! [`State`] and refuses every other move. Backends differ in where records live, never in
//! what they answer: one conformance suite runs against each of them.

pub mod error;
pub mod id;
pub mod record;
pub mod sqlite;
pub mod state;

use std::pin::Pin;

pub use error::JournalError;
pub use id::{Fingerprint, PayloadDigest, PaymentId};
pub use record::{Claim, Cursor, GuestGeneration, NewSettlement, Outcome, Page, Record, SignedBytes};
pub use sqlite::SqliteJournal;
pub use state::State;

/// The answer of a journal, when it comes.
///
/// A boxed future, so that a journal can be held as `Arc<dyn Journal>`.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, JournalError>> + Send + 'a>>;

/// Records of settlements, shared by all requests.
///
/// A write is durable when its answer is `Ok`. Dropping an answer before it came does not take the
/// write back, so whoever drives a settlement must not be cancelled with the request that began it.
///
/// Repeating a move with the same data is `Ok`: a caller that got [`JournalError::Storage`] may ask
/// again. Only [`claim`](Journal::claim) tells the first caller from the others.
pub trait Journal: Send + Sync {
    /// Takes a payment for settlement; of any number of concurrent claims exactly one wins.
    ///
    /// # Errors
    /// [`JournalError::OutOfRange`] if a field is too long to be kept, [`JournalError::Storage`].
    fn claim(&self, settlement: NewSettlement) -> Answer<'_, Claim>;

    /// Records that the signing policy approved the intent.
    ///
    /// # Errors
    /// [`JournalError::IllegalTransition`], [`JournalError::NotFound`], [`JournalError::Storage`].
    fn approved<'a>(&'a self, id: &'a PaymentId) -> Answer<'a, ()>;

    /// Records the very bytes that will be broadcast. Nothing may be broadcast before this answers.
    ///
    /// # Errors
    /// As [`approved`](Journal::approved), and [`JournalError::OutOfRange`]. Other bytes for a payment
    /// that has some are an illegal transition: nothing is signed twice for one payment.
    fn signed<'a>(&'a self, id: &'a PaymentId, signed: SignedBytes) -> Answer<'a, ()>;

    /// Records that the bytes were handed to the network.
    ///
    /// # Errors
    /// As [`approved`](Journal::approved).
    fn broadcast<'a>(&'a self, id: &'a PaymentId) -> Answer<'a, ()>;

    /// Records how the settlement ended. The first outcome stays.
    ///
    /// # Errors
    /// As [`approved`](Journal::approved), and [`JournalError::OutOfRange`].
    fn finish<'a>(&'a self, id: &'a PaymentId, outcome: Outcome) -> Answer<'a, ()>;

    /// Forgets a payment for which nothing was signed, so that it may be tried again.
    ///
    /// # Errors
    /// [`JournalError::NotReleasable`] once bytes were signed, else as [`approved`](Journal::approved).
    fn release<'a>(&'a self, id: &'a PaymentId) -> Answer<'a, ()>;

    /// The record of a payment.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`], [`JournalError::Storage`].
    fn get<'a>(&'a self, id: &'a PaymentId) -> Answer<'a, Option<Record>>;

    /// The record of a payload: how the same request sent again is answered, although verifying it again
    /// would find it used.
    ///
    /// # Errors
    /// As [`get`](Journal::get).
    fn find_by_payload<'a>(&'a self, payload: &'a PayloadDigest) -> Answer<'a, Option<Record>>;

    /// The record whose signed or final transaction has this hash, in the network's text form.
    ///
    /// # Errors
    /// As [`get`](Journal::get).
    fn find_by_transaction<'a>(&'a self, transaction: &'a str) -> Answer<'a, Option<Record>>;

    /// Settlements that have not ended, oldest first: at most `limit` and at most [`MAX_PAGE`] of them,
    /// those after `after`.
    ///
    /// # Errors
    /// As [`get`](Journal::get).
    fn unfinished(&self, after: Option<Cursor>, limit: usize) -> Answer<'_, Page>;
}

/// Most records that one page holds: a record may carry some 256 KiB.
pub const MAX_PAGE: usize = 100;
