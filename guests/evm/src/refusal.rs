//! How a judgement ends early.

use facilitator_protocol::Invalid;
use guest_sdk::{GuestError, RpcError};

/// Why a payment is not valid, or why nobody can tell.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The payment is refused.
    Refused(Invalid),
    /// No verdict.
    Broken(GuestError),
}

/// A refusal before the payer's signature is verified: it names no payer.
pub(crate) fn refuse(reason: &'static str, message: impl Into<String>) -> Invalid {
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
