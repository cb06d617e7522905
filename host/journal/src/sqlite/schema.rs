//! Opening the file: durability settings, schema version, and whether it is ours at all.

use std::{error::Error, path::Path, sync::Arc};

use rusqlite::{Connection, OpenFlags};

use super::BUSY_TIMEOUT;
use crate::JournalError;

/// Marks the file as ours (`x402` in ASCII), so that no other program's database is taken for a journal.
const APPLICATION_ID: i64 = 0x7834_3032;

/// Each entry brings the schema one version further; the version is kept in `user_version`.
/// Released entries never change.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE settlement (
        payment_id TEXT NOT NULL PRIMARY KEY,
        payload TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        network TEXT NOT NULL,
        x402_version INTEGER NOT NULL,
        scheme TEXT NOT NULL,
        request TEXT NOT NULL,
        guest_name TEXT NOT NULL,
        guest_sha256 BLOB NOT NULL,
        state TEXT NOT NULL,
        payer TEXT NOT NULL,
        amount TEXT NOT NULL,
        expires_at INTEGER NOT NULL,
        signer TEXT,
        lane_sequence INTEGER,
        signed_transaction TEXT,
        signed_bytes BLOB,
        final_transaction TEXT,
        reason TEXT,
        message TEXT,
        created_at_ms INTEGER NOT NULL,
        updated_at_ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX settlement_unfinished ON settlement (created_at_ms, payment_id)
        WHERE state IN ('claimed', 'approved', 'signed', 'broadcast');
    CREATE INDEX settlement_payload ON settlement (payload, created_at_ms, payment_id);
    CREATE INDEX settlement_signed_transaction ON settlement (signed_transaction)
        WHERE signed_transaction IS NOT NULL;
    CREATE INDEX settlement_final_transaction ON settlement (final_transaction)
        WHERE final_transaction IS NOT NULL;
"];

/// The schema version that this program writes.
const SUPPORTED: i64 = MIGRATIONS.len() as i64;

pub(super) fn cannot_open(path: &Path, source: impl Into<Box<dyn Error + Send + Sync>>) -> JournalError {
    JournalError::Open { path: path.to_owned(), source: Arc::from(source.into()) }
}

/// The connection that writes: WAL, an fsync for each commit, schema up to date.
pub(super) fn open_writer(path: &Path) -> Result<Connection, JournalError> {
    create_private(path).map_err(|error| cannot_open(path, error))?;
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(|error| cannot_open(path, error))?;
    let failed = |error: rusqlite::Error| cannot_open(path, error);
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    // First without touching the file: it may not be ours.
    version(&connection, path)?;
    make_durable(&connection).map_err(failed)?;
    if connection.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0)).map_err(failed)?
        != "wal"
    {
        return Err(cannot_open(path, "the file system does not support a write-ahead log"));
    }
    // Again under the write lock: another process may be migrating the same file.
    connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    let found = version(&connection, path)?;
    migrate(&connection, found).map_err(failed)?;
    connection.execute_batch("COMMIT").map_err(failed)?;
    Ok(connection)
}

/// The connection that reads. The writer was opened before it.
pub(super) fn open_reader(path: &Path) -> Result<Connection, JournalError> {
    let open = || -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    };
    open().map_err(|error| cannot_open(path, error))
}

/// Creates the file for its owner alone: it holds payment payloads. SQLite gives its side files the
/// same permissions.
fn create_private(path: &Path) -> std::io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        std::fs::create_dir_all(directory)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// The schema version of the file, 0 if it is new; an error if it is not for this program.
fn version(connection: &Connection, path: &Path) -> Result<i64, JournalError> {
    let ask = |sql| -> Result<i64, JournalError> {
        connection.query_row(sql, (), |row| row.get(0)).map_err(|error| cannot_open(path, error))
    };
    let is_empty = ask("SELECT count(*) FROM sqlite_schema")? == 0;
    if !is_empty && ask("PRAGMA application_id")? != APPLICATION_ID {
        return Err(JournalError::NotAJournal { path: path.to_owned() });
    }
    match ask("PRAGMA user_version")? {
        found if found > SUPPORTED => {
            Err(JournalError::TooNew { path: path.to_owned(), found, supported: SUPPORTED })
        }
        found => Ok(found),
    }
}

fn make_durable(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)
}

/// Writes even when there is nothing to migrate: a journal that cannot be written is found out at start.
fn migrate(connection: &Connection, found: i64) -> rusqlite::Result<()> {
    let done = usize::try_from(found).unwrap_or(0);
    for migration in MIGRATIONS.iter().skip(done) {
        connection.execute_batch(migration)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", SUPPORTED)
}
