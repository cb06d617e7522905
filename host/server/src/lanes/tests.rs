use facilitator_journal::{Lease, Liveness};

use super::{memory::GAP_GRACE, *};
use crate::flow::testing::{record, signed};

fn slot(sequence: u64) -> Slot {
    Slot { sequence, payment: None, filler: None, owner: Owner::from_number(1) }
}

#[test]
fn only_what_others_wait_behind_is_missing() {
    let slots = [slot(5), slot(8), slot(9)];
    let waiting: Vec<&Slot> = slots.iter().collect();
    assert_eq!(missing(&waiting, 4, 9), BTreeSet::from([4, 6, 7]));
    assert_eq!(missing(&waiting, 5, 9), BTreeSet::from([6, 7]));
    assert!(missing(&[], 4, 9).is_empty(), "nobody waits");
    assert_eq!(missing(&[&slot(u64::MAX - 1)], 0, 9).len(), 9, "bounded");
}

#[test]
fn a_nonce_is_filled_only_after_a_while_and_not_if_it_was_taken_meanwhile() {
    let mut memory = Memory::default();
    assert!(memory.long_missing(&BTreeSet::from([4, 5])).is_empty());
    let long_ago = Instant::now() - GAP_GRACE;
    memory.missing.values_mut().for_each(|since| *since = long_ago);
    assert_eq!(memory.long_missing(&BTreeSet::from([5, 6])), [5]);
    assert_eq!(memory.missing.len(), 2);
}

fn view(sequences: &[u64]) -> LaneView {
    LaneView { slots: sequences.iter().copied().map(slot).collect(), ..LaneView::default() }
}

#[test]
fn what_the_chain_cannot_come_to_is_waited_for_by_nobody() {
    let view = view(&[3, 4, 6, 4 + MAX_AHEAD, u64::MAX]);
    let waiting: Vec<u64> = waiting(&view, 4).iter().map(|slot| slot.sequence).collect();
    assert_eq!(waiting, [4, 6]);
}

#[test]
fn the_counter_follows_the_chain_at_once_and_comes_back_when_nothing_moves() {
    for (next, needed, count, stands_still, is_cut, expected) in [
        (4, 4, 4, true, false, false),
        (3, 4, 4, false, false, true),
        (3, 4, 4, false, true, true),
        (9, 4, 4, false, false, false),
        (9, 4, 4, true, false, true),
        (9, 4, 4, true, true, false),
        (4 + MAX_AHEAD, 4, 4, false, true, false),
        (5 + MAX_AHEAD, 4, 4, false, true, true),
        (u64::MAX, 4, 4, false, false, true),
    ] {
        let adrift = is_adrift(next, needed, count, stands_still, is_cut);
        assert_eq!(adrift, expected, "{next} {needed} {count} {stands_still} {is_cut}");
    }
}

#[test]
fn only_what_has_ended_by_none_of_its_own_transactions_is_cancelled() {
    let confirmed = |transaction: &str| Outcome::Confirmed {
        payer: "0xa".to_owned(),
        amount: "1000".parse().unwrap(),
        transaction: transaction.to_owned(),
    };
    let failed = |transaction: Option<&str>| Outcome::Failed {
        reason: "reason".to_owned(),
        message: String::new(),
        transaction: transaction.map(str::to_owned),
    };
    let expired = Outcome::Expired { reason: "reason".to_owned(), message: String::new() };
    for (outcome, expected) in [
        (None, false),
        (Some(confirmed("0x77")), false),
        (Some(confirmed("0x76")), false),
        (Some(confirmed("0x99")), true),
        (Some(failed(Some("0x77"))), false),
        (Some(failed(None)), true),
        (Some(expired), true),
    ] {
        let mut record = record(outcome.clone());
        record.earlier.push(signed("0x76"));
        assert_eq!(may_be_cancelled(&record), expected, "{outcome:?}");
    }
}

#[test]
fn the_oldest_lease_that_lives_leads() {
    let lease = |number, liveness| Lease { owner: Owner::from_number(number), name: String::new(), liveness };
    let leases = [lease(1, Liveness::Ended), lease(2, Liveness::Renewed(7)), lease(3, Liveness::Running)];
    let leadership = Leadership::default();
    for (own, leads) in [(2, true), (3, false)] {
        leadership.set(Owner::from_number(own), &leases);
        assert_eq!(leadership.is_ours(), leads);
    }
}
