//! What a client signed.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{PaymentRequirements, X402Version, json};

/// The option that the client chose to pay.
#[derive(Clone, Debug, PartialEq)]
pub enum Chosen {
    /// v1 names scheme and network only.
    Named {
        /// Scheme.
        scheme: String,
        /// Network name.
        network: String,
    },
    /// v2 repeats the requirements that the client accepted.
    Accepted(PaymentRequirements),
}

/// A payment payload of either version.
///
/// Source: x402 specification v1 section 5.2, v2 section 5.2 (`PaymentPayload`).
#[derive(Clone, Debug)]
pub struct PaymentPayload {
    /// The option that the client chose.
    pub chosen: Chosen,
    /// The scheme's own part, JSON text: only the guest reads it.
    pub payload: Box<RawValue>,
}

/// Why a payload could not be read: the path of the field, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct UnreadablePayload {
    /// Path below `paymentPayload`.
    pub field: String,
    /// What was expected.
    pub message: String,
}

impl UnreadablePayload {
    fn below(parent: &str, error: serde_path_to_error::Error<serde_json::Error>) -> Self {
        let path = error.path().to_string();
        let field = match (parent, path.as_str()) {
            (_, ".") => parent.to_owned(),
            ("", _) => path,
            _ => format!("{parent}.{path}"),
        };
        Self { field, message: error.into_inner().to_string() }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct V1<'a> {
    scheme: String,
    network: String,
    #[serde(borrow)]
    payload: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct V2<'a> {
    #[serde(borrow)]
    accepted: &'a RawValue,
    #[serde(borrow)]
    payload: &'a RawValue,
}

impl PaymentPayload {
    /// Reads the JSON text of `paymentPayload`.
    ///
    /// # Errors
    /// With the path of the field at fault.
    pub fn from_json(version: X402Version, text: &str) -> Result<Self, UnreadablePayload> {
        let (chosen, payload) = match version {
            X402Version::V1 => {
                let V1 { scheme, network, payload } =
                    json::read(text).map_err(|error| UnreadablePayload::below("", error))?;
                (Chosen::Named { scheme, network }, payload)
            }
            X402Version::V2 => {
                let V2 { accepted, payload } =
                    json::read(text).map_err(|error| UnreadablePayload::below("", error))?;
                let accepted = PaymentRequirements::from_json(version, accepted.get())
                    .map_err(|error| UnreadablePayload::below("accepted", error))?;
                (Chosen::Accepted(accepted), payload)
            }
        };
        Ok(Self { chosen, payload: payload.to_owned() })
    }
}
