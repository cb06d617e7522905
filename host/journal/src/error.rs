//! What a journal refuses, and what goes wrong beneath it.

use std::{error::Error, path::PathBuf, sync::Arc};

use facilitator_protocol::Caip2;

use crate::{Owner, PaymentId, State};

/// Why a journal did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// The move is not an edge of the state machine. The record is as it was.
    #[error("settlement {payment_id} is {from} and cannot become {to}")]
    IllegalTransition {
        /// Whose record.
        payment_id: PaymentId,
        /// State that it has.
        from: State,
        /// State that was asked for; that of `from` if it was to be sealed.
        to: State,
    },
    /// The record cannot be released: something was signed for it. The record is as it was.
    #[error("settlement {payment_id} is {state} and cannot be released")]
    NotReleasable {
        /// Whose record.
        payment_id: PaymentId,
        /// State that it has.
        state: State,
    },
    /// The record belongs to another process now. The record is as it was.
    #[error("settlement {payment_id} belongs to lease {owner}")]
    Fenced {
        /// Whose record.
        payment_id: PaymentId,
        /// Who may move it.
        owner: Owner,
    },
    /// The lease is over: what it owned may belong to others.
    #[error("lease {owner} has ended")]
    LeaseEnded {
        /// The lease.
        owner: Owner,
    },
    /// Bytes were signed for this sequence number before. Nothing was written.
    #[error("sequence number {sequence} of {signer} on {network} is taken")]
    SequenceTaken {
        /// The network.
        network: Caip2,
        /// The account.
        signer: String,
        /// The number.
        sequence: u64,
    },
    /// There is no such record.
    #[error("no settlement {payment_id}")]
    NotFound {
        /// Who was asked for.
        payment_id: PaymentId,
    },
    /// A field is outside of what a record can hold. Nothing was written.
    #[error("{field} is out of range: at most {limit}")]
    OutOfRange {
        /// Name of the field.
        field: &'static str,
        /// Its bound, bytes for text and a value for numbers.
        limit: u64,
    },
    /// A stored record cannot be read back. For an operator to look at.
    #[error("settlement {payment_id} has an unreadable {field}")]
    Corrupt {
        /// Key of the record, as stored.
        payment_id: String,
        /// Column that cannot be read.
        field: &'static str,
    },
    /// The store failed; nothing of this write is in the journal, or it is not known to be. Asking again
    /// is safe.
    #[error("the settlement journal is unavailable")]
    Storage(#[source] Cause),
    /// The journal is shutting down.
    #[error("the settlement journal is closed")]
    Closed,

    /// The journal cannot be opened, at start.
    #[error("cannot open the settlement journal {}", path.display())]
    Open {
        /// File of the journal.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The journal was written by a newer version of this program, at start.
    #[error("the settlement journal {} has schema {found}, this program knows {supported}: run the newer one", path.display())]
    TooNew {
        /// File of the journal.
        path: PathBuf,
        /// Schema version of the file.
        found: i64,
        /// Newest schema version that this program knows.
        supported: i64,
    },
    /// The file is a database, but no settlement journal, at start.
    #[error("{} is a database of something else, not a settlement journal", path.display())]
    NotAJournal {
        /// File that was opened.
        path: PathBuf,
    },
    /// There is no such table, at start.
    #[error(
        "there is no DynamoDB table {table}, in this account and region: make it with `facilitator journal create-table`"
    )]
    NoTable {
        /// Its name.
        table: String,
    },
    /// The table is no settlement journal, at start.
    #[error("DynamoDB table {table} is no settlement journal: expected {expected}, found {found}")]
    WrongTable {
        /// Its name.
        table: String,
        /// What a journal has.
        expected: String,
        /// What the table has.
        found: String,
    },
}

/// A backend's own error. Shared, because all writes of one commit fail together.
pub type Cause = Arc<dyn Error + Send + Sync>;

impl From<rusqlite::Error> for JournalError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(Arc::new(error))
    }
}
