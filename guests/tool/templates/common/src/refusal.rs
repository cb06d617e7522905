//! How a judgement ends early: the payment is refused, or nobody can tell.
//!
//! The two are never mixed. A refusal is a normal answer about the payment, and final. An error is about us
//! or the node, and the client may try again.

use facilitator_protocol::Invalid;
use guest_sdk::{GuestError, RpcError};

/// Why there is no `valid`.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The payment is refused.
    Refused(Invalid),
    /// No verdict.
    Broken(GuestError),
}

/// A refusal with a machine code of `facilitator_protocol::reason`, or one of the family's. It names no payer:
/// before the signature is verified, who pays is only a claim.
pub(crate) fn refuse(reason: &str, message: impl Into<String>) -> Invalid {
    Invalid { reason: reason.to_owned(), message: message.into(), payer: None }
}

impl From<Invalid> for Stop {
    fn from(invalid: Invalid) -> Self {
        Self::Refused(invalid)
    }
}

impl From<GuestError> for Stop {
    fn from(error: GuestError) -> Self {
        Self::Broken(error)
    }
}

impl From<RpcError> for Stop {
    fn from(error: RpcError) -> Self {
        Self::Broken(error.into())
    }
}
