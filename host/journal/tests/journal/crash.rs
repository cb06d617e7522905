//! The program is killed between signing and sending; the next one must find the signed bytes, see at once
//! that nobody owns them any more, and take them over.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use facilitator_journal::{Journal, JournalError, Liveness, SqliteJournal, State};

use crate::builders::{bring, id, signed};

/// Set for the process that is to be killed.
const DIRECTORY: &str = "JOURNAL_CRASH_DIRECTORY";
const READY: &str = "durable";

fn open(directory: &Path) -> SqliteJournal {
    SqliteJournal::open(&directory.join("journal.sqlite"), Duration::from_secs(3_600)).unwrap()
}

/// Runs in the child only: signs, says so, and never comes to sending.
#[tokio::test]
async fn child_signs_and_hangs() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let journal = open(Path::new(&directory));
    let owner = journal.begin_lease("child").await.unwrap();
    bring(&journal, owner, "approved", State::Approved).await;
    bring(&journal, owner, "signed", State::Signed).await;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "\n{READY}").unwrap();
    stdout.flush().unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn signed_bytes_survive_a_kill_and_are_taken_over() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(directory.path());
    let owner = journal.begin_lease("parent").await.unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child_signs_and_hangs", "--nocapture"])
        .env(DIRECTORY, directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap()).lines().any(|line| line.unwrap() == READY);
    let alive = journal.leases().await.unwrap();
    // SIGKILL: nothing of the process runs any more, not even a destructor.
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said, "the child ended before it had signed");

    // While it ran it was seen to run, and now that it is over.
    let gone = alive.iter().find(|lease| lease.name == "child").unwrap();
    assert_eq!(gone.liveness, Liveness::Running);
    let leases = journal.leases().await.unwrap();
    let seen: Vec<_> = leases.iter().map(|lease| (lease.name.as_str(), lease.liveness)).collect();
    assert_eq!(seen, [("parent", Liveness::Running), ("child", Liveness::Ended)]);
    assert!(journal.end_lease(gone.owner, Some(gone.liveness)).await.unwrap());

    let page = journal.unsealed(gone.owner, None, 10).await.unwrap();
    let states: Vec<_> = page.records.iter().map(|r| (r.settlement.payment_id.as_str(), r.state)).collect();
    assert_eq!(states, [("approved", State::Approved), ("signed", State::Signed)]);
    assert_eq!(page.records[1].signed, Some(signed("0xtx-signed")));
    // Not before they are taken over.
    let refused = journal.broadcast(owner, &id("signed")).await;
    assert!(matches!(refused, Err(JournalError::Fenced { .. })), "{refused:?}");
    for name in ["approved", "signed"] {
        journal.take_over(&id(name), gone.owner, owner).await.unwrap().unwrap();
    }
    // The new process goes on where the old one stopped, and cannot sign again.
    journal.signed(owner, &id("signed"), signed("0xsecond")).await.unwrap_err();
    journal.broadcast(owner, &id("signed")).await.unwrap();
    journal.release(owner, &id("approved")).await.unwrap();
}
