//! The ports of a guest: everything that does not follow from its arguments comes through here.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::GuestError;

/// One JSON-RPC call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Method; the descriptor has to name it.
    pub method: &'static str,
    /// `params`, an array or an object.
    pub params: Value,
}

impl Call {
    /// A call of `method` with `params`.
    #[must_use]
    pub const fn new(method: &'static str, params: Value) -> Self {
        Self { method, params }
    }
}

/// The JSON text of `result`, or why there is none.
pub type Answer = Result<String, RpcError>;

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// Method or network not granted.
    #[error("denied: {0}")]
    Denied(String),
    /// No endpoint answered in time.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The node answered with a JSON-RPC error.
    #[error("remote: {} {}", .0.code, .0.message)]
    Remote(RemoteError),
}

/// A JSON-RPC error object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteError {
    /// `error.code`.
    pub code: i64,
    /// `error.message`.
    pub message: String,
    /// JSON text of `error.data`, if any.
    pub data: Option<String>,
}

/// Read access to the network of the request, and to no other.
pub trait Rpc {
    /// One call, one round trip.
    ///
    /// # Errors
    /// See [`RpcError`].
    fn call(&self, call: &Call) -> Answer;

    /// Several calls in one round trip; one answer for each call, in their order.
    ///
    /// # Errors
    /// See [`RpcError`]; an error of one call is its answer.
    fn batch(&self, calls: &[Call]) -> Result<Vec<Answer>, RpcError>;
}

/// Typed forms of the calls.
pub trait RpcExt: Rpc {
    /// One call whose result has the shape of `T`.
    ///
    /// # Errors
    /// [`GuestError::Upstream`] for a failed call and for a result of another shape.
    fn call_as<T: DeserializeOwned>(&self, call: &Call) -> Result<T, GuestError> {
        decode(call.method, &self.call(call)?)
    }

    /// Exactly `N` calls in one round trip.
    ///
    /// # Errors
    /// See [`RpcError`]; fewer or more answers than calls are [`RpcError::Unavailable`].
    fn batch_of<const N: usize>(&self, calls: &[Call; N]) -> Result<[Answer; N], RpcError> {
        <[Answer; N]>::try_from(self.batch(calls)?).map_err(|answers| {
            RpcError::Unavailable(format!("{} answers to a batch of {N} calls", answers.len()))
        })
    }
}

impl<R: Rpc + ?Sized> RpcExt for R {}

/// Reads the JSON text of a result.
///
/// # Errors
/// [`GuestError::Upstream`]: the node is at fault when its answer has another shape.
pub fn decode<T: DeserializeOwned>(method: &str, result: &str) -> Result<T, GuestError> {
    serde_json::from_str(result)
        .map_err(|_| GuestError::Upstream(format!("the node's answer to {method} has an unexpected shape")))
}

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For whoever debugs a guest.
    Debug,
    /// Normal.
    Info,
    /// Somebody should look at it.
    Warn,
    /// Something is broken.
    Error,
}

/// Everything that a guest can reach.
pub trait Host: Rpc {
    /// Keccak-256.
    fn keccak256(&self, data: &[u8]) -> [u8; 32];

    /// SHA-256.
    fn sha256(&self, data: &[u8]) -> [u8; 32];

    /// Uncompressed public key without its prefix, from r and s; high s recovers nothing.
    fn secp256k1_recover(&self, hash: &[u8; 32], signature: &[u8; 64], recovery_id: u8) -> Option<[u8; 64]>;

    /// Whether `public_key` (SEC1, 33 or 65 bytes) made the signature; high s is false.
    fn secp256k1_verify(&self, public_key: &[u8], hash: &[u8; 32], signature: &[u8; 64]) -> bool;

    /// Strict Ed25519 verification.
    fn ed25519_verify(&self, public_key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool;

    /// Milliseconds since the Unix epoch, the same throughout one call.
    fn now_ms(&self) -> u64;

    /// A line for the operator; never secrets, signatures or raw payloads.
    fn log(&self, level: Level, message: &str);
}
