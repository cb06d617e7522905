//! All endpoints of a network behind one call.

use std::time::Duration;

use async_trait::async_trait;
use facilitator_engine::{RemoteError as GuestRemoteError, RpcAnswer, RpcCall, RpcPort, RpcUnavailable};

use super::{
    endpoint::{Endpoint, EndpointUrl, Patience},
    wire::{Answer, Call, RpcFailure},
};

/// Bounds of a network's RPC.
#[derive(Clone, Copy, Debug)]
pub struct RpcSettings {
    /// Time for one endpoint to answer.
    pub timeout: Duration,
    /// Most bytes of an answer.
    pub max_answer_bytes: usize,
    /// Most calls in one batch.
    pub max_batch: usize,
}

impl Default for RpcSettings {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(4), max_answer_bytes: 2 << 20, max_batch: 100 }
    }
}

/// What became of signed bytes that were sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The answer of the endpoint that gave one.
    pub answer: Answer,
    /// Whether an endpoint before it broke off: it may have taken the bytes, so a refusal proves nothing.
    pub earlier_endpoints_failed: bool,
}

struct Asked {
    answers: Vec<Answer>,
    earlier_endpoints_failed: bool,
}

/// The endpoints of one network, in the operator's order.
pub struct NetworkRpc {
    endpoints: Vec<Endpoint>,
    settings: RpcSettings,
}

impl NetworkRpc {
    /// Sets the endpoints up; does not connect.
    ///
    /// # Errors
    /// If the HTTP client cannot be made.
    pub fn new(urls: Vec<EndpointUrl>, settings: RpcSettings) -> Result<Self, RpcFailure> {
        // Fails only if a provider is there already, which is as good.
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(2))
            .pool_idle_timeout(Duration::from_secs(60))
            .tcp_nodelay(true)
            .build()
            .map_err(|error| RpcFailure::BadRequest(error.without_url().to_string()))?;
        let endpoints = urls.into_iter().map(|url| Endpoint::new(url, http.clone())).collect();
        Ok(Self { endpoints, settings })
    }

    /// Host names of the endpoints, for logs and `/ready`.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        self.endpoints.iter().map(|endpoint| endpoint.name().to_string()).collect()
    }

    /// Reads: asks one endpoint after the other until one answers. Safe to repeat by nature.
    ///
    /// # Errors
    /// [`RpcFailure`] when none answered.
    pub async fn read(&self, calls: &[Call]) -> Result<Vec<Answer>, RpcFailure> {
        Ok(self.ask(calls, self.settings.timeout, Patience::None).await?.answers)
    }

    /// One read.
    ///
    /// # Errors
    /// [`RpcFailure`] when none answered.
    pub async fn read_one(&self, call: Call) -> Result<Answer, RpcFailure> {
        let answers = self.read(std::slice::from_ref(&call)).await?;
        answers.into_iter().next().ok_or_else(|| RpcFailure::Unavailable("no answer".to_owned()))
    }

    /// Sends signed bytes: the same bytes may go to every endpoint, any number of times. The first that
    /// gives an answer, even a refusal, ends it.
    ///
    /// # Errors
    /// [`RpcFailure`] when none answered: then nothing is known of the bytes' fate.
    pub async fn send(&self, call: Call, timeout: Duration) -> Result<Sent, RpcFailure> {
        let asked = self.ask(std::slice::from_ref(&call), timeout, Patience::Waits).await?;
        match asked.answers.into_iter().next() {
            Some(answer) => Ok(Sent { answer, earlier_endpoints_failed: asked.earlier_endpoints_failed }),
            None => Err(RpcFailure::Unavailable("no answer".to_owned())),
        }
    }

    async fn ask(&self, calls: &[Call], timeout: Duration, patience: Patience) -> Result<Asked, RpcFailure> {
        if calls.is_empty() || calls.len() > self.settings.max_batch {
            return Err(RpcFailure::BadRequest(format!("batch of {} calls", calls.len())));
        }
        let (awake, resting): (Vec<_>, Vec<_>) =
            self.endpoints.iter().partition(|endpoint| !endpoint.is_resting());
        let mut failures = Vec::new();
        for endpoint in awake.into_iter().chain(resting) {
            match endpoint.round_trip(calls, timeout, patience, self.settings.max_answer_bytes).await {
                Ok(answers) => {
                    return Ok(Asked { answers, earlier_endpoints_failed: !failures.is_empty() });
                }
                Err(what) => {
                    tracing::debug!(event = "rpc_endpoint_failed", host = %endpoint.name(), reason = what);
                    failures.push(format!("{} {what}", endpoint.name()));
                }
            }
        }
        if failures.is_empty() {
            failures.push("no endpoint configured".to_owned());
        }
        Err(RpcFailure::Unavailable(failures.join(", ")))
    }
}

#[async_trait]
impl RpcPort for NetworkRpc {
    async fn round_trip(&self, calls: Vec<RpcCall>) -> Result<Vec<RpcAnswer>, RpcUnavailable> {
        let mut checked = Vec::with_capacity(calls.len());
        for RpcCall { method, params } in calls {
            // A guest's text goes into our message: it must be one JSON value and nothing more.
            let is_json = serde_json::from_str::<&serde_json::value::RawValue>(&params).is_ok();
            if !is_json || !params.trim_start().starts_with(['[', '{']) {
                return Err(RpcUnavailable("params are not JSON".to_owned()));
            }
            checked.push(Call { method, params });
        }
        // Host names stay inside: a guest learns that nobody answered, not who was asked.
        let answers = self.read(&checked).await.map_err(|failure| {
            tracing::warn!(event = "rpc_unavailable", reason = %failure);
            RpcUnavailable("no endpoint answered".to_owned())
        })?;
        let converted = answers.into_iter().map(|answer| {
            answer.map_err(|error| GuestRemoteError {
                code: error.code,
                message: error.message,
                data: error.data,
            })
        });
        Ok(converted.collect())
    }
}
