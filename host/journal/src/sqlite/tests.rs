//! What is particular to the file: opening, schema versions, a full disk, groups, times.

mod leases;
mod migration;
mod retention;

use std::sync::atomic::{AtomicU64, Ordering};

use facilitator_protocol::X402Version;
use futures_util::future::join_all;
use tempfile::TempDir;

use super::*;
use crate::{
    Claim, GuestGeneration, Journal, LaneKey, NewSettlement, Outcome, PaymentId, SignedBytes, State,
};

/// Somebody who owns records here; whether there is such a lease is of no account.
const OWNER: Owner = Owner::from_number(1);
const KEEP: Duration = Duration::from_secs(3_600);

fn new(payment_id: &str) -> NewSettlement {
    NewSettlement {
        payment_id: payment_id.parse().unwrap(),
        payload: "p".parse().unwrap(),
        fingerprint: "f".parse().unwrap(),
        network: "eip155:84532".parse().unwrap(),
        x402_version: X402Version::V2,
        scheme: "exact".to_owned(),
        request: "{}".to_owned(),
        guest: GuestGeneration { name: "evm".to_owned(), sha256: [0; 32] },
        payer: "0xpayer".to_owned(),
        amount: "1".parse().unwrap(),
        expires_at: u64::MAX,
    }
}

fn directory() -> (TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state/journal.sqlite");
    (directory, path)
}

fn open(path: &Path) -> Result<SqliteJournal, JournalError> {
    SqliteJournal::open(path, KEEP)
}

/// A journal whose times are what `now` holds.
fn open_at(path: &Path, now: &Arc<AtomicU64>) -> SqliteJournal {
    let clock = Arc::clone(now);
    SqliteJournal::open_with_clock(path, KEEP, Arc::new(move || clock.load(Ordering::SeqCst))).unwrap()
}

fn bytes(transaction: &str, lane_sequence: u64) -> SignedBytes {
    SignedBytes {
        transaction: transaction.to_owned(),
        bytes: vec![1, 2],
        signer: "0xsigner".to_owned(),
        lane_sequence: Some(lane_sequence),
    }
}

fn lane() -> LaneKey {
    LaneKey { network: "eip155:84532".parse().unwrap(), signer: "0xsigner".to_owned() }
}

fn failed() -> Outcome {
    Outcome::Failed { reason: "r".to_owned(), message: "m".to_owned(), transaction: None }
}

#[test]
fn a_place_that_cannot_be_written_is_refused_at_open() {
    let (directory, _) = directory();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let places =
        [file.join("journal.sqlite"), directory.path().to_owned(), Path::new("/proc/no/journal").to_owned()];
    for place in places {
        let refused = SqliteJournal::open(&place, KEEP);
        assert!(matches!(&refused, Err(JournalError::Open { path, .. }) if *path == place), "{refused:?}");
    }
}

#[test]
fn what_is_no_journal_is_refused_and_left_alone() {
    let (directory, _) = directory();
    let (other, text) = (directory.path().join("other.sqlite"), directory.path().join("notes.txt"));
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE notes (x)").unwrap();
    std::fs::write(&text, "not a database, but longer than a header of one would have to be".repeat(20))
        .unwrap();
    for path in [other, text] {
        let before = std::fs::read(&path).unwrap();
        let refused = open(&path);
        assert!(
            matches!(refused, Err(JournalError::NotAJournal { .. } | JournalError::Open { .. })),
            "{refused:?}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_newer_schema_is_refused_with_both_versions() {
    let (_directory, path) = directory();
    drop(open(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    let current: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    connection.pragma_update(None, "user_version", current + 1).unwrap();
    drop(connection);
    match open(&path) {
        Err(JournalError::TooNew { found, supported, .. }) => {
            assert_eq!((found, supported), (current + 1, current));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn records_outlive_the_journal_and_it_opens_again() {
    let (_directory, path) = directory();
    let id: PaymentId = "kept".parse().unwrap();
    let journal = open(&path).unwrap();
    journal.claim(OWNER, new("kept")).await.unwrap();
    drop(journal);
    let journal = open(&path).unwrap();
    let record = journal.get(&id).await.unwrap().unwrap();
    assert_eq!(record.state, State::Claimed);
    assert_eq!(
        record.settlement.expires_at,
        i64::MAX as u64,
        "a time beyond what is kept is as late as can be"
    );
}

#[test]
fn each_commit_is_synced() {
    let (_directory, path) = directory();
    let connection = schema::open_writer(&path).unwrap();
    let pragma = |name| -> String {
        connection
            .query_row(&format!("PRAGMA {name}"), (), |row| row.get::<_, rusqlite::types::Value>(0))
            .map(|value| format!("{value:?}"))
            .unwrap()
    };
    assert_eq!(pragma("journal_mode"), r#"Text("wal")"#);
    assert_eq!(pragma("synchronous"), "Integer(2)");
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    let (_directory, path) = directory();
    let _journal = open(&path).unwrap();
    for file in [path.clone(), path.with_extension("sqlite-wal"), path.with_extension("sqlite-shm")] {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", file.display());
    }
}

/// A disk that is full: SQLite may not let the file grow.
#[tokio::test]
async fn a_full_disk_refuses_writes_and_loses_nothing() {
    let (_directory, path) = directory();
    let writer = schema::open_writer(&path).unwrap();
    let reader = schema::open_reader(&path).unwrap();
    let journal = SqliteJournal::start(&path, writer, reader, KEEP, Arc::new(|| 1)).unwrap();
    let limit = |pages: i64| {
        journal.write::<()>(move |connection, _| {
            Ok(connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?)
        })
    };
    journal.claim(OWNER, new("before")).await.unwrap();
    limit(1).await.unwrap();
    let big = |name: String| NewSettlement { request: "x".repeat(100_000), ..new(&name) };

    let refused = join_all((0..20).map(|n| journal.claim(OWNER, big(format!("full-{n}"))))).await;
    assert!(refused.iter().all(|answer| matches!(answer, Err(JournalError::Storage(_)))), "{refused:?}");
    for name in ["full-0", "full-19"] {
        assert_eq!(journal.get(&name.parse().unwrap()).await.unwrap(), None);
    }
    assert!(journal.get(&"before".parse().unwrap()).await.unwrap().is_some());

    limit(1_000_000).await.unwrap();
    assert_eq!(journal.claim(OWNER, big("full-0".to_owned())).await.unwrap(), Claim::Won);
}

/// What queues up while a commit runs shares the next one.
#[tokio::test]
async fn writes_that_wait_share_a_commit() {
    let (_directory, path) = directory();
    let commits = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&commits);
    let mut writer = schema::open_writer(&path).unwrap();
    writer
        .commit_hook(Some(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            false
        }))
        .unwrap();
    let reader = schema::open_reader(&path).unwrap();
    let journal = SqliteJournal::start(&path, writer, reader, KEEP, Arc::new(|| 1)).unwrap();
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let blocked = journal.write(move |_, _| held.recv().map_err(|_| JournalError::Closed));
    let claims = join_all((0..100).map(|n| journal.claim(OWNER, new(&format!("p{n}")))));
    let ((), won, ()) = tokio::join!(
        async { blocked.await.unwrap() },
        claims,
        // Polled last: by now all claims are queued behind the held write.
        async { hold.send(()).unwrap() },
    );
    assert!(won.into_iter().all(|claim| claim.unwrap() == Claim::Won));
    assert!(commits.load(Ordering::SeqCst) <= 2, "{} commits", commits.load(Ordering::SeqCst));
}

#[tokio::test]
async fn times_come_from_the_clock() {
    let (_directory, path) = directory();
    let now = Arc::new(AtomicU64::new(1_000));
    let journal = open_at(&path, &now);
    let id: PaymentId = "timed".parse().unwrap();
    journal.claim(OWNER, new("timed")).await.unwrap();
    now.store(2_500, Ordering::SeqCst);
    journal.approved(OWNER, &id).await.unwrap();
    let record = journal.get(&id).await.unwrap().unwrap();
    assert_eq!((record.created_at_ms, record.updated_at_ms), (1_000, 2_500));
}

#[tokio::test]
async fn an_unreadable_record_is_told_and_disturbs_no_other() {
    let (_directory, path) = directory();
    let journal = open(&path).unwrap();
    journal.claim(OWNER, new("bad")).await.unwrap();
    let tamper = Connection::open(&path).unwrap();
    tamper.execute("UPDATE settlement SET amount = '-1'", ()).unwrap();
    let (bad, good) = tokio::join!(journal.claim(OWNER, new("bad")), journal.claim(OWNER, new("good")));
    assert!(matches!(bad, Err(JournalError::Corrupt { field: "amount", .. })), "{bad:?}");
    assert_eq!(good.unwrap(), Claim::Won);
}

#[test]
fn records_in_logs_show_neither_payload_nor_bytes() {
    let settlement = NewSettlement { request: "SECRET".to_owned(), ..new("logged") };
    let signed = SignedBytes {
        transaction: "0x1".to_owned(),
        bytes: b"SECRET".to_vec(),
        signer: "0x2".to_owned(),
        lane_sequence: None,
    };
    let shown = format!("{settlement:?} {signed:?} {:?}", signed.bytes.len());
    assert!(shown.contains("logged") && !shown.contains("SECRET") && !shown.contains("83, 69"), "{shown}");
}

/// Each query of a listing or lookup must use an index: the journal only grows until it is purged.
#[test]
fn lookups_use_indices() {
    let (_directory, path) = directory();
    let connection = schema::open_writer(&path).unwrap();
    let of_settlements = [
        questions::UNSEALED,
        questions::BY_TRANSACTION,
        questions::BY_PAYLOAD,
        "WHERE payment_id = ?1",
        "WHERE sealed_at_ms IS NOT NULL AND sealed_at_ms < ?1 ORDER BY sealed_at_ms LIMIT ?2",
    ]
    .map(|condition| format!("SELECT * FROM settlement {condition}"));
    let others = [
        "SELECT min(owner) FROM settlement WHERE sealed_at_ms IS NULL AND owner > ?1",
        "SELECT * FROM settlement WHERE sealed_at_ms IS NULL AND owner = ?1",
        "SELECT * FROM replaced WHERE payment_id = ?1 ORDER BY position",
        "DELETE FROM slot WHERE payment_id = ?1",
        "SELECT * FROM slot WHERE network = ?1 AND signer = ?2 ORDER BY sequence LIMIT ?3",
        "SELECT min(sequence) FROM given_back WHERE network = ?1 AND signer = ?2 AND sequence >= ?3",
        "SELECT key FROM idempotency WHERE created_at_ms < ?1 ORDER BY created_at_ms LIMIT ?2",
    ]
    .map(str::to_owned);
    for sql in of_settlements.into_iter().chain(others) {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let parameters = vec![rusqlite::types::Null; statement.parameter_count()];
        let plan: Vec<String> = statement
            .query_map(rusqlite::params_from_iter(parameters), |row| row.get(3))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        // Few rows have one transaction: they may be sorted after they are found.
        let sorts = !sql.contains("final_transaction = ?1") && plan.iter().any(|step| step.contains("TEMP"));
        assert!(!sorts && plan.iter().all(|step| !step.starts_with("SCAN")), "{sql}: {plan:?}");
    }
}

#[tokio::test]
async fn a_page_of_long_records_is_cut() {
    let (_directory, path) = directory();
    let journal = open(&path).unwrap();
    let long = "x".repeat(128 << 10);
    let claims = (0..80).map(|n| {
        let new = NewSettlement { request: long.clone(), ..new(&format!("p{n:02}")) };
        journal.claim(OWNER, new)
    });
    join_all(claims).await.into_iter().for_each(|claim| assert_eq!(claim.unwrap(), Claim::Won));
    let first = journal.unsealed(OWNER, None, 100).await.unwrap();
    assert_eq!(first.records.len(), 64, "8 MiB of them");
    let rest = journal.unsealed(OWNER, first.next, 100).await.unwrap();
    assert_eq!((rest.records.len(), rest.next), (16, None));
}
