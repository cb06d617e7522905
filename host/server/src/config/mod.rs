//! Configuration: one TOML file, overridden by the environment, validated before anything starts.
//!
//! Keys never stand here: the vault reads them itself. An error names the file or variable, the key and
//! what was expected; a value that may be secret is not repeated.

mod admin;
mod budgets;
mod environment;
mod file;
mod guests;
mod journal;
mod kill_switches;
mod network;

use std::{fmt::Write as _, net::IpAddr, path::PathBuf, time::Duration};

pub use admin::AdminToken;
pub use guests::{GuestsMode, GuestsSettings};
pub use journal::{JournalSettings, JournalStore};
pub use network::NetworkSettings;

/// Everything the operator decided.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file that was read, if one was given: its kill switches can be read again.
    pub file: Option<PathBuf>,
    /// Address to bind.
    pub host: IpAddr,
    /// Port to bind; 0 picks a free one.
    pub port: u16,
    /// Bounds of the HTTP server.
    pub http: HttpSettings,
    /// Log output.
    pub log: LogSettings,
    /// Where state lives: journal and guest cache.
    pub data_dir: PathBuf,
    /// Where settlements are recorded.
    pub journal: JournalSettings,
    /// Guests.
    pub guests: GuestsSettings,
    /// Who may use the admin API; nobody without a token.
    pub admin_token: Option<AdminToken>,
    /// Every network of the registry, configured or not.
    pub networks: Vec<NetworkSettings>,
}

/// Bounds of the HTTP server.
#[derive(Clone, Copy, Debug)]
pub struct HttpSettings {
    /// Longest request body.
    pub max_body_bytes: usize,
    /// Connections at once.
    pub max_connections: usize,
    /// Time for a client to send a request's body.
    pub read_timeout: Duration,
    /// Time that a connection may be idle, or take for a request's head. Longer than a load balancer keeps an
    /// idle connection, so that it is never us who closes one that it is just using.
    pub idle_timeout: Duration,
    /// Time for `/verify`.
    pub verify_timeout: Duration,
    /// Time after which `/settle` answers `settlement_pending`. Official clients give up at 30 s.
    pub settle_timeout: Duration,
    /// Time that a graceful shutdown waits for settlements under way.
    pub shutdown_timeout: Duration,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            max_body_bytes: 64 << 10,
            max_connections: 4096,
            read_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            verify_timeout: Duration::from_secs(15),
            settle_timeout: Duration::from_secs(25),
            shutdown_timeout: Duration::from_secs(28),
        }
    }
}

/// Log output.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// Shape.
    pub format: LogFormat,
    /// Filter, such as `info` or `info,facilitator_chain=debug`.
    pub filter: String,
}

/// Shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For people.
    Text,
}

/// The configuration is not usable. Each variant names where.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration file {} cannot be read", path.display())]
    Unreadable {
        /// File.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML of the expected shape.
    #[error("{}: {message}", path.display())]
    Malformed {
        /// File.
        path: PathBuf,
        /// Line, key and what was expected.
        message: String,
    },
    /// A value is not usable.
    #[error("{key}: {expected}")]
    Value {
        /// Key of the file or name of the variable.
        key: String,
        /// What was expected; never repeats what may be secret.
        expected: String,
    },
}

impl ConfigError {
    fn value(key: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Value { key: key.into(), expected: expected.into() }
    }

    fn unknown_network(name: &str) -> Self {
        Self::value(
            format!("networks.{name}"),
            "expected the name of a network such as base or solana-devnet",
        )
    }
}

impl Settings {
    /// One line per network: what would be served, and why others would not.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = format!("bind {}:{}, state in {}\n", self.host, self.port, self.data_dir.display());
        let _infallible = writeln!(text, "journal {}", self.journal.store);
        let admin =
            if self.admin_token.is_some() { "on" } else { "off (FACILITATOR_ADMIN_TOKEN is not set)" };
        let _infallible = writeln!(text, "guests {}, admin API {admin}", self.guests.summary());
        for network in &self.networks {
            let status = match (network.enabled, network.rpc.is_empty()) {
                (false, _) => "disabled".to_owned(),
                (true, _) if network.kill_switch => "stopped by the operator".to_owned(),
                (true, true) => format!("no RPC ({} is not set)", network.facts.rpc_env),
                (true, false) => {
                    let hosts: Vec<String> = network.rpc.iter().map(ToString::to_string).collect();
                    format!("RPC {}", hosts.join(", "))
                }
            };
            // Writing to a String does not fail.
            let _infallible =
                writeln!(text, "  {:<18} {:<44} {status}", network.facts.name, network.facts.caip2.as_str());
        }
        text
    }
}
