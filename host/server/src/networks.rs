//! The networks of this process: which are configured, which are served now, and why others are not.

mod chain;

use std::{collections::HashMap, sync::Arc, time::Duration};

use facilitator_chain::{
    evm::{EvmNetwork, NetworkState},
    rpc::EndpointReport,
};
use facilitator_protocol::{Caip2, GuestSettings, X402Version};
use facilitator_vault::Vault;

pub use chain::{Chain, address_text, chain_id, evm_address};

use crate::config::{ConfigError, NetworkSettings};

/// A network of the registry.
pub struct Network {
    /// What the operator decided.
    pub settings: NetworkSettings,
    /// What runs for it, or why nothing does.
    chain: Result<Chain, String>,
    vault: Arc<Vault>,
    /// Guest settings without a fee, by sender: made once, sent with every verification.
    verify_settings: HashMap<String, Arc<str>>,
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
        let chain = chain::start(&settings, vault)?;
        let mut verify_settings = HashMap::new();
        if let Ok(chain) = &chain {
            for account in chain.accounts() {
                let json = guest_settings(&settings, &chain.accounts(), &account, None);
                verify_settings.insert(account, json);
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
    pub fn chain(&self) -> Option<&Chain> {
        self.chain.as_ref().ok()
    }

    /// The same if it is an EVM network.
    #[must_use]
    pub fn evm(&self) -> Option<&Arc<EvmNetwork>> {
        match self.chain()? {
            Chain::Evm(network) => Some(network),
        }
    }

    /// Whether its chain answers as it should, be it stopped by the operator or not.
    #[must_use]
    pub fn is_attested(&self) -> bool {
        self.chain().is_some_and(|chain| chain.state() == NetworkState::Ready)
    }

    /// Whether it is served now.
    #[must_use]
    pub fn status(&self) -> Status {
        match &self.chain {
            Err(why) => Status::NotConfigured(why.clone()),
            Ok(_) if self.vault.is_killed(self.caip2()) => {
                Status::NotReady("stopped by the operator".to_owned())
            }
            Ok(chain) => match chain.state() {
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
            Ok(chain) if !self.vault.is_killed(self.caip2()) => chain.rpc().report(),
            _ => Vec::new(),
        }
    }

    /// JSON of [`GuestSettings`] for a verification that `sender` would settle.
    #[must_use]
    pub fn settings_for_verify(&self, sender: &str) -> Option<Arc<str>> {
        self.verify_settings.get(sender).map(Arc::clone)
    }

    /// The same with the fee that a settlement would offer now.
    #[must_use]
    pub fn settings_for_settle(&self, sender: &str) -> Option<Arc<str>> {
        let chain = self.chain()?;
        Some(guest_settings(&self.settings, &chain.accounts(), sender, chain.max_fee_per_gas()))
    }
}

fn guest_settings(
    settings: &NetworkSettings,
    accounts: &[String],
    sender: &str,
    max_fee_per_gas: Option<String>,
) -> Arc<str> {
    let guest_settings = GuestSettings {
        network_name: settings.facts.name.clone(),
        block_time_ms: settings.facts.block_time_ms,
        assets: settings.facts.assets.iter().cloned().map(Into::into).collect(),
        sender: sender.to_owned(),
        signers: accounts.to_vec(),
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
        let attested = self.all.iter().filter_map(|network| network.chain()).map(Chain::first_attested);
        let _late = tokio::time::timeout(limit, futures_util::future::join_all(attested)).await;
    }
}
