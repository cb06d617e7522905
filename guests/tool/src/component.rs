//! From a core module to a component that imports nothing but the interfaces of the scheme world.
//!
//! The host checks the same again when it loads a component, and decides. Here the check is for the
//! author, who learns of it before anything is installed.

use wit_component::{ComponentEncoder, DecodedWasm};

use crate::error::ComponentError;

/// The only package that a guest may import from, and its interfaces.
const PACKAGE: &str = "x402:scheme";
const INTERFACES: [&str; 5] = ["types", "rpc", "crypto", "clock", "log"];
/// What a guest exports, in some version.
const EXPORT: &str = "x402:scheme/scheme@";

/// Wraps a core module, which carries its WIT world in a custom section, as a component.
///
/// # Errors
/// [`ComponentError`] says what of the module is not as that of a guest.
pub fn encode(module: &[u8]) -> Result<Vec<u8>, ComponentError> {
    let component = ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| ComponentError::Encode(format!("{error:#}")))?;
    check(&component)?;
    Ok(component)
}

fn check(component: &[u8]) -> Result<(), ComponentError> {
    let Interfaces { imports, exports } = interfaces(component)?;
    if let Some(import) = imports.into_iter().find(|import| !is_allowed(import)) {
        let allowed = format!("{PACKAGE}/{{{}}}", INTERFACES.join(","));
        return Err(ComponentError::Import { import, allowed });
    }
    if !exports.iter().any(|export| export.starts_with(EXPORT)) {
        return Err(ComponentError::Export { expected: EXPORT });
    }
    Ok(())
}

/// `x402:scheme/<interface>@<version>`.
fn is_allowed(import: &str) -> bool {
    import
        .strip_prefix(PACKAGE)
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|rest| rest.split_once('@'))
        .is_some_and(|(interface, _)| INTERFACES.contains(&interface))
}

/// Names of everything that a component imports and exports.
struct Interfaces {
    imports: Vec<String>,
    exports: Vec<String>,
}

fn interfaces(component: &[u8]) -> Result<Interfaces, ComponentError> {
    let unreadable = |message: String| ComponentError::Encode(message);
    let decoded = wit_component::decode(component).map_err(|error| unreadable(format!("{error:#}")))?;
    let DecodedWasm::Component(resolve, world) = decoded else {
        return Err(unreadable("it is a WIT package".to_owned()));
    };
    let world = resolve.worlds.get(world).ok_or_else(|| unreadable("it has no world".to_owned()))?;
    Ok(Interfaces {
        imports: world.imports.keys().map(|key| resolve.name_world_key(key)).collect(),
        exports: world.exports.keys().map(|key| resolve.name_world_key(key)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_that_is_no_guest_is_refused() {
        let error = encode(b"\0asm\x01\0\0\0").unwrap_err();
        assert!(error.to_string().contains("export_scheme"), "{error}");
        assert!(matches!(encode(b"not wasm"), Err(ComponentError::Encode(_))));
    }

    #[test]
    fn only_the_interfaces_of_the_world_may_be_imported() {
        for good in ["x402:scheme/rpc@0.1.0", "x402:scheme/types@0.1.0", "x402:scheme/log@0.2.0"] {
            assert!(is_allowed(good), "{good}");
        }
        for bad in [
            "wasi:cli/environment@0.2.3",
            "x402:scheme/vault@0.1.0",
            "x402:scheme/scheme@0.1.0",
            "x402:scheme/rpc",
            "x402:schemerpc@0.1.0",
            "env",
            "",
        ] {
            assert!(!is_allowed(bad), "{bad}");
        }
    }
}
