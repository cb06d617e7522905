//! The program is killed between signing and sending; the next one must find the signed bytes.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

use facilitator_journal::{Journal, SqliteJournal, State};

use crate::builders::{bring, id, signed};

/// Set for the process that is to be killed.
const DIRECTORY: &str = "JOURNAL_CRASH_DIRECTORY";
const READY: &str = "durable";

fn open(directory: &Path) -> SqliteJournal {
    SqliteJournal::open(&directory.join("journal.sqlite")).unwrap()
}

/// Runs in the child only: signs, says so, and never comes to sending.
#[tokio::test]
async fn child_signs_and_hangs() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let journal = open(Path::new(&directory));
    bring(&journal, "approved", State::Approved).await;
    bring(&journal, "signed", State::Signed).await;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "\n{READY}").unwrap();
    stdout.flush().unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn signed_bytes_survive_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child_signs_and_hangs", "--nocapture"])
        .env(DIRECTORY, directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap()).lines().any(|line| line.unwrap() == READY);
    // SIGKILL: nothing of the process runs any more, not even a destructor.
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said, "the child ended before it had signed");

    let journal = open(directory.path());
    let page = journal.unfinished(None, 10).await.unwrap();
    let states: Vec<_> = page.records.iter().map(|r| (r.settlement.payment_id.as_str(), r.state)).collect();
    assert_eq!(states, [("approved", State::Approved), ("signed", State::Signed)]);
    assert_eq!(page.records[1].signed, Some(signed("0xtx-signed")));
    // The new process goes on where the old one stopped, and cannot sign again.
    journal.signed(&id("signed"), signed("0xsecond")).await.unwrap_err();
    journal.broadcast(&id("signed")).await.unwrap();
    journal.release(&id("approved")).await.unwrap();
}
