//! Leases and the files beside the journal.

use std::{path::PathBuf, sync::atomic::AtomicBool};

use futures_util::FutureExt;

use super::*;
use crate::{Lease, Liveness};

fn lease_file(path: &Path, owner: Owner) -> PathBuf {
    path.with_file_name(format!("journal.sqlite.lease-{owner}"))
}

async fn liveness(journal: &SqliteJournal, owner: Owner) -> Option<Liveness> {
    let leases = journal.leases().await.unwrap();
    leases.into_iter().find(|lease| lease.owner == owner).map(|lease| lease.liveness)
}

#[tokio::test]
async fn a_lease_file_is_there_for_as_long_as_the_lease() {
    let (_directory, path) = directory();
    let (one, two) = (open(&path).unwrap(), open(&path).unwrap());
    let (first, second) = (one.begin_lease("first").await.unwrap(), one.begin_lease("second").await.unwrap());
    for owner in [first, second] {
        assert!(lease_file(&path, owner).exists());
        assert_eq!(liveness(&two, owner).await, Some(Liveness::Running));
    }
    assert!(one.end_lease(first, None).await.unwrap());
    assert!(!lease_file(&path, first).exists());
    assert!(!two.end_lease(second, Some(Liveness::Running)).await.unwrap());

    drop(one);
    assert!(lease_file(&path, second).exists(), "nobody has looked yet");
    assert_eq!(liveness(&two, second).await, Some(Liveness::Ended));
    assert!(!lease_file(&path, second).exists());
}

/// Who looks is not taken for the process by another one who looks.
#[tokio::test]
async fn observers_do_not_disturb_each_other() {
    let (_directory, path) = directory();
    let (gone, one, two) = (open(&path).unwrap(), open(&path).unwrap(), open(&path).unwrap());
    let owner = gone.begin_lease("gone").await.unwrap();
    drop(gone);
    // As another observer does, at the moment when it looks.
    let looking = File::open(lease_file(&path, owner)).unwrap();
    looking.try_lock_shared().unwrap();
    assert_eq!(liveness(&one, owner).await, Some(Liveness::Ended));
    assert_eq!(liveness(&two, owner).await, Some(Liveness::Ended));
}

#[cfg(unix)]
#[tokio::test]
async fn a_lease_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    let (_directory, path) = directory();
    let journal = open(&path).unwrap();
    let owner = journal.begin_lease("one").await.unwrap();
    let mode = std::fs::metadata(lease_file(&path, owner)).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
}

/// As after a restore from a backup, which has the journal alone.
#[tokio::test]
async fn a_lease_without_its_file_has_ended() {
    let (_directory, path) = directory();
    let (one, two) = (open(&path).unwrap(), open(&path).unwrap());
    let owner = one.begin_lease("one").await.unwrap();
    std::fs::remove_file(lease_file(&path, owner)).unwrap();
    assert_eq!(liveness(&two, owner).await, Some(Liveness::Ended));
    assert!(matches!(one.renew_lease(owner).await, Err(JournalError::LeaseEnded { .. })));
}

#[cfg(unix)]
#[tokio::test]
async fn a_journal_of_two_names_has_one_set_of_leases() {
    let (directory, path) = directory();
    let one = open(&path).unwrap();
    let owner = one.begin_lease("one").await.unwrap();
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(path.parent().unwrap(), &link).unwrap();
    let two = open(&link.join("journal.sqlite")).unwrap();
    assert_eq!(liveness(&two, owner).await, Some(Liveness::Running));
}

/// Nobody waits for the answer any more, so nobody will ever renew or end it.
#[tokio::test]
async fn a_lease_whose_answer_nobody_took_is_over() {
    let (_directory, path) = directory();
    let (one, two) = (open(&path).unwrap(), open(&path).unwrap());
    assert!(one.begin_lease("lost").now_or_never().is_none());
    // Behind it in the queue, so answered after it.
    one.claim(OWNER, new("later")).await.unwrap();
    assert_eq!(liveness(&two, Owner::from_number(1)).await, Some(Liveness::Ended));
}

#[tokio::test]
async fn a_lease_file_that_cannot_be_made_fails_nobody_else() {
    let (_directory, path) = directory();
    let journal = open(&path).unwrap();
    let in_the_way = lease_file(&path, Owner::from_number(1));
    std::fs::create_dir(&in_the_way).unwrap();
    let (lease, claim) = tokio::join!(journal.begin_lease("one"), journal.claim(OWNER, new("p")));
    match lease {
        Err(JournalError::Storage(cause)) => {
            assert!(cause.to_string().contains("journal.sqlite.lease-1"), "{cause}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(claim.unwrap(), Claim::Won);
    assert!(journal.get(&"p".parse().unwrap()).await.unwrap().is_some());
    std::fs::remove_dir(&in_the_way).unwrap();
    let owner = journal.begin_lease("one").await.unwrap();
    assert_eq!(liveness(&journal, owner).await, Some(Liveness::Running));
}

/// A disk that is full or read-only: nothing can be committed.
#[tokio::test]
async fn a_store_that_takes_no_commit_refuses_leases_and_ends_none() {
    let (_directory, path) = directory();
    let one = open(&path).unwrap();
    let refuses = Arc::new(AtomicBool::new(false));
    let mut writer = schema::open_writer(&path).unwrap();
    let refused = Arc::clone(&refuses);
    writer.commit_hook(Some(move || refused.load(Ordering::SeqCst))).unwrap();
    let reader = schema::open_reader(&path).unwrap();
    let two = SqliteJournal::start(&path, writer, reader, KEEP, Arc::new(|| 1)).unwrap();
    let (gone, alive) = (one.begin_lease("gone").await.unwrap(), two.begin_lease("alive").await.unwrap());
    refuses.store(true, Ordering::SeqCst);
    assert!(matches!(two.begin_lease("late").await, Err(JournalError::Storage(_))));
    assert!(matches!(two.end_lease(alive, None).await, Err(JournalError::Storage(_))));
    two.renew_lease(alive).await.unwrap();
    drop(one);
    assert!(matches!(two.leases().await, Err(JournalError::Storage(_))), "the end cannot be recorded");

    refuses.store(false, Ordering::SeqCst);
    let expected = [("gone", gone, Liveness::Ended), ("alive", alive, Liveness::Running)];
    let expected = expected.map(|(name, owner, liveness)| Lease { owner, name: name.to_owned(), liveness });
    assert_eq!(two.leases().await.unwrap(), expected);
    // The number of the lease that was refused was not used up, and its file is in nobody's way.
    assert_eq!(two.begin_lease("late").await.unwrap().number(), alive.number() + 1);
}

#[tokio::test]
async fn ended_leases_are_forgotten_after_an_hour_but_not_with_unsealed_records() {
    let (_directory, path) = directory();
    let now = Arc::new(AtomicU64::new(1_000));
    let journal = open_at(&path, &now);
    let owners = async || -> Vec<u64> {
        journal.leases().await.unwrap().iter().map(|lease| lease.owner.number()).collect()
    };
    let (idle, busy) =
        (journal.begin_lease("idle").await.unwrap(), journal.begin_lease("busy").await.unwrap());
    let running = journal.begin_lease("running").await.unwrap();
    let id: PaymentId = "p".parse().unwrap();
    journal.claim(busy, new("p")).await.unwrap();
    for owner in [idle, busy] {
        assert!(journal.end_lease(owner, None).await.unwrap());
    }
    now.fetch_add(3_600_000, Ordering::SeqCst);
    assert_eq!(journal.purge().await.unwrap(), 0);
    assert_eq!(owners().await, [1, 2, 3]);
    // Ending it again does not prolong it.
    assert!(journal.end_lease(idle, None).await.unwrap());
    now.fetch_add(1, Ordering::SeqCst);
    assert_eq!(journal.purge().await.unwrap(), 1);
    assert_eq!(owners().await, [2, 3]);
    assert!(matches!(journal.renew_lease(idle).await, Err(JournalError::LeaseEnded { .. })));

    journal.take_over(&id, busy, running).await.unwrap().unwrap();
    assert_eq!(journal.purge().await.unwrap(), 1);
    assert_eq!(owners().await, [3]);
    // It wakes up after everybody has forgotten it.
    journal.claim(busy, new("q")).await.unwrap();
    assert_eq!(owners().await, [2, 3]);
    assert_eq!(liveness(&journal, busy).await, Some(Liveness::Ended));
    assert_eq!(journal.begin_lease("next").await.unwrap().number(), 4);
}
