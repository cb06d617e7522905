//! How a guest is doing: what it was called for, how long that took, and whether it may go on.
//!
//! A guest that faults again and again is taken out of service by a breaker, so that one broken family
//! does not answer every request with 500 while the operator sleeps. Only the guest's own faults count:
//! a chain that does not answer, or a payment that is refused, is no fault.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use crate::CallError;

/// When a guest is taken out of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Faults within the window that trip it, if they are at least half of the window's calls: a client
    /// who found an input that traps cannot stop the payments of everybody else.
    pub faults: u32,
    /// Length of the window.
    pub window: Duration,
    /// How long the guest rests before it is tried again. Doubles each time it trips right after a rest, up
    /// to [`BreakerSettings::LONGEST_REST`].
    pub rest: Duration,
}

impl BreakerSettings {
    /// The longest rest.
    pub const LONGEST_REST: Duration = Duration::from_secs(600);
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { faults: 5, window: Duration::from_secs(30), rest: Duration::from_secs(30) }
    }
}

/// What is known of a guest's calls since it was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Calls that ended.
    pub calls: u64,
    /// Those that ended with a fault of the guest: a trap, a used up budget, an answer out of contract.
    pub faults: u64,
    /// Median duration of a call, RPC waits included.
    pub p50: Duration,
    /// 99th percentile of it.
    pub p99: Duration,
    /// The latest fault, for people.
    pub last_fault: Option<String>,
    /// How long it still rests, if its breaker is open.
    pub rests_for: Option<Duration>,
}

/// What a call's end did to the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing to tell.
    None,
    /// It tripped now.
    Tripped,
}

/// Counts and breaker of one loaded guest.
#[derive(Debug)]
pub(crate) struct Health(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    settings: BreakerSettings,
    calls: u64,
    faults: u64,
    last_fault: Option<String>,
    /// Durations in microseconds.
    durations: Option<Histogram<u32>>,
    window: Window,
    breaker: Breaker,
}

#[derive(Debug)]
struct Window {
    started: Instant,
    calls: u32,
    faults: u32,
}

impl Window {
    const fn new(started: Instant) -> Self {
        Self { started, calls: 0, faults: 0 }
    }
}

#[derive(Clone, Copy, Debug)]
enum Breaker {
    Closed,
    /// Out of service until `until`, after which it is on trial.
    Open {
        until: Instant,
        rest: Duration,
    },
}

/// Longest call that the histogram tells apart, microseconds: above every wall limit.
const LONGEST_US: u64 = 120_000_000;
/// Longest text of a fault that is kept.
const MAX_FAULT_CHARS: usize = 200;

impl Health {
    pub(crate) fn new(settings: BreakerSettings) -> Self {
        // Two digits are enough to read, and take 10 KiB. These bounds are good ones: there is always one.
        let durations = Histogram::new_with_bounds(1, LONGEST_US, 2).ok();
        Self(Mutex::new(Inner {
            settings,
            calls: 0,
            faults: 0,
            last_fault: None,
            durations,
            window: Window::new(Instant::now()),
            breaker: Breaker::Closed,
        }))
    }

    /// A panic elsewhere leaves the counts as good as they were.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call that ended at `now`.
    pub(crate) fn count(&self, took: Duration, fault: Option<&CallError>, now: Instant) -> Effect {
        let mut inner = self.inner();
        inner.calls += 1;
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(durations) = &mut inner.durations {
            durations.saturating_record(took_us.max(1));
        }
        if let Some(fault) = fault {
            inner.faults += 1;
            inner.last_fault = Some(fault.to_string().chars().take(MAX_FAULT_CHARS).collect());
        }
        inner.judge(fault.is_some(), now)
    }

    /// Whether the guest is out of service at `now`.
    pub(crate) fn is_resting(&self, now: Instant) -> bool {
        matches!(self.inner().breaker, Breaker::Open { until, .. } if now < until)
    }

    /// Back into service, as if it had never faulted: it was chosen anew.
    pub(crate) fn reset_breaker(&self, now: Instant) {
        let mut inner = self.inner();
        inner.breaker = Breaker::Closed;
        inner.window = Window::new(now);
    }

    pub(crate) fn usage(&self, now: Instant) -> Usage {
        let inner = self.inner();
        let at = |quantile| {
            let us = inner.durations.as_ref().map_or(0, |durations| durations.value_at_quantile(quantile));
            Duration::from_micros(us)
        };
        Usage {
            calls: inner.calls,
            faults: inner.faults,
            p50: at(0.5),
            p99: at(0.99),
            last_fault: inner.last_fault.clone(),
            rests_for: match inner.breaker {
                Breaker::Open { until, .. } => {
                    Some(until.saturating_duration_since(now)).filter(|left| !left.is_zero())
                }
                Breaker::Closed => None,
            },
        }
    }
}

impl Inner {
    fn judge(&mut self, fault: bool, now: Instant) -> Effect {
        match self.breaker {
            // Calls that were under way when it tripped say nothing new.
            Breaker::Open { until, .. } if now < until => Effect::None,
            // On trial: the first call decides.
            Breaker::Open { rest, .. } if fault => {
                self.trip(now, rest.saturating_mul(2).min(BreakerSettings::LONGEST_REST))
            }
            Breaker::Open { .. } => {
                self.breaker = Breaker::Closed;
                self.window = Window::new(now);
                Effect::None
            }
            Breaker::Closed => self.judge_window(fault, now),
        }
    }

    fn judge_window(&mut self, fault: bool, now: Instant) -> Effect {
        if now.saturating_duration_since(self.window.started) > self.settings.window {
            self.window = Window::new(now);
        }
        self.window.calls = self.window.calls.saturating_add(1);
        self.window.faults = self.window.faults.saturating_add(u32::from(fault));
        let too_many = self.window.faults >= self.settings.faults.max(1);
        let mostly = self.window.faults >= self.window.calls.div_ceil(2);
        if fault && too_many && mostly { self.trip(now, self.settings.rest) } else { Effect::None }
    }

    fn trip(&mut self, now: Instant, rest: Duration) -> Effect {
        self.breaker = Breaker::Open { until: now + rest, rest };
        self.window = Window::new(now);
        Effect::Tripped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: BreakerSettings =
        BreakerSettings { faults: 3, window: Duration::from_secs(10), rest: Duration::from_secs(5) };

    struct Bench {
        health: Health,
        start: Instant,
    }

    impl Bench {
        fn new() -> Self {
            Self { health: Health::new(SETTINGS), start: Instant::now() }
        }

        fn at(&self, seconds: u64) -> Instant {
            self.start + Duration::from_secs(seconds)
        }

        fn fault(&self, seconds: u64) -> Effect {
            let fault = CallError::Trap("unreachable".to_owned());
            self.health.count(Duration::from_millis(1), Some(&fault), self.at(seconds))
        }

        fn good(&self, seconds: u64) -> Effect {
            self.health.count(Duration::from_millis(1), None, self.at(seconds))
        }

        fn tripped() -> Self {
            let bench = Self::new();
            assert_eq!(
                [bench.fault(1), bench.fault(1), bench.fault(1)],
                [Effect::None, Effect::None, Effect::Tripped]
            );
            bench
        }
    }

    #[test]
    fn enough_faults_in_a_window_trip_it() {
        let bench = Bench::tripped();
        assert!(bench.health.is_resting(bench.at(5)));
        assert!(!bench.health.is_resting(bench.at(6)), "the rest is over");
        assert_eq!(bench.health.usage(bench.at(2)).rests_for, Some(Duration::from_secs(4)));
    }

    #[test]
    fn faults_that_are_far_apart_do_not() {
        let bench = Bench::new();
        for seconds in [0, 8, 19, 27, 38] {
            assert_eq!(bench.fault(seconds), Effect::None, "{seconds}");
        }
    }

    #[test]
    fn faults_among_many_good_calls_do_not() {
        let bench = Bench::new();
        for _ in 0..20 {
            assert_eq!([bench.fault(1), bench.good(1), bench.good(1)], [Effect::None; 3]);
        }
        assert!(!bench.health.is_resting(bench.at(1)));
    }

    #[test]
    fn after_its_rest_one_good_call_closes_it() {
        let bench = Bench::tripped();
        assert_eq!(bench.good(7), Effect::None);
        assert_eq!([bench.fault(8), bench.fault(8)], [Effect::None; 2], "it counts anew");
        assert_eq!(bench.health.usage(bench.at(8)).rests_for, None);
    }

    #[test]
    fn after_its_rest_one_fault_opens_it_for_twice_as_long_and_never_for_ever() {
        let bench = Bench::tripped();
        assert_eq!(bench.fault(7), Effect::Tripped);
        assert!(bench.health.is_resting(bench.at(16)) && !bench.health.is_resting(bench.at(17)));
        let mut now = 17;
        for _ in 0..20 {
            assert_eq!(bench.fault(now), Effect::Tripped);
            now += 601;
        }
    }

    #[test]
    fn calls_that_end_during_the_rest_change_nothing() {
        let bench = Bench::tripped();
        assert_eq!([bench.fault(2), bench.good(3)], [Effect::None; 2]);
        assert!(bench.health.is_resting(bench.at(5)));
    }

    #[test]
    fn usage_counts_and_measures() {
        let bench = Bench::new();
        for milliseconds in 1..=100 {
            bench.health.count(Duration::from_millis(milliseconds), None, bench.start);
        }
        bench.fault(0);
        let usage = bench.health.usage(bench.start);
        assert_eq!((usage.calls, usage.faults), (101, 1));
        assert!((45..=55).contains(&usage.p50.as_millis()), "{usage:?}");
        assert!((97..=103).contains(&usage.p99.as_millis()), "{usage:?}");
        assert_eq!(usage.last_fault.as_deref(), Some("guest trapped: unreachable"));
    }
}
