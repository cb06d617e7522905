//! One call of a guest component, behind ports that the harness provides.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use facilitator_engine::{
    CallError, CallPorts, Clock, Entropy, Guest, GuestFault, GuestRequest, LogLevel, LogSink, RemoteError,
    RpcAnswer, RpcCall, RpcPort, RpcUnavailable,
};
use facilitator_protocol::{Caip2, X402Version};
use guest_sdk::{
    Answer as NodeAnswer, GuestError, RequestText, RpcError,
    double::{Asked, JsonText, Script},
};

use crate::{
    answer::Answer,
    ask::{Ask, AskRequest},
    case::{Case, Failure, Found},
    files::{Broken, REQUEST},
    format,
};

/// A line that a guest logged. The text is the guest's: untrusted, and bounded by the engine.
pub type LogLine = (LogLevel, String);

/// A guest call that has ended.
#[derive(Debug)]
pub struct Played {
    /// What the guest did, or why there is nothing.
    pub found: Result<Found, Failure>,
    /// What it logged.
    pub log: Vec<LogLine>,
}

/// Replays a case strictly.
pub async fn replay(guest: &Guest, case: &Case) -> Played {
    let script = Arc::new(Recorded(Mutex::new(case.script.clone())));
    let (answer, log) = ask(guest, &case.ask, case.now_ms, script.clone()).await;
    let replay = lock(&script.0).clone().finish();
    Played { found: answer.map(|answer| Found { answer, replay }), log }
}

/// Asks the guest at `now_ms`; it reaches the chain through `rpc`.
pub(crate) async fn ask(
    guest: &Guest,
    ask: &Ask,
    now_ms: u64,
    rpc: Arc<dyn RpcPort>,
) -> (Result<Answer, Failure>, Vec<LogLine>) {
    let log = Arc::new(Log::default());
    let ports = Ports { rpc, clock: Arc::new(Still(now_ms)), log: log.clone() };
    let answer = ask_through(guest, ask, &ports).await;
    let lines = std::mem::take(&mut *lock(&log.0));
    (answer, lines)
}

async fn ask_through(guest: &Guest, ask: &Ask, ports: &Ports) -> Result<Answer, Failure> {
    match ask {
        Ask::Describe => Ok(Answer::Descriptor(guest.descriptor().clone())),
        Ask::Supported { network, settings } => {
            told(guest.supported(ports.of(network)?, &settings.to_string()).await, Answer::extra)
        }
        Ask::Verify { phase, request } => {
            let (ports, request) = ports.request(request)?;
            told(guest.verify(ports, &request, (*phase).into()).await, Answer::from)
        }
        Ask::Prepare { valid, request } => {
            let (ports, request) = ports.request(request)?;
            told(guest.prepare(ports, &request, &valid.valid()?).await, Answer::from)
        }
        Ask::Confirm { observation, request } => {
            let (ports, request) = ports.request(request)?;
            told(guest.confirm(ports, &request, &observation.into()).await, Answer::from)
        }
    }
}

fn told<T>(result: Result<T, CallError>, answer: impl FnOnce(T) -> Answer) -> Result<Answer, Failure> {
    match result {
        Ok(value) => Ok(answer(value)),
        Err(CallError::Guest(fault)) => Ok(Answer::from(match fault {
            GuestFault::Upstream(message) => GuestError::Upstream(message),
            GuestFault::Unsupported(message) => GuestError::Unsupported(message),
            GuestFault::Internal(message) => GuestError::Internal(message),
        })),
        Err(ended) => Err(Failure::Ended(ended.to_string())),
    }
}

/// The ports of a call before its network is known.
struct Ports {
    rpc: Arc<dyn RpcPort>,
    clock: Arc<dyn Clock>,
    log: Arc<dyn LogSink>,
}

/// What the random numbers of a guest under virtual WASI are made of: the same for every case, so that it is
/// replayed bit for bit.
struct FixedSeed;

impl Entropy for FixedSeed {
    fn seed(&self) -> [u8; 32] {
        *b"the same numbers for every case!"
    }
}

impl Ports {
    fn of(&self, network: &str) -> Result<CallPorts, Broken> {
        let network: Caip2 = network.parse().map_err(|error| REQUEST.broken(format!("network: {error}")))?;
        let Self { rpc, clock, log } = self;
        let entropy = Arc::new(FixedSeed);
        Ok(CallPorts { network, rpc: rpc.clone(), clock: clock.clone(), entropy, log: log.clone() })
    }

    fn request(&self, request: &AskRequest) -> Result<(CallPorts, GuestRequest), Broken> {
        let RequestText { x402_version, scheme, network, payload, requirements, settings } = request.text();
        let ports = self.of(&network)?;
        let x402_version = X402Version::from_number(x402_version.into())
            .ok_or_else(|| REQUEST.broken(format!("x402Version: expected 1 or 2, found {x402_version}")))?;
        let network = ports.network.clone();
        let settings = settings.into();
        Ok((ports, GuestRequest { x402_version, scheme, network, payload, requirements, settings }))
    }
}

/// A call as a recording has it.
pub(crate) fn asked(call: &RpcCall) -> Asked {
    // Params that are no JSON are recorded as text; no node would take them either.
    let params = JsonText::new(call.params.clone())
        .and_then(|text| JsonText::new(format::compact(text.get())))
        .unwrap_or_else(|_| (&serde_json::Value::from(call.params.as_str())).into());
    Asked { method: call.method.clone(), params }
}

/// A round trip of a recording as the engine takes it.
pub(crate) fn answered(answers: Result<Vec<NodeAnswer>, RpcError>) -> Result<Vec<RpcAnswer>, RpcUnavailable> {
    let unavailable = |error: RpcError| match error {
        RpcError::Unavailable(why) => RpcUnavailable(why),
        other => RpcUnavailable(other.to_string()),
    };
    let answer = |answer: NodeAnswer| match answer {
        Ok(result) => Ok(Ok(result)),
        Err(RpcError::Remote(remote)) => {
            Ok(Err(RemoteError { code: remote.code, message: remote.message, data: remote.data }))
        }
        Err(other) => Err(unavailable(other)),
    };
    answers.map_err(unavailable)?.into_iter().map(answer).collect()
}

/// A poisoned lock means that another call has failed already; what it holds is as good as before.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Recorded(Mutex<Script>);

#[async_trait]
impl RpcPort for Recorded {
    async fn round_trip(&self, calls: Vec<RpcCall>) -> Result<Vec<RpcAnswer>, RpcUnavailable> {
        answered(lock(&self.0).play(calls.iter().map(asked).collect()))
    }
}

struct Still(u64);

impl Clock for Still {
    fn now_ms(&self) -> u64 {
        self.0
    }
}

#[derive(Default)]
struct Log(Mutex<Vec<LogLine>>);

impl LogSink for Log {
    fn write(&self, level: LogLevel, message: &str) {
        lock(&self.0).push((level, message.to_owned()));
    }
}
