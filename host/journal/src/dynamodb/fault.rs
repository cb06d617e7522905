//! What goes wrong between us and the table, told without the items: records carry signatures.

use std::{error::Error, fmt::Write as _, sync::Arc};

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};

use crate::JournalError;

/// Longest text of others that is kept of an error, bytes.
const MAX_TEXT_BYTES: usize = 500;

/// The cause of a [`JournalError::Storage`].
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// DynamoDB refused.
    #[error("DynamoDB {operation}: {code}: {message}")]
    Refused { operation: &'static str, code: String, message: String },
    /// It could not be asked, or its answer could not be read.
    #[error("DynamoDB {operation}: {reason}")]
    Unreachable { operation: &'static str, reason: String },
    /// No answer within the bound.
    #[error("DynamoDB {operation}: no answer in time")]
    TimedOut { operation: &'static str },
    /// Others kept changing the same items.
    #[error("DynamoDB {operation}: the same items were changed by others {rounds} times in a row")]
    Contended { operation: &'static str, rounds: usize },
    /// The request could not be made, which is a fault of this program.
    #[error("a request to DynamoDB lacks a field")]
    Incomplete(#[source] BuildError),
}

impl From<Fault> for JournalError {
    fn from(fault: Fault) -> Self {
        Self::Storage(Arc::new(fault))
    }
}

impl From<BuildError> for Fault {
    fn from(error: BuildError) -> Self {
        Self::Incomplete(error)
    }
}

impl Fault {
    /// The fault of an operation. Only codes and messages are taken over: the SDK's own errors hold whole
    /// answers, and with them items.
    pub(super) fn of<E, R>(operation: &'static str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match error {
            SdkError::ServiceError(refused) => {
                let error = refused.err();
                Self::Refused {
                    operation,
                    code: cut(error.code().unwrap_or("no code")),
                    message: cut(error.message().unwrap_or("no message")),
                }
            }
            SdkError::TimeoutError(_) => Self::TimedOut { operation },
            SdkError::DispatchFailure(failure) => {
                let reason = failure.as_connector_error().map(chain);
                Self::Unreachable { operation, reason: reason.unwrap_or_else(|| "cannot be sent".to_owned()) }
            }
            SdkError::ConstructionFailure(_) => Self::Unreachable {
                operation,
                reason: "the request cannot be built (is a region set?)".to_owned(),
            },
            _ => Self::Unreachable { operation, reason: "the answer cannot be read".to_owned() },
        }
    }
}

/// The error and what caused it, outermost first.
fn chain(error: &(impl Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    // Bounded by the text: each link adds to it.
    while let Some(error) = source.filter(|_| text.len() < MAX_TEXT_BYTES) {
        _ = write!(text, ": {error}");
        source = error.source();
    }
    cut(&text)
}

fn cut(text: &str) -> String {
    text.get(..text.floor_char_boundary(MAX_TEXT_BYTES)).unwrap_or_default().to_owned()
}
