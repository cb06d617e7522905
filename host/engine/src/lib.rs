//! Runs guests: loads components, checks what they import, compiles and caches them, and calls them
//! within bounds of CPU time, wall time, memory, RPC and log volume.
//!
//! Nothing outside this crate uses wasmtime. A guest has no ambient authority: the RPC of one network,
//! a clock, signature checks and a bounded log are all that it can reach, each through a port that the
//! caller provides, so that any call can be recorded and replayed. An instance lives for one call.
//!
//! This crate knows no HTTP, no keys and no endpoint.

mod abi;
mod budget;
mod cache;
mod crypto;
mod error;
mod guest;
mod imports;
mod limits;
mod ports;
mod registry;
mod runtime;

pub use error::{CallError, EngineError, Exhausted, GuestFault, LoadError};
pub use guest::{CallPorts, Guest, GuestRequest};
pub use limits::{EngineConfig, Limits};
pub use ports::{Clock, LogLevel, LogSink, RemoteError, RpcAnswer, RpcCall, RpcPort, RpcUnavailable};
pub use registry::{Registry, Route};
pub use runtime::Engine;
