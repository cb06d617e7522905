//! The guests that ship in the binary.

use std::sync::Arc;

use anyhow::Context;
use facilitator_engine::{Engine, Guest};
use facilitator_protocol::Family;

/// Components that were built with this binary.
const EMBEDDED: &[(Family, &[u8])] = &[(Family::Evm, include_bytes!(concat!(env!("OUT_DIR"), "/evm.wasm")))];

/// Loads every embedded guest.
///
/// # Errors
/// If one does not load: the binary is then broken, and does not start.
pub(super) async fn load(engine: &Engine) -> anyhow::Result<Vec<Arc<Guest>>> {
    let mut guests = Vec::with_capacity(EMBEDDED.len());
    for (family, bytes) in EMBEDDED {
        let guest =
            engine.load(*family, bytes.to_vec()).await.with_context(|| format!("embedded {family} guest"))?;
        guests.push(Arc::new(guest));
    }
    Ok(guests)
}
