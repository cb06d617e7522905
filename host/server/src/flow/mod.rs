//! The way of a payment through the parts. Knows no HTTP.

mod answer;
mod confirm;
mod confirmations;
mod drive;
mod evm;
mod finality;
mod fingerprint;
mod idempotency;
mod joins;
mod judge;
mod lookup;
mod onlookers;
mod orphans;
mod recover;
mod refused;
mod route;
mod run;
mod settle;
#[cfg(test)]
pub(crate) mod testing;
mod verify;
mod watched;

pub use answer::{Ended, Refusal, RefusalKind};
pub use finality::{Finality, keep_watching};
pub use idempotency::{NameKind, Names};
pub use joins::Joins;
pub use lookup::{Found, LookupError, Lookups};
pub use onlookers::Onlookers;
pub use orphans::Orphans;
pub use recover::{Watch, keep_recovering, recover};
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
    /// A name of the request stands for another one.
    #[error("the {0} of this request was used for another one before: another payment needs another name")]
    NameTaken(NameKind),
    /// A guest misbehaved, or we did.
    #[error("internal error")]
    Internal,
}
