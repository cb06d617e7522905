//! This process's lease in the journal: the number by which its records are its own.
//!
//! The lease is renewed every 1.5 seconds. A process that has not managed to for 4.5 takes no new payments:
//! others, who wait for six, may be about to take over what it has. What it owns already it goes on with,
//! because the journal refuses it whatever was taken over.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use facilitator_journal::{Journal, JournalError, Owner};

/// Between two signs of life.
const RENEW_INTERVAL: Duration = Duration::from_millis(1_500);
/// How long a lease is relied on after its last renewal.
const RELIED_ON: Duration = Duration::from_millis(4_500);
/// How long others wait for a sign of life. Longer than [`RELIED_ON`], by their own steady clocks.
pub const SILENCE: Duration = Duration::from_secs(6);
/// Between two attempts to get a lease while there is none.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug)]
struct Held {
    owner: Owner,
    renewed: Instant,
}

/// The lease of this process.
pub struct OwnLease {
    journal: Arc<dyn Journal>,
    name: String,
    held: Mutex<Option<Held>>,
    /// Two that renew at once could begin two leases.
    renewing: tokio::sync::Mutex<()>,
    /// Whether it was ended for good.
    is_over: AtomicBool,
}

impl OwnLease {
    /// Not held yet. `name` is for people who read the journal.
    #[must_use]
    pub fn new(journal: Arc<dyn Journal>, name: String) -> Self {
        Self {
            journal,
            name,
            held: Mutex::new(None),
            renewing: tokio::sync::Mutex::new(()),
            is_over: AtomicBool::new(false),
        }
    }

    fn held(&self) -> Option<Held> {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, held: Option<Held>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }

    /// The number, if new payments may be taken by it.
    #[must_use]
    pub fn for_new_payments(&self) -> Option<Owner> {
        self.held().filter(|held| held.renewed.elapsed() < RELIED_ON).map(|held| held.owner)
    }

    /// The number, however long ago it was renewed.
    #[must_use]
    pub fn owner(&self) -> Option<Owner> {
        self.held().map(|held| held.owner)
    }

    /// One attempt to begin the lease, or to renew it. Nothing once it was ended.
    ///
    /// Not to be dropped before it has answered: a lease that was begun then is nobody's.
    ///
    /// # Errors
    /// [`JournalError::Storage`] and its like: it is to be tried again.
    pub async fn renew(&self) -> Result<(), JournalError> {
        let _alone = self.renewing.lock().await;
        if self.is_over.load(Ordering::Relaxed) {
            return Ok(());
        }
        // Taken before the journal is asked: what others see cannot be younger.
        let asked = Instant::now();
        if let Some(Held { owner, .. }) = self.held() {
            match self.journal.renew_lease(owner).await {
                Ok(()) => {
                    self.set(Some(Held { owner, renewed: asked }));
                    return Ok(());
                }
                Err(JournalError::LeaseEnded { .. }) => {
                    tracing::warn!(event = "lease_lost", lease = owner.number());
                    self.set(None);
                }
                Err(error) => return Err(error),
            }
        }
        let owner = self.journal.begin_lease(&self.name).await?;
        tracing::info!(event = "lease_begun", lease = owner.number());
        self.set(Some(Held { owner, renewed: asked }));
        Ok(())
    }

    /// Renews the lease for as long as the process runs.
    pub async fn keep(&self) {
        let mut is_failing = false;
        loop {
            let wait = match self.renew().await {
                Ok(()) => {
                    is_failing = false;
                    RENEW_INTERVAL
                }
                Err(error) => {
                    if !is_failing {
                        tracing::error!(event = "lease_not_renewed", reason = %error, cause = ?std::error::Error::source(&error));
                    }
                    is_failing = true;
                    RETRY_INTERVAL
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Ends the lease for good, so that others take over at once what this process leaves.
    pub async fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        // What is under way may begin one yet.
        let _alone = self.renewing.lock().await;
        let Some(Held { owner, .. }) = self.held() else { return };
        self.set(None);
        match self.journal.end_lease(owner, None).await {
            Ok(_) => tracing::info!(event = "lease_ended", lease = owner.number()),
            Err(error) => tracing::warn!(event = "lease_not_ended", lease = owner.number(), reason = %error),
        }
    }
}

#[cfg(test)]
mod tests;
