//! The scheme's own part of the payload: what the payer signed.
//!
//! Source: x402 `exact` on EVM, section 1 (payload); EIP-3009 (`TransferWithAuthorization`).

use alloy_primitives::{Address, B256, U256};
use facilitator_protocol::{Invalid, reason};
use guest_sdk::request::shown;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{encoding, refusal::refuse};

/// `payload.authorization`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Authorization {
    #[serde(deserialize_with = "encoding::de_address")]
    pub(crate) from: Address,
    #[serde(deserialize_with = "encoding::de_address")]
    pub(crate) to: Address,
    #[serde(deserialize_with = "encoding::de_uint256")]
    pub(crate) value: U256,
    /// Unix seconds; the token demands a block after it.
    #[serde(deserialize_with = "encoding::de_uint256")]
    pub(crate) valid_after: U256,
    /// Unix seconds; the token demands a block before it.
    #[serde(deserialize_with = "encoding::de_uint256")]
    pub(crate) valid_before: U256,
    /// Chosen by the payer, used once; no counter.
    #[serde(deserialize_with = "encoding::de_word")]
    pub(crate) nonce: B256,
}

/// `payload`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignedAuthorization {
    #[serde(deserialize_with = "encoding::de_signature")]
    pub(crate) signature: Vec<u8>,
    #[serde(deserialize_with = "encoding::de_object")]
    pub(crate) authorization: Authorization,
}

impl SignedAuthorization {
    /// Only this one shape is read: anything beside it, such as a second authorization, would leave
    /// open which of them is settled. Paths are followed only if reading fails.
    pub(crate) fn read(payload: &RawValue) -> Result<Self, Invalid> {
        let json = || serde_json::Deserializer::from_str(payload.get());
        if let Ok(payload) = encoding::de_object(&mut json()) {
            return Ok(payload);
        }
        let mut json = json();
        let mut track = serde_path_to_error::Track::new();
        let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
        encoding::de_object(tracked).map_err(|error: serde_json::Error| {
            let expected = error.to_string();
            // Line and column are those of this part alone: the path says where it is.
            let expected = expected.rsplit_once(" at line ").map_or(expected.as_str(), |(text, _)| text);
            let message = match track.path().to_string().as_str() {
                "." => format!("payload: {expected}"),
                path => format!("payload.{path}: {expected}"),
            };
            refuse(reason::INVALID_PAYLOAD, shown(&message))
        })
    }
}
