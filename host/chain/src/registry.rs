//! The table of networks that ships with the facilitator.

use facilitator_protocol::{Caip2, Family, settings::AssetFacts};
use serde::Deserialize;

/// Facts of one network.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkFacts {
    /// Name, as x402 version 1 has it.
    pub name: String,
    /// CAIP-2 identifier, as version 2 has it.
    pub caip2: Caip2,
    /// Chain family.
    pub family: Family,
    /// Which of the operator's keys it uses.
    pub testnet: bool,
    /// Typical time between blocks, milliseconds.
    pub block_time_ms: u64,
    /// Blocks after which nothing is reorganised any more, where the default is not enough.
    #[serde(default)]
    pub finality_blocks: Option<u64>,
    /// Most that a settlement offers per gas, gwei (EVM).
    #[serde(default)]
    pub max_fee_per_gas_gwei: Option<u64>,
    /// Most gas of a settlement, where it differs from the default (EVM).
    #[serde(default)]
    pub max_gas: Option<u64>,
    /// Environment variable with its endpoints.
    pub rpc_env: String,
    /// A public endpoint, used only if the operator says so.
    #[serde(default)]
    pub rpc_default: Option<String>,
    /// Network passphrase (Stellar).
    #[serde(default)]
    pub passphrase: Option<String>,
    /// Most compute units of a transaction (Solana).
    #[serde(default)]
    pub max_compute_units: Option<u64>,
    /// Highest price of a compute unit (Solana).
    #[serde(default)]
    pub max_compute_unit_price_microlamports: Option<u64>,
    /// Assets that may be paid with.
    pub assets: Vec<Asset>,
}

/// An asset of the table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asset {
    /// Ticker.
    pub symbol: String,
    /// Address in the network's own form.
    pub address: String,
    /// Decimal places.
    pub decimals: u8,
    /// EIP-712 domain name.
    #[serde(default)]
    pub eip712_name: Option<String>,
    /// EIP-712 domain version.
    #[serde(default)]
    pub eip712_version: Option<String>,
}

impl From<Asset> for AssetFacts {
    fn from(asset: Asset) -> Self {
        Self {
            address: asset.address,
            symbol: asset.symbol,
            decimals: asset.decimals,
            eip712_name: asset.eip712_name,
            eip712_version: asset.eip712_version,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    network: Vec<NetworkFacts>,
}

/// The table that ships.
///
/// # Errors
/// If the table itself does not parse, which its test excludes.
pub fn shipped() -> Result<Vec<NetworkFacts>, toml::de::Error> {
    toml::from_str::<Table>(include_str!("networks.toml")).map(|table| table.network)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_has_26_distinct_networks_of_four_families() {
        let networks = shipped().unwrap();
        assert_eq!(networks.len(), 26);
        for distinct in [
            networks.iter().map(|network| network.name.clone()).collect::<BTreeSet<_>>(),
            networks.iter().map(|network| network.caip2.to_string()).collect(),
            networks.iter().map(|network| network.rpc_env.clone()).collect(),
        ] {
            assert_eq!(distinct.len(), 26);
        }
        let evm = networks.iter().filter(|network| network.family == Family::Evm);
        assert!(evm.clone().all(|network| network.caip2.reference().parse::<u64>().is_ok()));
        assert!(evm.clone().all(|network| network.max_fee_per_gas_gwei.is_some()));
        assert_eq!(evm.count(), 18);
    }
}
