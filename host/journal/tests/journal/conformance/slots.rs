//! One number, one transaction.

use std::sync::Arc;

use facilitator_journal::{JournalError, LaneKey, LaneView, SignedBytes, Slot, State};
use futures_util::future::join_all;

use super::{Process, Store};
use crate::builders::{bring, bring_with, expired, id, lane, numbered};

fn is_taken(answer: &Result<(), JournalError>, number: u64) -> bool {
    matches!(answer, Err(JournalError::SequenceTaken { network, signer, sequence })
        if *network == lane().network && *signer == lane().signer && *sequence == number)
}

pub(crate) async fn of_concurrent_bytes_with_one_number_exactly_one_is_recorded(store: &impl Store) {
    let processes = [Process::start(store, "one").await, Process::start(store, "two").await];
    let names: Vec<_> = (0..50).map(|n| format!("payment-{n:02}")).collect();
    for (n, name) in names.iter().enumerate() {
        bring(&*processes[n % 2].journal, processes[n % 2].owner, name, State::Approved).await;
    }
    let tries = names.iter().enumerate().map(|(n, name)| {
        let (journal, owner) = (Arc::clone(&processes[n % 2].journal), processes[n % 2].owner);
        let (id, bytes) = (id(name), numbered(&format!("0x{name}"), 41));
        tokio::spawn(async move { journal.signed(owner, &id, bytes).await })
    });
    let answers: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
    let winners: Vec<_> = (0..50).filter(|n| answers[*n].is_ok()).collect();
    assert_eq!(winners.len(), 1, "{answers:?}");
    for (n, name) in names.iter().enumerate() {
        let process = &processes[n % 2];
        let record = process.record(&id(name)).await;
        if n == winners[0] {
            assert_eq!(record.signed, Some(numbered(&format!("0x{name}"), 41)));
            let slot = Slot { sequence: 41, payment: Some(id(name)), filler: None, owner: process.owner };
            assert_eq!(process.journal.lane(&lane(), 0).await.unwrap().slots, [slot]);
        } else {
            assert!(is_taken(&answers[n], 41), "{:?}", answers[n]);
            assert_eq!((record.state, record.signed), (State::Approved, None));
        }
    }
    // The losers sign for other numbers.
    for (n, name) in names.iter().enumerate().filter(|(n, _)| *n != winners[0]).take(5) {
        let process = &processes[n % 2];
        let bytes = numbered(&format!("0x{name}"), 100 + n as u64);
        process.journal.signed(process.owner, &id(name), bytes).await.unwrap();
    }
}

pub(crate) async fn numbers_of_other_lanes_are_free(store: &impl Store) {
    let Process { journal, owner } = Process::start(store, "one").await;
    bring_with(&*journal, owner, "p", State::Signed, numbered("0x1", 5)).await;
    let other_signer = SignedBytes { signer: "0xother".to_owned(), ..numbered("0x2", 5) };
    bring_with(&*journal, owner, "q", State::Signed, other_signer).await;
    let elsewhere = LaneKey { network: "eip155:8453".parse().unwrap(), ..lane() };
    journal.fill(owner, &elsewhere, numbered("0x3", 5), None).await.unwrap();
    let other = LaneKey { signer: "0xother".to_owned(), ..lane() };
    for (lane, payment) in [(lane(), Some("p")), (other, Some("q")), (elsewhere, None)] {
        let slots = journal.lane(&lane, 0).await.unwrap().slots;
        let told: Vec<_> = slots.into_iter().map(|slot| (slot.sequence, slot.payment)).collect();
        assert_eq!(told, [(5, payment.map(id))], "{lane:?}");
    }
}

pub(crate) async fn bytes_without_a_number_take_no_slot(store: &impl Store) {
    let Process { journal, owner } = Process::start(store, "one").await;
    for name in ["p", "q"] {
        let bytes = SignedBytes { lane_sequence: None, ..numbered(&format!("0x{name}"), 0) };
        bring_with(&*journal, owner, name, State::Broadcast, bytes).await;
    }
    assert_eq!(journal.lane(&lane(), 0).await.unwrap(), LaneView::default());
}

pub(crate) async fn slots_are_told_in_order(store: &impl Store) {
    let process = Process::start(store, "one").await;
    let (journal, owner) = (&process.journal, process.owner);
    // Numbers of different lengths: in the order of numbers, not of their digits.
    for n in [1_000, 9, 10, 2] {
        bring_with(&**journal, owner, &format!("p-{n}"), State::Signed, numbered(&format!("0x{n}"), n)).await;
    }
    journal.fill(owner, &lane(), numbered("0xfill", 99), None).await.unwrap();
    let slots = journal.lane(&lane(), 0).await.unwrap().slots;
    let told: Vec<_> = slots.iter().map(|slot| (slot.sequence, slot.payment.is_some())).collect();
    assert_eq!(told, [(2, true), (9, true), (10, true), (99, false), (1_000, true)]);
}

pub(crate) async fn a_free_or_filled_slot_is_filled(store: &impl Store) {
    let (one, two) = (Process::start(store, "one").await, Process::start(store, "two").await);
    let slots = async || one.journal.lane(&lane(), 0).await.unwrap().slots;
    let filled = |transaction: &str, owner| Slot {
        sequence: 5,
        payment: None,
        filler: Some(numbered(transaction, 5)),
        owner,
    };
    one.journal.fill(one.owner, &lane(), numbered("0xfill-1", 5), None).await.unwrap();
    assert_eq!(slots().await, [filled("0xfill-1", one.owner)]);
    // Again with a higher fee, by anybody.
    two.journal.fill(two.owner, &lane(), numbered("0xfill-2", 5), None).await.unwrap();
    two.journal.fill(two.owner, &lane(), numbered("0xfill-2", 5), Some(&id("unknown"))).await.unwrap();
    assert_eq!(slots().await, [filled("0xfill-2", two.owner)]);
    // No payment is signed for a number that is filled.
    bring(&*one.journal, one.owner, "p", State::Approved).await;
    assert!(is_taken(&one.journal.signed(one.owner, &id("p"), numbered("0x1", 5)).await, 5));
    assert_eq!(one.record(&id("p")).await.state, State::Approved);
    assert_eq!(slots().await, [filled("0xfill-2", two.owner)]);
}

pub(crate) async fn the_slot_of_a_payment_is_filled_once_the_payment_has_ended(store: &impl Store) {
    let (one, two) = (Process::start(store, "one").await, Process::start(store, "two").await);
    bring_with(&*one.journal, one.owner, "p", State::Signed, numbered("0x1", 5)).await;
    bring_with(&*one.journal, one.owner, "q", State::Expired, numbered("0x2", 6)).await;
    let before = one.journal.lane(&lane(), 0).await.unwrap();
    let filler = || numbered("0xfill", 5);
    for instead_of in [None, Some("p"), Some("q"), Some("unknown")] {
        let instead_of = instead_of.map(id);
        let refused = two.journal.fill(two.owner, &lane(), filler(), instead_of.as_ref()).await;
        assert!(is_taken(&refused, 5), "{instead_of:?}: {refused:?}");
    }
    one.journal.broadcast(one.owner, &id("p")).await.unwrap();
    let refused = two.journal.fill(two.owner, &lane(), filler(), Some(&id("p"))).await;
    assert!(is_taken(&refused, 5), "{refused:?}");
    assert_eq!(one.journal.lane(&lane(), 0).await.unwrap(), before);

    one.journal.finish(one.owner, &id("p"), expired()).await.unwrap();
    for instead_of in [None, Some("q")] {
        let instead_of = instead_of.map(id);
        let refused = two.journal.fill(two.owner, &lane(), filler(), instead_of.as_ref()).await;
        assert!(is_taken(&refused, 5), "{instead_of:?}: {refused:?}");
    }
    for filler in [filler(), numbered("0xhigher", 5)] {
        two.journal.fill(two.owner, &lane(), filler.clone(), Some(&id("p"))).await.unwrap();
        let slot = Slot { sequence: 5, payment: Some(id("p")), filler: Some(filler), owner: two.owner };
        assert_eq!(one.journal.lane(&lane(), 0).await.unwrap().slots[0], slot);
    }
    // The record is as it was: what it says of its bytes is still true.
    assert_eq!(one.record(&id("p")).await.signed, Some(numbered("0x1", 5)));
    assert_eq!(one.record(&id("p")).await.owner, one.owner);
}

pub(crate) async fn a_filler_needs_a_number_and_the_signer_of_its_lane(store: &impl Store) {
    let Process { journal, owner } = Process::start(store, "one").await;
    let good = numbered("0xfill", 5);
    for bad in [
        SignedBytes { lane_sequence: None, ..good.clone() },
        SignedBytes { lane_sequence: Some(u64::MAX), ..good.clone() },
        SignedBytes { signer: "0xother".to_owned(), ..good.clone() },
        SignedBytes { bytes: vec![0; 200 << 10], ..good.clone() },
    ] {
        let refused = journal.fill(owner, &lane(), bad, None).await;
        assert!(matches!(refused, Err(JournalError::OutOfRange { .. })), "{refused:?}");
    }
    assert_eq!(journal.lane(&lane(), 0).await.unwrap(), LaneView::default());
}

pub(crate) async fn used_fillers_are_forgotten(store: &impl Store) {
    let Process { journal, owner } = Process::start(store, "one").await;
    for n in [3, 4, 7, 8] {
        journal.fill(owner, &lane(), numbered(&format!("0xfill-{n}"), n), None).await.unwrap();
    }
    bring_with(&*journal, owner, "p", State::Expired, numbered("0x1", 5)).await;
    bring_with(&*journal, owner, "q", State::Signed, numbered("0x2", 6)).await;
    journal.fill(owner, &lane(), numbered("0xcancel", 5), Some(&id("p"))).await.unwrap();
    let elsewhere = LaneKey { network: "eip155:8453".parse().unwrap(), ..lane() };
    journal.fill(owner, &elsewhere, numbered("0xelsewhere", 3), None).await.unwrap();
    let taken = async |lane: &LaneKey| -> Vec<u64> {
        journal.lane(lane, 0).await.unwrap().slots.iter().map(|slot| slot.sequence).collect()
    };
    for (below, left) in [(3, vec![3, 4, 5, 6, 7, 8]), (7, vec![5, 6, 7, 8]), (u64::MAX, vec![5, 6])] {
        journal.forget_fillers(&lane(), below).await.unwrap();
        assert_eq!(taken(&lane()).await, left, "below {below}");
    }
    assert_eq!(taken(&elsewhere).await, [3]);
    for (from, told) in [(5, vec![5, 6]), (6, vec![6]), (7, vec![]), (u64::MAX, vec![])] {
        let slots = journal.lane(&lane(), from).await.unwrap().slots;
        assert_eq!(slots.iter().map(|slot| slot.sequence).collect::<Vec<_>>(), told, "from {from}");
    }
    // What was given up may be taken.
    bring_with(&*journal, owner, "r", State::Signed, numbered("0x3", 3)).await;
}
