//! The SQLite journal against the conformance suite.

use std::{sync::Arc, time::Duration};

use facilitator_journal::{Journal, SqliteJournal};
use tempfile::TempDir;

use crate::conformance::{Store, conformance};

/// A file in a directory of its own.
struct File(TempDir);

impl Store for File {
    async fn journal(&self) -> Arc<dyn Journal> {
        let path = self.0.path().join("journal.sqlite");
        Arc::new(SqliteJournal::open(&path, Duration::from_secs(3_600)).unwrap())
    }
}

async fn open() -> File {
    File(tempfile::tempdir().unwrap())
}

conformance!(open);
