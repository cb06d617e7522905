//! Only the owner of a record moves it.

use std::sync::Arc;

use facilitator_journal::{JournalError, Owner, State};
use futures_util::future::join_all;

use super::{Process, Store};
use crate::builders::{bring, confirmed, failed, id, lane, outcome_of, settlement, signed};

/// Every move, by `owner` and with legal data for a record that is approved, signed, broadcast or final.
async fn every_move(process: &Process, owner: Owner, name: &str) -> Vec<Result<(), JournalError>> {
    let (journal, id) = (&process.journal, id(name));
    vec![
        journal.approved(owner, &id).await,
        journal.signed(owner, &id, signed(&format!("0xfenced-{name}"))).await,
        journal.signed(owner, &id, signed(&format!("0xtx-{name}"))).await,
        journal.broadcast(owner, &id).await,
        journal.replaced(owner, &id, signed(&format!("0xagain-{name}"))).await,
        journal.finish(owner, &id, confirmed("0xfinal")).await,
        journal.finish(owner, &id, failed(None)).await,
        journal.revise(owner, &id, failed(None)).await,
        journal.seal(owner, &id).await,
        journal.release(owner, &id).await,
    ]
}

fn assert_fenced(answers: Vec<Result<(), JournalError>>, name: &str, by: Owner) {
    for (n, answer) in answers.into_iter().enumerate() {
        assert!(
            matches!(&answer, Err(JournalError::Fenced { payment_id, owner })
                if *payment_id == id(name) && *owner == by),
            "{name}, move {n}: {answer:?}"
        );
    }
}

pub(crate) async fn every_move_of_another_owner_is_fenced(store: &impl Store) {
    let (first, other) = (Process::start(store, "one").await, Process::start(store, "two").await);
    for state in State::ALL {
        let name = state.as_str();
        bring(&*first.journal, first.owner, name, state).await;
        let before = (first.record(&id(name)).await, first.journal.lane(&lane(), 0).await.unwrap());
        // A move that the owner could make, and one that he could not or has made, are refused alike.
        assert_fenced(every_move(&other, other.owner, name).await, name, first.owner);
        assert_fenced(every_move(&first, Owner::from_number(0), name).await, name, first.owner);
        assert_eq!((first.record(&id(name)).await, first.journal.lane(&lane(), 0).await.unwrap()), before);
    }
    // A sealed record too.
    first.journal.seal(first.owner, &id("confirmed")).await.unwrap();
    assert_fenced(every_move(&other, other.owner, "confirmed").await, "confirmed", first.owner);
}

pub(crate) async fn a_zombie_moves_nothing_that_was_taken_over(store: &impl Store) {
    let (zombie, heir) = (Process::start(store, "zombie").await, Process::start(store, "heir").await);
    for state in State::ALL {
        let name = state.as_str();
        bring(&*zombie.journal, zombie.owner, name, state).await;
        let before = zombie.record(&id(name)).await;
        let taken = heir.journal.take_over(&id(name), zombie.owner, heir.owner).await.unwrap().unwrap();
        assert_eq!(taken.owner, heir.owner);
        assert_eq!(taken, heir.record(&id(name)).await);
        assert_eq!(
            (&taken.settlement, taken.state, &taken.signed, &taken.outcome),
            (&before.settlement, before.state, &before.signed, &before.outcome)
        );
        // It wakes up, and goes on as if nothing had happened.
        assert_fenced(every_move(&zombie, zombie.owner, name).await, name, heir.owner);
        assert_eq!(heir.record(&id(name)).await, taken);
    }
    assert_eq!(zombie.journal.unsealed(zombie.owner, None, 10).await.unwrap().records, []);
    // The heir goes on where the zombie had stopped.
    let (journal, owner) = (&heir.journal, heir.owner);
    journal.release(owner, &id("claimed")).await.unwrap();
    journal.signed(owner, &id("approved"), signed("0xheir")).await.unwrap();
    journal.signed(owner, &id("signed"), signed("0xtx-signed")).await.unwrap();
    journal.broadcast(owner, &id("signed")).await.unwrap();
    journal.replaced(owner, &id("broadcast"), signed("0xhigher")).await.unwrap();
    journal.finish(owner, &id("broadcast"), outcome_of(State::Confirmed)).await.unwrap();
    journal.revise(owner, &id("confirmed"), failed(None)).await.unwrap();
    journal.seal(owner, &id("confirmed")).await.unwrap();
}

pub(crate) async fn of_concurrent_take_overs_exactly_one_succeeds(store: &impl Store) {
    let (gone, one, two) = (
        Process::start(store, "gone").await,
        Process::start(store, "one").await,
        Process::start(store, "two").await,
    );
    for n in 0..10 {
        let name = format!("payment-{n}");
        bring(&*gone.journal, gone.owner, &name, State::Broadcast).await;
        let id = id(&name);
        let tries = (0..10).map(|n| {
            let heir = if n % 2 == 0 { &one } else { &two };
            let (journal, from, to, id) = (Arc::clone(&heir.journal), gone.owner, heir.owner, id.clone());
            tokio::spawn(async move { (to, journal.take_over(&id, from, to).await.unwrap()) })
        });
        let answers: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
        let owner = one.record(&id).await.owner;
        assert!(owner == one.owner || owner == two.owner);
        for (to, answer) in answers {
            assert_eq!(answer.map(|record| record.owner), (to == owner).then_some(owner));
        }
    }
}

pub(crate) async fn a_take_over_is_repeated_and_needs_the_right_owner(store: &impl Store) {
    let (one, two) = (Process::start(store, "one").await, Process::start(store, "two").await);
    bring(&*one.journal, one.owner, "p", State::Signed).await;
    let before = one.record(&id("p")).await;
    let wrong = Owner::from_number(0);
    assert_eq!(two.journal.take_over(&id("p"), wrong, two.owner).await.unwrap(), None);
    assert_eq!(one.record(&id("p")).await, before);
    let taken = two.journal.take_over(&id("p"), one.owner, two.owner).await.unwrap();
    assert_eq!(taken.as_ref().map(|record| record.owner), Some(two.owner));
    assert_eq!(two.journal.take_over(&id("p"), one.owner, two.owner).await.unwrap(), taken);
}

pub(crate) async fn everything_of_an_ended_lease_is_taken_over(store: &impl Store) {
    let (gone, heir) = (Process::start(store, "gone").await, Process::start(store, "heir").await);
    for n in 0..7 {
        bring(&*gone.journal, gone.owner, &format!("gone-{n}"), State::ALL[n]).await;
    }
    bring(&*gone.journal, gone.owner, "sealed", State::Confirmed).await;
    gone.journal.seal(gone.owner, &id("sealed")).await.unwrap();
    bring(&*heir.journal, heir.owner, "own", State::Signed).await;
    let from = gone.owner;
    heir.bury(gone).await;
    loop {
        let page = heir.journal.unsealed(from, None, 3).await.unwrap();
        if page.records.is_empty() {
            break;
        }
        for record in page.records {
            let id = record.settlement.payment_id;
            let taken = heir.journal.take_over(&id, from, heir.owner).await.unwrap().unwrap();
            assert_eq!(taken.owner, heir.owner);
        }
    }
    let owned = heir.journal.unsealed(heir.owner, None, 100).await.unwrap().records;
    assert_eq!(owned.len(), 8);
    assert_eq!(heir.record(&id("sealed")).await.owner, from, "a sealed record is left as it is");
}

pub(crate) async fn a_released_payment_belongs_to_who_claims_it_next(store: &impl Store) {
    let (one, two) = (Process::start(store, "one").await, Process::start(store, "two").await);
    bring(&*one.journal, one.owner, "p", State::Approved).await;
    one.journal.release(one.owner, &id("p")).await.unwrap();
    two.journal.claim(two.owner, settlement("p")).await.unwrap();
    assert_fenced(every_move(&one, one.owner, "p").await, "p", two.owner);
    two.journal.approved(two.owner, &id("p")).await.unwrap();
}
