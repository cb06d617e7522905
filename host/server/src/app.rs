//! What every request shares.

use std::{sync::Arc, time::Instant};

use anyhow::Context;
use facilitator_engine::{Engine, EngineConfig};
use facilitator_journal::Journal;
use facilitator_protocol::Family;
use facilitator_vault::{EvmKeys, EvmPolicy, Scope, Vault};
use tokio_util::task::TaskTracker;

use crate::{
    config::{NetworkSettings, Settings},
    flow::{Finality, Joins, Onlookers, Orphans},
    guests::Guests,
    journal,
    lanes::Leadership,
    lease::OwnLease,
    networks::{Networks, chain_id},
};

/// The parts of a running facilitator.
pub struct App {
    /// What the operator decided.
    pub settings: Settings,
    /// Guests in use.
    pub guests: Guests,
    /// Keys and policy.
    pub vault: Arc<Vault>,
    /// Settlement records.
    pub journal: Arc<dyn Journal>,
    /// This process's part of the journal.
    pub lease: OwnLease,
    /// Networks.
    pub networks: Networks,
    /// Settlements under way in this process.
    pub joins: Joins,
    /// Requests for settlements that another process has.
    pub onlookers: Onlookers,
    /// Settlements that have lost whoever drove them.
    pub orphans: Orphans,
    /// Settlements that have ended and whose blocks are not final.
    pub finality: Finality,
    /// Whether this process looks after what is nobody's in particular.
    pub leadership: Leadership,
    /// Tasks that a shutdown waits for.
    pub tasks: TaskTracker,
    /// When the process started.
    pub started: Instant,
}

impl App {
    /// Builds everything: reads keys, opens the journal, loads guests, starts networks. Binds nothing.
    ///
    /// # Errors
    /// Whatever is not usable, naming the key, file or guest.
    pub async fn build(
        settings: Settings,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Arc<Self>> {
        let keys = EvmKeys::from_lookup(lookup)?;
        let policies = settings
            .networks
            .iter()
            .filter(|network| network.enabled && network.facts.family == Family::Evm)
            .map(evm_policy)
            .collect::<anyhow::Result<Vec<_>>>()?;
        let vault = Arc::new(Vault::new(keys, policies)?);

        std::fs::create_dir_all(&settings.data_dir)
            .with_context(|| format!("data directory {}", settings.data_dir.display()))?;
        let journal = journal::open(&settings.journal).await?;
        let engine = Engine::new(EngineConfig {
            cache_dir: Some(settings.data_dir.join("guest-cache")),
            breaker: settings.guests.breaker,
            limits: settings.guests.limits,
            ..EngineConfig::default()
        })?;
        let guests = Guests::start(engine, settings.guests.clone()).await.context("guests")?;
        let networks = Networks::start(settings.networks.clone(), &vault)?;
        Ok(Arc::new(Self {
            settings,
            guests,
            vault,
            lease: OwnLease::new(Arc::clone(&journal), process_name()),
            journal,
            networks,
            joins: Joins::default(),
            onlookers: Onlookers::default(),
            orphans: Orphans::default(),
            finality: Finality::default(),
            leadership: Leadership::default(),
            tasks: TaskTracker::new(),
            started: Instant::now(),
        }))
    }
}

/// What this process is called in the journal: for people, who look for it among machines.
fn process_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}/{}", host.trim(), std::process::id())
}

fn evm_policy(network: &NetworkSettings) -> anyhow::Result<EvmPolicy> {
    let facts = &network.facts;
    let assets = facts
        .assets
        .iter()
        .map(|asset| {
            let address: alloy_primitives::Address = asset.address.parse().with_context(|| {
                format!("networks.{}.assets: {:?} is no address", facts.name, asset.address)
            })?;
            Ok(address.into_array())
        })
        .collect::<anyhow::Result<Vec<[u8; 20]>>>()?;
    Ok(EvmPolicy {
        network: facts.caip2.clone(),
        name: facts.name.clone(),
        chain_id: chain_id(&facts.caip2)?,
        scope: if facts.testnet { Scope::Testnet } else { Scope::Mainnet },
        assets,
        selectors: network.selectors.clone(),
        max_gas: network.max_gas,
        max_fee_per_gas_wei: network.max_fee_per_gas_wei,
        max_priority_fee_per_gas_wei: network.max_priority_fee_per_gas_wei,
        budgets: network.budgets,
        killed: network.kill_switch,
    })
}
