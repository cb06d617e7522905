//! JSON-RPC over several endpoints per network: order, failover, health, bounds, redaction.

mod endpoint;
mod gateway;
mod wire;

pub use endpoint::EndpointUrl;
pub use gateway::{NetworkRpc, RpcSettings, Sent};
pub use wire::{Answer, Call, RemoteError, RpcFailure};
