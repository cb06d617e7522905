use std::path::Path;

use facilitator_journal::{Liveness, SqliteJournal};

use super::*;

fn journal(directory: &Path) -> Arc<dyn Journal> {
    Arc::new(SqliteJournal::open(&directory.join("journal.db"), Duration::from_secs(86_400)).unwrap())
}

async fn alive(journal: &dyn Journal) -> Vec<Owner> {
    let leases = journal.leases().await.unwrap();
    leases.into_iter().filter(|lease| lease.liveness != Liveness::Ended).map(|lease| lease.owner).collect()
}

#[tokio::test]
async fn a_lease_is_begun_once_and_then_renewed() {
    let directory = tempfile::tempdir().unwrap();
    let journal = journal(directory.path());
    let lease = OwnLease::new(Arc::clone(&journal), "test".to_owned());
    assert_eq!((lease.owner(), lease.for_new_payments()), (None, None));
    let (first, second) = tokio::join!(lease.renew(), lease.renew());
    first.unwrap();
    second.unwrap();
    let owner = lease.owner().unwrap();
    assert_eq!(alive(journal.as_ref()).await, [owner]);
    assert_eq!(lease.for_new_payments(), Some(owner));
}

#[tokio::test]
async fn a_lease_that_was_not_renewed_for_long_takes_no_new_payments_and_owns_what_it_owns() {
    let directory = tempfile::tempdir().unwrap();
    let lease = OwnLease::new(journal(directory.path()), "test".to_owned());
    lease.renew().await.unwrap();
    let held = lease.held().unwrap();
    let renewed = held.renewed.checked_sub(RELIED_ON).unwrap();
    lease.set(Some(Held { renewed, ..held }));
    assert_eq!((lease.for_new_payments(), lease.owner()), (None, Some(held.owner)));
    lease.renew().await.unwrap();
    assert_eq!(lease.for_new_payments(), Some(held.owner), "the same, as nobody has ended it");
}

#[tokio::test]
async fn a_lease_that_others_have_ended_is_followed_by_a_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let journal = journal(directory.path());
    let lease = OwnLease::new(Arc::clone(&journal), "test".to_owned());
    lease.renew().await.unwrap();
    let before = lease.owner().unwrap();
    assert!(journal.end_lease(before, None).await.unwrap());
    lease.renew().await.unwrap();
    let after = lease.owner().unwrap();
    assert!(after > before);
    assert_eq!(alive(journal.as_ref()).await, [after]);
}

#[tokio::test]
async fn after_its_end_no_lease_is_begun_any_more() {
    let directory = tempfile::tempdir().unwrap();
    let journal = journal(directory.path());
    let lease = OwnLease::new(Arc::clone(&journal), "test".to_owned());
    lease.renew().await.unwrap();
    lease.end().await;
    lease.renew().await.unwrap();
    assert_eq!((lease.owner(), lease.for_new_payments()), (None, None));
    assert_eq!(alive(journal.as_ref()).await, []);
}

#[tokio::test]
async fn a_lease_that_begins_while_it_is_ended_is_ended_too() {
    let directory = tempfile::tempdir().unwrap();
    let journal = journal(directory.path());
    let lease = OwnLease::new(Arc::clone(&journal), "test".to_owned());
    let (renewed, ()) = tokio::join!(lease.renew(), lease.end());
    renewed.unwrap();
    assert_eq!(lease.owner(), None);
    assert_eq!(alive(journal.as_ref()).await, []);
}
