//! Endpoints against each other, on clocks that the tests move.

use super::*;
use crate::rpc::quality::Head;

/// Some day; what our own clock says is told by each test.
const NOON: u64 = 1_760_000_000;
const BLOCK_SECONDS: u64 = 2;

struct Network {
    roster: Roster,
    steady: u64,
    /// How far our wall clock is off, seconds.
    skew: i64,
    told: Vec<(usize, Option<Reason>)>,
}

impl Network {
    fn new(count: usize, max_age_seconds: Option<u64>) -> Self {
        let mut roster = Roster::new(count);
        let block_time = Duration::from_secs(BLOCK_SECONDS);
        roster.set_bounds(HeadBounds::new(block_time, max_age_seconds.map(Duration::from_secs)));
        Self { roster, steady: 0, skew: 0, told: Vec::new() }
    }

    fn now(&self) -> Moment {
        let wall = (NOON + self.steady).saturating_add_signed(self.skew);
        Moment { steady: Duration::from_secs(self.steady), wall }
    }

    fn pass(&mut self, seconds: u64) {
        self.steady += seconds;
    }

    /// The chain's head now, as an endpoint tells it that is `behind` blocks behind.
    fn head(&self, behind: u64) -> Head {
        let blocks = (NOON + self.steady) / BLOCK_SECONDS - behind;
        Head { number: blocks, time: blocks * BLOCK_SECONDS }
    }

    fn sees(&mut self, at: usize, head: Head) {
        self.sees_chain(at, ChainSeen::Right, Some(head));
    }

    fn sees_chain(&mut self, at: usize, chain: ChainSeen, head: Option<Head>) {
        let changes = self.roster.observe(at, Sighting { chain, head, knows_pending: None }, self.now());
        self.tell(changes);
    }

    fn counts(&mut self, at: usize, outcome: Outcome) {
        let change = self.roster.count(at, outcome, self.now().steady);
        self.tell(change);
    }

    fn wakes(&mut self) {
        let changes = self.roster.wake(self.now().steady);
        self.tell(changes);
    }

    fn tell(&mut self, changes: impl IntoIterator<Item = Change>) {
        self.told.extend(changes.into_iter().map(|change| (change.endpoint, change.quarantined)));
    }

    fn told(&mut self) -> Vec<(usize, Option<Reason>)> {
        std::mem::take(&mut self.told)
    }
}

fn behind(blocks: u64) -> Reason {
    Reason::Behind { blocks, seconds: blocks * BLOCK_SECONDS }
}

fn wrong() -> ChainSeen {
    ChainSeen::Wrong { expected: "1".to_owned(), found: "2".to_owned() }
}

fn is_wrong_chain(reason: Option<&Reason>) -> bool {
    matches!(reason, Some(Reason::WrongChain { .. }))
}

#[test]
fn one_that_lags_is_passed_over_once_and_returns_after_two_good_looks() {
    let mut network = Network::new(2, None);
    network.sees(0, network.head(5));
    network.sees(1, network.head(0));
    assert_eq!(network.told(), [], "10 s are within the bound");
    network.sees(0, network.head(6));
    assert_eq!(network.told(), [(0, Some(behind(6)))]);
    assert_eq!((network.roster.good(), network.roster.order()), (vec![1], vec![1, 0]));
    network.sees(0, network.head(7));
    assert_eq!(network.told(), [], "told already");
    for expected in [vec![], vec![(0, None)]] {
        network.pass(2);
        network.sees(0, network.head(1));
        network.sees(1, network.head(0));
        assert_eq!(network.told(), expected);
    }
    assert_eq!(network.roster.order(), [0, 1], "the operator's order again");
}

#[test]
fn a_bad_look_between_two_good_ones_starts_the_count_again() {
    let mut network = Network::new(2, None);
    network.sees(1, network.head(0));
    network.sees(0, network.head(20));
    assert_eq!(network.told().len(), 1);
    for lag in [0, 20, 0] {
        network.sees(0, network.head(lag));
    }
    network.sees_chain(0, ChainSeen::Right, None);
    network.sees(0, network.head(0));
    network.counts(0, Outcome::Failed);
    network.sees(0, network.head(0));
    assert_eq!(network.told(), []);
    network.sees(0, network.head(0));
    assert_eq!(network.told(), [(0, None)]);
}

#[test]
fn whoever_is_seen_last_others_are_held_against_it_only_if_they_were_asked_as_late() {
    let mut network = Network::new(2, None);
    network.sees(0, network.head(0));
    network.pass(30);
    network.sees(1, network.head(0));
    assert_eq!(network.told(), [], "nobody knows what the first would say now");
    network.sees(0, Head { number: network.head(0).number - 15, time: NOON });
    assert_eq!(network.told(), [(0, Some(behind(15)))]);
}

#[test]
fn the_better_head_condemns_the_other_in_the_same_round() {
    let mut network = Network::new(2, None);
    network.sees(0, network.head(100));
    network.sees(1, network.head(0));
    assert_eq!(network.told(), [(0, Some(behind(100)))]);
}

#[test]
fn many_blocks_in_a_moment_or_one_after_a_long_pause_are_no_lag() {
    let mut network = Network::new(2, None);
    network.sees(0, Head { number: 100, time: NOON - 500 });
    network.sees(1, Head { number: 101, time: NOON });
    assert_eq!(network.told(), [], "one block after a long pause");
    network.sees(0, Head { number: 101, time: NOON });
    network.sees(1, Head { number: 160, time: NOON + 3 });
    assert_eq!(network.told(), [], "many blocks in a moment");
}

#[test]
fn a_clock_that_is_half_a_minute_wrong_changes_nothing_between_peers() {
    for skew in [-30, 0, 30] {
        let mut network = Network::new(3, Some(90));
        network.skew = skew;
        for _ in 0..5 {
            network.pass(10);
            network.sees(0, Head { number: 7, time: NOON - 20 });
            network.sees(1, network.head(0));
            network.sees(2, network.head(1));
        }
        let first = network.told();
        assert!(matches!(first.as_slice(), [(0, Some(Reason::Behind { .. }))]), "skew {skew}: {first:?}");
        assert_eq!(network.roster.order(), [1, 2, 0]);
    }
}

#[test]
fn an_old_head_counts_only_where_the_operator_says_so_and_by_our_clock() {
    for (max_age, lag, is_good) in [(None, 1_000, true), (Some(90), 45, true), (Some(90), 46, false)] {
        let mut network = Network::new(1, max_age);
        network.sees(0, network.head(lag));
        assert_eq!(network.roster.good().len() == 1, is_good, "{max_age:?} {lag}");
        assert_eq!(network.roster.order(), [0], "a lone endpoint is asked all the same");
    }
}

#[test]
fn one_that_lives_in_the_future_does_not_push_out_those_that_do_not() {
    let mut network = Network::new(3, Some(90));
    network.sees(0, network.head(0));
    network.sees(1, Head { number: u64::MAX, time: u64::MAX });
    network.sees(2, network.head(0));
    let seconds = u64::MAX - NOON;
    assert_eq!(network.told(), [(1, Some(Reason::Ahead { seconds }))]);
    assert_eq!(network.roster.order(), [0, 2, 1]);
}

#[test]
fn if_all_heads_are_in_the_future_it_is_our_clock_that_is_wrong() {
    let mut network = Network::new(3, Some(90));
    network.skew = -600;
    for at in 0..2 {
        network.sees(at, network.head(0));
    }
    network.sees(2, network.head(30));
    assert_eq!(network.told(), [(2, Some(behind(30)))]);
}

#[test]
fn one_of_another_chain_is_never_asked_until_it_is_right() {
    let mut network = Network::new(2, None);
    network.sees(1, network.head(0));
    network.sees_chain(0, wrong(), Some(Head { number: u64::MAX, time: NOON + 30 }));
    let told = network.told();
    assert!(matches!(told.as_slice(), [(0, reason)] if is_wrong_chain(reason.as_ref())), "{told:?}");
    assert_eq!(network.roster.order(), [1], "and its head says nothing of the others");
    // Neither answers, nor time, nor a look that does not tell the chain bring it back.
    for _ in 0..5 {
        network.counts(0, Outcome::Answered(None));
        network.pass(60);
        network.wakes();
        network.sees_chain(0, ChainSeen::Unknown, Some(network.head(0)));
    }
    assert_eq!((network.roster.order(), network.told()), (vec![1], vec![]));
    network.sees(0, network.head(0));
    assert_eq!(network.roster.order(), [1]);
    network.sees(0, network.head(0));
    assert_eq!((network.roster.order(), network.told()), (vec![0, 1], vec![(0, None)]));
}

#[test]
fn one_that_is_found_to_be_of_another_chain_while_it_rests_is_told() {
    let mut network = Network::new(1, None);
    for _ in 0..3 {
        network.counts(0, Outcome::Failed);
    }
    network.sees_chain(0, wrong(), None);
    let told = network.told();
    assert_eq!(told.len(), 2);
    assert!(is_wrong_chain(told[1].1.as_ref()));
    assert!(network.roster.order().is_empty());
}

#[test]
fn failures_in_a_row_rest_and_the_next_failure_after_the_rest_ends_the_trial() {
    let mut network = Network::new(2, None);
    for _ in 0..3 {
        network.counts(0, Outcome::Failed);
    }
    assert_eq!(network.told(), [(0, Some(Reason::Failing { failures: 3 }))]);
    network.pass(9);
    network.wakes();
    assert_eq!((network.roster.order(), network.told()), (vec![1, 0], vec![]));
    network.pass(1);
    network.wakes();
    assert_eq!((network.roster.order(), network.told()), (vec![0, 1], vec![(0, None)]));
    network.counts(0, Outcome::Failed);
    assert_eq!(network.roster.order(), [1, 0]);
}

#[test]
fn probes_that_fail_keep_it_at_rest_and_two_good_ones_end_that_early() {
    let mut network = Network::new(2, None);
    for _ in 0..3 {
        network.counts(0, Outcome::Failed);
    }
    for _ in 0..10 {
        network.pass(6);
        network.counts(0, Outcome::Failed);
        network.wakes();
    }
    assert_eq!((network.roster.good(), network.told().len()), (vec![1], 1));
    for _ in 0..2 {
        network.pass(2);
        network.counts(0, Outcome::Answered(None));
        network.sees(0, network.head(0));
    }
    assert_eq!((network.roster.order(), network.told()), (vec![0, 1], vec![(0, None)]));
}

#[test]
fn rest_does_not_hide_that_it_had_fallen_behind() {
    let mut network = Network::new(2, None);
    network.sees(1, network.head(0));
    network.sees(0, network.head(50));
    for _ in 0..3 {
        network.counts(0, Outcome::Failed);
    }
    network.pass(11);
    network.wakes();
    assert_eq!((network.roster.good(), network.told().len()), (vec![1], 1));
}

#[test]
fn one_that_fails_every_other_time_is_passed_over() {
    let mut network = Network::new(2, None);
    for _ in 0..15 {
        network.counts(0, Outcome::Failed);
        network.counts(0, Outcome::Answered(None));
    }
    let told = network.told();
    assert!(matches!(told.as_slice(), [(0, Some(Reason::Erring { percent: 30..50 }))]), "{told:?}");
    assert_eq!(network.roster.order(), [1, 0]);
}

#[test]
fn answers_alone_do_not_make_it_come_and_go() {
    let mut network = Network::new(1, None);
    for _ in 0..1_000 {
        network.counts(0, Outcome::Failed);
        network.counts(0, Outcome::Answered(None));
    }
    assert_eq!((network.told().len(), network.roster.order()), (1, vec![0]));
}

#[test]
fn if_all_are_passed_over_the_least_bad_is_asked_first() {
    let mut network = Network::new(5, None);
    network.sees(4, network.head(0));
    network.sees(0, network.head(100));
    network.sees(1, network.head(10));
    network.sees_chain(2, wrong(), None);
    for at in [3, 4] {
        for _ in 0..3 {
            network.counts(at, Outcome::Failed);
        }
    }
    assert!(network.roster.good().is_empty());
    assert_eq!(network.roster.order(), [3, 4, 1, 0]);
}

#[test]
fn a_head_that_was_seen_long_ago_condemns_nobody() {
    let mut network = Network::new(2, None);
    network.sees(1, Head { number: u64::MAX, time: NOON + 40 });
    network.pass(61);
    network.sees(0, network.head(0));
    assert_eq!(network.told(), []);
}

#[test]
fn missing_pending_is_remembered_until_it_is_there() {
    let mut network = Network::new(1, None);
    for (knows_pending, lacks) in [(None, false), (Some(false), true), (None, true), (Some(true), false)] {
        let sighting = Sighting { chain: ChainSeen::Right, head: Some(network.head(0)), knows_pending };
        let changes = network.roster.observe(0, sighting, network.now());
        assert_eq!(changes, []);
        assert_eq!(network.roster.qualities()[0].lacks_pending, lacks);
    }
}
