//! The environment over the file over the defaults.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use facilitator_chain::registry;

use super::{
    AdminToken, ConfigError, GuestsSettings, HttpSettings, JournalSettings, LogFormat, LogSettings,
    NetworkSettings, Settings,
    file::{self, File},
};

/// Looks a variable up.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Settings {
    /// Reads the file, if one is given, and the environment.
    ///
    /// # Errors
    /// [`ConfigError`] names the file or variable, the key and what was expected.
    pub fn load(path: Option<&Path>, lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        let file = path.map(read_file).transpose()?.unwrap_or_default();
        Ok(Self { file: path.map(Path::to_owned), ..Self::merge(file, lookup)? })
    }

    fn merge(file: File, lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        // An empty variable is what a deployment template leaves of an absent one.
        let lookup = &|name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let host = variable(lookup, "HOST", "an IP address")?
            .or(file.server.host)
            .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let port =
            variable(lookup, "PORT", "a port number, 0 to 65535")?.or(file.server.port).unwrap_or(8402);
        let data_dir = lookup("FACILITATOR_DATA_DIR")
            .map(PathBuf::from)
            .or(file.data_dir)
            .unwrap_or_else(|| PathBuf::from("./data"));
        let public_rpc =
            variable(lookup, "FACILITATOR_PUBLIC_RPC", "true or false")?.or(file.public_rpc).unwrap_or(false);
        Ok(Self {
            file: None,
            host,
            port,
            http: http(&file.server)?,
            log: log(lookup, &file.log)?,
            journal: JournalSettings::new(file.journal, lookup, data_dir.join("journal.sqlite"))?,
            guests: GuestsSettings::new(file.guests, lookup)?,
            admin_token: AdminToken::from_lookup(lookup)?,
            networks: networks(lookup, file.networks, public_rpc)?,
            data_dir,
        })
    }
}

pub(super) fn read_file(path: &Path) -> Result<File, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    toml::from_str(&text).map_err(|error| ConfigError::Malformed {
        path: path.to_owned(),
        // Without the excerpt that the full display has: it may hold a keyed URL.
        message: match error.span() {
            Some(span) => {
                let line = text.get(..span.start).map_or(1, |before| before.matches('\n').count() + 1);
                format!("line {line}: {}", error.message())
            }
            None => error.message().to_owned(),
        },
    })
}

fn variable<T: FromStr>(lookup: Lookup<'_>, name: &str, expected: &str) -> Result<Option<T>, ConfigError> {
    match lookup(name) {
        None => Ok(None),
        Some(text) => match text.trim().parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(ConfigError::value(name, format!("expected {expected}"))),
        },
    }
}

fn http(file: &file::Server) -> Result<HttpSettings, ConfigError> {
    let mut http = HttpSettings::default();
    if let Some(bytes) = file.max_body_bytes {
        if !(1024..=1 << 20).contains(&bytes) {
            return Err(ConfigError::value("server.max_body_bytes", "expected 1024 to 1048576"));
        }
        http.max_body_bytes = bytes;
    }
    if let Some(connections) = file.max_connections {
        if !(1..=100_000).contains(&connections) {
            return Err(ConfigError::value("server.max_connections", "expected 1 to 100000"));
        }
        http.max_connections = connections;
    }
    if let Some(seconds) = file.settle_timeout_seconds {
        if !(1..=110).contains(&seconds) {
            return Err(ConfigError::value("server.settle_timeout_seconds", "expected 1 to 110"));
        }
        http.settle_timeout = Duration::from_secs(seconds);
    }
    Ok(http)
}

fn log(lookup: Lookup<'_>, file: &file::Log) -> Result<LogSettings, ConfigError> {
    let format = match lookup("FACILITATOR_LOG_FORMAT").or_else(|| file.format.clone()).as_deref() {
        None | Some("json") => LogFormat::Json,
        Some("text") => LogFormat::Text,
        Some(_) => return Err(ConfigError::value("FACILITATOR_LOG_FORMAT", "expected json or text")),
    };
    let filter =
        lookup("FACILITATOR_LOG").or_else(|| file.filter.clone()).unwrap_or_else(|| "info".to_owned());
    Ok(LogSettings { format, filter })
}

fn networks(
    lookup: Lookup<'_>,
    mut file: std::collections::BTreeMap<String, file::Network>,
    public_rpc: bool,
) -> Result<Vec<NetworkSettings>, ConfigError> {
    let shipped = registry::shipped()
        .map_err(|error| ConfigError::value("registry", format!("shipped table: {error}")))?;
    let mut networks = Vec::with_capacity(shipped.len());
    for facts in shipped {
        let mut changes = file.remove(&facts.name).unwrap_or_default();
        let from_file = changes.rpc.take().map(|texts| (format!("networks.{}.rpc", facts.name), texts));
        let from_variable = lookup(&facts.rpc_env).map(|text| {
            let texts = text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned);
            (facts.rpc_env.clone(), texts.collect())
        });
        let public = facts.rpc_default.clone().filter(|_| public_rpc);
        let public = public.map(|url| ("registry".to_owned(), vec![url]));
        networks.push(NetworkSettings::new(facts, changes, from_variable.or(from_file).or(public))?);
    }
    match file.into_keys().next() {
        Some(unknown) => Err(ConfigError::unknown_network(&unknown)),
        None => Ok(networks),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use facilitator_vault::{Budgets, Limit};

    use super::*;

    fn settings(toml: &str, environment: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        let variables: HashMap<String, String> =
            environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Settings::merge(toml::from_str(toml).unwrap(), &|name| variables.get(name).cloned())
    }

    fn network<'a>(settings: &'a Settings, name: &str) -> &'a NetworkSettings {
        settings.networks.iter().find(|network| network.facts.name == name).unwrap()
    }

    #[test]
    fn no_file_and_no_variable_serves_nothing_and_connects_nowhere() {
        let settings = settings("", &[]).unwrap();
        assert_eq!(settings.networks.len(), 26);
        assert!(settings.networks.iter().all(|network| network.rpc.is_empty()));
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let toml = "[server]\nport = 1\n[networks.base]\nrpc = [\"https://file.example\"]";
        let variables = [("PORT", "2"), ("RPC_URL_BASE", "https://one.example, https://two.example/key")];
        let settings = settings(toml, &variables).unwrap();
        assert_eq!(settings.port, 2);
        let hosts: Vec<String> = network(&settings, "base").rpc.iter().map(ToString::to_string).collect();
        assert_eq!(hosts, ["one.example", "two.example"]);
    }

    #[test]
    fn public_endpoints_are_used_only_when_asked_for() {
        let settings = settings("public_rpc = true", &[]).unwrap();
        assert_eq!(network(&settings, "base-sepolia").rpc.len(), 1);
        assert!(network(&settings, "base").rpc.is_empty());
    }

    #[test]
    fn the_documented_file_is_read_and_holds_the_defaults() {
        let documented = settings(include_str!("../../../../docs/facilitator.example.toml"), &[]).unwrap();
        let bare = settings("", &[]).unwrap();
        assert_eq!((documented.host, documented.port), (bare.host, bare.port));
        assert_eq!(documented.journal, bare.journal);
        assert_eq!(documented.http.max_body_bytes, bare.http.max_body_bytes);
        assert_eq!(documented.http.settle_timeout, bare.http.settle_timeout);
        assert_eq!(documented.guests.breaker, bare.guests.breaker);
        assert_eq!(
            (documented.guests.mode, documented.guests.automatic_rollback),
            (bare.guests.mode, bare.guests.automatic_rollback)
        );
        let (documented, bare) = (network(&documented, "base-sepolia"), network(&bare, "base-sepolia"));
        assert_eq!(documented.rpc.len(), 2);
        assert_eq!(documented.facts.assets.len(), bare.facts.assets.len());
        assert_eq!(
            (documented.max_gas, documented.max_fee_per_gas_wei, documented.max_in_flight),
            (bare.max_gas, bare.max_fee_per_gas_wei, bare.max_in_flight)
        );
        assert_eq!(documented.min_validity_seconds, bare.min_validity_seconds);
        let with_endpoint = settings("", &[("RPC_URL_BASE_SEPOLIA", "https://rpc.example")]).unwrap();
        assert_eq!(documented.max_head_age, network(&with_endpoint, "base-sepolia").max_head_age);
        assert_eq!(documented.selectors, bare.selectors);
        assert_eq!(documented.budgets, bare.budgets);
        assert_eq!(documented.kill_switch, bare.kill_switch);
    }

    #[test]
    fn budgets_follow_the_caps_and_no_default_is_unlimited() {
        let settings = settings("[networks.ethereum]\nmax_gas = 100000\nmax_fee_per_gas_gwei = 10", &[]);
        let settings = settings.unwrap();
        let worst_fee = 100_000 * 10 * 1_000_000_000;
        assert_eq!(network(&settings, "ethereum").budgets, Budgets::of_worst_fee(worst_fee));
        for network in &settings.networks {
            let Budgets { network, pay_to, payer } = network.budgets;
            for limit in [network, pay_to, payer].iter().flat_map(|budget| [budget.hour, budget.day]) {
                assert!(matches!(limit, Limit::AtMost(1..)));
            }
        }
    }

    #[test]
    fn heads_may_be_a_minute_or_20_blocks_old_and_30_s_more_except_on_this_machine() {
        let max_age = |toml: &str, rpc: &str| {
            let variables = [("RPC_URL_BASE", rpc), ("RPC_URL_ETHEREUM", rpc)];
            let settings = settings(toml, &variables).unwrap();
            ["base", "ethereum"].map(|name| network(&settings, name).max_head_age.map(|age| age.as_secs()))
        };
        assert_eq!(max_age("", "https://rpc.example"), [Some(90), Some(270)]);
        assert_eq!(max_age("", "http://127.0.0.1:8545, http://localhost:8546"), [None, None]);
        assert_eq!(max_age("", "http://127.0.0.1:8545, https://rpc.example"), [Some(90), Some(270)]);
        let base = |seconds: u64| format!("[networks.base]\nmax_head_age_seconds = {seconds}");
        assert_eq!(max_age(&base(0), "https://rpc.example"), [None, Some(270)]);
        assert_eq!(max_age(&base(7), "http://127.0.0.1:8545"), [Some(7), None]);
    }

    #[test]
    fn a_stopped_network_is_told_as_such() {
        let settings = settings("[networks.base]\nkill_switch = true", &[]).unwrap();
        assert!(network(&settings, "base").kill_switch && !network(&settings, "ethereum").kill_switch);
        let base = settings.summary().lines().find(|line| line.contains("eip155:8453 ")).map(str::to_owned);
        assert!(base.unwrap().ends_with("stopped by the operator"));
    }

    #[test]
    fn errors_name_the_key_and_never_the_secret() {
        for (toml, variable, key) in [
            ("", ("PORT", "s3cret"), "PORT"),
            ("", ("RPC_URL_BASE", "s3cret"), "RPC_URL_BASE"),
            ("[networks.base]\nrpc = [\"s3cret\"]", ("X", ""), "networks.base.rpc"),
            ("", ("FACILITATOR_JOURNAL", "s3cret"), "FACILITATOR_JOURNAL"),
            ("[networks.bsae]\nenabled = false", ("X", ""), "networks.bsae"),
            ("[guests]\nrollback = \"s3cret\"", ("X", ""), "guests.rollback"),
            ("[guests]\nbreaker_rest_seconds = 0", ("X", ""), "guests.breaker_rest_seconds"),
            ("", ("FACILITATOR_GUESTS_MODE", "s3cret"), "FACILITATOR_GUESTS_MODE"),
            ("", ("FACILITATOR_ADMIN_TOKEN", "s3cret"), "FACILITATOR_ADMIN_TOKEN"),
            ("[networks.base]\nconfirmations = 0", ("X", ""), "networks.base.confirmations"),
            ("[networks.base]\nmin_amount = \"1.5\"", ("X", ""), "networks.base.min_amount"),
            ("[networks.base]\nerc6492_factories = [\"0x12\"]", ("X", ""), "networks.base.erc6492_factories"),
            (
                "[networks.base]\nselectors = [\"0x095ea7b3\"]",
                ("X", ""),
                "networks.base.selectors: expected 0x",
            ),
            ("[networks.base]\nselectors = []", ("X", ""), "networks.base.selectors: expected at least one"),
            (
                "[networks.base.budgets]\npay_to = { day = 0.5 }",
                ("X", ""),
                "networks.base.budgets.pay_to.day: expected the native token as a decimal string",
            ),
            ("[networks.near]\nselectors = [\"0xe3ee160e\"]", ("X", ""), "networks.near.selectors"),
            ("[networks.near]\nmax_head_age_seconds = 9", ("X", ""), "networks.near.max_head_age_seconds"),
            ("[networks.solana.budgets]\npayer = { day = \"1\" }", ("X", ""), "networks.solana.budgets"),
        ] {
            let error = settings(toml, &[variable]).unwrap_err().to_string();
            assert!(error.starts_with(key) && !error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_file_that_does_not_parse_is_named_with_its_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "data_dir = \"x\"\n[networks.base]\nrcp = [\"https://h/s3cret\"]\n")
            .unwrap();
        let error = Settings::load(Some(file.path()), &|_| None).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("rcp") && !error.contains("s3cret"), "{error}");
    }
}
