//! What the host tells a guest of a network, beside the payment itself.

use serde::{Deserialize, Serialize};

/// An asset that the operator allows on a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssetFacts {
    /// Address in the network's own text form.
    pub address: String,
    /// Ticker, such as `USDC`.
    pub symbol: String,
    /// Decimal places of the atomic unit.
    pub decimals: u8,
    /// EIP-712 domain name (EVM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eip712_name: Option<String>,
    /// EIP-712 domain version (EVM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eip712_version: Option<String>,
}

/// Facts and operator settings that travel with each request, as JSON text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GuestSettings {
    /// The network's v1 name, such as `base-sepolia`.
    pub network_name: String,
    /// Typical time between blocks, milliseconds.
    pub block_time_ms: u64,
    /// Assets that may be paid with; an asset that is not here is refused.
    pub assets: Vec<AssetFacts>,
    /// Account that would send this settlement; simulations name it as the caller.
    pub sender: String,
    /// All accounts of the facilitator on this network.
    pub signers: Vec<String>,
    /// Seconds that a payment must still be valid when it is verified.
    pub min_validity_seconds: u64,
    /// Smallest payment that is settled, atomic units.
    pub min_amount: crate::AtomicAmount,
    /// ERC-6492 factories that may be called (EVM); empty means none.
    #[serde(default)]
    pub erc6492_factories: Vec<String>,
    /// Most gas that a settlement may be given (EVM).
    #[serde(default)]
    pub max_gas: u64,
    /// Fee per gas that a settlement would offer now, wei, decimal (EVM); simulations use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_fee_per_gas: Option<String>,
}
