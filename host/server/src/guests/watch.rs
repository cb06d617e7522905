//! Reloading when a file changes, in dev mode only.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use notify::{RecursiveMode, Watcher};
use tokio::sync::Notify;

use super::{Guests, Trigger};

/// How long the directory has to be quiet: a build writes a file in several steps.
const QUIET: Duration = Duration::from_millis(150);
/// Longest wait for that.
const LONGEST_UNREST: Duration = Duration::from_secs(2);

/// Watches the guests directory and reloads on every change of it. Never ends but by an error.
///
/// # Errors
/// If the directory cannot be watched.
pub async fn watch(guests: &Guests) -> anyhow::Result<()> {
    let Some(dir) = guests.settings.dir.clone() else { return Ok(()) };
    let changed = Arc::new(Notify::new());
    let tell = Arc::clone(&changed);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // An error may mean lost events: look rather than miss one.
        if event.map_or(true, |event| !event.kind.is_access()) {
            tell.notify_one();
        }
    })
    .context("file watcher")?;
    watcher.watch(&dir, RecursiveMode::Recursive).with_context(|| format!("watching {}", dir.display()))?;
    tracing::info!(event = "guests_watched", dir = %dir.display());
    loop {
        changed.notified().await;
        let quiet = async { while tokio::time::timeout(QUIET, changed.notified()).await.is_ok() {} };
        let _quiet_or_not = tokio::time::timeout(LONGEST_UNREST, quiet).await.is_ok();
        // A failure is logged where it happens, and shown by /ready.
        let _logged = guests.reload(Trigger::Watch, false).await.is_ok();
    }
}
