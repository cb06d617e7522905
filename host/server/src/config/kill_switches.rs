//! The kill switches alone, to be read again while the process runs.
//!
//! Nothing else of the file is validated beyond its shape: a mistake elsewhere must not keep an operator
//! from stopping a network.

use std::{collections::BTreeMap, path::Path};

use facilitator_chain::registry;
use facilitator_protocol::Caip2;

use super::{ConfigError, Settings, environment::read_file, file::File};

impl Settings {
    /// Reads `kill_switch` of every network of the registry; false where the file does not set it, or
    /// where there is no file.
    ///
    /// # Errors
    /// [`ConfigError`] if the file cannot be read, is not of its shape or names a network that does not
    /// exist. What was in force before should then stay in force.
    pub fn kill_switches(path: Option<&Path>) -> Result<BTreeMap<Caip2, bool>, ConfigError> {
        kill_switches(path.map(read_file).transpose()?.unwrap_or_default())
    }
}

fn kill_switches(mut file: File) -> Result<BTreeMap<Caip2, bool>, ConfigError> {
    let shipped = registry::shipped()
        .map_err(|error| ConfigError::value("registry", format!("shipped table: {error}")))?;
    let mut switches = BTreeMap::new();
    for facts in shipped {
        let network = file.networks.remove(&facts.name).unwrap_or_default();
        switches.insert(facts.caip2, network.kill_switch.unwrap_or(false));
    }
    match file.networks.into_keys().next() {
        Some(unknown) => Err(ConfigError::unknown_network(&unknown)),
        None => Ok(switches),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn killed(toml: &str) -> Result<Vec<String>, String> {
        let switches = kill_switches(toml::from_str(toml).unwrap()).map_err(|error| error.to_string())?;
        assert_eq!(switches.len(), 26);
        Ok(switches
            .into_iter()
            .filter(|(_, killed)| *killed)
            .map(|(network, _)| network.to_string())
            .collect())
    }

    #[test]
    fn a_network_is_stopped_where_the_file_says_so_whatever_else_is_wrong() {
        assert_eq!(killed(""), Ok(vec![]));
        let toml = "[networks.base]\nkill_switch = true\nrpc = [\"no url\"]\nmin_amount = \"x\"\n\
                    [networks.ethereum]\nkill_switch = false";
        assert_eq!(killed(toml), Ok(vec!["eip155:8453".to_owned()]));
    }

    #[test]
    fn a_network_that_does_not_exist_is_an_error() {
        let error = killed("[networks.bsae]\nkill_switch = true").unwrap_err();
        assert!(error.starts_with("networks.bsae: expected "), "{error}");
    }

    #[test]
    fn without_a_file_nothing_is_stopped_and_a_broken_one_is_an_error() {
        assert!(Settings::kill_switches(None).unwrap().values().all(|killed| !killed));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[networks.base]\nkill_switch = \"yes\"\n").unwrap();
        let error = Settings::kill_switches(Some(file.path())).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("boolean"), "{error}");
        let missing = file.path().with_extension("gone");
        assert!(matches!(Settings::kill_switches(Some(&missing)), Err(ConfigError::Unreadable { .. })));
    }
}
