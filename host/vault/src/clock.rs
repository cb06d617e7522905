//! Time for budgets: how long the process runs, never what a calendar says.

use std::{
    fmt,
    time::{Duration, Instant},
};

/// A clock that never goes back. Setting the system's time changes nothing.
pub trait MonotonicClock: fmt::Debug + Send + Sync {
    /// Time since a moment that stays the same.
    fn elapsed(&self) -> Duration;
}

/// The operating system's monotonic clock, from when this was made.
#[derive(Clone, Copy, Debug)]
pub struct ProcessClock(Instant);

impl ProcessClock {
    /// A clock at zero.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

impl MonotonicClock for ProcessClock {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
