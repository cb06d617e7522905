//! What a change of guests did, for logs, the admin API and the command line.

use std::time::Duration;

use facilitator_engine::{Generation, Replaced};
use serde::Serialize;

use super::Trigger;

/// What a reload or rollback did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReloadReport {
    /// Guests that were changed; none if all were what they should be.
    pub changes: Vec<Change>,
    /// Files that were left alone because their component was rolled back from.
    pub kept: Vec<String>,
    /// How long it took, from its begin to the switch.
    pub duration_ms: u64,
}

/// A change of one guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Name of the guest.
    pub guest: String,
    /// What serves now; none if it was removed.
    pub now: Option<Identity>,
    /// What served before; none if it is new.
    pub before: Option<Identity>,
}

/// Which component it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Number of the generation.
    pub generation: u64,
    /// Version in the descriptor.
    pub version: String,
    /// Digest of the component.
    pub sha256: String,
    /// Where it came from.
    pub origin: String,
}

impl Identity {
    fn of(generation: &Generation) -> Self {
        Self {
            generation: generation.number(),
            version: generation.descriptor().version.clone(),
            sha256: generation.sha256().to_owned(),
            origin: generation.origin().to_string(),
        }
    }
}

impl Change {
    pub(super) fn of(replaced: &Replaced) -> Self {
        let either = replaced.now.as_ref().or(replaced.before.as_ref());
        Self {
            guest: either.map(|generation| generation.name().to_owned()).unwrap_or_default(),
            now: replaced.now.as_deref().map(Identity::of),
            before: replaced.before.as_deref().map(Identity::of),
        }
    }

    pub(super) fn log(&self, trigger: Trigger) {
        let trigger = trigger.as_str();
        match &self.now {
            Some(now) => tracing::info!(
                event = "guest_in_service",
                guest = self.guest,
                generation = now.generation,
                version = now.version,
                sha256 = now.sha256,
                origin = now.origin,
                instead_of = self.before.as_ref().map(|before| before.sha256.as_str()),
                trigger,
            ),
            None => tracing::info!(event = "guest_removed", guest = self.guest, trigger),
        }
    }
}

impl ReloadReport {
    pub(super) fn new(changes: Vec<Change>, kept: Vec<String>) -> Self {
        Self { changes, kept, duration_ms: 0 }
    }

    pub(super) fn took(mut self, duration: Duration) -> Self {
        self.duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self
    }
}
