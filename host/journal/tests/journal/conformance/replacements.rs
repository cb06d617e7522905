//! Further bytes for a payment whose first do not land.

use facilitator_journal::{JournalError, MAX_EARLIER, SignedBytes, State};

use super::{Process, Store};
use crate::builders::{bring, bring_with, id, lane, numbered, outcome_of};

pub(crate) async fn replaced_bytes_are_kept_in_order(store: &impl Store) {
    let process = Process::start(store, "one").await;
    let (journal, owner) = (&process.journal, process.owner);
    for (n, state) in [(7, State::Signed), (8, State::Broadcast)] {
        let name = state.as_str();
        let all = [1, 2, 3].map(|fee| numbered(&format!("0x{name}-{fee}"), n));
        bring_with(&**journal, owner, name, state, all[0].clone()).await;
        for bytes in &all[1..] {
            journal.replaced(owner, &id(name), bytes.clone()).await.unwrap();
        }
        let record = process.record(&id(name)).await;
        assert_eq!((record.state, record.owner), (state, owner));
        assert_eq!((record.signed.as_ref(), &record.earlier[..]), (Some(&all[2]), &all[..2]));
        assert_eq!(record.transaction(), Some(all[2].transaction.as_str()));
        for bytes in &all {
            let found = journal.find_by_transaction(&bytes.transaction).await.unwrap();
            assert_eq!(found.as_ref(), Some(&record), "{}", bytes.transaction);
        }
        let page = journal.unsealed(owner, None, 10).await.unwrap();
        assert!(page.records.contains(&record), "a listing tells the bytes as well");
    }
    assert_eq!(journal.lane(&lane(), 0).await.unwrap().slots.len(), 2, "one number, one slot");
    // The way goes on with the last bytes.
    journal.broadcast(owner, &id("signed")).await.unwrap();
    journal.finish(owner, &id("signed"), outcome_of(State::Expired)).await.unwrap();
    assert_eq!(process.record(&id("signed")).await.earlier.len(), 2);
}

pub(crate) async fn a_replacement_with_another_number_takes_its_slot_too(store: &impl Store) {
    let process = Process::start(store, "one").await;
    let (journal, owner) = (&process.journal, process.owner);
    bring_with(&**journal, owner, "p", State::Broadcast, numbered("0x1", 5)).await;
    journal.replaced(owner, &id("p"), numbered("0x2", 9)).await.unwrap();
    let slots = journal.lane(&lane(), 0).await.unwrap().slots;
    let told: Vec<_> = slots.iter().map(|slot| (slot.sequence, slot.payment.clone(), slot.owner)).collect();
    assert_eq!(told, [(5, Some(id("p")), owner), (9, Some(id("p")), owner)]);
    // Back to the first number: that slot is the payment's still.
    journal.replaced(owner, &id("p"), numbered("0x3", 5)).await.unwrap();
    assert_eq!(process.record(&id("p")).await.signed, Some(numbered("0x3", 5)));
}

pub(crate) async fn a_replacement_with_a_taken_number_changes_nothing(store: &impl Store) {
    let process = Process::start(store, "one").await;
    let (journal, owner) = (&process.journal, process.owner);
    bring_with(&**journal, owner, "p", State::Signed, numbered("0x1", 5)).await;
    bring_with(&**journal, owner, "q", State::Signed, numbered("0x2", 6)).await;
    journal.fill(owner, &lane(), numbered("0xfill", 7), None).await.unwrap();
    let before = (process.record(&id("p")).await, journal.lane(&lane(), 0).await.unwrap());
    for taken in [6, 7] {
        let refused = journal.replaced(owner, &id("p"), numbered("0x3", taken)).await;
        assert!(
            matches!(&refused, Err(JournalError::SequenceTaken { sequence, signer, .. })
                if *sequence == taken && *signer == lane().signer),
            "{refused:?}"
        );
    }
    assert_eq!((process.record(&id("p")).await, journal.lane(&lane(), 0).await.unwrap()), before);
    assert_eq!(journal.find_by_transaction("0x3").await.unwrap(), None);
}

pub(crate) async fn only_what_may_have_been_sent_and_is_not_sealed_is_replaced(store: &impl Store) {
    let process = Process::start(store, "one").await;
    let (journal, owner) = (&process.journal, process.owner);
    for state in [State::Claimed, State::Approved, State::Confirmed, State::Failed, State::Expired] {
        let name = state.as_str();
        bring(&**journal, owner, name, state).await;
        if state.is_final() {
            // The chain may be reorganised until then.
            let other = format!("0xanew-{name}");
            journal.replaced(owner, &id(name), numbered(&other, 100 + state as u64)).await.unwrap();
            let record = process.record(&id(name)).await;
            assert_eq!((record.state, record.signed.unwrap().transaction), (state, other));
            journal.seal(owner, &id(name)).await.unwrap();
        }
        let before = process.record(&id(name)).await;
        let refused = journal.replaced(owner, &id(name), numbered("0x2", 9)).await;
        assert!(
            matches!(refused, Err(JournalError::IllegalTransition { from, to: State::Signed, .. }) if from == state),
            "{refused:?}"
        );
        assert_eq!(process.record(&id(name)).await, before);
    }
    let slots = journal.lane(&lane(), 0).await.unwrap().slots;
    assert!(slots.iter().all(|slot| slot.sequence != 9), "{slots:?}");
}

pub(crate) async fn a_payment_has_a_bounded_number_of_replacements(store: &impl Store) {
    let process = Process::start(store, "one").await;
    let (journal, owner) = (&process.journal, process.owner);
    let bytes = |n: usize| SignedBytes { lane_sequence: None, ..numbered(&format!("0x{n}"), 0) };
    bring_with(&**journal, owner, "p", State::Broadcast, bytes(0)).await;
    for n in 1..=MAX_EARLIER {
        journal.replaced(owner, &id("p"), bytes(n)).await.unwrap();
    }
    let before = process.record(&id("p")).await;
    assert_eq!(before.earlier, (0..MAX_EARLIER).map(bytes).collect::<Vec<_>>());
    let refused = journal.replaced(owner, &id("p"), numbered("0xover", 3)).await;
    assert!(
        matches!(refused, Err(JournalError::OutOfRange { limit, .. }) if limit == MAX_EARLIER as u64),
        "{refused:?}"
    );
    // Repeating the last is no further one.
    journal.replaced(owner, &id("p"), bytes(MAX_EARLIER)).await.unwrap();
    assert_eq!(process.record(&id("p")).await, before);
    assert_eq!(journal.lane(&lane(), 0).await.unwrap().slots, []);
}
