use facilitator_journal::Owner;

use super::{super::super::testing::record, *};

fn watched() -> Watched {
    Watched {
        payment_id: "p".parse().unwrap(),
        owner: Owner::from_number(1),
        passed_at: None,
        look_at: 0,
        misses: 0,
    }
}

fn confirmed() -> Option<Outcome> {
    let (payer, transaction) = ("0xa".to_owned(), "0x77".to_owned());
    Some(Outcome::Confirmed { payer, amount: "1000".parse().unwrap(), transaction })
}

fn failed(transaction: Option<&str>) -> Option<Outcome> {
    let (reason, message) = ("reason".to_owned(), String::new());
    Some(Outcome::Failed { reason, message, transaction: transaction.map(str::to_owned) })
}

fn expired() -> Option<Outcome> {
    Some(Outcome::Expired { reason: "reason".to_owned(), message: String::new() })
}

#[test]
fn looks_are_spread_over_the_way_to_finality_and_the_last_is_at_its_end() {
    assert_eq!(next_look(100, 100, 30), 110);
    assert_eq!(next_look(110, 100, 30), 120);
    assert_eq!(next_look(120, 100, 30), 129);
    assert_eq!(next_look(100, 100, 1), 101);
    assert_eq!(next_look(500, 100, 30), 501, "always after the present head");
}

#[test]
fn what_stands_is_final_at_its_depth_and_not_before() {
    for (outcome, succeeded) in [(confirmed(), true), (failed(Some("0x77")), false)] {
        let (mut one, record) = (watched(), record(outcome));
        for (head, expected) in [(100, Judged::Wait), (128, Judged::Wait), (129, Judged::Final)] {
            let seen = Some((100, succeeded));
            assert_eq!(judge_seen(&mut one, &record, seen, head, 30), Some(expected), "{head}");
            assert!(one.look_at > head);
        }
    }
}

#[test]
fn what_the_chain_shows_otherwise_is_followed_again() {
    for (outcome, succeeded) in
        [(confirmed(), false), (failed(Some("0x77")), true), (failed(None), true), (expired(), false)]
    {
        let judged = judge_seen(&mut watched(), &record(outcome.clone()), Some((100, succeeded)), 100, 30);
        assert_eq!(judged, Some(Judged::Vanished), "{outcome:?} {succeeded}");
    }
}

#[test]
fn one_miss_is_none_and_a_sight_between_two_begins_anew() {
    for outcome in [confirmed(), failed(Some("0x77"))] {
        let (mut one, record) = (watched(), record(outcome.clone()));
        let succeeded = record.state == State::Confirmed;
        for (seen, expected) in [
            (None, Judged::Wait),
            (Some((100, succeeded)), Judged::Wait),
            (None, Judged::Wait),
            (None, Judged::Vanished),
        ] {
            assert_eq!(judge_seen(&mut one, &record, seen, 101, 30), Some(expected), "{outcome:?} {seen:?}");
        }
    }
}

#[test]
fn what_ended_without_landing_is_not_missed_for_it_never_was_there() {
    for outcome in [failed(None), expired()] {
        let mut one = watched();
        for _ in 0..=MISSES {
            assert_eq!(judge_seen(&mut one, &record(outcome.clone()), None, 100, 30), None, "{outcome:?}");
        }
        assert_eq!(one.misses, 0);
    }
}
