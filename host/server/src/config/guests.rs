//! Settings of guests: where they come from, what is demanded of them, when one is taken out of service.

use std::{path::PathBuf, time::Duration};

use facilitator_engine::{BreakerSettings, Limits};

use super::{ConfigError, environment::Lookup, file};

/// What the operator decided about guests.
#[derive(Clone, Debug)]
pub struct GuestsSettings {
    /// Directory of components that take the place of embedded ones.
    pub dir: Option<PathBuf>,
    /// The lock file; `guests.lock` in the directory if none is named.
    pub lock: Option<PathBuf>,
    /// What is demanded of the directory.
    pub mode: GuestsMode,
    /// Whether a guest whose breaker trips is rolled back by itself.
    pub automatic_rollback: bool,
    /// When a guest is taken out of service.
    pub breaker: BreakerSettings,
    /// Bounds of one guest call.
    pub limits: Limits,
}

/// What is demanded of a directory of guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestsMode {
    /// Every component is the one that `guests.lock` pins.
    Production,
    /// Others are loaded with a warning, and a changed file takes effect at once.
    Dev,
}

impl Default for GuestsSettings {
    fn default() -> Self {
        Self {
            dir: None,
            lock: None,
            mode: GuestsMode::Production,
            automatic_rollback: false,
            breaker: BreakerSettings::default(),
            limits: Limits::default(),
        }
    }
}

impl GuestsSettings {
    /// One line: where guests come from.
    pub(super) fn summary(&self) -> String {
        match (&self.dir, self.mode) {
            (None, _) => "embedded".to_owned(),
            (Some(dir), GuestsMode::Production) => format!("embedded, and as pinned from {}", dir.display()),
            (Some(dir), GuestsMode::Dev) => format!("embedded, and from {} in dev mode", dir.display()),
        }
    }

    pub(super) fn new(file: file::Guests, lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        let mode = match lookup("FACILITATOR_GUESTS_MODE").or(file.mode).as_deref() {
            None | Some("production") => GuestsMode::Production,
            Some("dev") => GuestsMode::Dev,
            Some(_) => {
                return Err(ConfigError::value("FACILITATOR_GUESTS_MODE", "expected production or dev"));
            }
        };
        let automatic_rollback = match file.rollback.as_deref() {
            None | Some("manual") => false,
            Some("automatic") => true,
            Some(_) => return Err(ConfigError::value("guests.rollback", "expected manual or automatic")),
        };
        let defaults = BreakerSettings::default();
        let seconds = |key: &str, seconds: Option<u64>, default: Duration| match seconds {
            None => Ok(default),
            Some(seconds @ 1..=600) => Ok(Duration::from_secs(seconds)),
            Some(_) => Err(ConfigError::value(format!("guests.{key}"), "expected 1 to 600")),
        };
        let breaker = BreakerSettings {
            faults: match file.breaker_faults {
                None => defaults.faults,
                Some(faults @ 1..=10_000) => faults,
                Some(_) => return Err(ConfigError::value("guests.breaker_faults", "expected 1 to 10000")),
            },
            window: seconds("breaker_window_seconds", file.breaker_window_seconds, defaults.window)?,
            rest: seconds("breaker_rest_seconds", file.breaker_rest_seconds, defaults.rest)?,
        };
        Ok(Self {
            dir: lookup("FACILITATOR_GUESTS_DIR").map(PathBuf::from).or(file.dir),
            lock: lookup("FACILITATOR_GUESTS_LOCK").map(PathBuf::from).or(file.lock),
            mode,
            automatic_rollback,
            breaker,
            limits: Limits::default(),
        })
    }
}
