//! The allow-list of imports: what a component may ask for before anything of it runs.

use crate::{LoadError, Wasi, wasi::is_wasi};

/// Interfaces of the host's own package. A types-only interface is an import too.
const ALLOWED: &[&str] = &["types", "rpc", "crypto", "clock", "log"];

/// Checks one import name, such as `x402:scheme/rpc@0.1.0`, against the package and version given and
/// the guest's grant.
pub(crate) fn check(name: &str, package: &str, version: &str, wasi: Wasi) -> Result<(), LoadError> {
    let shortened = || name.chars().take(100).collect();
    match wasi {
        Wasi::Virtual if is_wasi(name) => return Ok(()),
        Wasi::Refused if is_wasi(name) => return Err(LoadError::WasiNotGranted(shortened())),
        _ => {}
    }
    let interface = name
        .strip_prefix(package)
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|rest| rest.strip_suffix(version))
        .and_then(|rest| rest.strip_suffix('@'));
    match interface {
        Some(interface) if ALLOWED.contains(&interface) => Ok(()),
        _ => Err(LoadError::ForbiddenImport(shortened())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(name: &str, wasi: Wasi) -> Result<(), LoadError> {
        check(name, "x402:scheme", "0.1.0", wasi)
    }

    #[test]
    fn only_our_own_interfaces_of_this_version_pass() {
        for wasi in [Wasi::Refused, Wasi::Virtual] {
            for good in ["x402:scheme/rpc@0.1.0", "x402:scheme/types@0.1.0", "x402:scheme/log@0.1.0"] {
                assert!(checked(good, wasi).is_ok(), "{good}");
            }
            for bad in [
                "x402:scheme/rpc@0.2.0",
                "x402:scheme/rpc",
                "x402:scheme/vault@0.1.0",
                "x402:scheme/scheme@0.1.0",
                "x402:schemerpc@0.1.0",
                "wasi",
                "wasix:cli/environment@0.2.3",
                "unlocked-dep=<wasi:cli>",
                "env",
                "",
            ] {
                assert!(matches!(checked(bad, wasi), Err(LoadError::ForbiddenImport(_))), "{bad}");
            }
        }
    }

    #[test]
    fn wasi_passes_when_it_is_granted_and_the_refusal_says_how() {
        let import = "wasi:cli/environment@0.2.3";
        assert!(checked(import, Wasi::Virtual).is_ok());
        let refused = checked(import, Wasi::Refused).expect_err("not granted").to_string();
        assert!(refused.contains(import) && refused.contains(r#"wasi = "virtual""#), "{refused}");
    }
}
