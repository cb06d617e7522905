//! The SQLite journal against the conformance suite.

use std::sync::Arc;

use facilitator_journal::{Journal, SqliteJournal};
use tempfile::TempDir;

use crate::conformance::conformance;

fn open() -> (Arc<dyn Journal>, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(&directory.path().join("journal.sqlite")).unwrap();
    (Arc::new(journal), directory)
}

conformance!(open);
