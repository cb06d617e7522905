//! Puts the guests that were built before into the binary.
//!
//! `make guests` (`cargo run -p xtask -- guests`) writes them to `guests/` below the target directory;
//! this script looks upwards from its own output directory, which lies below that too.

use std::{
    env, fs,
    io::{Error, ErrorKind, Write as _, stdout},
    path::PathBuf,
};

/// Guests that ship in the binary.
const GUESTS: &[&str] = &["evm"];

fn main() -> Result<(), Error> {
    let out_dir = env::var_os("OUT_DIR").ok_or_else(|| Error::other("cargo sets OUT_DIR"))?;
    let out_dir = PathBuf::from(out_dir);
    for guest in GUESTS {
        let file = format!("guests/{guest}.wasm");
        let found = out_dir.ancestors().map(|dir| dir.join(&file)).find(|path| path.is_file());
        let path = found.ok_or_else(|| {
            let hint =
                format!("guest {guest} is not built: run `make guests` (cargo run -p xtask -- guests) first");
            Error::new(ErrorKind::NotFound, hint)
        })?;
        writeln!(stdout(), "cargo::rerun-if-changed={}", path.display())?;
        fs::copy(&path, out_dir.join(format!("{guest}.wasm")))?;
    }
    Ok(())
}
