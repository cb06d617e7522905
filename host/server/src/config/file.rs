//! Shape of the configuration file. Unknown keys are refused: a typo must not be a default.

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf};

use facilitator_chain::registry::Asset;
use serde::Deserialize;

use super::{budgets::BudgetsFile, journal::JournalFile};

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) server: Server,
    #[serde(default)]
    pub(super) log: Log,
    pub(super) data_dir: Option<PathBuf>,
    #[serde(default)]
    pub(super) journal: JournalFile,
    /// Whether the registry's public endpoints are used where none is configured.
    pub(super) public_rpc: Option<bool>,
    #[serde(default)]
    pub(super) guests: Guests,
    #[serde(default)]
    pub(super) networks: BTreeMap<String, Network>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    pub(super) host: Option<IpAddr>,
    pub(super) port: Option<u16>,
    pub(super) max_body_bytes: Option<usize>,
    pub(super) max_connections: Option<usize>,
    pub(super) settle_timeout_seconds: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    pub(super) format: Option<String>,
    pub(super) filter: Option<String>,
}

/// `[guests]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Guests {
    pub(super) dir: Option<PathBuf>,
    pub(super) lock: Option<PathBuf>,
    /// `production` or `dev`.
    pub(super) mode: Option<String>,
    /// `manual` or `automatic`.
    pub(super) rollback: Option<String>,
    pub(super) breaker_faults: Option<u32>,
    pub(super) breaker_window_seconds: Option<u64>,
    pub(super) breaker_rest_seconds: Option<u64>,
}

/// `[networks.<name>]`: what differs from the registry.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Network {
    pub(super) enabled: Option<bool>,
    /// Endpoints in order.
    pub(super) rpc: Option<Vec<String>>,
    pub(super) assets: Option<Vec<Asset>>,
    pub(super) block_time_ms: Option<u64>,
    pub(super) confirmations: Option<u64>,
    pub(super) finality_blocks: Option<u64>,
    pub(super) min_validity_seconds: Option<u64>,
    pub(super) min_amount: Option<String>,
    pub(super) max_gas: Option<u64>,
    pub(super) max_fee_per_gas_gwei: Option<u64>,
    pub(super) max_priority_fee_per_gas_gwei: Option<u64>,
    pub(super) max_in_flight: Option<usize>,
    /// 0 accepts every age.
    pub(super) max_head_age_seconds: Option<u64>,
    pub(super) erc6492_factories: Option<Vec<String>>,
    /// Functions that may be called, `0x` and eight digits each.
    pub(super) selectors: Option<Vec<String>>,
    pub(super) budgets: Option<BudgetsFile>,
    pub(super) kill_switch: Option<bool>,
}
