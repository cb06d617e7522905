//! JSON-RPC over several endpoints per network: order, failover, quality, bounds, redaction.

mod endpoint;
mod gateway;
mod observe;
mod opinion;
mod quality;
mod roster;
mod wire;

pub use endpoint::EndpointUrl;
pub use gateway::{EndpointId, NetworkRpc, RpcSettings, Sent};
pub use observe::EndpointReport;
pub use opinion::Answered;
pub use quality::{ChainSeen, Head, HeadBounds, Reason, Sighting};
pub use wire::{Answer, Call, RemoteError, RpcFailure};
