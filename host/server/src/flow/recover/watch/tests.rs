use std::path::Path;

use facilitator_journal::SqliteJournal;

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

fn journal(directory: &Path) -> SqliteJournal {
    SqliteJournal::open(&directory.join("journal.db"), DAY).unwrap()
}

fn lease(number: u64, liveness: Liveness) -> Lease {
    Lease { owner: Owner::from_number(number), name: String::new(), liveness }
}

/// Lets what was seen of a lease be older by this.
fn grow_older(watch: &mut Watch, by: Duration) {
    for seen in watch.0.values_mut() {
        seen.since = seen.since.checked_sub(by).unwrap();
        seen.look_at = seen.look_at.checked_sub(by).unwrap();
    }
}

#[tokio::test]
async fn a_process_that_runs_is_left_alone_however_long() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, mut watch) = (journal(directory.path()), Watch::default());
    for _ in 0..3 {
        assert!(!watch.is_due(&journal, &lease(7, Liveness::Running)).await.unwrap());
        grow_older(&mut watch, SILENCE * 2);
    }
}

#[tokio::test]
async fn only_a_lease_that_was_silent_since_this_process_looked_is_ended() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, mut watch) = (journal(directory.path()), Watch::default());
    assert!(!watch.is_due(&journal, &lease(7, Liveness::Renewed(1))).await.unwrap());
    grow_older(&mut watch, SILENCE - Duration::from_secs(1));
    assert!(!watch.is_due(&journal, &lease(7, Liveness::Renewed(1))).await.unwrap());
    grow_older(&mut watch, Duration::from_secs(1));
    // A sign: the silence begins anew.
    assert!(!watch.is_due(&journal, &lease(7, Liveness::Renewed(2))).await.unwrap());
    grow_older(&mut watch, SILENCE);
    assert!(watch.is_due(&journal, &lease(7, Liveness::Renewed(2))).await.unwrap(), "nobody knows the lease");
}

#[tokio::test]
async fn a_lease_that_its_process_shows_to_be_alive_after_all_is_not_ended() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, mut watch) = (journal(directory.path()), Watch::default());
    let owner = journal.begin_lease("other").await.unwrap();
    let silent = lease(owner.number(), Liveness::Renewed(1));
    assert!(!watch.is_due(&journal, &silent).await.unwrap());
    grow_older(&mut watch, SILENCE);
    assert!(!watch.is_due(&journal, &silent).await.unwrap(), "it is locked by a process that runs");
    journal.renew_lease(owner).await.unwrap();
}

#[tokio::test]
async fn what_an_ended_lease_has_left_is_looked_for_often_at_first_and_then_seldom() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, mut watch) = (journal(directory.path()), Watch::default());
    let ended = lease(7, Liveness::Ended);
    assert!(watch.is_due(&journal, &ended).await.unwrap());
    assert!(!watch.is_due(&journal, &ended).await.unwrap());
    grow_older(&mut watch, LEFT_INTERVAL);
    assert!(watch.is_due(&journal, &ended).await.unwrap());
    grow_older(&mut watch, LEFT_LATER);
    assert!(watch.is_due(&journal, &ended).await.unwrap());
    grow_older(&mut watch, LEFT_INTERVAL);
    assert!(!watch.is_due(&journal, &ended).await.unwrap(), "a minute passes now");
    watch.look_again(ended.owner);
    grow_older(&mut watch, LEFT_INTERVAL);
    assert!(watch.is_due(&journal, &ended).await.unwrap(), "unless something was left there");
}

#[tokio::test]
async fn a_lease_that_ends_is_due_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, mut watch) = (journal(directory.path()), Watch::default());
    assert!(!watch.is_due(&journal, &lease(7, Liveness::Running)).await.unwrap());
    assert!(watch.is_due(&journal, &lease(7, Liveness::Ended)).await.unwrap());
}
