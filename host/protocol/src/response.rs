//! What the facilitator answers.
//!
//! Source: x402 specification v2 section 7, as `wire` documentation narrows it: verdicts always have the
//! full shape, and no field is ever `null`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::AtomicAmount;

/// Answer of `POST /verify`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyResponse {
    /// Whether the payment is good.
    pub is_valid: bool,
    /// Who pays; only when verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer: Option<String>,
    /// Machine code, see [`crate::reason`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid_reason: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid_message: Option<String>,
}

impl VerifyResponse {
    /// A refusal.
    #[must_use]
    pub fn invalid(reason: impl Into<String>, message: impl Into<String>, payer: Option<String>) -> Self {
        Self {
            is_valid: false,
            payer,
            invalid_reason: Some(reason.into()),
            invalid_message: Some(message.into()),
        }
    }
}

/// Answer of `POST /settle`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettleResponse {
    /// Whether the payment is on chain.
    pub success: bool,
    /// Hash or signature; empty where there is none.
    pub transaction: String,
    /// The network in the form that the request used.
    pub network: String,
    /// Who paid; only when verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer: Option<String>,
    /// What was transferred, atomic units; only on success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<AtomicAmount>,
    /// Machine code, see [`crate::reason`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_reason: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

impl SettleResponse {
    /// A failure without a transaction.
    #[must_use]
    pub fn failed(
        network: impl Into<String>,
        reason: impl Into<String>,
        message: impl Into<String>,
        payer: Option<String>,
    ) -> Self {
        Self {
            success: false,
            transaction: String::new(),
            network: network.into(),
            payer,
            amount: None,
            error_reason: Some(reason.into()),
            error_message: Some(message.into()),
        }
    }
}

/// One entry of `/supported`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SupportedKind {
    /// 1 or 2.
    pub x402_version: u8,
    /// Scheme.
    pub scheme: String,
    /// Name (v1) or CAIP-2 (v2).
    pub network: String,
    /// Whatever the scheme adds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<Map<String, Value>>,
}

/// Answer of `GET /supported`: only what works now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SupportedResponse {
    /// What can be verified and settled now.
    pub kinds: Vec<SupportedKind>,
    /// Extensions of the protocol.
    pub extensions: Vec<String>,
    /// CAIP-2 pattern to the facilitator's accounts.
    pub signers: BTreeMap<String, Vec<String>>,
}
