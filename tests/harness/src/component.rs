//! A guest as a component in the engine, with recorded ports.

use std::{
    collections::HashMap,
    env, fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use facilitator_engine::{
    CallError, CallPorts, Clock, Engine, EngineConfig, Guest, GuestFault, GuestRequest, LogLevel, LogSink,
    RemoteError, RpcAnswer, RpcCall, RpcPort, RpcUnavailable,
};
use facilitator_protocol::{Caip2, Family, X402Version};
use guest_sdk::{GuestError, RequestText, RpcError, double::Script};
use serde_json::Value;

use crate::{
    Failure, answer,
    case::{Ask, AskRequest, Case, Found},
};

/// Families that have a guest.
const FAMILIES: [Family; 1] = [Family::Evm];

/// The built guests, loaded.
#[derive(Debug)]
pub struct Components {
    guests: HashMap<Family, Guest>,
}

impl Components {
    /// Loads the guests that `cargo run -p xtask -- guests` built.
    ///
    /// # Errors
    /// [`Failure::Guest`].
    pub async fn load() -> Result<Self, Failure> {
        let engine = Engine::new(EngineConfig { concurrent_calls: 64, ..EngineConfig::default() })
            .map_err(|error| Failure::Guest(error.to_string()))?;
        let mut guests = HashMap::new();
        for family in FAMILIES {
            let path = guests_directory().join(family.as_str()).with_extension("wasm");
            let bytes = fs::read(&path).map_err(|error| {
                let path = path.display();
                Failure::Guest(format!("{path}: {error}; run `cargo run -p xtask -- guests` first"))
            })?;
            let guest =
                engine.load(family, bytes).await.map_err(|error| Failure::Guest(error.to_string()))?;
            guests.insert(family, guest);
        }
        Ok(Self { guests })
    }

    /// Runs a case.
    ///
    /// # Errors
    /// [`Failure`] if there is no such guest, or it ended without an answer.
    pub async fn run(&self, case: &Case) -> Result<Found, Failure> {
        let guest = self
            .guests
            .get(&case.family)
            .ok_or_else(|| Failure::Guest(format!("no guest of family {}", case.family)))?;
        let host = Arc::new(RecordedHost {
            now_ms: case.now_ms,
            script: Mutex::new(case.script.clone()),
            logged: Mutex::default(),
        });
        let answer = ask(guest, &host, &case.ask).await.map_err(|failure| match failure {
            Failure::Ended(why) => Failure::Ended(format!("{why}; its log: {:?}", lock(&host.logged))),
            other => other,
        })?;
        let replay = lock(&host.script).clone().finish();
        Ok(Found { answer, replay })
    }
}

async fn ask(guest: &Guest, host: &Arc<RecordedHost>, ask: &Ask) -> Result<Value, Failure> {
    match ask {
        Ask::Describe => Ok(answer::descriptor(guest.descriptor())),
        Ask::Supported { network, settings } => {
            let ports = ports(host, network)?;
            told(guest.supported(ports, &settings.to_string()).await, |extra| answer::extra(extra.as_deref()))
        }
        Ask::Verify { phase, request } => {
            let (ports, request) = guest_request(host, request)?;
            told(guest.verify(ports, &request, (*phase).into()).await, answer::verdict)
        }
        Ask::Prepare { valid, request } => {
            let (ports, request) = guest_request(host, request)?;
            told(guest.prepare(ports, &request, &valid.valid()?).await, answer::intent)
        }
        Ask::Confirm { observation, request } => {
            let (ports, request) = guest_request(host, request)?;
            told(guest.confirm(ports, &request, &observation.into()).await, answer::confirmation)
        }
    }
}

fn told<T>(result: Result<T, CallError>, answer: impl FnOnce(&T) -> Value) -> Result<Value, Failure> {
    match result {
        Ok(value) => Ok(answer(&value)),
        Err(CallError::Guest(fault)) => Ok(answer::error(&match fault {
            GuestFault::Upstream(message) => GuestError::Upstream(message),
            GuestFault::Unsupported(message) => GuestError::Unsupported(message),
            GuestFault::Internal(message) => GuestError::Internal(message),
        })),
        Err(ended) => Err(Failure::Ended(ended.to_string())),
    }
}

fn guest_request(
    host: &Arc<RecordedHost>,
    request: &AskRequest,
) -> Result<(CallPorts, GuestRequest), Failure> {
    let RequestText { x402_version, scheme, network, payload, requirements, settings } = request.text();
    let ports = ports(host, &network)?;
    let x402_version = X402Version::from_number(x402_version.into())
        .ok_or_else(|| broken(format!("x402Version: expected 1 or 2, found {x402_version}")))?;
    let network = ports.network.clone();
    let request =
        GuestRequest { x402_version, scheme, network, payload, requirements, settings: settings.into() };
    Ok((ports, request))
}

fn ports(host: &Arc<RecordedHost>, network: &str) -> Result<CallPorts, Failure> {
    let network: Caip2 = network.parse().map_err(|error| broken(format!("network: {error}")))?;
    Ok(CallPorts { network, rpc: host.clone(), clock: host.clone(), log: host.clone() })
}

fn broken(message: String) -> Failure {
    Failure::Case { file: "request.json", message }
}

fn guests_directory() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    workspace.join(target).join("guests")
}

/// The host's side of a case.
struct RecordedHost {
    now_ms: u64,
    script: Mutex<Script>,
    logged: Mutex<Vec<String>>,
}

/// A poisoned lock means that a test has failed already; what it holds is as good as before.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl RpcPort for RecordedHost {
    async fn round_trip(&self, calls: Vec<RpcCall>) -> Result<Vec<RpcAnswer>, RpcUnavailable> {
        let found: Vec<_> = calls
            .iter()
            .map(|call| {
                let params =
                    serde_json::from_str(&call.params).unwrap_or_else(|_| call.params.clone().into());
                (call.method.as_str(), params)
            })
            .collect();
        let unavailable = |error: RpcError| match error {
            RpcError::Unavailable(why) => RpcUnavailable(why),
            other => RpcUnavailable(other.to_string()),
        };
        let answers = lock(&self.script).play(&found).map_err(unavailable)?;
        answers
            .into_iter()
            .map(|answer| match answer {
                Ok(result) => Ok(Ok(result)),
                Err(RpcError::Remote(remote)) => {
                    Ok(Err(RemoteError { code: remote.code, message: remote.message, data: remote.data }))
                }
                Err(other) => Err(unavailable(other)),
            })
            .collect()
    }
}

impl Clock for RecordedHost {
    fn now_ms(&self) -> u64 {
        self.now_ms
    }
}

impl LogSink for RecordedHost {
    fn write(&self, _: LogLevel, message: &str) {
        lock(&self.logged).push(message.to_owned());
    }
}
