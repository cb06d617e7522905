//! The guests of this workspace, built as `facilitator guest build` builds anybody's.

use std::{
    env,
    io::{Write as _, stdout},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use guest_tool::{
    build::{Built, componentize},
    compile::Compilation,
};

/// A crate that is built as a component.
struct Guest {
    /// Name of the component, `<name>.wasm`.
    name: &'static str,
    /// Cargo package.
    package: &'static str,
    /// What cargo calls the module.
    module: &'static str,
}

/// Every guest. A new one is a line here.
const GUESTS: [Guest; 1] = [Guest { name: "evm", package: "guest-evm", module: "guest_evm.wasm" }];

/// Guests that only tests load, into `test/` beside the others.
const TEST_GUESTS: [Guest; 1] =
    [Guest { name: "hostile", package: "guest-hostile", module: "guest_hostile.wasm" }];

/// Builds all guests into `out`, or into `guests/` of the target directory.
pub(crate) fn build(out: Option<&Path>) -> Result<()> {
    let (workspace, target_directory) = (workspace()?, target_directory()?);
    let out = out.map_or_else(|| target_directory.join("guests"), Path::to_path_buf);
    let mut all = build_in(&workspace, &target_directory, None, &out)?;
    // In a run of their own: what they ask of a guest's crate must not change what ships.
    all.extend(build_some(&TEST_GUESTS, &workspace, &target_directory, None, &out.join("test"))?);
    for built in all {
        writeln!(stdout(), "{built}")?;
    }
    Ok(())
}

/// Builds the guests that ship, of a copy of this workspace.
pub(crate) fn build_in(
    workspace: &Path,
    target_directory: &Path,
    cargo_home: Option<&Path>,
    out: &Path,
) -> Result<Vec<Built>> {
    build_some(&GUESTS, workspace, target_directory, cargo_home, out)
}

fn build_some(
    guests: &[Guest],
    workspace: &Path,
    target_directory: &Path,
    cargo_home: Option<&Path>,
    out: &Path,
) -> Result<Vec<Built>> {
    let modules = Compilation {
        workspace: workspace.to_path_buf(),
        packages: guests.iter().map(|guest| guest.package.to_owned()).collect(),
        target_directory: target_directory.to_path_buf(),
        outside: Vec::new(),
        cargo_home: cargo_home.map(Path::to_path_buf),
        locked: true,
        offline: false,
    }
    .run()?;
    guests
        .iter()
        .map(|guest| {
            let path = out.join(guest.name).with_extension("wasm");
            componentize(guest.name, &modules.join(guest.module), &path)
                .with_context(|| format!("guest {}", guest.name))
        })
        .collect()
}

/// The checkout that this program was started in.
pub(crate) fn workspace() -> Result<PathBuf> {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").context("run as `cargo run -p xtask`")?;
    Path::new(&manifest).parent().map(Path::to_path_buf).context("xtask lies in the workspace")
}

/// Where cargo builds.
pub(crate) fn target_directory() -> Result<PathBuf> {
    let workspace = workspace()?;
    Ok(env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace.join("target"), |directory| workspace.join(PathBuf::from(directory))))
}
