//! The real clock, randomness and log behind a guest's ports.

use std::time::{SystemTime, UNIX_EPOCH};

use facilitator_engine::{Clock, Entropy, LogLevel, LogSink};

/// The system clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        unix_ms()
    }
}

/// The system clock, put right where a chain's blocks show that it is behind.
#[derive(Clone, Copy, Debug)]
pub struct ChainClock {
    /// Milliseconds that it is behind.
    pub behind_ms: u64,
}

impl Clock for ChainClock {
    fn now_ms(&self) -> u64 {
        unix_ms().saturating_add(self.behind_ms)
    }
}

/// Unix milliseconds.
pub(crate) fn unix_ms() -> u64 {
    // A clock before 1970 is broken; zero makes every payment "not valid yet", which is safe.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The operating system's random numbers.
#[derive(Clone, Copy, Debug)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn seed(&self) -> [u8; 32] {
        let mut seed = [0; 32];
        if let Err(error) = getrandom::fill(&mut seed) {
            // As the standard library does for its hash maps: a number that others can foresee is worse.
            tracing::error!(event = "no_entropy", %error);
            std::process::abort();
        }
        seed
    }
}

/// Guests' log lines, into ours. The text is a stranger's: it stays in one field.
#[derive(Clone, Debug)]
pub struct GuestLog {
    /// Name of the guest.
    pub guest: String,
}

impl LogSink for GuestLog {
    fn write(&self, level: LogLevel, message: &str) {
        let guest = self.guest.as_str();
        match level {
            LogLevel::Debug => tracing::debug!(event = "guest_log", guest, message),
            LogLevel::Info => tracing::info!(event = "guest_log", guest, message),
            LogLevel::Warn => tracing::warn!(event = "guest_log", guest, message),
            LogLevel::Error => tracing::error!(event = "guest_log", guest, message),
        }
    }
}
