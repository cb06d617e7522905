//! Sequence numbers that are handed out and given back.

use std::{collections::BTreeSet, sync::Arc};

use facilitator_journal::{JournalError, LaneKey, LaneView, MAX_SLOTS};
use futures_util::future::join_all;

use super::{Process, Store};
use crate::builders::lane;

fn is_out_of_range<T>(answer: &Result<T, JournalError>) -> bool {
    matches!(answer, Err(JournalError::OutOfRange { .. }))
}

pub(crate) async fn an_unknown_lane_is_empty(store: &impl Store) {
    let journal = store.journal().await;
    assert_eq!(journal.lane(&lane(), 0).await.unwrap(), LaneView::default());
    assert_eq!(journal.reserve(&lane(), 0).await.unwrap(), 0);
    let view = journal.lane(&lane(), 0).await.unwrap();
    assert_eq!(view, LaneView { next: Some(1), ..LaneView::default() });
}

pub(crate) async fn concurrent_reservations_get_different_numbers(store: &impl Store) {
    let journals = [store.journal().await, store.journal().await];
    let all = (0..64).map(|n| {
        let journal = Arc::clone(&journals[n % 2]);
        tokio::spawn(async move { journal.reserve(&lane(), 17).await.unwrap() })
    });
    let numbers: BTreeSet<_> = join_all(all).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(numbers, (17..17 + 64).collect::<BTreeSet<_>>(), "different, and without a gap");

    // Half of them come back at once, while others are handed out.
    let back = numbers.iter().filter(|number| *number % 2 == 0).map(|number| {
        let (journal, number) = (Arc::clone(&journals[1]), *number);
        tokio::spawn(async move { journal.give_back(&lane(), number).await.unwrap() })
    });
    join_all(back).await.into_iter().for_each(Result::unwrap);
    let again = (0..64).map(|n| {
        let journal = Arc::clone(&journals[n % 2]);
        tokio::spawn(async move { journal.reserve(&lane(), 17).await.unwrap() })
    });
    let numbers: BTreeSet<_> = join_all(again).await.into_iter().map(Result::unwrap).collect();
    let given_back = (17..17 + 64).filter(|number| number % 2 == 0);
    assert_eq!(numbers, given_back.chain(17 + 64..17 + 96).collect::<BTreeSet<_>>());
}

pub(crate) async fn numbers_given_back_come_first_and_in_order(store: &impl Store) {
    let journal = store.journal().await;
    for number in 10..20 {
        assert_eq!(journal.reserve(&lane(), 10).await.unwrap(), number);
    }
    for number in [15, 12, 17, 12] {
        journal.give_back(&lane(), number).await.unwrap();
    }
    let view = journal.lane(&lane(), 0).await.unwrap();
    assert_eq!((view.next, view.free), (Some(20), BTreeSet::from([12, 15, 17])));
    for number in [12, 15, 17, 20] {
        assert_eq!(journal.reserve(&lane(), 0).await.unwrap(), number);
    }
    // The last that was handed out, too.
    journal.give_back(&lane(), 20).await.unwrap();
    for number in [20, 21] {
        assert_eq!(journal.reserve(&lane(), 0).await.unwrap(), number);
    }
}

pub(crate) async fn a_floor_is_kept(store: &impl Store) {
    let journal = store.journal().await;
    for (floor, number) in [(5, 5), (0, 6), (7, 7), (100, 100), (7, 101)] {
        assert_eq!(journal.reserve(&lane(), floor).await.unwrap(), number);
    }
    for number in [6, 100] {
        journal.give_back(&lane(), number).await.unwrap();
    }
    for (floor, number) in [(7, 100), (7, 102), (200, 200)] {
        assert_eq!(journal.reserve(&lane(), floor).await.unwrap(), number);
    }
    // What is below the floor stays for when the floor is lower.
    assert_eq!(journal.reserve(&lane(), 6).await.unwrap(), 6);
}

pub(crate) async fn what_was_not_handed_out_is_not_taken_back(store: &impl Store) {
    let journal = store.journal().await;
    journal.give_back(&lane(), 3).await.unwrap();
    assert_eq!(journal.lane(&lane(), 0).await.unwrap(), LaneView::default());
    assert_eq!(journal.reserve(&lane(), 2).await.unwrap(), 2);
    journal.give_back(&lane(), 4).await.unwrap();
    for number in [3, 4, 5] {
        assert_eq!(journal.reserve(&lane(), 2).await.unwrap(), number);
    }
}

pub(crate) async fn lanes_do_not_share_numbers(store: &impl Store) {
    let journal = store.journal().await;
    let other_signer = LaneKey { signer: "0xother".to_owned(), ..lane() };
    let other_network = LaneKey { network: "eip155:8453".parse().unwrap(), ..lane() };
    for lane in [&lane(), &other_signer, &other_network] {
        assert_eq!(journal.reserve(lane, 7).await.unwrap(), 7);
        assert_eq!(journal.reserve(lane, 7).await.unwrap(), 8);
    }
    journal.give_back(&other_signer, 7).await.unwrap();
    assert_eq!(journal.reserve(&lane(), 7).await.unwrap(), 9);
    assert_eq!(journal.reserve(&other_network, 7).await.unwrap(), 9);
    assert_eq!(journal.reserve(&other_signer, 7).await.unwrap(), 7);
}

pub(crate) async fn a_lane_is_reset_only_as_it_was_seen(store: &impl Store) {
    let process = Process::start(store, "one").await;
    let journal = &process.journal;
    let view = async || journal.lane(&lane(), 0).await.unwrap();
    assert!(!journal.reset_lane(&lane(), Some(0), 9, BTreeSet::new()).await.unwrap());
    assert_eq!(view().await, LaneView::default());
    assert!(journal.reset_lane(&lane(), None, 9, BTreeSet::from([4, 6])).await.unwrap());
    assert!(!journal.reset_lane(&lane(), None, 20, BTreeSet::new()).await.unwrap());
    let told = view().await;
    assert_eq!((told.next, told.free), (Some(9), BTreeSet::from([4, 6])));

    for number in [4, 6, 9] {
        assert_eq!(journal.reserve(&lane(), 0).await.unwrap(), number);
    }
    assert!(!journal.reset_lane(&lane(), Some(9), 3, BTreeSet::new()).await.unwrap());
    assert_eq!(view().await.next, Some(10));
    // Down as well as up; what was given back before is forgotten.
    journal.give_back(&lane(), 6).await.unwrap();
    assert!(journal.reset_lane(&lane(), Some(10), 3, BTreeSet::from([1])).await.unwrap());
    let told = view().await;
    assert_eq!((told.next, told.free), (Some(3), BTreeSet::from([1])));
    // Free numbers that the counter will come to are not handed out twice.
    assert!(journal.reset_lane(&lane(), Some(3), 3, BTreeSet::from([2, 3, 4])).await.unwrap());
    assert_eq!(view().await.free, BTreeSet::from([2]));
    for number in [2, 3, 4, 5] {
        assert_eq!(journal.reserve(&lane(), 0).await.unwrap(), number);
    }
}

pub(crate) async fn lane_fields_out_of_bounds_are_refused(store: &impl Store) {
    let journal = store.journal().await;
    let nameless = LaneKey { signer: "x".repeat(1_000), ..lane() };
    assert!(is_out_of_range(&journal.reserve(&nameless, 0).await));
    assert!(is_out_of_range(&journal.give_back(&nameless, 0).await));
    assert!(is_out_of_range(&journal.reset_lane(&nameless, None, 0, BTreeSet::new()).await));
    assert!(is_out_of_range(&journal.reserve(&lane(), u64::MAX).await));
    assert!(is_out_of_range(&journal.reset_lane(&lane(), None, u64::MAX, BTreeSet::new()).await));
    assert_eq!(journal.lane(&lane(), 0).await.unwrap(), LaneView::default());

    let most = MAX_SLOTS as u64;
    let too_many = (0..=most).collect();
    assert!(is_out_of_range(&journal.reset_lane(&lane(), None, 5_000, too_many).await));
    let as_many_as_may_be: BTreeSet<_> = (0..most).collect();
    assert!(journal.reset_lane(&lane(), None, 5_000, as_many_as_may_be.clone()).await.unwrap());
    // One more cannot be kept, and its caller is told; one that is kept already is no further one.
    assert!(is_out_of_range(&journal.give_back(&lane(), 4_000).await));
    journal.give_back(&lane(), 0).await.unwrap();
    let view = journal.lane(&lane(), 0).await.unwrap();
    assert_eq!((view.next, view.free), (Some(5_000), as_many_as_may_be));
}
