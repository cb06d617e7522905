//! What a guest can reach, as traits: the server plugs in the real thing, the harness a recording.

use async_trait::async_trait;

/// One JSON-RPC request of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcCall {
    /// Method, already checked against the guest's grant.
    pub method: String,
    /// JSON text of `params`.
    pub params: String,
}

/// The node answered with an error object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteError {
    /// JSON-RPC code.
    pub code: i64,
    /// Message, as the node gave it.
    pub message: String,
    /// JSON text of `data`.
    pub data: Option<String>,
}

/// JSON text of `result`, or the node's error.
pub type RpcAnswer = Result<String, RemoteError>;

/// No endpoint answered. The text names no endpoint, it reaches the guest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RpcUnavailable(pub String);

/// Read access to one network.
#[async_trait]
pub trait RpcPort: Send + Sync {
    /// Asks all of `calls` in one round trip; answers in their order, one each.
    ///
    /// # Errors
    /// [`RpcUnavailable`] if the round trip as a whole failed; safe to try again.
    async fn round_trip(&self, calls: Vec<RpcCall>) -> Result<Vec<RpcAnswer>, RpcUnavailable>;
}

/// Where guests get the time from.
pub trait Clock: Send + Sync {
    /// Milliseconds since the Unix epoch. Read once per guest call.
    fn now_ms(&self) -> u64;
}

/// Where a call's random numbers come from.
pub trait Entropy: Send + Sync {
    /// What the call's random numbers are expanded from, unpredictable to others. Asked at most once per
    /// call, and only if the guest wants any; the same seed gives the same numbers.
    fn seed(&self) -> [u8; 32];
}

/// Severity of a guest's log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Detail.
    Debug,
    /// Normal.
    Info,
    /// Suspicious.
    Warn,
    /// A fault; the SDK sends panics with it.
    Error,
}

/// Where guests' log lines go.
pub trait LogSink: Send + Sync {
    /// One line of at most the call's log budget. The text is the guest's: untrusted.
    fn write(&self, level: LogLevel, message: &str);
}
