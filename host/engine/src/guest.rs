//! A loaded guest, and one call of it.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use async_trait::async_trait;
use facilitator_protocol::{
    Caip2, Confirmation, Descriptor, Intent, Observation, Phase, Valid, Verdict, X402Version,
};
use tokio::sync::{Notify, Semaphore};
use wasmtime::{Store, UpdateDeadline};

use crate::{
    CallError, Clock, Entropy, Exhausted, Limits, LogLevel, LogSink, RpcAnswer, RpcCall, RpcPort,
    RpcUnavailable, Usage, Wasi,
    abi::Abi,
    budget::HostState,
    epochs::EpochThread,
    health::{Effect, Health},
    outward,
};

/// What one call can reach.
#[derive(Clone)]
pub struct CallPorts {
    /// The only network that the call may ask.
    pub network: Caip2,
    /// Read access to it.
    pub rpc: Arc<dyn RpcPort>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where random numbers come from; only a guest under virtual WASI can ask.
    pub entropy: Arc<dyn Entropy>,
    /// Where log lines go.
    pub log: Arc<dyn LogSink>,
}

impl CallPorts {
    /// Ports that give nothing: for a guest's description of itself.
    pub(crate) fn closed() -> Self {
        struct Closed;
        #[async_trait]
        impl RpcPort for Closed {
            async fn round_trip(&self, _: Vec<RpcCall>) -> Result<Vec<RpcAnswer>, RpcUnavailable> {
                Err(RpcUnavailable("no network in this call".to_owned()))
            }
        }
        impl Clock for Closed {
            fn now_ms(&self) -> u64 {
                0
            }
        }
        impl Entropy for Closed {
            fn seed(&self) -> [u8; 32] {
                [0; 32]
            }
        }
        impl LogSink for Closed {
            fn write(&self, _: LogLevel, message: &str) {
                tracing::warn!(event = "guest_log", phase = "describe", message);
            }
        }
        let closed = Arc::new(Closed);
        Self {
            network: Caip2::none(),
            rpc: closed.clone(),
            clock: closed.clone(),
            entropy: closed.clone(),
            log: closed,
        }
    }
}

/// One payment as a guest sees it.
#[derive(Clone, Debug)]
pub struct GuestRequest {
    /// Protocol version.
    pub x402_version: X402Version,
    /// Scheme.
    pub scheme: String,
    /// Network, in CAIP-2 form for either version.
    pub network: Caip2,
    /// JSON text of `paymentPayload`.
    pub payload: String,
    /// JSON text of `paymentRequirements`.
    pub requirements: String,
    /// JSON text of [`facilitator_protocol::GuestSettings`].
    pub settings: Arc<str>,
}

/// A loaded guest. Every call runs in an instance of its own, which is dropped with the call.
pub struct Guest {
    parts: GuestParts,
    descriptor: Descriptor,
    health: Health,
    /// Told when the breaker trips.
    tripped: Arc<Notify>,
}

pub(crate) struct GuestParts {
    pub(crate) wasm: wasmtime::Engine,
    pub(crate) wasi: Wasi,
    pub(crate) abi: Box<dyn Abi>,
    pub(crate) sha256: String,
    pub(crate) limits: Limits,
    pub(crate) free_instances: Arc<Semaphore>,
    pub(crate) granted: Arc<BTreeSet<String>>,
    /// Without it nothing ends a loop: a guest must not outlive it, whatever becomes of the engine's handle.
    pub(crate) _epochs: Arc<EpochThread>,
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guest")
            .field("name", &self.descriptor.name)
            .field("version", &self.descriptor.version)
            .field("sha256", &self.parts.sha256)
            .finish_non_exhaustive()
    }
}

impl GuestParts {
    pub(crate) async fn describe(&self, ports: CallPorts) -> Result<Descriptor, CallError> {
        self.bounded(ports, async |store| self.abi.describe(store).await).await
    }

    /// Runs one call in a store of its own, within the wall time and the number of instances.
    async fn bounded<T>(
        &self,
        ports: CallPorts,
        call: impl AsyncFnOnce(&mut Store<HostState>) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let deadline = tokio::time::Instant::now() + self.limits.wall;
        let _instance = tokio::time::timeout_at(deadline, self.free_instances.acquire())
            .await
            .map_err(|_| CallError::Busy)?
            .map_err(|_| CallError::Busy)?;
        let mut store = self.store(ports);
        tokio::time::timeout_at(deadline, call(&mut store))
            .await
            .map_err(|_| CallError::Exhausted(Exhausted::Wall))?
    }

    fn store(&self, ports: CallPorts) -> Store<HostState> {
        let state = HostState::new(ports, Arc::clone(&self.granted), self.limits);
        let mut store = Store::new(&self.wasm, state);
        store.limiter(|state| state);
        store.set_hostcall_fuel(self.limits.hostcall_bytes);
        store.set_max_component_handles(self.limits.handles);
        store.epoch_deadline_callback(|mut context| {
            context.data_mut().charge_epoch()?;
            Ok(UpdateDeadline::Yield(1))
        });
        store.set_epoch_deadline(1);
        store
    }
}

impl Guest {
    pub(crate) fn new(
        parts: GuestParts,
        descriptor: Descriptor,
        health: Health,
        tripped: Arc<Notify>,
    ) -> Self {
        Self { parts, descriptor, health, tripped }
    }

    /// A call that counts: in the statistics, and for the breaker.
    async fn counted<T>(
        &self,
        ports: CallPorts,
        call: impl AsyncFnOnce(&mut Store<HostState>) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let started = Instant::now();
        let answer = self.parts.bounded(ports, call).await;
        let fault = answer.as_ref().err().filter(|error| error.is_guests_fault());
        let now = Instant::now();
        if self.health.count(now - started, fault, now) == Effect::Tripped {
            self.tripped.notify_one();
        }
        answer
    }

    /// What is known of its calls since it was loaded.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.health.usage(Instant::now())
    }

    /// Whether its breaker has taken it out of service for now.
    #[must_use]
    pub fn is_resting(&self) -> bool {
        self.health.is_resting(Instant::now())
    }

    /// Puts it back into service as if it had never faulted.
    pub(crate) fn reset_breaker(&self) {
        self.health.reset_breaker(Instant::now());
    }

    /// What the guest says of itself; checked when it was loaded.
    #[must_use]
    pub const fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Digest of the component, hex: names the generation in logs and records.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.parts.sha256
    }

    /// What it gets of WASI.
    #[must_use]
    pub const fn wasi(&self) -> Wasi {
        self.parts.wasi
    }

    /// `extra` of the guest's kinds on a network, JSON text of an object.
    ///
    /// # Errors
    /// [`CallError`]; safe to repeat.
    pub async fn supported(&self, ports: CallPorts, settings: &str) -> Result<Option<String>, CallError> {
        let network = ports.network.clone();
        let call = async |store: &mut Store<HostState>| {
            self.parts.abi.supported(store, network.as_str(), settings).await
        };
        self.counted(ports, call).await
    }

    /// Judges a payment.
    ///
    /// # Errors
    /// [`CallError`]; safe to repeat.
    pub async fn verify(
        &self,
        ports: CallPorts,
        request: &GuestRequest,
        phase: Phase,
    ) -> Result<Verdict, CallError> {
        let call = async |store: &mut Store<HostState>| {
            outward::verdict(self.parts.abi.verify(store, request, phase).await?)
        };
        self.counted(ports, call).await
    }

    /// What the host is asked to sign for a payment that was found valid.
    ///
    /// # Errors
    /// [`CallError`]; safe to repeat.
    pub async fn prepare(
        &self,
        ports: CallPorts,
        request: &GuestRequest,
        valid: &Valid,
    ) -> Result<Intent, CallError> {
        let call = async |store: &mut Store<HostState>| self.parts.abi.prepare(store, request, valid).await;
        self.counted(ports, call).await
    }

    /// Whether the exact payment happened.
    ///
    /// # Errors
    /// [`CallError`]; safe to repeat.
    pub async fn confirm(
        &self,
        ports: CallPorts,
        request: &GuestRequest,
        observation: &Observation,
    ) -> Result<Confirmation, CallError> {
        let call = async |store: &mut Store<HostState>| {
            outward::confirmation(self.parts.abi.confirm(store, request, observation).await?)
        };
        self.counted(ports, call).await
    }
}
