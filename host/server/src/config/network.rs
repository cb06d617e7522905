//! Settings of one network: the registry's facts, what the file changes, and the endpoints.

use std::time::Duration;

use facilitator_chain::{registry::NetworkFacts, rpc::EndpointUrl};
use facilitator_protocol::{AtomicAmount, Family};
use facilitator_vault::{Budgets, EvmSelector};

use super::{ConfigError, budgets, file};

/// One network with everything the operator decided about it.
#[derive(Clone, Debug)]
pub struct NetworkSettings {
    /// Registry facts, with the file's changes.
    pub facts: NetworkFacts,
    /// Whether it is to be served.
    pub enabled: bool,
    /// Endpoints in order; empty if none is configured.
    pub rpc: Vec<EndpointUrl>,
    /// Blocks that a transaction must be deep, its own included.
    pub confirmations: u64,
    /// Blocks after which nothing is reorganised any more.
    pub finality_blocks: u64,
    /// Seconds that a payment must still be valid.
    pub min_validity_seconds: u64,
    /// Smallest payment.
    pub min_amount: AtomicAmount,
    /// Most gas of a settlement (EVM).
    pub max_gas: u64,
    /// Highest fee per gas, wei (EVM).
    pub max_fee_per_gas_wei: u128,
    /// Highest tip per gas, wei (EVM).
    pub max_priority_fee_per_gas_wei: u128,
    /// Transactions in flight per signer.
    pub max_in_flight: usize,
    /// Oldest head with which it is served; none accepts every age (EVM).
    pub max_head_age: Option<Duration>,
    /// ERC-6492 factories that may be called (EVM).
    pub erc6492_factories: Vec<String>,
    /// Functions of assets that may be called (EVM).
    pub selectors: Vec<EvmSelector>,
    /// Most that is spent on network fees, smallest native units.
    pub budgets: Budgets,
    /// Whether settlements are stopped when the process starts.
    pub kill_switch: bool,
}

const WEI_PER_GWEI: u128 = 1_000_000_000;
/// Enough for a token transfer by a contract wallet.
const DEFAULT_MAX_GAS: u64 = 500_000;
const DEFAULT_MAX_FEE_GWEI: u64 = 50;
/// Reorganisations deeper than this are not seen on networks without a depth of their own in the registry.
const DEFAULT_FINALITY_BLOCKS: u64 = 30;
/// Below this an authorization would often expire on its way.
const DEFAULT_MIN_VALIDITY_SECONDS: u64 = 6;
/// Nodes keep about this many transactions of one account.
const DEFAULT_MAX_IN_FLIGHT: usize = 64;

/// Oldest head by default: this many blocks' time, or a minute where that is more, …
const HEAD_AGE_BLOCKS: u64 = 20;
const LEAST_HEAD_AGE_SECONDS: u64 = 60;
/// … and what our clock may be wrong.
const CLOCK_SKEW_SECONDS: u64 = 30;

impl NetworkSettings {
    /// Settings of a network.
    pub(super) fn new(
        mut facts: NetworkFacts,
        file: file::Network,
        rpc_text: Option<(String, Vec<String>)>,
    ) -> Result<Self, ConfigError> {
        let key = |field: &str| format!("networks.{}.{field}", facts.name);
        let rpc = match rpc_text {
            None => Vec::new(),
            Some((source, texts)) => texts
                .iter()
                .enumerate()
                .map(|(at, text)| {
                    text.parse().map_err(|error| {
                        ConfigError::value(source.clone(), format!("endpoint {}: {error}", at + 1))
                    })
                })
                .collect::<Result<Vec<EndpointUrl>, _>>()?,
        };
        let min_amount = match &file.min_amount {
            None => "1".parse(),
            Some(text) => text.parse(),
        }
        .map_err(|error| ConfigError::value(key("min_amount"), format!("{error}")))?;
        let erc6492_factories = file.erc6492_factories.unwrap_or_default();
        if let Some(bad) = erc6492_factories.iter().find(|address| !is_evm_address(address)) {
            return Err(ConfigError::value(
                key("erc6492_factories"),
                format!("expected 0x and 40 hex digits, found {bad:?}"),
            ));
        }
        let max_fee_gwei =
            file.max_fee_per_gas_gwei.or(facts.max_fee_per_gas_gwei).unwrap_or(DEFAULT_MAX_FEE_GWEI);
        let max_tip_gwei = file.max_priority_fee_per_gas_gwei.unwrap_or(max_fee_gwei).min(max_fee_gwei);
        let positive = |field: &str, value: u64| {
            if value == 0 { Err(ConfigError::value(key(field), "expected more than 0")) } else { Ok(value) }
        };
        let confirmations = positive("confirmations", file.confirmations.unwrap_or(1))?;
        let finality_blocks =
            file.finality_blocks.or(facts.finality_blocks).unwrap_or(DEFAULT_FINALITY_BLOCKS);
        let finality_blocks = positive("finality_blocks", finality_blocks)?.max(confirmations);
        let block_time_ms = positive("block_time_ms", file.block_time_ms.unwrap_or(facts.block_time_ms))?;
        let max_in_flight = file.max_in_flight.unwrap_or(DEFAULT_MAX_IN_FLIGHT);
        if !(1..=10_000).contains(&max_in_flight) {
            return Err(ConfigError::value(key("max_in_flight"), "expected 1 to 10000"));
        }
        let max_gas = positive("max_gas", file.max_gas.or(facts.max_gas).unwrap_or(DEFAULT_MAX_GAS))?;
        let max_fee_per_gas_wei = u128::from(max_fee_gwei) * WEI_PER_GWEI;
        if facts.family != Family::Evm {
            // What has no effect yet must not look as if it protected anything.
            for (field, is_set) in [
                ("selectors", file.selectors.is_some()),
                ("budgets", file.budgets.is_some()),
                ("max_head_age_seconds", file.max_head_age_seconds.is_some()),
            ] {
                if is_set {
                    let expected =
                        format!("expected nothing: nothing is signed on {} networks", facts.family);
                    return Err(ConfigError::value(key(field), expected));
                }
            }
        }
        let selectors = selectors(file.selectors.as_deref())
            .map_err(|expected| ConfigError::value(key("selectors"), expected))?;
        let worst_fee = u128::from(max_gas).saturating_mul(max_fee_per_gas_wei);
        let budgets = budgets::read(file.budgets.unwrap_or_default(), worst_fee, facts.family)
            .map_err(|(field, expected)| ConfigError::value(key(&format!("budgets.{field}")), expected))?;
        let max_head_age = max_head_age(file.max_head_age_seconds, block_time_ms, &rpc);
        facts.block_time_ms = block_time_ms;
        if let Some(assets) = file.assets {
            facts.assets = assets;
        }
        Ok(Self {
            facts,
            enabled: file.enabled.unwrap_or(true),
            rpc,
            confirmations,
            finality_blocks,
            min_validity_seconds: file.min_validity_seconds.unwrap_or(DEFAULT_MIN_VALIDITY_SECONDS),
            min_amount,
            max_gas,
            max_fee_per_gas_wei,
            max_priority_fee_per_gas_wei: u128::from(max_tip_gwei) * WEI_PER_GWEI,
            max_in_flight,
            max_head_age,
            erc6492_factories,
            selectors,
            budgets,
            kill_switch: file.kill_switch.unwrap_or(false),
        })
    }
}

/// What the operator set, or a default. None by default where every endpoint is on this machine: local
/// chains make their blocks on demand.
fn max_head_age(seconds: Option<u64>, block_time_ms: u64, rpc: &[EndpointUrl]) -> Option<Duration> {
    let seconds = match seconds {
        Some(seconds) => seconds,
        None if rpc.iter().all(EndpointUrl::is_loopback) => 0,
        None => {
            let blocks = block_time_ms.saturating_mul(HEAD_AGE_BLOCKS).div_ceil(1_000);
            blocks.max(LEAST_HEAD_AGE_SECONDS).saturating_add(CLOCK_SKEW_SECONDS)
        }
    };
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

/// The error says what was expected.
fn selectors(texts: Option<&[String]>) -> Result<Vec<EvmSelector>, String> {
    match texts {
        None => Ok(EvmSelector::ALL.to_vec()),
        Some([]) => Err("expected at least one; kill_switch = true stops a network".to_owned()),
        Some(texts) => texts
            .iter()
            .map(|text| text.parse().map_err(|error| format!("{error}, found {text:?}")))
            .collect(),
    }
}

fn is_evm_address(text: &str) -> bool {
    text.strip_prefix("0x").is_some_and(|hex| hex.len() == 40 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}
