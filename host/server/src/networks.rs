//! The networks of this process: which are configured, which are served now, and why others are not.

use std::{collections::HashMap, sync::Arc, time::Duration};

use alloy_primitives::Address;
use facilitator_chain::{
    evm::{EvmNetwork, EvmSettings, NetworkState},
    rpc::{EndpointReport, NetworkRpc, RpcSettings},
};
use facilitator_protocol::{Caip2, Family, GuestSettings, X402Version};
use facilitator_vault::Vault;

use crate::config::{ConfigError, NetworkSettings};

/// A network of the registry.
pub struct Network {
    /// What the operator decided.
    pub settings: NetworkSettings,
    /// What runs for it, or why nothing does.
    chain: Result<Arc<EvmNetwork>, String>,
    vault: Arc<Vault>,
    /// Guest settings without a fee, by sender: made once, sent with every verification.
    verify_settings: HashMap<[u8; 20], Arc<str>>,
}

/// Whether a network is served now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing was configured for it, or its family is not built in.
    NotConfigured(String),
    /// Configured, and not served now.
    NotReady(String),
    /// Served.
    Ready,
}

impl Network {
    fn new(settings: NetworkSettings, vault: &Arc<Vault>) -> Result<Self, ConfigError> {
        let chain = start(&settings, vault)?;
        let mut verify_settings = HashMap::new();
        if let Ok(evm) = &chain {
            for signer in evm.signers() {
                let json = guest_settings(&settings, &evm.signers(), signer, None);
                verify_settings.insert(signer, json);
            }
        }
        Ok(Self { settings, chain, vault: Arc::clone(vault), verify_settings })
    }

    /// CAIP-2 identifier.
    #[must_use]
    pub const fn caip2(&self) -> &Caip2 {
        &self.settings.facts.caip2
    }

    /// What sends and follows transactions, if the network is configured.
    #[must_use]
    pub fn evm(&self) -> Option<&Arc<EvmNetwork>> {
        self.chain.as_ref().ok()
    }

    /// Whether it is served now.
    #[must_use]
    pub fn status(&self) -> Status {
        match &self.chain {
            Err(why) => Status::NotConfigured(why.clone()),
            Ok(_) if self.vault.is_killed(self.caip2()) => {
                Status::NotReady("stopped by the operator".to_owned())
            }
            Ok(evm) => match evm.state() {
                NetworkState::Ready => Status::Ready,
                NetworkState::Starting => Status::NotReady("not attested yet".to_owned()),
                NetworkState::NotReady(why) => Status::NotReady(why),
            },
        }
    }

    /// What is known of its RPC endpoints; none if nothing runs for it or the operator has stopped it.
    #[must_use]
    pub fn endpoints(&self) -> Vec<EndpointReport> {
        match &self.chain {
            Ok(evm) if !self.vault.is_killed(self.caip2()) => evm.rpc().report(),
            _ => Vec::new(),
        }
    }

    /// JSON of [`GuestSettings`] for a verification that `sender` would settle.
    #[must_use]
    pub fn settings_for_verify(&self, sender: [u8; 20]) -> Option<Arc<str>> {
        self.verify_settings.get(&sender).map(Arc::clone)
    }

    /// The same with the fee that a settlement would offer now.
    #[must_use]
    pub fn settings_for_settle(&self, sender: [u8; 20]) -> Option<Arc<str>> {
        let evm = self.evm()?;
        let fee = evm.fee_quote().map(|quote| quote.max_fee_per_gas.to_string());
        Some(guest_settings(&self.settings, &evm.signers(), sender, fee))
    }
}

/// Starts what runs for a network. The inner error says why nothing does, which is no fault.
fn start(
    settings: &NetworkSettings,
    vault: &Arc<Vault>,
) -> Result<Result<Arc<EvmNetwork>, String>, ConfigError> {
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
    Ok(Ok(EvmNetwork::start(evm_settings, Arc::new(rpc), Arc::clone(vault))))
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

fn guest_settings(
    settings: &NetworkSettings,
    signers: &[[u8; 20]],
    sender: [u8; 20],
    max_fee_per_gas: Option<String>,
) -> Arc<str> {
    let guest_settings = GuestSettings {
        network_name: settings.facts.name.clone(),
        block_time_ms: settings.facts.block_time_ms,
        assets: settings.facts.assets.iter().cloned().map(Into::into).collect(),
        sender: address_text(sender),
        signers: signers.iter().copied().map(address_text).collect(),
        min_validity_seconds: settings.min_validity_seconds,
        min_amount: settings.min_amount.clone(),
        erc6492_factories: settings.erc6492_factories.clone(),
        max_gas: settings.max_gas,
        max_fee_per_gas,
    };
    // A struct of strings and numbers always serialises.
    serde_json::to_string(&guest_settings).unwrap_or_default().into()
}

/// All networks of the registry.
pub struct Networks {
    all: Vec<Arc<Network>>,
    by_name: HashMap<String, Arc<Network>>,
    by_caip2: HashMap<String, Arc<Network>>,
}

impl Networks {
    /// Starts every network that is configured.
    ///
    /// # Errors
    /// [`ConfigError`] if a setting is not usable.
    pub fn start(settings: Vec<NetworkSettings>, vault: &Arc<Vault>) -> Result<Self, ConfigError> {
        let mut networks = Self { all: Vec::new(), by_name: HashMap::new(), by_caip2: HashMap::new() };
        for one in settings {
            let network = Arc::new(Network::new(one, vault)?);
            let facts = &network.settings.facts;
            networks.by_name.insert(facts.name.clone(), Arc::clone(&network));
            networks.by_caip2.insert(facts.caip2.to_string(), Arc::clone(&network));
            networks.all.push(network);
        }
        Ok(networks)
    }

    /// The network of a request: by name in version 1, by CAIP-2 identifier in version 2.
    #[must_use]
    pub fn find(&self, version: X402Version, network: &str) -> Option<&Arc<Network>> {
        match version {
            X402Version::V1 => self.by_name.get(network),
            X402Version::V2 => self.by_caip2.get(network),
        }
    }

    /// Every network, in the registry's order.
    #[must_use]
    pub fn all(&self) -> &[Arc<Network>] {
        &self.all
    }

    /// Waits until every configured network was attested once, or `limit` is over: a network that is slow
    /// to answer does not keep the others from being served.
    pub async fn first_attested(&self, limit: Duration) {
        let attested = self.all.iter().filter_map(|network| network.evm()).map(|evm| evm.first_attested());
        let _late = tokio::time::timeout(limit, futures_util::future::join_all(attested)).await;
    }
}
