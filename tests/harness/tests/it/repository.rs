//! Where this repository's cases and guests are.

use std::{
    env,
    path::{Path, PathBuf},
};

use facilitator_protocol::Family;
use harness::find::{self, Bounds};

/// Families that have a guest.
pub(crate) const FAMILIES: [Family; 1] = [Family::Evm];

/// Where the families' cases are.
pub(crate) fn cases_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases").canonicalize().unwrap()
}

/// Every case directory of a family, in the order of names.
pub(crate) fn cases_of(family: Family) -> Vec<PathBuf> {
    find::cases(&[cases_root().join(family.as_str())], Bounds::COMMAND).unwrap()
}

/// The built component of a family: `cargo run -p xtask -- guests` makes it.
pub(crate) fn component(family: Family) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    workspace.join(target).join("guests").join(family.as_str()).with_extension("wasm")
}
