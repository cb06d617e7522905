//! Runs guests: loads components, checks what they import, compiles and caches them, and calls them
//! within bounds of CPU time, wall time, memory, RPC and log volume.
//!
//! Nothing outside this crate uses wasmtime. A guest has no ambient authority: the RPC of one network,
//! a clock, signature checks and a bounded log are all that it can reach, and for one that was granted
//! virtual WASI random numbers, each through a port that the
//! caller provides, so that any call can be recorded and replayed. An instance lives for one call.
//!
//! This crate knows no HTTP, no keys and no endpoint.

pub mod abi;
mod budget;
mod cache;
mod compile;
mod crypto;
mod engine;
mod epochs;
mod error;
mod generation;
mod guest;
mod health;
mod imports;
mod inspect;
mod limits;
mod load;
mod log;
mod outward;
mod ports;
mod recent;
mod registry;
mod runtime;
mod wasi;

pub use engine::Engine;
pub use error::{CallError, EngineError, Exhausted, GuestFault, LoadError};
pub use generation::{Generation, Origin};
pub use guest::{CallPorts, Guest, GuestRequest};
pub use health::{BreakerSettings, Usage};
pub use inspect::Inspection;
pub use limits::{EngineConfig, Limits};
pub use load::{LoadOptions, Wasi};
pub use ports::{
    Clock, Entropy, LogLevel, LogSink, RemoteError, RpcAnswer, RpcCall, RpcPort, RpcUnavailable,
};
pub use registry::{Found, Registry, RegistryError, Replaced, Route};
