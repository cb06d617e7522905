//! Puts the guests that were built before into the binary.
//!
//! `make guests` (`cargo run -p xtask -- guests`) writes them to `guests/` below the target directory;
//! this script looks upwards from its own output directory, which lies below that too.

use std::{env, fs, path::PathBuf};

/// Guests that ship in the binary.
const GUESTS: &[&str] = &["evm"];

fn main() {
    let out_dir = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    for guest in GUESTS {
        let file = format!("guests/{guest}.wasm");
        let found = out_dir.ancestors().map(|dir| dir.join(&file)).find(|path| path.is_file());
        let Some(path) = found else {
            panic!("guest {guest} is not built: run `make guests` (cargo run -p xtask -- guests) first");
        };
        println!("cargo::rerun-if-changed={}", path.display());
        fs::copy(&path, out_dir.join(format!("{guest}.wasm"))).expect("guest can be copied to OUT_DIR");
    }
}
