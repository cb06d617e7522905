//! The allow-list of imports: what a component may ask for before anything of it runs.

use crate::LoadError;

/// Interfaces of the host's own package. A types-only interface is an import too.
const ALLOWED: &[&str] = &["types", "rpc", "crypto", "clock", "log"];

/// Checks one import name, such as `x402:scheme/rpc@0.1.0`, against the package and version given.
pub(crate) fn check(name: &str, package: &str, version: &str) -> Result<(), LoadError> {
    let interface = name
        .strip_prefix(package)
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|rest| rest.strip_suffix(version))
        .and_then(|rest| rest.strip_suffix('@'));
    match interface {
        Some(interface) if ALLOWED.contains(&interface) => Ok(()),
        _ => Err(LoadError::ForbiddenImport(name.chars().take(100).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_interfaces_of_this_version_pass() {
        for good in ["x402:scheme/rpc@0.1.0", "x402:scheme/types@0.1.0", "x402:scheme/log@0.1.0"] {
            assert!(check(good, "x402:scheme", "0.1.0").is_ok(), "{good}");
        }
        for bad in [
            "wasi:cli/environment@0.2.3",
            "x402:scheme/rpc@0.2.0",
            "x402:scheme/rpc",
            "x402:scheme/vault@0.1.0",
            "x402:scheme/scheme@0.1.0",
            "x402:schemerpc@0.1.0",
            "env",
            "",
        ] {
            assert!(
                matches!(check(bad, "x402:scheme", "0.1.0"), Err(LoadError::ForbiddenImport(_))),
                "{bad}"
            );
        }
    }
}
