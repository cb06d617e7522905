//! The way of a payment through the parts. Knows no HTTP.

mod answer;
mod fingerprint;
mod joins;
mod judge;
mod resume;
mod route;
mod run;
mod settle;
mod simulated;
mod verify;

pub use answer::{Ended, Refusal, RefusalKind};
pub use joins::Joins;
pub use resume::resume_unfinished;
pub use settle::settle;
pub use verify::verify;

/// Why a request came to no verdict. Where the payment itself is bad, that is a verdict, not an error.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// A chain could not be asked; the caller may try again.
    #[error("the network cannot be reached now")]
    Upstream,
    /// The journal could not be written; nothing was signed.
    #[error("settlements cannot be recorded now")]
    Journal,
    /// Everything is busy.
    #[error("too many payments are being judged now")]
    Busy,
    /// A guest misbehaved, or we did.
    #[error("internal error")]
    Internal,
}
