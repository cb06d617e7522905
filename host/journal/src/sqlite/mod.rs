//! The embedded journal: one SQLite file, for one machine.
//!
//! Two connections, each owned by a thread of its own: one writes, in groups that share a commit and so
//! an fsync, the other reads. SQLite's write-ahead log lets them not wait for each other, and every
//! write is answered after its commit, so a read always sees what was answered before it.

mod row;
mod schema;
mod statements;
mod worker;

use std::{
    fmt,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rusqlite::Connection;

use crate::{Answer, Claim, Cursor, Journal, JournalError, NewSettlement, Outcome, Page, PaymentId};
use crate::{PayloadDigest, Record, SignedBytes};
use worker::Worker;

/// Wait for another process that writes to the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Where times of records come from: Unix milliseconds.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A journal in one SQLite file.
///
/// Dropping it writes out what is queued and closes the file.
pub struct SqliteJournal {
    writer: Worker,
    reader: Worker,
    clock: Clock,
}

impl SqliteJournal {
    /// Opens the journal, creates the file and its directory if they are not there, and brings an older
    /// schema up to date. Blocks: for start-up.
    ///
    /// # Errors
    /// [`JournalError::Open`] if the file cannot be written, [`JournalError::TooNew`],
    /// [`JournalError::NotAJournal`].
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let clock = || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        };
        Self::open_with_clock(path, Arc::new(clock))
    }

    /// As [`open`](Self::open), with times from `clock`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_clock(path: &Path, clock: Clock) -> Result<Self, JournalError> {
        let writer = schema::open_writer(path)?;
        let reader = schema::open_reader(path)?;
        Self::start(writer, reader, clock).map_err(|error| schema::cannot_open(path, error))
    }

    fn start(writer: Connection, reader: Connection, clock: Clock) -> std::io::Result<Self> {
        Ok(Self {
            writer: Worker::spawn("journal-writer", writer, "BEGIN IMMEDIATE")?,
            reader: Worker::spawn("journal-reader", reader, "BEGIN")?,
            clock,
        })
    }

    /// One write, in the transaction of its group.
    fn write<'a, T: Send + 'static>(
        &'a self,
        run: impl FnOnce(&Connection, u64) -> Result<T, JournalError> + Send + 'static,
    ) -> Answer<'a, T> {
        let now_ms = (self.clock)();
        Box::pin(self.writer.call(move |connection| run(connection, now_ms)))
    }

    fn read<'a, T: Send + 'static>(
        &'a self,
        run: impl FnOnce(&Connection) -> Result<T, JournalError> + Send + 'static,
    ) -> Answer<'a, T> {
        Box::pin(self.reader.call(run))
    }
}

/// An answer that is known without asking the store.
fn refused<'a, T: Send + 'a>(error: JournalError) -> Answer<'a, T> {
    Box::pin(std::future::ready(Err(error)))
}

impl Journal for SqliteJournal {
    fn claim(&self, settlement: NewSettlement) -> Answer<'_, Claim> {
        match settlement.check() {
            Ok(()) => self.write(move |connection, now| statements::claim(connection, &settlement, now)),
            Err(error) => refused(error),
        }
    }

    fn approved<'a>(&'a self, id: &'a PaymentId) -> Answer<'a, ()> {
        let id = id.clone();
        self.write(move |connection, now| statements::approved(connection, &id, now))
    }

    fn signed<'a>(&'a self, id: &'a PaymentId, signed: SignedBytes) -> Answer<'a, ()> {
        let id = id.clone();
        match signed.check() {
            Ok(()) => self.write(move |connection, now| statements::signed(connection, &id, &signed, now)),
            Err(error) => refused(error),
        }
    }

    fn broadcast<'a>(&'a self, id: &'a PaymentId) -> Answer<'a, ()> {
        let id = id.clone();
        self.write(move |connection, now| statements::broadcast(connection, &id, now))
    }

    fn finish<'a>(&'a self, id: &'a PaymentId, outcome: Outcome) -> Answer<'a, ()> {
        let id = id.clone();
        match outcome.bounded() {
            Ok(outcome) => {
                self.write(move |connection, now| statements::finish(connection, &id, &outcome, now))
            }
            Err(error) => refused(error),
        }
    }

    fn release<'a>(&'a self, id: &'a PaymentId) -> Answer<'a, ()> {
        let id = id.clone();
        self.write(move |connection, _| statements::release(connection, &id))
    }

    fn get<'a>(&'a self, id: &'a PaymentId) -> Answer<'a, Option<Record>> {
        let id = id.clone();
        self.read(move |connection| statements::get(connection, &id))
    }

    fn find_by_payload<'a>(&'a self, payload: &'a PayloadDigest) -> Answer<'a, Option<Record>> {
        let payload = payload.clone();
        self.read(move |connection| statements::find_by_payload(connection, &payload))
    }

    fn find_by_transaction<'a>(&'a self, transaction: &'a str) -> Answer<'a, Option<Record>> {
        let transaction = transaction.to_owned();
        self.read(move |connection| statements::find_by_transaction(connection, &transaction))
    }

    fn unfinished(&self, after: Option<Cursor>, limit: usize) -> Answer<'_, Page> {
        self.read(move |connection| statements::unfinished(connection, after, limit))
    }
}

impl fmt::Debug for SqliteJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteJournal").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
