//! What a resource server asks to be paid.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{AtomicAmount, X402Version, json};

/// Payment requirements of either version, in one shape.
///
/// Source: x402 specification v1 section 5.1, v2 section 5.1 (`PaymentRequirements`). Addresses stay text:
/// what makes two of them equal is the family's business.
#[derive(Clone, Debug, PartialEq)]
pub struct PaymentRequirements {
    /// Scheme, such as `exact`.
    pub scheme: String,
    /// The network as the request has it: a name (v1) or a CAIP-2 identifier (v2).
    pub network: String,
    /// `maxAmountRequired` (v1) or `amount` (v2).
    pub amount: AtomicAmount,
    /// The asset's address.
    pub asset: String,
    /// The account that is to be paid.
    pub pay_to: String,
    /// Seconds that the payment may take.
    pub max_timeout_seconds: u64,
    /// Whatever the scheme adds.
    pub extra: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct V1 {
    scheme: String,
    network: String,
    max_amount_required: AtomicAmount,
    asset: String,
    pay_to: String,
    max_timeout_seconds: u64,
    #[serde(default)]
    extra: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct V2 {
    scheme: String,
    network: String,
    amount: AtomicAmount,
    asset: String,
    pay_to: String,
    max_timeout_seconds: u64,
    #[serde(default)]
    extra: Option<Map<String, Value>>,
}

impl From<V1> for PaymentRequirements {
    fn from(wire: V1) -> Self {
        Self {
            scheme: wire.scheme,
            network: wire.network,
            amount: wire.max_amount_required,
            asset: wire.asset,
            pay_to: wire.pay_to,
            max_timeout_seconds: wire.max_timeout_seconds,
            extra: wire.extra.unwrap_or_default(),
        }
    }
}

impl From<V2> for PaymentRequirements {
    fn from(wire: V2) -> Self {
        Self {
            scheme: wire.scheme,
            network: wire.network,
            amount: wire.amount,
            asset: wire.asset,
            pay_to: wire.pay_to,
            max_timeout_seconds: wire.max_timeout_seconds,
            extra: wire.extra.unwrap_or_default(),
        }
    }
}

impl PaymentRequirements {
    /// Reads the JSON text of `paymentRequirements` or `accepted`.
    ///
    /// # Errors
    /// With the path of the field at fault.
    pub fn from_json(
        version: X402Version,
        text: &str,
    ) -> Result<Self, serde_path_to_error::Error<serde_json::Error>> {
        match version {
            X402Version::V1 => json::read::<V1>(text).map(Self::from),
            X402Version::V2 => json::read::<V2>(text).map(Self::from),
        }
    }

    /// `extra.<key>` if it is a non-empty string.
    #[must_use]
    pub fn extra_text(&self, key: &str) -> Option<&str> {
        self.extra.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
    }
}
