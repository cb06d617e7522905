//! Settlement records: what was promised, signed and sent, durable before the next step is taken.
//!
//! The journal is what makes a settlement happen once. It does not know what a payment means, how it
//! is signed or sent, or what HTTP is; it keeps records, moves them along the edges of
//! [`State`] and refuses every other move. Backends differ in where records live, never in
//! what they answer: one conformance suite runs against each of them.

pub mod dynamodb;
pub mod error;
pub mod id;
pub mod idempotency;
pub mod lane;
pub mod lease;
pub mod record;
pub mod sqlite;
pub mod state;

use std::{collections::BTreeSet, pin::Pin};

pub use dynamodb::DynamoJournal;
pub use error::JournalError;
pub use id::{Fingerprint, IdempotencyKey, PayloadDigest, PaymentId};
pub use idempotency::Remembered;
pub use lane::{LaneKey, LaneView, Slot};
pub use lease::{Lease, Liveness, Owner};
pub use record::{Claim, Cursor, GuestGeneration, NewSettlement, Outcome, Page, Record, SignedBytes};
pub use sqlite::SqliteJournal;
pub use state::State;

/// The answer of a journal, when it comes.
///
/// A boxed future, so that a journal can be held as `Arc<dyn Journal>`.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, JournalError>> + Send + 'a>>;

/// Records of settlements, shared by all requests of one process and by all processes on one journal.
///
/// A write survives the process when its answer is `Ok`. Signed bytes, fillers, leases and names of requests
/// survive a loss of power too, with all that was written before them: they may have been seen outside. What is
/// lost of the rest was not signed for, or the chain tells it again. Dropping an answer before it came does not take the
/// write back, so whoever drives a settlement must not be cancelled with the request that began it.
///
/// Every move names its owner, and is refused with [`JournalError::Fenced`] if the record belongs to another
/// one. Repeating a move with the same data is `Ok`: a caller that got [`JournalError::Storage`] may ask
/// again. Only [`claim`](Journal::claim) tells the first caller from the others.
pub trait Journal: Send + Sync {
    // Leases.

    /// Begins a lease with a number above all that ever were. `name` is for people, and may be cut.
    ///
    /// # Errors
    /// [`JournalError::Storage`].
    fn begin_lease<'a>(&'a self, name: &'a str) -> Answer<'a, Owner>;

    /// Shows that the process of a lease lives.
    ///
    /// # Errors
    /// [`JournalError::LeaseEnded`] if the lease was ended, or nobody knows it: what it owned may belong to
    /// others now. Else [`JournalError::Storage`].
    fn renew_lease(&self, owner: Owner) -> Answer<'_, ()>;

    /// Every lease that is not forgotten, in ascending order. Ended ones are forgotten an hour after their
    /// end, or later; never while a record of theirs is not sealed, which somebody has to take over.
    ///
    /// # Errors
    /// [`JournalError::Storage`].
    fn leases(&self) -> Answer<'_, Vec<Lease>>;

    /// Ends a lease: the own one at a stop (`seen` is none), or one of which nothing was heard, if it is as
    /// it was `seen` still. Answers whether the lease has ended now, by this call or before; one that nobody
    /// knows has.
    ///
    /// # Errors
    /// [`JournalError::Storage`].
    fn end_lease(&self, owner: Owner, seen: Option<Liveness>) -> Answer<'_, bool>;

    // The way of a settlement.

    /// Takes a payment for settlement; of any number of concurrent claims exactly one wins.
    ///
    /// It is not asked whether the lease of `owner` has ended: such a record belongs to an ended lease like
    /// others, and whoever takes over from it finds it when looking again.
    ///
    /// # Errors
    /// [`JournalError::OutOfRange`] if a field is too long to be kept, [`JournalError::Storage`].
    fn claim(&self, owner: Owner, settlement: NewSettlement) -> Answer<'_, Claim>;

    /// Records that the signing policy approved the intent.
    ///
    /// # Errors
    /// [`JournalError::IllegalTransition`], [`JournalError::NotFound`], [`JournalError::Fenced`],
    /// [`JournalError::Storage`].
    fn approved<'a>(&'a self, owner: Owner, id: &'a PaymentId) -> Answer<'a, ()>;

    /// Records the very bytes that will be broadcast, and takes the slot of their sequence number, both or
    /// none. Nothing may be broadcast before this answers.
    ///
    /// # Errors
    /// As [`approved`](Journal::approved), [`JournalError::OutOfRange`], and [`JournalError::SequenceTaken`]:
    /// then the number belongs to other bytes, nothing was written, and another number is to be used. Other
    /// bytes for a payment that has some are an illegal transition.
    fn signed<'a>(&'a self, owner: Owner, id: &'a PaymentId, signed: SignedBytes) -> Answer<'a, ()>;

    /// Records that the bytes were handed to the network.
    ///
    /// # Errors
    /// As [`approved`](Journal::approved).
    fn broadcast<'a>(&'a self, owner: Owner, id: &'a PaymentId) -> Answer<'a, ()>;

    /// Records further bytes for a payment that may have been sent and is not sealed, whose state stays. They become
    /// [`Record::signed`], those before go to [`Record::earlier`].
    ///
    /// The caller has made sure that at most one of all of them can land: they have the same sequence number
    /// (a higher fee), or that of the earlier ones is used up by another transaction. With another number its
    /// slot is taken too, and the one before stays as it is.
    ///
    /// # Errors
    /// As [`signed`](Journal::signed); in other states an illegal transition to [`State::Signed`].
    /// [`JournalError::OutOfRange`] also beyond [`MAX_EARLIER`] earlier bytes of one payment.
    fn replaced<'a>(&'a self, owner: Owner, id: &'a PaymentId, signed: SignedBytes) -> Answer<'a, ()>;

    /// Records how the settlement ended. The record stays among the [`unsealed`](Journal::unsealed).
    ///
    /// Of a confirmed settlement, payer and amount are those of the outcome for as long as it is confirmed.
    ///
    /// # Errors
    /// As [`approved`](Journal::approved), and [`JournalError::OutOfRange`].
    fn finish<'a>(&'a self, owner: Owner, id: &'a PaymentId, outcome: Outcome) -> Answer<'a, ()>;

    /// Records another outcome of a settlement that had ended, because the chain was reorganised. The one that
    /// it has is no error, sealed or not.
    ///
    /// # Errors
    /// As [`finish`](Journal::finish). A sealed record has its outcome for good:
    /// [`JournalError::IllegalTransition`].
    fn revise<'a>(&'a self, owner: Owner, id: &'a PaymentId, outcome: Outcome) -> Answer<'a, ()>;

    /// Records that nothing about an ended settlement can change any more: its block is final. Its slots are
    /// given up, filled ones too.
    ///
    /// # Errors
    /// As [`approved`](Journal::approved). The illegal transition of a settlement that has not ended is told
    /// as one to the state that it has.
    fn seal<'a>(&'a self, owner: Owner, id: &'a PaymentId) -> Answer<'a, ()>;

    /// Forgets a payment for which nothing was signed, so that it may be tried again.
    ///
    /// # Errors
    /// [`JournalError::NotReleasable`] once bytes were signed, else as [`approved`](Journal::approved).
    fn release<'a>(&'a self, owner: Owner, id: &'a PaymentId) -> Answer<'a, ()>;

    /// Makes a record of `from` one of `to`. Answers the record as it is then; none if it belongs to neither
    /// or is not there. The caller has made sure that the lease of `from` has ended. Slots stay as they are:
    /// they go with the payment.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`], [`JournalError::Storage`].
    fn take_over<'a>(&'a self, id: &'a PaymentId, from: Owner, to: Owner) -> Answer<'a, Option<Record>>;

    // Questions.

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

    /// The record one of whose signed transactions, or whose final one, has this hash, in the network's text
    /// form.
    ///
    /// # Errors
    /// As [`get`](Journal::get).
    fn find_by_transaction<'a>(&'a self, transaction: &'a str) -> Answer<'a, Option<Record>>;

    /// Settlements of `owner` that are not sealed, oldest first: at most `limit` and at most [`MAX_PAGE`] of
    /// them, those after `after`. A page may hold fewer although another one follows. What was written a
    /// moment ago may be missing.
    ///
    /// # Errors
    /// As [`get`](Journal::get).
    fn unsealed(&self, owner: Owner, after: Option<Cursor>, limit: usize) -> Answer<'_, Page>;

    // Lanes.

    /// Hands out a sequence number: the lowest that was given back and is not below `floor`, else the next,
    /// which is at least `floor`. Two calls do not get the same one, as far as the counter can tell; that
    /// bytes do not share one is made sure by [`signed`](Journal::signed).
    ///
    /// # Errors
    /// [`JournalError::OutOfRange`], [`JournalError::Storage`].
    fn reserve<'a>(&'a self, lane: &'a LaneKey, floor: u64) -> Answer<'a, u64>;

    /// Takes back a number for which nothing was signed. One that the counter will come to anyway, or that was
    /// taken back before, changes nothing.
    ///
    /// # Errors
    /// As [`reserve`](Journal::reserve); [`JournalError::OutOfRange`] if [`MAX_SLOTS`] others are kept already:
    /// the number is forgotten then, and a gap if nobody uses it.
    fn give_back<'a>(&'a self, lane: &'a LaneKey, sequence: u64) -> Answer<'a, ()>;

    /// The lane, with its slots from the number `from` on: those below are of no interest once the chain is past
    /// them, and stay until their payments are sealed.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`], [`JournalError::Storage`].
    fn lane<'a>(&'a self, lane: &'a LaneKey, from: u64) -> Answer<'a, LaneView>;

    /// Sets the counter and the numbers given back, if the counter is `seen` still. Answers whether it was.
    /// Of `free` those below `next` are kept: the counter will come to the others.
    ///
    /// # Errors
    /// As [`reserve`](Journal::reserve); [`JournalError::OutOfRange`] for more than [`MAX_SLOTS`] numbers.
    fn reset_lane<'a>(
        &'a self,
        lane: &'a LaneKey,
        seen: Option<u64>,
        next: u64,
        free: BTreeSet<u64>,
    ) -> Answer<'a, bool>;

    /// Records a transaction that only uses a number up, before it is sent. The slot must be free, filled
    /// already (by whomever), or that of the payment `instead_of`, which must have ended. That payment stays
    /// in the slot, and its record as it is.
    ///
    /// # Errors
    /// [`JournalError::SequenceTaken`] if it is none of these, [`JournalError::OutOfRange`] also of a filler
    /// without a number or of another signer than the lane's, [`JournalError::Storage`].
    fn fill<'a>(
        &'a self,
        owner: Owner,
        lane: &'a LaneKey,
        filler: SignedBytes,
        instead_of: Option<&'a PaymentId>,
    ) -> Answer<'a, ()>;

    /// Gives up filled slots below `below`, which the chain has used for good. Slots of payments stay, filled
    /// or not: they go when the payment is [sealed](Journal::seal).
    ///
    /// # Errors
    /// [`JournalError::Storage`].
    fn forget_fillers<'a>(&'a self, lane: &'a LaneKey, below: u64) -> Answer<'a, ()>;

    // The rest.

    /// Keeps what a client's name for a request stands for, and tells what it stood for before. Kept as long
    /// as finished settlements are.
    ///
    /// # Errors
    /// [`JournalError::Storage`].
    fn remember<'a>(&'a self, key: &'a IdempotencyKey, request: &'a Fingerprint) -> Answer<'a, Remembered>;

    /// The request that a client's name stands for; none if it was not used, or too long ago.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`], [`JournalError::Storage`].
    fn recall<'a>(&'a self, key: &'a IdempotencyKey) -> Answer<'a, Option<Fingerprint>>;

    /// Forgets what is sealed and older than the journal keeps, a bounded part of it in one call. Answers how
    /// much; 0 also where the store does that by itself.
    ///
    /// # Errors
    /// [`JournalError::Storage`].
    fn purge(&self) -> Answer<'_, usize>;
}

/// Most records that one page holds: a record may carry some 256 KiB.
pub const MAX_PAGE: usize = 100;

/// Most bytes that were replaced and are kept of one payment.
pub const MAX_EARLIER: usize = 16;

/// Most slots of a lane that are told, and most numbers given back that are kept.
pub const MAX_SLOTS: usize = 1_000;
