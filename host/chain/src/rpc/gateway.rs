//! All endpoints of a network behind one call.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use facilitator_engine::{RemoteError as GuestRemoteError, RpcAnswer, RpcCall, RpcPort, RpcUnavailable};

use super::{
    endpoint::{Endpoint, EndpointUrl, TIMED_OUT},
    quality::{Outcome, Reason},
    roster::{Change, Moment, Roster},
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

/// One of a network's endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EndpointId(pub(super) usize);

/// Whether an endpoint that does not answer in time is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    /// It is.
    None,
    /// It was asked to wait for something.
    Waits,
}

pub(super) struct Asked {
    pub(super) answers: Vec<Answer>,
    pub(super) endpoint: EndpointId,
    earlier_endpoints_failed: bool,
}

/// The endpoints of one network, in the operator's order.
pub struct NetworkRpc {
    pub(super) endpoints: Vec<Endpoint>,
    settings: RpcSettings,
    roster: Mutex<Roster>,
    started: Instant,
}

impl NetworkRpc {
    /// Sets the endpoints up; does not connect. An endpoint that is given twice is one endpoint: it cannot
    /// confirm its own word.
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
        let mut endpoints: Vec<Endpoint> = Vec::with_capacity(urls.len());
        for url in urls {
            if endpoints.iter().all(|endpoint| *endpoint.name() != url) {
                endpoints.push(Endpoint::new(url, http.clone()));
            }
        }
        let roster = Mutex::new(Roster::new(endpoints.len()));
        Ok(Self { endpoints, settings, roster, started: Instant::now() })
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
        Ok(self.ask_any(calls).await?.answers)
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

    /// Asks one endpoint after the other, the good ones first.
    async fn ask(&self, calls: &[Call], timeout: Duration, patience: Patience) -> Result<Asked, RpcFailure> {
        self.check_batch(calls)?;
        let order = self.wake().order();
        let mut failures = Vec::new();
        for endpoint in order.into_iter().map(EndpointId) {
            match self.exchange(endpoint, calls, timeout, patience).await {
                Ok(answers) => {
                    let earlier_endpoints_failed = !failures.is_empty();
                    return Ok(Asked { answers, endpoint, earlier_endpoints_failed });
                }
                Err(what) => failures.push(self.told(endpoint, what)),
            }
        }
        failures.extend(self.of_another_chain());
        if failures.is_empty() {
            failures.push("no endpoint configured".to_owned());
        }
        Err(RpcFailure::Unavailable(failures.join(", ")))
    }

    /// As [`read`](Self::read), and tells who answered.
    pub(super) async fn ask_any(&self, calls: &[Call]) -> Result<Asked, RpcFailure> {
        self.ask(calls, self.settings.timeout, Patience::None).await
    }

    /// Asks this endpoint and no other, whatever is known of it. Safe to repeat.
    ///
    /// # Errors
    /// [`RpcFailure`] if it did not answer.
    pub async fn ask_endpoint(
        &self,
        endpoint: EndpointId,
        calls: &[Call],
    ) -> Result<Vec<Answer>, RpcFailure> {
        self.check_batch(calls)?;
        let answers = self.exchange(endpoint, calls, self.settings.timeout, Patience::None).await;
        answers.map_err(|what| RpcFailure::Unavailable(self.told(endpoint, what)))
    }

    fn check_batch(&self, calls: &[Call]) -> Result<(), RpcFailure> {
        if calls.is_empty() || calls.len() > self.settings.max_batch {
            return Err(RpcFailure::BadRequest(format!("batch of {} calls", calls.len())));
        }
        Ok(())
    }

    /// Most calls in one batch.
    pub(crate) const fn max_batch(&self) -> usize {
        self.settings.max_batch
    }

    /// One round trip, which counts for what is known of the endpoint.
    async fn exchange(
        &self,
        endpoint: EndpointId,
        calls: &[Call],
        timeout: Duration,
        patience: Patience,
    ) -> Result<Vec<Answer>, &'static str> {
        let asked = self.endpoints.get(endpoint.0).ok_or("no such endpoint")?;
        let began = Instant::now();
        let answers = asked.round_trip(calls, timeout, self.settings.max_answer_bytes).await;
        let outcome = match &answers {
            Ok(_) => Outcome::Answered((patience == Patience::None).then(|| began.elapsed())),
            // A node that was asked to wait for inclusion may take its time.
            Err(what) if *what == TIMED_OUT && patience == Patience::Waits => return answers,
            Err(what) => {
                tracing::debug!(event = "rpc_endpoint_failed", host = %asked.name(), reason = what);
                Outcome::Failed
            }
        };
        let change = self.roster().count(endpoint.0, outcome, self.now().steady);
        self.tell(change);
        answers
    }

    fn told(&self, endpoint: EndpointId, what: &str) -> String {
        self.endpoints
            .get(endpoint.0)
            .map_or_else(|| what.to_owned(), |asked| format!("{} {what}", asked.name()))
    }

    /// Endpoints that were not asked because they serve another chain, and what they said.
    fn of_another_chain(&self) -> Vec<String> {
        let roster = self.roster();
        let told = self.endpoints.iter().zip(roster.qualities()).filter_map(|(endpoint, quality)| {
            let reason = quality.quarantine().filter(|reason| matches!(reason, Reason::WrongChain { .. }))?;
            Some(format!("{} {reason}", endpoint.name()))
        });
        told.collect()
    }

    /// A panic elsewhere leaves what is known as good as before: each change is complete in itself.
    pub(super) fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, after those that have rested were taken in again.
    pub(super) fn wake(&self) -> MutexGuard<'_, Roster> {
        let mut roster = self.roster();
        self.tell(roster.wake(self.now().steady));
        roster
    }

    pub(super) fn now(&self) -> Moment {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Moment { steady: self.started.elapsed(), wall }
    }

    /// Logs each change of an endpoint's state, once.
    pub(super) fn tell(&self, changes: impl IntoIterator<Item = Change>) {
        for Change { endpoint, quarantined } in changes {
            let Some(host) = self.endpoints.get(endpoint).map(Endpoint::name) else { continue };
            match quarantined {
                Some(reason) => tracing::warn!(event = "rpc_endpoint_quarantined", %host, %reason),
                None => tracing::info!(event = "rpc_endpoint_returned", %host),
            }
        }
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
