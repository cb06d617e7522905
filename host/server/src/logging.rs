//! Log output: one JSON line per decision, or text for people.

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogFormat, LogSettings};

/// Starts logging to standard output.
///
/// # Errors
/// If the filter does not parse, or logging was started before.
pub fn start(settings: &LogSettings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.filter)
        .map_err(|error| anyhow::anyhow!("log filter {:?}: {error}", settings.filter))?;
    let builder = fmt().with_env_filter(filter);
    let started = match settings.format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
        LogFormat::Text => builder.try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging: {error}"))
}
