//! The embedded journal: one SQLite file, for the processes of one machine.
//!
//! Two connections, each owned by a thread of its own: one writes, in groups that share a commit and so
//! an fsync if one is needed, the other reads. SQLite's write-ahead log lets them not wait for each other, and every
//! write is answered after its commit, so a read always sees what was answered before it. That a process
//! is over tells the operating system, by a lock on a file beside the journal.

mod endings;
mod journal;
mod lanes;
mod lease_files;
mod leases;
mod moves;
mod questions;
mod retention;
mod row;
mod schema;
mod slots;
mod worker;

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rusqlite::Connection;

use crate::{Answer, JournalError, Owner};
use lease_files::LeaseFiles;
use worker::{Promise, Worker};

/// Where times of records come from: Unix milliseconds.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A journal in one SQLite file.
///
/// Dropping it writes out what is queued, closes the file, and ends the leases that it began.
pub struct SqliteJournal {
    // In the order in which they are dropped: no lease is over before all that it wrote is written.
    writer: Worker,
    reader: Worker,
    held: Mutex<BTreeMap<Owner, File>>,
    lease_files: LeaseFiles,
    keep_ms: u64,
    clock: Clock,
}

impl SqliteJournal {
    /// Opens the journal, creates the file and its directory if they are not there, and brings an older
    /// schema up to date. Sealed settlements and clients' names of requests are kept for `keep`, then
    /// [purged](crate::Journal::purge). Blocks: for start-up.
    ///
    /// # Errors
    /// [`JournalError::Open`] if the file cannot be written, [`JournalError::TooNew`],
    /// [`JournalError::NotAJournal`].
    pub fn open(path: &Path, keep: Duration) -> Result<Self, JournalError> {
        let clock = || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        };
        Self::open_with_clock(path, keep, Arc::new(clock))
    }

    /// As [`open`](Self::open), with times from `clock`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_clock(path: &Path, keep: Duration, clock: Clock) -> Result<Self, JournalError> {
        let writer = schema::open_writer(path)?;
        let reader = schema::open_reader(path)?;
        Self::start(path, writer, reader, keep, clock).map_err(|error| schema::cannot_open(path, error))
    }

    fn start(
        path: &Path,
        writer: Connection,
        reader: Connection,
        keep: Duration,
        clock: Clock,
    ) -> std::io::Result<Self> {
        Ok(Self {
            writer: Worker::spawn("journal-writer", writer, "BEGIN IMMEDIATE")?,
            reader: Worker::spawn("journal-reader", reader, "BEGIN")?,
            held: Mutex::default(),
            lease_files: LeaseFiles::beside(path)?,
            keep_ms: u64::try_from(keep.as_millis()).unwrap_or(u64::MAX),
            clock,
        })
    }

    /// One write that survives a loss of power, in the transaction of its group: what may have been seen outside
    /// after it.
    fn write_synced<'a, T: Send + 'static>(
        &'a self,
        run: impl FnOnce(&Connection, u64) -> Result<T, JournalError> + Send + 'static,
    ) -> Answer<'a, T> {
        let now_ms = (self.clock)();
        Box::pin(self.writer.call(Promise::Synced, move |connection| run(connection, now_ms)))
    }

    /// One write that survives the process. After a loss of power a payment that is lost was not signed for, and an
    /// outcome is told again by the chain.
    fn write<'a, T: Send + 'static>(
        &'a self,
        run: impl FnOnce(&Connection, u64) -> Result<T, JournalError> + Send + 'static,
    ) -> Answer<'a, T> {
        let now_ms = (self.clock)();
        Box::pin(self.writer.call(Promise::Written, move |connection| run(connection, now_ms)))
    }

    fn read<'a, T: Send + 'static>(
        &'a self,
        run: impl FnOnce(&Connection) -> Result<T, JournalError> + Send + 'static,
    ) -> Answer<'a, T> {
        Box::pin(self.reader.call(Promise::Written, run))
    }

    /// The locks of the leases that this journal began.
    fn held(&self) -> MutexGuard<'_, BTreeMap<Owner, File>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks leases as ended, and then deletes their files.
    async fn end(&self, owners: Vec<Owner>) -> Result<(), JournalError> {
        let ended = owners.clone();
        self.write_synced(move |connection, now| leases::end(connection, &owners, now)).await?;
        self.held().retain(|owner, _| !ended.contains(owner));
        self.remove_files(ended).await
    }

    /// Deletes the files of leases that have ended, on a thread where that may block.
    async fn remove_files(&self, ended: Vec<Owner>) -> Result<(), JournalError> {
        let files = self.lease_files.clone();
        self.read(move |_| {
            files.remove(&ended);
            Ok(())
        })
        .await
    }
}

impl fmt::Debug for SqliteJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteJournal").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
