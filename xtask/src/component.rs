//! From a core module to a component that imports nothing but the interfaces of the scheme world.

use anyhow::{Context, Result, bail, ensure};
use wit_component::{ComponentEncoder, DecodedWasm};

/// The only package that a guest may import from.
const PACKAGE: &str = "x402:scheme/";
/// What a guest exports, in some version.
const EXPORT: &str = "x402:scheme/scheme@";

/// Wraps a core module, which carries its WIT world in a custom section, as a component.
pub(crate) fn encode(module: &[u8]) -> Result<Vec<u8>> {
    let component = ComponentEncoder::default()
        .module(module)
        .context("the module does not carry the world that wit-bindgen writes into it")?
        .validate(true)
        .encode()
        .context("the module cannot be made a component")?;
    let Interfaces { imports, exports } = interfaces(&component)?;
    for import in imports {
        ensure!(
            import.starts_with(PACKAGE),
            "the component imports {import}, and guests may import {PACKAGE}* only",
        );
    }
    ensure!(
        exports.iter().any(|export| export.starts_with(EXPORT)),
        "the component does not export {EXPORT}*: is `guest_sdk::export_scheme!` missing?",
    );
    Ok(component)
}

/// Names of everything that a component imports and exports.
struct Interfaces {
    imports: Vec<String>,
    exports: Vec<String>,
}

fn interfaces(component: &[u8]) -> Result<Interfaces> {
    let decoded = wit_component::decode(component).context("the component cannot be read back")?;
    let DecodedWasm::Component(resolve, world) = decoded else {
        bail!("encoding gave a WIT package, not a component");
    };
    let world = resolve.worlds.get(world).context("the component has no world")?;
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
        assert!(error.to_string().contains("export_scheme"), "{error:#}");
        assert!(encode(b"not wasm").is_err());
    }
}
