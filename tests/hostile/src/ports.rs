//! Ports that lead nowhere, for a guest that is called without a server.

use std::sync::Arc;

use async_trait::async_trait;
use facilitator_engine::{
    CallPorts, Clock, Entropy, LogLevel, LogSink, RpcAnswer, RpcCall, RpcPort, RpcUnavailable,
};
use facilitator_protocol::Caip2;

struct Nowhere;

/// Ports of a call for `network`: nobody is asked, it is 1970, and nothing is logged.
#[must_use]
pub fn nowhere(network: Caip2) -> CallPorts {
    let nowhere = Arc::new(Nowhere);
    CallPorts {
        network,
        rpc: nowhere.clone(),
        clock: nowhere.clone(),
        entropy: nowhere.clone(),
        log: nowhere,
    }
}

#[async_trait]
impl RpcPort for Nowhere {
    async fn round_trip(&self, _: Vec<RpcCall>) -> Result<Vec<RpcAnswer>, RpcUnavailable> {
        Err(RpcUnavailable("nobody is asked here".to_owned()))
    }
}

impl Clock for Nowhere {
    fn now_ms(&self) -> u64 {
        0
    }
}

impl Entropy for Nowhere {
    fn seed(&self) -> [u8; 32] {
        [0; 32]
    }
}

impl LogSink for Nowhere {
    fn write(&self, _: LogLevel, _: &str) {}
}
