//! A thread that owns a connection and runs jobs on it in groups.
//!
//! A commit that promises to survive a loss of power costs one fsync, whatever is in it; one that does not costs none. The thread takes what has queued up while the last
//! commit ran, applies all of it in one transaction, commits once, and only then answers. A job that is
//! refused has changed nothing, so it does not disturb the others; a store that fails fails them all.

use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::JournalError;

/// Jobs that may wait; more callers than that wait for a place.
const MAX_QUEUED: usize = 1_024;
/// Jobs that share one commit.
const MAX_GROUP: usize = 256;

pub(super) struct Worker {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

/// One job, first applied, then answered.
trait Job: Send {
    /// Runs in the group's transaction. An error means that the store failed.
    fn apply(&mut self, connection: &Connection) -> Result<(), JournalError>;
    /// What its answer promises.
    fn promise(&self) -> Promise;
    /// Answers with the job's own result if the group was committed.
    fn answer(self: Box<Self>, committed: &Result<(), JournalError>);
}

/// What a job's answer promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    /// It survives a loss of power.
    Synced,
    /// It survives the process. After a loss of power it may be as if it had not happened, and then so is all
    /// that came after it.
    Written,
}

struct Call<F, T> {
    run: Option<F>,
    promise: Promise,
    result: Result<T, JournalError>,
    reply: oneshot::Sender<Result<T, JournalError>>,
}

impl<F, T> Job for Call<F, T>
where
    F: FnOnce(&Connection) -> Result<T, JournalError> + Send,
    T: Send,
{
    fn apply(&mut self, connection: &Connection) -> Result<(), JournalError> {
        if let Some(run) = self.run.take() {
            self.result = run(connection);
        }
        match &self.result {
            Err(error @ JournalError::Storage(_)) => Err(error.clone()),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn promise(&self) -> Promise {
        self.promise
    }

    fn answer(self: Box<Self>, committed: &Result<(), JournalError>) {
        let result = committed.clone().and(self.result);
        // A caller that has gone away does not want to know.
        let _ = self.reply.send(result);
    }
}

impl Worker {
    /// `begin` opens the transaction of each group.
    pub(super) fn spawn(name: &str, connection: Connection, begin: &'static str) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel(MAX_QUEUED);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || serve(&connection, begin, queue))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    pub(super) async fn call<T, F>(&self, promise: Promise, run: F) -> Result<T, JournalError>
    where
        F: FnOnce(&Connection) -> Result<T, JournalError> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let call = Call { run: Some(run), promise, result: Err(JournalError::Closed), reply };
        let jobs = self.jobs.as_ref().ok_or(JournalError::Closed)?;
        jobs.send(Box::new(call)).await.map_err(|_| JournalError::Closed)?;
        answer.await.unwrap_or(Err(JournalError::Closed))
    }
}

impl Drop for Worker {
    /// Lets the thread finish what is queued.
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // It cannot have panicked in a way that matters now: the file is closed either way.
            let _ = thread.join();
        }
    }
}

fn serve(connection: &Connection, begin: &str, mut queue: mpsc::Receiver<Box<dyn Job>>) {
    let mut group: Vec<Box<dyn Job>> = Vec::with_capacity(MAX_GROUP);
    let mut synced = None;
    while queue.blocking_recv_many(&mut group, MAX_GROUP) > 0 {
        let needed = group.iter().any(|job| job.promise() == Promise::Synced);
        let committed =
            set_sync(connection, &mut synced, needed).and_then(|()| commit(connection, begin, &mut group));
        for job in group.drain(..) {
            job.answer(&committed);
        }
    }
}

/// Whether the commits from now on are synced. Only between transactions; asked for only if it changes.
fn set_sync(connection: &Connection, synced: &mut Option<bool>, needed: bool) -> Result<(), JournalError> {
    if *synced != Some(needed) {
        // Inside a transaction, left over from a failed rollback, it would have no effect.
        roll_back(connection)?;
        *synced = None;
        connection.pragma_update(None, "synchronous", if needed { "FULL" } else { "NORMAL" })?;
        *synced = Some(needed);
    }
    Ok(())
}

fn commit(connection: &Connection, begin: &str, group: &mut [Box<dyn Job>]) -> Result<(), JournalError> {
    // A transaction can only be left over if its rollback failed.
    roll_back(connection)?;
    connection.execute_batch(begin)?;
    let applied = group.iter_mut().try_for_each(|job| job.apply(connection));
    match applied.and_then(|()| Ok(connection.execute_batch("COMMIT")?)) {
        Ok(()) => Ok(()),
        Err(error) => {
            // If this fails too, the next group tries again before it begins.
            let _ = roll_back(connection);
            Err(error)
        }
    }
}

/// Ends a transaction if there is one: SQLite may have ended it on its own when the store failed.
fn roll_back(connection: &Connection) -> Result<(), JournalError> {
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    Ok(())
}
