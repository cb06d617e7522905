//! Which of several processes looks after what is nobody's in particular.

use std::sync::atomic::{AtomicBool, Ordering};

use facilitator_journal::{Lease, Liveness, Owner};

/// Whether this process looks after what is nobody's in particular: the one with the oldest lease does. If
/// two believe so for a moment, no harm is done.
#[derive(Debug, Default)]
pub struct Leadership {
    leads: AtomicBool,
    is_alone: AtomicBool,
}

impl Leadership {
    /// Takes a list of leases.
    pub(crate) fn set(&self, own: Owner, leases: &[Lease]) {
        let living =
            || leases.iter().filter(|lease| lease.liveness != Liveness::Ended).map(|lease| lease.owner);
        self.leads.store(living().all(|owner| owner >= own), Ordering::Relaxed);
        self.is_alone.store(living().all(|owner| owner == own), Ordering::Relaxed);
    }

    pub(super) fn is_ours(&self) -> bool {
        self.leads.load(Ordering::Relaxed)
    }

    /// Whether no other process has a lease.
    pub(super) fn is_alone(&self) -> bool {
        self.is_alone.load(Ordering::Relaxed)
    }
}
