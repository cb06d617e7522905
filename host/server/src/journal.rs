//! Opens the journal that the operator chose. The only place that knows its backends.

use std::sync::Arc;

use facilitator_journal::{DynamoJournal, Journal, JournalError, SqliteJournal};

use crate::config::{JournalSettings, JournalStore};

/// The journal. A table that cannot be asked now is no reason not to start: whatever needs it is refused until
/// it answers.
///
/// # Errors
/// What an operator has to see to: a file that cannot be opened, a table that is not there or is none of ours.
pub async fn open(settings: &JournalSettings) -> Result<Arc<dyn Journal>, JournalError> {
    match &settings.store {
        JournalStore::Sqlite(path) => Ok(Arc::new(SqliteJournal::open(path, settings.retention)?)),
        JournalStore::DynamoDb(table) => {
            let journal = DynamoJournal::connect(table.clone(), settings.retention).await;
            match journal.check().await {
                Err(JournalError::Storage(cause)) => {
                    tracing::error!(event = "journal_unavailable", table = table.as_str(), error = %cause);
                }
                answer => answer?,
            }
            Ok(Arc::new(journal))
        }
    }
}
