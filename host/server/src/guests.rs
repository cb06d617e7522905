//! The guests that ship in the binary.

use std::sync::Arc;

use anyhow::Context;
use facilitator_engine::{Engine, Registry};
use facilitator_protocol::Family;

/// Components that were built with this binary.
const EMBEDDED: &[(Family, &[u8])] = &[(Family::Evm, include_bytes!(concat!(env!("OUT_DIR"), "/evm.wasm")))];

/// Loads every embedded guest.
///
/// # Errors
/// If one does not load: the binary is then broken, and does not start.
pub async fn load_embedded(engine: &Engine) -> anyhow::Result<Registry> {
    let mut guests = Vec::with_capacity(EMBEDDED.len());
    for (family, bytes) in EMBEDDED {
        let guest =
            engine.load(*family, bytes.to_vec()).await.with_context(|| format!("embedded {family} guest"))?;
        tracing::info!(
            event = "guest_loaded",
            guest = guest.descriptor().name,
            version = guest.descriptor().version,
            sha256 = guest.sha256(),
        );
        guests.push(Arc::new(guest));
    }
    let registry = Registry::default();
    registry.replace(guests);
    Ok(registry)
}
