//! Builds the guests: the same sources give the same bytes, whatever directory they lie in.

use std::{
    env, fs,
    io::{Write as _, stdout},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use crate::component;

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

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "guest";
/// An eighth of the linker's default. The stack lies below data and heap, so that all of what a call
/// touches is close together, within what the host keeps resident between calls.
const STACK_BYTES: u32 = 128 << 10;

/// Builds all guests into `out`, or into `guests/` of the target directory.
pub(crate) fn build(out: Option<&Path>) -> Result<()> {
    let workspace = workspace()?;
    let target_dir = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace.join("target"), |dir| workspace.join(PathBuf::from(dir)));
    let out = out.map_or_else(|| target_dir.join("guests"), Path::to_path_buf);
    check_target()?;
    compile(&workspace, &target_dir)?;
    fs::create_dir_all(&out).with_context(|| format!("cannot create {}", out.display()))?;
    for guest in &GUESTS {
        let path = target_dir.join(TARGET).join(PROFILE).join(guest.module);
        let module = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let bytes = component::encode(&module).with_context(|| format!("guest {}", guest.name))?;
        let path = out.join(guest.name).with_extension("wasm");
        replace(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
        let digest = hex::encode(Sha256::digest(&bytes));
        writeln!(
            stdout(),
            "{:<10} {:>8} bytes  sha256 {digest}  {}",
            guest.name,
            bytes.len(),
            path.display()
        )?;
    }
    Ok(())
}

fn workspace() -> Result<PathBuf> {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").context("run as `cargo run -p xtask`")?;
    Path::new(&manifest).parent().map(Path::to_path_buf).context("xtask lies in the workspace")
}

/// Says what to do where the target is missing: rustc itself only says that it cannot find `core`.
fn check_target() -> Result<()> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .context("cannot run rustc")?;
    let libraries = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success() && Path::new(libraries.trim()).is_dir(),
        "the Rust target {TARGET} is not installed: run `rustup target add {TARGET}`",
    );
    Ok(())
}

fn compile(workspace: &Path, target_dir: &Path) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(workspace)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(workspace)?)
        .args(["build", "--locked", "--profile", PROFILE, "--target", TARGET, "--target-dir"])
        .arg(target_dir)
        .args(GUESTS.iter().flat_map(|guest| ["--package", guest.package]))
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!("the guests do not build");
    }
    Ok(())
}

/// Panic messages hold paths of sources: the directories of this build are no part of a guest. Later
/// mappings win, so each registry's directory, which is named by where it was fetched from, comes last.
fn flags(workspace: &Path) -> Result<String> {
    let cargo_home = match env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => env::home_dir().context("neither CARGO_HOME nor a home directory")?.join(".cargo"),
    };
    let mut mapped = vec![(cargo_home.clone(), "/cargo"), (workspace.to_path_buf(), "/facilitator")];
    if let Ok(registries) = fs::read_dir(cargo_home.join("registry").join("src")) {
        mapped.extend(registries.flatten().map(|registry| (registry.path(), "/crates")));
    }
    let mut flags: Vec<String> =
        mapped.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())).collect();
    flags.push(format!("-Clink-arg=-zstack-size={STACK_BYTES}"));
    Ok(flags.join("\x1f"))
}

/// Whoever watches the file sees the old guest or the new one, never half of it.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let new = path.with_extension("wasm.new");
    fs::write(&new, bytes)?;
    fs::rename(&new, path)
}
