//! The guest's RPC port while a case is recorded: asks the node, and keeps what was said.

use std::sync::Mutex;

use async_trait::async_trait;
use facilitator_engine::{RpcAnswer, RpcCall, RpcPort, RpcUnavailable};
use guest_sdk::double::Exchange;

use super::{
    node::{NoAnswer, Node},
    url::NodeUrl,
};
use crate::play::{answered, asked, lock};

/// What the host's gateway tells a guest when it has no answer for it.
const UNAVAILABLE: &str = "no endpoint answered";

/// Asks a live node. The engine bounds how often, and how much.
pub(super) struct RecordingPort {
    node: Node,
    accept_unavailable: bool,
    heard: Mutex<Result<Vec<Exchange>, NoAnswer>>,
}

impl RecordingPort {
    pub(super) const fn new(node: Node, accept_unavailable: bool) -> Self {
        Self { node, accept_unavailable, heard: Mutex::new(Ok(Vec::new())) }
    }

    pub(super) const fn url(&self) -> &NodeUrl {
        self.node.url()
    }

    /// The round trips, in their order.
    ///
    /// # Errors
    /// [`NoAnswer`] if the node had none and that is not to be recorded.
    pub(super) fn recorded(&self) -> Result<Vec<Exchange>, NoAnswer> {
        lock(&self.heard).clone()
    }

    async fn exchange(&self, calls: &[RpcCall]) -> Result<Exchange, NoAnswer> {
        let requests: Vec<_> = calls.iter().map(asked).collect();
        let (answers, unavailable) = match requests.as_slice() {
            [] => (Some(Vec::new()), None),
            requests => match self.node.ask(requests).await {
                Ok(outcomes) => (Some(outcomes), None),
                Err(_) if self.accept_unavailable => (None, Some(UNAVAILABLE.to_owned())),
                Err(no_answer) => return Err(no_answer),
            },
        };
        Ok(Exchange { requests, answers, unavailable })
    }
}

#[async_trait]
impl RpcPort for RecordingPort {
    async fn round_trip(&self, calls: Vec<RpcCall>) -> Result<Vec<RpcAnswer>, RpcUnavailable> {
        let given_up = || RpcUnavailable(UNAVAILABLE.to_owned());
        if lock(&self.heard).is_err() {
            return Err(given_up());
        }
        match self.exchange(&calls).await {
            Ok(exchange) => {
                if let Ok(exchanges) = lock(&self.heard).as_mut() {
                    exchanges.push(exchange.clone());
                }
                answered(exchange.answer())
            }
            Err(no_answer) => {
                *lock(&self.heard) = Err(no_answer);
                Err(given_up())
            }
        }
    }
}
