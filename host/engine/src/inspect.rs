//! What a component is, read from its bytes without compiling or running any of it: for a command that
//! shows it, and for the loader, which compiles nothing that it would refuse.

use sha2::{Digest, Sha256};
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

use crate::{LoadError, Wasi, abi, wasi::is_wasi};

/// A valid component, not necessarily a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Digest of the bytes, hex.
    pub sha256: String,
    /// Their number.
    pub size_bytes: usize,
    /// Names of what it imports, in its order.
    pub imports: Vec<String>,
    /// Names of what it exports, in its order.
    pub exports: Vec<String>,
    /// ABI version of the scheme interface that it exports, whether this host speaks it or not.
    pub abi: Option<String>,
    /// Those imports that are of WASI.
    pub wasi: Vec<String>,
}

impl Inspection {
    /// Validates and reads `bytes`.
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, LoadError> {
        let limit = Wasi::Virtual.max_component_bytes();
        if bytes.len() > limit {
            return Err(LoadError::TooLarge { found: bytes.len(), limit });
        }
        if !Parser::is_component(bytes) {
            return Err(LoadError::Invalid("does not begin as a component does".to_owned()));
        }
        let (imports, exports) = names(bytes).map_err(|error| LoadError::Invalid(error.to_string()))?;
        let of: Vec<_> = exports.iter().map(String::as_str).collect();
        let known = abi::select(&of).ok().map(|abi| abi.version);
        let abi = known.or_else(|| of.iter().find_map(|export| abi::exported_version(export)));
        let abi = abi.map(str::to_owned);
        let wasi = imports.iter().filter(|import| is_wasi(import)).cloned().collect();
        Ok(Self {
            sha256: hex::encode(Sha256::digest(bytes)),
            size_bytes: bytes.len(),
            imports,
            exports,
            abi,
            wasi,
        })
    }

    /// Whether a component with these imports and exports is loaded under a grant: what can be said
    /// before it is compiled and has described itself.
    ///
    /// # Errors
    /// [`LoadError`] names the import or export that is at fault.
    pub fn check(&self, wasi: Wasi) -> Result<(), LoadError> {
        let limit = wasi.max_component_bytes();
        if self.size_bytes > limit {
            return Err(LoadError::TooLarge { found: self.size_bytes, limit });
        }
        let imports: Vec<_> = self.imports.iter().map(String::as_str).collect();
        let exports: Vec<_> = self.exports.iter().map(String::as_str).collect();
        abi::judge(&imports, &exports, wasi).map(|_| ())
    }
}

/// Imports and exports of the outermost component; those of what is nested in it are its own business.
fn names(bytes: &[u8]) -> wasmparser::Result<(Vec<String>, Vec<String>)> {
    let mut validator = Validator::new_with_features(WasmFeatures::default());
    validator.validate_all(bytes)?;
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::Version { .. } => depth = depth.saturating_add(1),
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    exports.push(export?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}
