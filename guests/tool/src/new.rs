//! `facilitator guest new`: a guest crate that builds, passes its cases and can be loaded.

use std::{
    fs,
    io::{Write as _, stdout},
    path::{Path, PathBuf, absolute},
};

use anyhow::Context as _;
use facilitator_protocol::Family;

use crate::{
    Error,
    draft::Draft,
    name::GuestName,
    template::{self, Sdk},
};

/// Write a guest crate that builds, passes its cases and can be loaded.
///
/// The SDK that it needs comes out of this binary.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Name of the guest and of its crate: a-z, 0-9 and -, beginning with a letter, at most 40 characters
    #[arg(value_name = "NAME")]
    pub name: GuestName,
    /// Chain family that it is for: evm, svm, near or stellar
    #[arg(long, value_name = "FAMILY")]
    pub family: Family,
    /// Directory to create; one that is there has to be empty [default: NAME]
    #[arg(long, value_name = "DIR")]
    pub path: Option<PathBuf>,
    /// Use the SDK of a checkout of the facilitator in place of the one in this binary
    #[arg(long, value_name = "CHECKOUT")]
    pub sdk: Option<PathBuf>,
}

/// Writes the crate, and tells on stdout what to do next.
///
/// # Errors
/// What went wrong, for people; then nothing was written.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let directory = create(arguments)?;
    let (name, place) = (&arguments.name, directory.display());
    let steps = [
        (format!("cd {}", arguments.directory().display()), ""),
        ("cargo test".to_owned(), "the cases natively"),
        ("facilitator guest build".to_owned(), "the component"),
        (format!("facilitator guest test {name}.wasm"), "the component on its cases"),
        (format!("cp {name}.wasm \"$FACILITATOR_GUESTS_DIR\""), "where the facilitator looks"),
        (format!("facilitator guest pin \"$FACILITATOR_GUESTS_DIR/{name}.wasm\""), "into guests.lock"),
        ("facilitator guest reload".to_owned(), "into the running facilitator"),
    ];
    let mut out = stdout();
    writeln!(out, "Wrote {name}, a guest of family {}, to {place}. Next:\n", arguments.family)
        .context("cannot write to stdout")?;
    for (command, what) in steps {
        let line = format!("    {command:<72}{what}");
        writeln!(out, "{}", line.trim_end()).context("cannot write to stdout")?;
    }
    Ok(())
}

/// As [`run`], without a word; gives the absolute path of the crate.
///
/// # Errors
/// [`Error`]; then nothing was written.
pub fn create(arguments: &Arguments) -> Result<PathBuf, Error> {
    let directory = arguments.directory();
    let directory = absolute(&directory).map_err(Error::file("find", directory))?;
    let sdk = arguments.sdk.as_deref().map_or(Ok(Sdk::Vendored), checkout)?;
    let files = template::files(&arguments.name, arguments.family, &sdk)?;
    let mut draft = Draft::new(&directory)?;
    for (path, text) in &files {
        draft.write(path, text)?;
    }
    draft.keep();
    Ok(directory)
}

impl Arguments {
    fn directory(&self) -> PathBuf {
        self.path.clone().unwrap_or_else(|| PathBuf::from(self.name.as_str()))
    }
}

fn checkout(path: &Path) -> Result<Sdk, Error> {
    let found = fs::canonicalize(path).map_err(Error::file("find", path))?;
    for part in ["guests/sdk/Cargo.toml", "host/protocol/Cargo.toml", "wit", "Cargo.toml"] {
        if !found.join(part).exists() {
            return Err(Error::NoCheckout { path: found, missing: part });
        }
    }
    Ok(Sdk::Checkout(found))
}
