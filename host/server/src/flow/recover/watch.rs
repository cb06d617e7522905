//! Which leases of others have ended, and when what they left is looked for.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use facilitator_journal::{Journal, JournalError, Lease, Liveness, Owner};

use crate::lease::SILENCE;

/// Between two looks at what a lease that has ended may have left, in its first minute as such: an index of
/// the store may lag. After that a minute passes between them.
const LEFT_INTERVAL: Duration = Duration::from_secs(5);
const LEFT_LATER: Duration = Duration::from_secs(60);

/// What this process has seen of another's lease.
struct Seen {
    liveness: Liveness,
    since: Instant,
    /// When its records are looked for next, once it has ended.
    look_at: Instant,
}

/// The leases of others, as seen from here.
#[derive(Default)]
pub struct Watch(HashMap<Owner, Seen>);

impl Watch {
    /// Forgets the leases that are not among these.
    pub(super) fn keep(&mut self, leases: &[Lease]) {
        self.0.retain(|owner, _| leases.iter().any(|lease| lease.owner == *owner));
    }

    /// Something may have been left where it was looked.
    pub(super) fn look_again(&mut self, owner: Owner) {
        if let Some(seen) = self.0.get_mut(&owner) {
            seen.look_at = Instant::now() + LEFT_INTERVAL;
        }
    }

    /// Whether the records of a lease are to be taken over now.
    pub(super) async fn is_due(
        &mut self,
        journal: &dyn Journal,
        lease: &Lease,
    ) -> Result<bool, JournalError> {
        let now = Instant::now();
        let fresh = Seen { liveness: lease.liveness, since: now, look_at: now };
        let seen = self.0.entry(lease.owner).or_insert(fresh);
        if seen.liveness != lease.liveness {
            *seen = Seen { liveness: lease.liveness, since: now, look_at: now };
        }
        match lease.liveness {
            Liveness::Running => Ok(false),
            Liveness::Renewed(_) => {
                if seen.since.elapsed() < SILENCE {
                    return Ok(false);
                }
                let ended = journal.end_lease(lease.owner, Some(lease.liveness)).await?;
                if ended {
                    let number = lease.owner.number();
                    tracing::warn!(event = "lease_taken_over", lease = number, name = lease.name);
                }
                Ok(ended)
            }
            Liveness::Ended => {
                let is_due = now >= seen.look_at;
                if is_due {
                    let wait = if seen.since.elapsed() < LEFT_LATER { LEFT_INTERVAL } else { LEFT_LATER };
                    seen.look_at = now + wait;
                }
                Ok(is_due)
            }
        }
    }
}

#[cfg(test)]
mod tests;
