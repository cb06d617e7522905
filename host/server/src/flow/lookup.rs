//! Finding a settlement by what a client has of it: the payment's id or a transaction's hash.

use std::time::Duration;

use facilitator_journal::{PaymentId, Record, id::NotAnIdentifier};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{confirmations::Confirmations, settle::journal_failed};
use crate::app::App;

/// Most look-ups at a time: settlements need the journal more.
const MAX_LOOKUPS: usize = 16;
/// Longest that the journal may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why nothing was looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// Nothing has an id like this.
    #[error(transparent)]
    NotAnId(#[from] NotAnIdentifier),
    /// Too many look at once.
    #[error("too many settlements are being looked up now")]
    Busy,
    /// The journal could not be read.
    #[error("settlements cannot be looked up now")]
    Journal,
}

/// A settlement that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What the journal has.
    pub record: Record,
    /// Blocks on top of the one with its transaction, and that one; none if not known or of no interest.
    pub confirmations: Option<u64>,
}

/// Looks settlements up, a few at a time.
pub struct Lookups {
    reading: Semaphore,
    confirmations: Confirmations,
}

impl Default for Lookups {
    fn default() -> Self {
        Self { reading: Semaphore::new(MAX_LOOKUPS), confirmations: Confirmations::new() }
    }
}

impl Lookups {
    /// The settlement with a payment id or with a transaction, if there is one.
    ///
    /// # Errors
    /// [`LookupError`]; safe to repeat.
    pub async fn find(&self, app: &App, id: &str) -> Result<Option<Found>, LookupError> {
        let id = canonical(id).parse::<PaymentId>()?;
        let record = {
            let _one_of_few = self.place()?;
            tokio::time::timeout(PATIENCE, read(app, &id)).await.map_err(|_| journal_silent())??
        };
        let Some(record) = record else { return Ok(None) };
        let confirmations = self.confirmations.of(app, &record).await;
        Ok(Some(Found { record, confirmations }))
    }

    /// Held while the journal is read.
    fn place(&self) -> Result<SemaphorePermit<'_>, LookupError> {
        self.reading.try_acquire().map_err(|_| LookupError::Busy)
    }
}

async fn read(app: &App, id: &PaymentId) -> Result<Option<Record>, LookupError> {
    let unread = |error| {
        journal_failed(&error);
        LookupError::Journal
    };
    if !is_evm_hash(id.as_str())
        && let Some(record) = app.journal.get(id).await.map_err(unread)?
    {
        return Ok(Some(record));
    }
    app.journal.find_by_transaction(id.as_str()).await.map_err(unread)
}

fn journal_silent() -> LookupError {
    tracing::error!(event = "journal_failed", reason = "no answer in time");
    LookupError::Journal
}

/// Transaction hashes of EVM networks are the same in any case; elsewhere case counts.
fn canonical(id: &str) -> String {
    if is_evm_hash(id) { id.to_ascii_lowercase() } else { id.to_owned() }
}

fn is_evm_hash(id: &str) -> bool {
    id.strip_prefix("0x")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_look_more_than_there_is_room_for_is_refused_at_once() {
        let lookups = Lookups::default();
        let mut places: Vec<_> = (0..MAX_LOOKUPS).map(|_| lookups.place().unwrap()).collect();
        assert_eq!(lookups.place().err(), Some(LookupError::Busy));
        places.pop();
        assert!(lookups.place().is_ok());
    }

    #[test]
    fn only_hashes_of_evm_networks_are_lowered() {
        let hash = format!("0x{}", "aB".repeat(32));
        assert_eq!(canonical(&hash), hash.to_ascii_lowercase());
        for other in [&hash[..65], "5VERv8NMvzbJMEkV8xnrLkEaWRtSz9CosKDYjCJjBRnb", "eip155:1:0xAB"] {
            assert_eq!(canonical(other), other);
        }
    }
}
