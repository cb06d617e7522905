//! The facilitator's log of this process, kept to be searched: what must not stand in it, and how much of it
//! a guest wrote.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use anyhow::Context;
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

/// Most that is kept. A test that logs more has found a flood.
const MOST_BYTES: usize = 64 << 20;

/// The log since start.
#[derive(Clone, Debug, Default)]
pub struct Logs(Arc<Mutex<Vec<u8>>>);

impl Logs {
    /// The log of this process; the first call begins it. JSON at level info, as the server's is by default.
    pub fn of_this_process() -> anyhow::Result<Self> {
        static LOGS: OnceLock<Logs> = OnceLock::new();
        if let Some(logs) = LOGS.get() {
            return Ok(logs.clone());
        }
        let logs = LOGS.get_or_init(Self::default).clone();
        tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
            .with_writer(logs.clone())
            .try_init()
            .map_err(|error| anyhow::anyhow!("logging: {error}"))?;
        Ok(logs)
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much there is: a mark to read from.
    #[must_use]
    pub fn mark(&self) -> usize {
        self.bytes().len()
    }

    /// What was logged since a mark, line by line.
    pub fn since(&self, mark: usize) -> anyhow::Result<Vec<Value>> {
        let bytes = self.bytes();
        let text = std::str::from_utf8(bytes.get(mark..).unwrap_or_default()).context("the log is UTF-8")?;
        text.lines().map(|line| serde_json::from_str(line).context("a line is JSON")).collect()
    }
}

/// What a guest wrote among these lines.
#[must_use]
pub fn of_guests(lines: &[Value]) -> Vec<&str> {
    let guest = |line: &&Value| line.get("event").is_some_and(|event| event == "guest_log");
    lines.iter().filter(guest).filter_map(|line| line.get("message")?.as_str()).collect()
}

impl<'a> MakeWriter<'a> for Logs {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl io::Write for Logs {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut bytes = self.bytes();
        if bytes.len().saturating_add(line.len()) <= MOST_BYTES {
            bytes.extend_from_slice(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
