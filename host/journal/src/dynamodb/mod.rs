//! The shared journal: one DynamoDB table, for several tasks on several machines.
//!
//! Every operation is a handful of requests, each conditional on what the journal promises; there is no state of
//! a settlement in this process. Reads are strongly consistent, but for the listing of what is not sealed. The
//! store forgets by itself what was sealed long ago.
//!
//! A task's role needs, on the table: `dynamodb:GetItem`, `BatchGetItem`, `PutItem`, `UpdateItem`, `DeleteItem`,
//! `Query` (on `index/unsealed` too), `DescribeTable` and `DescribeTimeToLive`. Whoever makes the table needs
//! `CreateTable` and `UpdateTimeToLive` as well.

mod bytes;
mod connection;
mod fault;
mod item;
mod keys;
mod lanes;
mod leases;
mod moves;
mod questions;
mod requests;
mod store;
mod table;
mod write;

use std::{
    collections::BTreeSet,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_config::SdkConfig;
use tokio::sync::{Mutex, Semaphore};

pub use connection::Limits;
pub use table::{Created, NotATableName, TableName};

use crate::{
    Answer, Claim, Cursor, Fingerprint, IdempotencyKey, Journal, JournalError, LaneKey, LaneView, Lease,
    Liveness, NewSettlement, Outcome, Owner, Page, PayloadDigest, PaymentId, Record, Remembered, SignedBytes,
    State, sqlite::Clock,
};
use fault::Fault;
use store::Store;

/// Operations under way at a time: more would only wait in the store, and be tried again when they are late.
const MAX_CONCURRENT: usize = 32;

/// A journal in one DynamoDB table.
pub struct DynamoJournal {
    store: Store,
    limits: Limits,
    places: Arc<Semaphore>,
}

impl DynamoJournal {
    /// A journal in `table`, where finished settlements are kept for `retention`. Region, credentials and
    /// endpoint come from the environment. Asks nothing of the store: see [`check`](Self::check).
    pub async fn connect(table: TableName, retention: Duration) -> Self {
        Self::with_config(&connection::from_environment().await, table, retention, Limits::default())
    }

    /// As [`connect`](Self::connect), with another way to the store.
    #[must_use]
    pub fn with_config(config: &SdkConfig, table: TableName, retention: Duration, limits: Limits) -> Self {
        let clock = || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        };
        let client = connection::client(config, limits);
        let clock: Clock = Arc::new(clock);
        let places = Arc::new(Semaphore::new(MAX_CONCURRENT));
        Self { store: Store { client, table, retention, clock, reserving: Mutex::new(()) }, limits, places }
    }

    /// The same, with times from `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.store.clock = clock;
        self
    }

    /// Whether the table is there and is a journal.
    ///
    /// # Errors
    /// [`JournalError::NoTable`], [`JournalError::WrongTable`]; [`JournalError::Storage`] if it cannot be asked.
    pub async fn check(&self) -> Result<(), JournalError> {
        table::check(&self.store).await
    }

    /// Makes the table, with its index and expiry, unless it is there. Takes some ten seconds.
    ///
    /// # Errors
    /// [`JournalError::WrongTable`] if the table is there for something else, [`JournalError::Storage`].
    pub async fn create_table(&self) -> Result<Created, JournalError> {
        table::create(&self.store).await
    }

    /// As [`bounded`](Self::bounded), past those that wait for a place: a lease must not end in a queue.
    fn at_once<'a, T: Send + 'a>(
        &self,
        answer: impl Future<Output = Result<T, JournalError>> + Send + 'a,
    ) -> Answer<'a, T> {
        let limit = self.limits.operation;
        Box::pin(async move {
            let late = || Fault::TimedOut { operation: "operation on a lease" }.into();
            tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| Err(late()))
        })
    }

    /// An answer that comes in bounded time, whatever the store does.
    fn bounded<'a, T: Send + 'a>(
        &self,
        answer: impl Future<Output = Result<T, JournalError>> + Send + 'a,
    ) -> Answer<'a, T> {
        let limit = self.limits.operation;
        let places = Arc::clone(&self.places);
        Box::pin(async move {
            let late = || Fault::TimedOut { operation: "operation of the journal" }.into();
            let placed = async {
                // Never closed. Without one the answer is late, as the store's own would be.
                let _place = places.acquire().await;
                answer.await
            };
            tokio::time::timeout(limit, placed).await.unwrap_or_else(|_| Err(late()))
        })
    }
}

impl Journal for DynamoJournal {
    fn begin_lease<'a>(&'a self, name: &'a str) -> Answer<'a, Owner> {
        self.at_once(leases::begin(&self.store, name))
    }

    fn renew_lease(&self, owner: Owner) -> Answer<'_, ()> {
        self.at_once(leases::renew(&self.store, owner))
    }

    fn leases(&self) -> Answer<'_, Vec<Lease>> {
        self.bounded(leases::all(&self.store))
    }

    fn end_lease(&self, owner: Owner, seen: Option<Liveness>) -> Answer<'_, bool> {
        self.at_once(leases::end(&self.store, owner, seen))
    }

    fn claim(&self, owner: Owner, settlement: NewSettlement) -> Answer<'_, Claim> {
        self.bounded(async move {
            settlement.check()?;
            moves::claim(&self.store, owner, &settlement).await
        })
    }

    fn approved<'a>(&'a self, owner: Owner, id: &'a PaymentId) -> Answer<'a, ()> {
        self.bounded(moves::advance(&self.store, owner, id, State::Approved))
    }

    fn signed<'a>(&'a self, owner: Owner, id: &'a PaymentId, signed: SignedBytes) -> Answer<'a, ()> {
        self.bounded(async move {
            signed.check()?;
            bytes::signed(&self.store, owner, id, &signed).await
        })
    }

    fn broadcast<'a>(&'a self, owner: Owner, id: &'a PaymentId) -> Answer<'a, ()> {
        self.bounded(moves::advance(&self.store, owner, id, State::Broadcast))
    }

    fn replaced<'a>(&'a self, owner: Owner, id: &'a PaymentId, signed: SignedBytes) -> Answer<'a, ()> {
        self.bounded(async move {
            signed.check()?;
            bytes::replaced(&self.store, owner, id, &signed).await
        })
    }

    fn finish<'a>(&'a self, owner: Owner, id: &'a PaymentId, outcome: Outcome) -> Answer<'a, ()> {
        self.bounded(async move { moves::finish(&self.store, owner, id, &outcome.bounded()?).await })
    }

    fn revise<'a>(&'a self, owner: Owner, id: &'a PaymentId, outcome: Outcome) -> Answer<'a, ()> {
        self.bounded(async move { moves::revise(&self.store, owner, id, &outcome.bounded()?).await })
    }

    fn seal<'a>(&'a self, owner: Owner, id: &'a PaymentId) -> Answer<'a, ()> {
        self.bounded(bytes::seal(&self.store, owner, id))
    }

    fn release<'a>(&'a self, owner: Owner, id: &'a PaymentId) -> Answer<'a, ()> {
        self.bounded(moves::release(&self.store, owner, id))
    }

    fn take_over<'a>(&'a self, id: &'a PaymentId, from: Owner, to: Owner) -> Answer<'a, Option<Record>> {
        self.bounded(moves::take_over(&self.store, id, from, to))
    }

    fn get<'a>(&'a self, id: &'a PaymentId) -> Answer<'a, Option<Record>> {
        self.bounded(questions::get(&self.store, id))
    }

    fn find_by_payload<'a>(&'a self, payload: &'a PayloadDigest) -> Answer<'a, Option<Record>> {
        self.bounded(questions::find_by_payload(&self.store, payload))
    }

    fn find_by_transaction<'a>(&'a self, transaction: &'a str) -> Answer<'a, Option<Record>> {
        self.bounded(questions::find_by_transaction(&self.store, transaction))
    }

    fn unsealed(&self, owner: Owner, after: Option<Cursor>, limit: usize) -> Answer<'_, Page> {
        self.bounded(questions::unsealed(&self.store, owner, after, limit))
    }

    fn reserve<'a>(&'a self, lane: &'a LaneKey, floor: u64) -> Answer<'a, u64> {
        self.bounded(lanes::reserve(&self.store, lane, floor))
    }

    fn give_back<'a>(&'a self, lane: &'a LaneKey, sequence: u64) -> Answer<'a, ()> {
        self.bounded(lanes::give_back(&self.store, lane, sequence))
    }

    fn lane<'a>(&'a self, lane: &'a LaneKey, from: u64) -> Answer<'a, LaneView> {
        self.bounded(lanes::view(&self.store, lane, from))
    }

    fn reset_lane<'a>(
        &'a self,
        lane: &'a LaneKey,
        seen: Option<u64>,
        next: u64,
        free: BTreeSet<u64>,
    ) -> Answer<'a, bool> {
        self.bounded(lanes::reset(&self.store, lane, seen, next, free))
    }

    fn fill<'a>(
        &'a self,
        owner: Owner,
        lane: &'a LaneKey,
        filler: SignedBytes,
        instead_of: Option<&'a PaymentId>,
    ) -> Answer<'a, ()> {
        self.bounded(async move { lanes::fill(&self.store, owner, lane, &filler, instead_of).await })
    }

    fn forget_fillers<'a>(&'a self, lane: &'a LaneKey, below: u64) -> Answer<'a, ()> {
        self.bounded(lanes::forget_fillers(&self.store, lane, below))
    }

    fn remember<'a>(&'a self, key: &'a IdempotencyKey, request: &'a Fingerprint) -> Answer<'a, Remembered> {
        self.bounded(requests::remember(&self.store, key, request))
    }

    fn recall<'a>(&'a self, key: &'a IdempotencyKey) -> Answer<'a, Option<Fingerprint>> {
        self.bounded(requests::recall(&self.store, key))
    }

    fn purge(&self) -> Answer<'_, usize> {
        self.bounded(async move {
            leases::forget_ended(&self.store).await?;
            // Settlements and what belongs to them are forgotten by the store.
            Ok(0)
        })
    }
}

impl fmt::Debug for DynamoJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamoJournal").field("table", &self.store.table).finish_non_exhaustive()
    }
}
