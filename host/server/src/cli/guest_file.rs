//! Looking at component files, and pinning them.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use facilitator_engine::{Engine, EngineConfig, LoadOptions};
use facilitator_server::guests::lock::{Grant, Lock, Pin};
use serde_json::{Value, json};

/// An engine for one look: nothing is cached.
fn engine() -> anyhow::Result<Engine> {
    Ok(Engine::new(EngineConfig { concurrent_calls: 4, ..EngineConfig::default() })?)
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("component {}", file.display()))
}

/// What a component is: digest, imports and exports, and what it says of itself if it can be loaded.
pub(super) async fn inspect(file: &Path) -> anyhow::Result<Value> {
    let bytes = read(file)?;
    let engine = engine()?;
    let inspection = Engine::inspect(&bytes).with_context(|| file.display().to_string())?;
    let wasi = if inspection.wasi.is_empty() { Grant::None } else { Grant::Virtual };
    let loaded = engine.load_with(LoadOptions { family: None, wasi: wasi.into() }, bytes).await;
    let (descriptor, refusal) = match &loaded {
        Ok(guest) => (Some(guest.descriptor()), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Ok(json!({
        "file": file.display().to_string(),
        "bytes": inspection.size_bytes,
        "sha256": inspection.sha256,
        "abi": inspection.abi,
        "imports": inspection.imports,
        "exports": inspection.exports,
        "needsVirtualWasi": wasi == Grant::Virtual,
        "descriptor": descriptor,
        "loads": refusal.is_none(),
        "refusal": refusal,
    }))
}

/// Enters a component in the lock file.
pub(super) async fn pin(file: &Path, lock: Option<PathBuf>, grant: Grant) -> anyhow::Result<()> {
    let name = file.file_name().and_then(|name| name.to_str()).context("expected the path of a component")?;
    let beside = file.parent().unwrap_or(Path::new(".")).join("guests.lock");
    let path = lock.unwrap_or(beside);
    let engine = engine()?;
    let loaded = engine.load_with(LoadOptions { family: None, wasi: grant.into() }, read(file)?).await;
    let guest = loaded.with_context(|| format!("{} is not pinned: it cannot be loaded", file.display()))?;
    ensure!(name.ends_with(".wasm"), "expected a file name that ends in .wasm, found {name}");
    let pin = Pin::of(&guest, name, grant);
    let mut entries = Lock::read(&path)?;
    let text = format!(
        "{}: {} {} ({}, ABI {}) sha256 {}\n",
        path.display(),
        pin.name,
        pin.version,
        pin.family,
        pin.abi,
        pin.sha256
    );
    entries.put(pin);
    entries.write(&path)?;
    super::guest::print(&text)
}
