//! What is known of one endpoint: how it answers, where its head is, and whether it may be relied on.
//!
//! Pure: whoever tells it something says when that was. It knows no chain; what an endpoint said of its
//! chain comes as a [`Sighting`] from a chain family's probe. Endpoints are held against each other in
//! [`super::roster`].

use std::{fmt, time::Duration};

/// A run of failures after which an endpoint is passed over.
const FAILURES_UNTIL_REST: u32 = 3;
/// How long it is passed over at least for failures, if no probe finds it well before.
const REST: Duration = Duration::from_secs(10);
/// Probes in a row that must find nothing wrong before an endpoint counts as good again.
const GOOD_UNTIL_RETURN: u32 = 2;
/// Weight of the newest request in the averages: they look back some 20 requests.
const SMOOTHING: f64 = 0.05;
/// Requests before the error rate says anything.
const LEAST_REQUESTS: u32 = 20;
/// Error rate above which an endpoint is passed over.
const HIGHEST_ERROR_RATE: f64 = 0.3;

/// The newest block that an endpoint tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of the block.
    pub number: u64,
    /// Its time, Unix seconds.
    pub time: u64,
}

/// The chain that an endpoint says it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainSeen {
    /// The right one.
    Right,
    /// Another.
    Wrong {
        /// What was expected.
        expected: String,
        /// What the endpoint said; short, and no free text of the node's.
        found: String,
    },
    /// It did not say.
    Unknown,
}

/// What one look at an endpoint showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Its chain.
    pub chain: ChainSeen,
    /// Its head; none if it was not told.
    pub head: Option<Head>,
    /// Whether it answers for the state with pending transactions; none if that was not seen.
    pub knows_pending: Option<bool>,
}

/// How far heads may be from each other and from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadBounds {
    /// Blocks that an endpoint may be behind another.
    pub lag_blocks: u64,
    /// Seconds that it may be behind another; one that is behind by more of both is passed over.
    pub lag: Duration,
    /// Oldest head that is accepted, by our clock; none accepts every age.
    pub max_age: Option<Duration>,
}

impl HeadBounds {
    /// Bounds for a chain with a block every `block_time`: three blocks, and at least 10 s, because
    /// endpoints are not asked at the same instant and their nodes do not hear of a block at the same one.
    #[must_use]
    pub fn new(block_time: Duration, max_age: Option<Duration>) -> Self {
        const BLOCKS: u32 = 3;
        const LEAST: Duration = Duration::from_secs(10);
        Self { lag_blocks: u64::from(BLOCKS), lag: block_time.saturating_mul(BLOCKS).max(LEAST), max_age }
    }
}

impl Default for HeadBounds {
    fn default() -> Self {
        Self::new(Duration::ZERO, None)
    }
}

/// Why an endpoint is passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It serves another chain: the only reason for which it is not even the last resort.
    WrongChain {
        /// What was expected.
        expected: String,
        /// What it said.
        found: String,
    },
    /// Another endpoint knows newer blocks.
    Behind {
        /// How many more.
        blocks: u64,
        /// How much newer, by the blocks' own times.
        seconds: u64,
    },
    /// Its head is old by our clock.
    Old {
        /// How old.
        seconds: u64,
        /// How old it may be.
        at_most: u64,
    },
    /// Its head is in the future, and another endpoint's is not.
    Ahead {
        /// How far, by our clock.
        seconds: u64,
    },
    /// Too many of its answers are failures.
    Erring {
        /// How many of a hundred.
        percent: u32,
    },
    /// It failed several times in a row.
    Failing {
        /// How often.
        failures: u32,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongChain { expected, found } => write!(f, "chain id: expected {expected}, found {found}"),
            Self::Behind { blocks, seconds } => {
                write!(f, "{blocks} blocks and {seconds} s behind another endpoint")
            }
            Self::Old { seconds, at_most } => {
                write!(f, "the latest block is {seconds} s old, at most {at_most} s are accepted")
            }
            Self::Ahead { seconds } => write!(f, "the latest block is {seconds} s ahead of our clock"),
            Self::Erring { percent } => write!(f, "{percent} % of its requests fail"),
            Self::Failing { failures } => write!(f, "{failures} requests in a row failed"),
        }
    }
}

impl Reason {
    /// Order among endpoints that are passed over, least bad first. One that may answer with the truth comes
    /// before one that answers with the past.
    pub(super) const fn badness(&self) -> (u8, u64) {
        match self {
            Self::Erring { .. } => (0, 0),
            Self::Failing { .. } => (1, 0),
            Self::Behind { seconds, .. } => (2, *seconds),
            Self::Old { seconds, .. } => (3, *seconds),
            Self::Ahead { seconds } => (4, *seconds),
            Self::WrongChain { .. } => (5, 0),
        }
    }

    /// Whether it is about how the endpoint answers, not about what.
    const fn is_conduct(&self) -> bool {
        matches!(self, Self::Erring { .. } | Self::Failing { .. })
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With an answer, after so long; none where the endpoint was asked to take its time.
    Answered(Option<Duration>),
    /// With none.
    Failed,
}

/// A head, and when it was seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) head: Head,
    /// By the steady clock.
    pub(super) at: Duration,
    /// By the wall clock, Unix seconds.
    pub(super) wall: u64,
}

#[derive(Debug)]
enum State {
    Good,
    Quarantined {
        reason: Reason,
        good_in_a_row: u32,
        /// Steady time from which it is tried again, if `reason` is about conduct.
        rests_until: Duration,
    },
}

/// What is known of one endpoint.
#[derive(Debug)]
pub(super) struct Quality {
    error_rate: f64,
    /// Requests that `error_rate` is made of, since the state last changed.
    requests: u32,
    latency_seconds: Option<f64>,
    failures_in_a_row: u32,
    pub(super) seen: Option<Seen>,
    pub(super) wrong_chain: Option<Reason>,
    pub(super) lacks_pending: bool,
    state: State,
}

impl Quality {
    pub(super) const fn new() -> Self {
        Self {
            error_rate: 0.0,
            requests: 0,
            latency_seconds: None,
            failures_in_a_row: 0,
            seen: None,
            wrong_chain: None,
            lacks_pending: false,
            state: State::Good,
        }
    }

    /// Why it is passed over; none if it is good.
    pub(super) const fn quarantine(&self) -> Option<&Reason> {
        match &self.state {
            State::Good => None,
            State::Quarantined { reason, .. } => Some(reason),
        }
    }

    /// Average time to answer.
    pub(super) fn latency(&self) -> Option<Duration> {
        self.latency_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    }

    /// Counts a request.
    pub(super) fn count(&mut self, outcome: Outcome) {
        let smooth = |average: f64, newest: f64| average + SMOOTHING * (newest - average);
        self.requests = self.requests.saturating_add(1);
        match outcome {
            Outcome::Answered(latency) => {
                self.failures_in_a_row = 0;
                self.error_rate = smooth(self.error_rate, 0.0);
                if let Some(newest) = latency.map(|latency| latency.as_secs_f64()) {
                    let average = self.latency_seconds.map_or(newest, |average| smooth(average, newest));
                    self.latency_seconds = Some(average);
                }
            }
            Outcome::Failed => {
                self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
                self.error_rate = smooth(self.error_rate, 1.0);
            }
        }
    }

    /// What is wrong with the way it answers.
    pub(super) fn conduct(&self) -> Option<Reason> {
        if self.failures_in_a_row >= FAILURES_UNTIL_REST {
            Some(Reason::Failing { failures: self.failures_in_a_row })
        } else if self.requests >= LEAST_REQUESTS && self.error_rate > HIGHEST_ERROR_RATE {
            Some(Reason::Erring { percent: percent(self.error_rate) })
        } else {
            None
        }
    }

    /// Takes a verdict over that speaks against it. Whether its state changed.
    pub(super) fn condemn(&mut self, found: Reason, now: Duration) -> bool {
        let changed = match self.quarantine() {
            None => true,
            // Told again, because nothing else keeps an endpoint from being asked at all.
            Some(was) => {
                matches!(found, Reason::WrongChain { .. }) && !matches!(was, Reason::WrongChain { .. })
            }
        };
        // The rate is measured anew while it is passed over.
        self.requests = 0;
        self.state =
            State::Quarantined { reason: found, good_in_a_row: 0, rests_until: now.saturating_add(REST) };
        changed
    }

    /// Whether it has rested long enough to be tried again.
    pub(super) fn has_rested(&self, now: Duration) -> bool {
        matches!(&self.state, State::Quarantined { reason, rests_until, .. }
            if reason.is_conduct() && now >= *rests_until)
    }

    /// It was found well once more. Whether its state changed.
    pub(super) fn found_well(&mut self) -> bool {
        let State::Quarantined { good_in_a_row, .. } = &mut self.state else { return false };
        *good_in_a_row += 1;
        if *good_in_a_row < GOOD_UNTIL_RETURN {
            return false;
        }
        self.error_rate = 0.0;
        self.requests = 0;
        self.failures_in_a_row = 0;
        self.state = State::Good;
        true
    }

    /// A look at it showed nothing: what was good before does not count.
    pub(super) const fn found_mute(&mut self) {
        if let State::Quarantined { good_in_a_row, .. } = &mut self.state {
            *good_in_a_row = 0;
        }
    }

    /// It is tried again without having been found well: the next failure ends that.
    pub(super) fn try_again(&mut self) {
        self.failures_in_a_row = FAILURES_UNTIL_REST.saturating_sub(1);
        self.requests = 0;
        self.state = State::Good;
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is between 0 and 1")]
fn percent(rate: f64) -> u32 {
    (rate * 100.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_in_a_row_speak_against_it_and_an_answer_between_does_not_count_on() {
        let mut quality = Quality::new();
        for outcome in [Outcome::Failed, Outcome::Failed, Outcome::Answered(None), Outcome::Failed] {
            quality.count(outcome);
        }
        assert_eq!(quality.conduct(), None);
        quality.count(Outcome::Failed);
        quality.count(Outcome::Failed);
        assert_eq!(quality.conduct(), Some(Reason::Failing { failures: 3 }));
    }

    #[test]
    fn the_error_rate_counts_only_after_enough_requests() {
        let mut quality = Quality::new();
        for at in 1..=40 {
            quality.count(Outcome::Failed);
            quality.count(Outcome::Answered(None));
            let spoken = quality.conduct().is_some();
            assert_eq!(spoken, at * 2 >= 20, "after {} requests: {:?}", at * 2, quality.conduct());
        }
        assert!(matches!(quality.conduct(), Some(Reason::Erring { percent: 40..=50 })));
    }

    #[test]
    fn one_request_of_ten_may_fail_for_ever() {
        let mut quality = Quality::new();
        for at in 0..10_000 {
            quality.count(if at % 10 == 0 { Outcome::Failed } else { Outcome::Answered(None) });
            assert_eq!(quality.conduct(), None, "after {at}");
        }
    }

    #[test]
    fn latency_follows_slowly_and_not_the_requests_that_were_asked_to_wait() {
        let mut quality = Quality::new();
        assert_eq!(quality.latency(), None);
        quality.count(Outcome::Answered(Some(Duration::from_millis(100))));
        quality.count(Outcome::Answered(None));
        assert_eq!(quality.latency(), Some(Duration::from_millis(100)));
        quality.count(Outcome::Answered(Some(Duration::from_millis(300))));
        assert_eq!(quality.latency(), Some(Duration::from_millis(110)));
    }

    #[test]
    fn bounds_fit_slow_and_fast_chains() {
        let lag = |block_ms| HeadBounds::new(Duration::from_millis(block_ms), None).lag;
        assert_eq!(
            (lag(40), lag(2_000), lag(12_000)),
            (Duration::from_secs(10), Duration::from_secs(10), Duration::from_secs(36))
        );
    }
}
