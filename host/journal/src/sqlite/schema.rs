//! Opening the file: durability settings, schema version, and whether it is ours at all.

use std::{error::Error, path::Path, sync::Arc, time::Duration};

use rusqlite::{Connection, OpenFlags};

use crate::JournalError;

/// How long to wait before looking whether another process still writes.
const BUSY_STEP: Duration = Duration::from_millis(1);
/// How often to look; then the store has failed.
const MAX_BUSY_STEPS: i32 = 5_000;

/// Marks the file as ours (`x402` in ASCII), so that no other program's database is taken for a journal.
const APPLICATION_ID: i64 = 0x7834_3032;

/// Each entry brings the schema one version further; the version is kept in `user_version`.
/// Released entries never change.
const MIGRATIONS: &[&str] = &[
    "
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
",
    "
    -- Owner 0 is nobody: what is unsealed of it waits to be taken over.
    ALTER TABLE settlement ADD COLUMN owner INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE settlement ADD COLUMN sealed_at_ms INTEGER;
    -- Of a confirmed settlement, as seen on chain; the columns without `final_` are as verified.
    ALTER TABLE settlement ADD COLUMN final_payer TEXT;
    ALTER TABLE settlement ADD COLUMN final_amount TEXT;
    -- How many rows of `replaced` there are.
    ALTER TABLE settlement ADD COLUMN replacements INTEGER NOT NULL DEFAULT 0;
    UPDATE settlement SET sealed_at_ms = updated_at_ms WHERE state IN ('confirmed', 'failed', 'expired');
    DROP INDEX settlement_unfinished;
    CREATE INDEX settlement_unsealed ON settlement (owner, created_at_ms, payment_id)
        WHERE sealed_at_ms IS NULL;
    CREATE INDEX settlement_sealed ON settlement (sealed_at_ms) WHERE sealed_at_ms IS NOT NULL;
    CREATE TABLE replaced (
        payment_id TEXT NOT NULL,
        position INTEGER NOT NULL,
        signed_transaction TEXT NOT NULL,
        signed_bytes BLOB NOT NULL,
        signer TEXT NOT NULL,
        lane_sequence INTEGER,
        PRIMARY KEY (payment_id, position)
    ) STRICT;
    CREATE INDEX replaced_transaction ON replaced (signed_transaction);
    CREATE TABLE lane (
        network TEXT NOT NULL,
        signer TEXT NOT NULL,
        next INTEGER NOT NULL,
        PRIMARY KEY (network, signer)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE given_back (
        network TEXT NOT NULL,
        signer TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        PRIMARY KEY (network, signer, sequence)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE slot (
        network TEXT NOT NULL,
        signer TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        payment_id TEXT,
        filler_transaction TEXT,
        filler_bytes BLOB,
        owner INTEGER NOT NULL,
        PRIMARY KEY (network, signer, sequence)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX slot_payment ON slot (payment_id) WHERE payment_id IS NOT NULL;
    -- What may still land holds its number. Two rows with one number can only be of before there were slots.
    INSERT OR IGNORE INTO slot (network, signer, sequence, payment_id, owner)
        SELECT network, signer, lane_sequence, payment_id, 0 FROM settlement
        WHERE sealed_at_ms IS NULL AND signer IS NOT NULL AND lane_sequence IS NOT NULL
        ORDER BY created_at_ms, payment_id;
    INSERT INTO lane (network, signer, next)
        SELECT network, signer, max(sequence) + 1 FROM slot
        WHERE sequence < 9223372036854775807 GROUP BY network, signer;
    CREATE TABLE lease (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        ended_at_ms INTEGER
    ) STRICT;
    CREATE TABLE idempotency (
        key TEXT NOT NULL PRIMARY KEY,
        request TEXT NOT NULL,
        created_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX idempotency_age ON idempotency (created_at_ms);
",
];

/// The schema version that this program writes.
const SUPPORTED: i64 = MIGRATIONS.len() as i64;

pub(super) fn cannot_open(path: &Path, source: impl Into<Box<dyn Error + Send + Sync>>) -> JournalError {
    JournalError::Open { path: path.to_owned(), source: Arc::from(source.into()) }
}

/// The connection that writes: WAL, an fsync for each commit, schema up to date.
pub(super) fn open_writer(path: &Path) -> Result<Connection, JournalError> {
    create_private(path).map_err(|error| cannot_open(path, error))?;
    let mut connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(|error| cannot_open(path, error))?;
    let failed = |error: rusqlite::Error| cannot_open(path, error);
    wait_when_busy(&mut connection).map_err(failed)?;
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
        let mut connection = Connection::open_with_flags(path, flags)?;
        wait_when_busy(&mut connection)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    };
    open().map_err(|error| cannot_open(path, error))
}

/// Lets a statement wait for another process that writes to the same file.
///
/// SQLite's own time-out looks ever more seldom, up to ten times a second, and would miss the moments between
/// the commits of a busy process. Looking each millisecond finds one of them.
fn wait_when_busy(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_handler(Some(|looked| {
        std::thread::sleep(BUSY_STEP);
        looked < MAX_BUSY_STEPS
    }))
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
