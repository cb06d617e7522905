//! Why a guest could not come to a verdict.

use crate::RpcError;

/// A call that ended without an answer to its question. A refused payment is no error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuestError {
    /// The chain could not be asked; the caller may try again.
    #[error("upstream: {0}")]
    Upstream(String),
    /// The guest was called with something that it does not serve.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// The guest's or the host's own fault.
    #[error("internal: {0}")]
    Internal(String),
}

impl From<RpcError> for GuestError {
    /// An RPC failure that nobody could read as an answer. The node's own words are left out: they
    /// may hold what must not leak.
    fn from(error: RpcError) -> Self {
        match error {
            RpcError::Denied(what) => Self::Upstream(format!("the host denies {what}")),
            RpcError::Unavailable(why) => Self::Upstream(why),
            RpcError::Remote(remote) => {
                Self::Upstream(format!("the node answered with JSON-RPC error {}", remote.code))
            }
        }
    }
}
