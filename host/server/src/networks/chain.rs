//! What runs for a network, whatever its family.

use std::sync::Arc;

use alloy_primitives::Address;
use facilitator_chain::{
    evm::{EvmNetwork, EvmSettings, NetworkState},
    rpc::{NetworkRpc, RpcSettings},
};
use facilitator_protocol::{Caip2, Family};
use facilitator_vault::Vault;

use crate::config::{ConfigError, NetworkSettings};

/// What sends and follows transactions on a network.
#[derive(Clone)]
pub enum Chain {
    /// An EVM network.
    Evm(Arc<EvmNetwork>),
}

impl Chain {
    /// Whether it can be used now.
    #[must_use]
    pub fn state(&self) -> NetworkState {
        match self {
            Self::Evm(network) => network.state(),
        }
    }

    /// Its endpoints.
    #[must_use]
    pub fn rpc(&self) -> &Arc<NetworkRpc> {
        match self {
            Self::Evm(network) => network.rpc(),
        }
    }

    /// Our accounts, as the network writes them, in the order in which their keys were given.
    #[must_use]
    pub fn accounts(&self) -> Vec<String> {
        match self {
            Self::Evm(network) => network.signers().into_iter().map(address_text).collect(),
        }
    }

    /// The account that would send the next settlement; none if no account can pay for it.
    #[must_use]
    pub fn sender(&self) -> Option<String> {
        match self {
            Self::Evm(network) => network.least_busy_signer().map(address_text),
        }
    }

    /// By how much the chain's clock is behind ours, milliseconds.
    #[must_use]
    pub fn clock_behind_ms(&self) -> u64 {
        match self {
            Self::Evm(network) => network.clock_behind_ms(),
        }
    }

    /// What a settlement would offer now per unit of gas, wei; none where there is no such thing, or if it is not
    /// known.
    #[must_use]
    pub fn max_fee_per_gas(&self) -> Option<String> {
        match self {
            Self::Evm(network) => network.fee_quote().map(|quote| quote.max_fee_per_gas.to_string()),
        }
    }

    /// Resolves when it has been attested for the first time, well or not.
    pub async fn first_attested(&self) {
        match self {
            Self::Evm(network) => network.first_attested().await,
        }
    }
}

/// Starts what runs for a network. The inner error says why nothing does, which is no fault.
pub(super) fn start(
    settings: &NetworkSettings,
    vault: &Arc<Vault>,
) -> Result<Result<Chain, String>, ConfigError> {
    let facts = &settings.facts;
    if !settings.enabled {
        return Ok(Err("disabled by configuration".to_owned()));
    }
    if facts.family != Family::Evm {
        return Ok(Err(format!("no {} guest in this build", facts.family)));
    }
    if settings.rpc.is_empty() {
        return Ok(Err(format!("no RPC endpoint ({} is not set)", facts.rpc_env)));
    }
    if vault.signers(&facts.caip2).is_empty() {
        let suffix = if facts.testnet { "TESTNET" } else { "MAINNET" };
        return Ok(Err(format!("no key (EVM_PRIVATE_KEY_{suffix} is not set)")));
    }
    let rpc = NetworkRpc::new(settings.rpc.clone(), RpcSettings::default())
        .map_err(|error| ConfigError::Value { key: facts.rpc_env.clone(), expected: error.to_string() })?;
    let evm_settings = EvmSettings {
        chain_id: chain_id(&facts.caip2)?,
        confirmations: settings.confirmations,
        max_in_flight: settings.max_in_flight,
        max_fee_per_gas_wei: settings.max_fee_per_gas_wei,
        max_priority_fee_per_gas_wei: settings.max_priority_fee_per_gas_wei,
        max_gas: settings.max_gas,
        max_head_age: settings.max_head_age,
        facts: facts.clone(),
    };
    Ok(Ok(Chain::Evm(EvmNetwork::start(evm_settings, Arc::new(rpc), Arc::clone(vault)))))
}

/// EIP-155 chain id of an `eip155` network.
///
/// # Errors
/// If the identifier is of another namespace.
pub fn chain_id(caip2: &Caip2) -> Result<u64, ConfigError> {
    caip2.reference().parse().ok().filter(|_| caip2.namespace() == "eip155").ok_or_else(|| {
        ConfigError::Value { key: format!("networks.{caip2}"), expected: "an eip155 identifier".to_owned() }
    })
}

/// An address as EIP-55 writes it.
#[must_use]
pub fn address_text(address: [u8; 20]) -> String {
    Address::from(address).to_checksum(None)
}

/// The address that an EVM account's text stands for.
#[must_use]
pub fn evm_address(text: &str) -> Option<[u8; 20]> {
    let mut address = [0; 20];
    hex::decode_to_slice(text.strip_prefix("0x")?, &mut address).ok()?;
    Some(address)
}
