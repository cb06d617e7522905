//! A guest's way to the network, on which the host looks out for simulations.

use std::sync::Arc;

use async_trait::async_trait;
use facilitator_engine::{RpcAnswer, RpcCall, RpcPort, RpcUnavailable};

use super::evm;

/// What nodes said of transactions that the guest had them simulate for one request, by family.
#[derive(Debug, Default)]
pub(super) struct Simulated {
    pub(super) evm: evm::Simulated,
}

/// The RPC of a request's network, watched.
pub(super) struct Watched {
    rpc: Arc<dyn RpcPort>,
    simulated: Arc<Simulated>,
}

impl Watched {
    pub(super) const fn new(rpc: Arc<dyn RpcPort>, simulated: Arc<Simulated>) -> Self {
        Self { rpc, simulated }
    }
}

#[async_trait]
impl RpcPort for Watched {
    async fn round_trip(&self, calls: Vec<RpcCall>) -> Result<Vec<RpcAnswer>, RpcUnavailable> {
        let answers = self.rpc.round_trip(calls.clone()).await?;
        for (call, answer) in calls.iter().zip(&answers) {
            self.simulated.evm.look(call, answer);
        }
        Ok(answers)
    }
}
