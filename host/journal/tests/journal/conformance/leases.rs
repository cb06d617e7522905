//! Leases: numbers that nobody had before, and when they are over.

use std::{collections::BTreeSet, sync::Arc};

use facilitator_journal::{JournalError, Liveness, Owner};
use futures_util::future::join_all;

use super::{Process, Store};

pub(crate) async fn every_lease_has_a_higher_number(store: &impl Store) {
    let first = Process::start(store, "one").await;
    let second = Process::start(store, "two").await;
    let again = first.journal.begin_lease("three").await.unwrap();
    assert!(Owner::from_number(0) < first.owner && first.owner < second.owner && second.owner < again);
    // Numbers of ended leases are not used again.
    assert!(first.journal.end_lease(again, None).await.unwrap());
    assert!(again < Process::start(store, "four").await.owner);

    let leases = second.journal.leases().await.unwrap();
    let names: Vec<_> = leases.iter().map(|lease| lease.name.as_str()).collect();
    assert_eq!(names[..3], ["one", "two", "three"]);
    assert!(leases.is_sorted_by_key(|lease| lease.owner));
}

pub(crate) async fn concurrent_leases_have_different_numbers(store: &impl Store) {
    let journals = [store.journal().await, store.journal().await];
    let tries = (0..20).map(|n| {
        let journal = Arc::clone(&journals[n % 2]);
        tokio::spawn(async move { journal.begin_lease(&format!("process-{n}")).await.unwrap() })
    });
    let owners: BTreeSet<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(owners.len(), 20);
    for owner in owners {
        journals[0].renew_lease(owner).await.unwrap();
    }
}

pub(crate) async fn a_lease_lives_until_it_is_ended(store: &impl Store) {
    let (process, other) = (Process::start(store, "one").await, Process::start(store, "two").await);
    let owner = process.owner;
    process.journal.renew_lease(owner).await.unwrap();
    for observer in [&process, &other] {
        assert!(matches!(observer.sees(owner).await, Some(Liveness::Running | Liveness::Renewed(_))));
    }
    assert!(process.journal.end_lease(owner, None).await.unwrap());
    for observer in [&process, &other] {
        assert_eq!(observer.sees(owner).await, Some(Liveness::Ended));
        let refused = observer.journal.renew_lease(owner).await;
        assert!(
            matches!(refused, Err(JournalError::LeaseEnded { owner: told }) if told == owner),
            "{refused:?}"
        );
        // Ending it once more is no error, by itself or by others, whatever they saw.
        assert!(observer.journal.end_lease(owner, None).await.unwrap());
        for seen in [Liveness::Running, Liveness::Renewed(1), Liveness::Ended] {
            assert!(observer.journal.end_lease(owner, Some(seen)).await.unwrap());
        }
    }
    other.journal.renew_lease(other.owner).await.unwrap();
}

pub(crate) async fn a_lease_that_shows_signs_of_life_is_not_ended(store: &impl Store) {
    let (process, observer) = (Process::start(store, "one").await, Process::start(store, "two").await);
    for _ in 0..3 {
        let seen = observer.sees(process.owner).await;
        process.journal.renew_lease(process.owner).await.unwrap();
        assert!(!observer.journal.end_lease(process.owner, seen).await.unwrap());
    }
    assert!(!observer.journal.end_lease(process.owner, Some(Liveness::Ended)).await.unwrap());
    process.journal.renew_lease(process.owner).await.unwrap();
    assert_ne!(observer.sees(process.owner).await, Some(Liveness::Ended));
}

pub(crate) async fn a_silent_lease_is_ended_by_several_observers(store: &impl Store) {
    let gone = Process::start(store, "gone").await;
    let (one, two) = (Process::start(store, "one").await, Process::start(store, "two").await);
    let owner = gone.owner;
    one.bury(gone).await;
    let tries = (0..20).map(|n| {
        let journal = Arc::clone(if n % 2 == 0 { &one.journal } else { &two.journal });
        tokio::spawn(async move {
            let leases = journal.leases().await.unwrap();
            let seen = leases.iter().find(|lease| lease.owner == owner).map(|lease| lease.liveness);
            assert_eq!(seen, Some(Liveness::Ended));
            assert!(journal.end_lease(owner, Some(Liveness::Running)).await.unwrap());
            assert!(matches!(journal.renew_lease(owner).await, Err(JournalError::LeaseEnded { .. })));
        })
    });
    join_all(tries).await.into_iter().for_each(Result::unwrap);
    for process in [&one, &two] {
        process.journal.renew_lease(process.owner).await.unwrap();
    }
}

pub(crate) async fn an_unknown_lease_has_ended(store: &impl Store) {
    let process = Process::start(store, "one").await;
    let unknown = Owner::from_number(1_000);
    assert!(matches!(process.journal.renew_lease(unknown).await, Err(JournalError::LeaseEnded { .. })));
    for seen in [None, Some(Liveness::Running), Some(Liveness::Renewed(0))] {
        assert!(process.journal.end_lease(unknown, seen).await.unwrap());
    }
    assert!(process.journal.begin_lease("next").await.unwrap() > process.owner);
}

pub(crate) async fn a_long_name_may_be_cut(store: &impl Store) {
    let journal = store.journal().await;
    let name = "é".repeat(10_000);
    let owner = journal.begin_lease(&name).await.unwrap();
    let nameless = journal.begin_lease("").await.unwrap();
    let leases = journal.leases().await.unwrap();
    assert_eq!(leases.iter().map(|lease| lease.owner).collect::<Vec<_>>(), [owner, nameless]);
    assert!(leases[0].name.len() >= 64 && name.starts_with(&leases[0].name));
    assert_eq!(leases[1].name, "");
}
