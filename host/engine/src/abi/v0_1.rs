//! Binding of `x402:scheme@0.1.0`.

use async_trait::async_trait;
use facilitator_protocol::{
    AtomicAmount, Confirmation, Descriptor, EvmCall, Family, Intent, Invalid, Kind, Observation, Phase,
    Valid, Verdict, X402Version, reason,
};
use wasmtime::{
    Engine, Store,
    component::{Component, HasSelf, Linker},
};

use super::{Abi, classify};
use crate::{
    CallError, Exhausted, GuestFault, GuestRequest, LoadError, LogLevel, RpcCall, budget::HostState, crypto,
};

/// Package whose interfaces a guest of this version may import.
pub(super) const PACKAGE: &str = "x402:scheme";
/// Version of the package.
pub(super) const VERSION: &str = "0.1.0";
/// What a guest of this version exports.
pub(super) const EXPORT: &str = "x402:scheme/scheme@0.1.0";

/// Bounds of what a guest may answer; over them is out of contract.
const MAX_TEXT_BYTES: usize = 512;
const MAX_CARRY_BYTES: usize = 4096;
const MAX_INTENT_BYTES: usize = 64 << 10;

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/0.1.0",
        world: "scheme-guest",
        imports: {
            "x402:scheme/rpc": async | trappable,
            default: trappable,
        },
        exports: { default: async },
    });
}

use bindings::{
    SchemeGuestPre,
    x402::scheme::{clock, crypto as crypto_import, log, rpc, types},
};

pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<HostState>> {
    let mut linker = Linker::new(engine);
    bindings::SchemeGuest::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    Ok(linker)
}

pub(super) fn bind(linker: &Linker<HostState>, component: &Component) -> Result<Box<dyn Abi>, LoadError> {
    let missing = |error: wasmtime::Error| LoadError::MissingExport {
        expected: EXPORT,
        detail: error.root_cause().to_string(),
    };
    let linked = linker.instantiate_pre(component).map_err(missing)?;
    Ok(Box::new(Guest { pre: SchemeGuestPre::new(linked).map_err(missing)? }))
}

impl types::Host for HostState {}

impl clock::Host for HostState {
    fn now_ms(&mut self) -> wasmtime::Result<u64> {
        Ok(self.now_ms)
    }
}

impl log::Host for HostState {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
        };
        self.log(level, &message);
        Ok(())
    }
}

impl crypto_import::Host for HostState {
    fn keccak256(&mut self, data: Vec<u8>) -> wasmtime::Result<Vec<u8>> {
        Ok(crypto::keccak256(&data))
    }
    fn sha256(&mut self, data: Vec<u8>) -> wasmtime::Result<Vec<u8>> {
        Ok(crypto::sha256(&data))
    }
    fn secp256k1_recover(
        &mut self,
        hash: Vec<u8>,
        signature: Vec<u8>,
        recovery_id: u8,
    ) -> wasmtime::Result<Option<Vec<u8>>> {
        Ok(crypto::secp256k1_recover(&hash, &signature, recovery_id))
    }
    fn secp256k1_verify(
        &mut self,
        public_key: Vec<u8>,
        hash: Vec<u8>,
        signature: Vec<u8>,
    ) -> wasmtime::Result<bool> {
        Ok(crypto::secp256k1_verify(&public_key, &hash, &signature))
    }
    fn ed25519_verify(
        &mut self,
        public_key: Vec<u8>,
        message: Vec<u8>,
        signature: Vec<u8>,
    ) -> wasmtime::Result<bool> {
        Ok(crypto::ed25519_verify(&public_key, &message, &signature))
    }
}

impl rpc::Host for HostState {
    async fn call(
        &mut self,
        network: String,
        request: rpc::CallRequest,
    ) -> wasmtime::Result<Result<String, rpc::RpcError>> {
        let mut answers = match self.round_trip(&network, vec![request]).await? {
            Ok(answers) => answers,
            Err(error) => return Ok(Err(error)),
        };
        Ok(answers.pop().unwrap_or_else(|| Err(rpc::RpcError::Unavailable("no answer".to_owned()))))
    }

    async fn batch(
        &mut self,
        network: String,
        requests: Vec<rpc::CallRequest>,
    ) -> wasmtime::Result<Result<Vec<Result<String, rpc::RpcError>>, rpc::RpcError>> {
        self.round_trip(&network, requests).await
    }
}

type Answers = Result<Vec<Result<String, rpc::RpcError>>, rpc::RpcError>;

impl HostState {
    /// Checks the grant and the budget, then asks the port. Running out of budget traps: a guest that
    /// could handle it could try for ever.
    async fn round_trip(
        &mut self,
        network: &str,
        requests: Vec<rpc::CallRequest>,
    ) -> wasmtime::Result<Answers> {
        if network != self.ports.network.as_str() {
            return Ok(Err(rpc::RpcError::Denied("this network was not granted".to_owned())));
        }
        let mut calls = Vec::with_capacity(requests.len().min(64));
        for rpc::CallRequest { method, params } in requests {
            self.charge_rpc_call(method.len().saturating_add(params.len()))?;
            if !self.granted.contains(&method) {
                return Ok(Err(rpc::RpcError::Denied("this method was not granted".to_owned())));
            }
            calls.push(RpcCall { method, params });
        }
        let asked = calls.len();
        let answers = match self.ports.rpc.round_trip(calls).await {
            Ok(answers) if answers.len() == asked => answers,
            Ok(_) => return Ok(Err(rpc::RpcError::Unavailable("answers do not match calls".to_owned()))),
            Err(unavailable) => return Ok(Err(rpc::RpcError::Unavailable(unavailable.0))),
        };
        let mut converted = Vec::with_capacity(answers.len());
        for answer in answers {
            converted.push(match answer {
                Ok(result) => {
                    self.charge_rpc_bytes(result.len())?;
                    Ok(result)
                }
                Err(error) => {
                    let data_bytes = error.data.as_ref().map_or(0, String::len);
                    self.charge_rpc_bytes(error.message.len().saturating_add(data_bytes))?;
                    Err(rpc::RpcError::Remote(rpc::RemoteError {
                        code: error.code,
                        message: error.message,
                        data: error.data,
                    }))
                }
            });
        }
        Ok(Ok(converted))
    }
}

struct Guest {
    pre: SchemeGuestPre<HostState>,
}

impl Guest {
    async fn instantiate(&self, store: &mut Store<HostState>) -> Result<bindings::SchemeGuest, CallError> {
        self.pre.instantiate_async(store).await.map_err(|error| classify(&error))
    }
}

#[async_trait]
impl Abi for Guest {
    async fn describe(&self, store: &mut Store<HostState>) -> Result<Descriptor, CallError> {
        let instance = self.instantiate(store).await?;
        let descriptor =
            instance.x402_scheme_scheme().call_describe(store).await.map_err(|error| classify(&error))?;
        descriptor_of(descriptor)
    }

    async fn supported(
        &self,
        store: &mut Store<HostState>,
        network: &str,
        settings: &str,
    ) -> Result<Option<String>, CallError> {
        let instance = self.instantiate(store).await?;
        let answer = instance.x402_scheme_scheme().call_supported(store, network, settings).await;
        answered(answer)?.map(|extra| bounded("extra", extra, MAX_CARRY_BYTES)).transpose()
    }

    async fn verify(
        &self,
        store: &mut Store<HostState>,
        request: &GuestRequest,
        phase: Phase,
    ) -> Result<Verdict, CallError> {
        let instance = self.instantiate(store).await?;
        let phase = match phase {
            Phase::Verify => types::Phase::Verify,
            Phase::Settle => types::Phase::Settle,
        };
        let answer = instance.x402_scheme_scheme().call_verify(store, &request_of(request), phase).await;
        match answered(answer)? {
            types::Verdict::Valid(valid) => Ok(Verdict::Valid(valid_of(valid)?)),
            types::Verdict::Invalid(invalid) => Ok(Verdict::Invalid(Invalid {
                reason: checked_reason(invalid.reason)?,
                message: bounded("message", invalid.message, MAX_TEXT_BYTES)?,
                payer: invalid.payer.map(|payer| bounded("payer", payer, MAX_TEXT_BYTES)).transpose()?,
            })),
        }
    }

    async fn prepare(
        &self,
        store: &mut Store<HostState>,
        request: &GuestRequest,
        valid: &Valid,
    ) -> Result<Intent, CallError> {
        let instance = self.instantiate(store).await?;
        let valid = types::Valid {
            payer: valid.payer.clone(),
            amount: valid.amount.to_string(),
            payment_id: valid.payment_id.clone(),
            expires_at: valid.expires_at,
            carry: valid.carry.clone(),
        };
        let answer = instance.x402_scheme_scheme().call_prepare(store, &request_of(request), &valid).await;
        intent_of(answered(answer)?)
    }

    async fn confirm(
        &self,
        store: &mut Store<HostState>,
        request: &GuestRequest,
        observation: &Observation,
    ) -> Result<Confirmation, CallError> {
        let instance = self.instantiate(store).await?;
        let observation = types::Observation {
            transaction: observation.transaction.clone(),
            data: observation.data.clone(),
        };
        let answer =
            instance.x402_scheme_scheme().call_confirm(store, &request_of(request), &observation).await;
        Ok(match answered(answer)? {
            types::Confirmation::Paid(paid) => Confirmation::Paid {
                payer: bounded("payer", paid.payer, MAX_TEXT_BYTES)?,
                amount: amount(&paid.amount)?,
            },
            types::Confirmation::Failed(failed) => Confirmation::Failed {
                reason: checked_reason(failed.reason)?,
                message: bounded("message", failed.message, MAX_TEXT_BYTES)?,
            },
            types::Confirmation::Unknown => Confirmation::Unknown,
        })
    }
}

/// Unwraps the three layers of an answer: did it run, did it come to something, what.
fn answered<T>(answer: wasmtime::Result<Result<T, types::GuestError>>) -> Result<T, CallError> {
    answer.map_err(|error| classify(&error))?.map_err(|error| {
        let fault = match error {
            types::GuestError::Upstream(text) => GuestFault::Upstream(truncated(text)),
            types::GuestError::Unsupported(text) => GuestFault::Unsupported(truncated(text)),
            types::GuestError::Internal(text) => GuestFault::Internal(truncated(text)),
        };
        CallError::Guest(fault)
    })
}

fn truncated(text: String) -> String {
    if text.len() <= MAX_TEXT_BYTES { text } else { text.chars().take(MAX_TEXT_BYTES).collect() }
}

fn bounded(what: &str, text: String, limit: usize) -> Result<String, CallError> {
    if text.len() <= limit {
        Ok(text)
    } else {
        Err(CallError::BadAnswer(format!("{what} of {} bytes, at most {limit} are accepted", text.len())))
    }
}

fn checked_reason(text: String) -> Result<String, CallError> {
    if reason::is_well_formed(&text) {
        Ok(text)
    } else {
        Err(CallError::BadAnswer("reason is not of the form [a-z0-9_]{1,100}".to_owned()))
    }
}

fn amount(text: &str) -> Result<AtomicAmount, CallError> {
    text.parse().map_err(|_| CallError::BadAnswer("amount is not a decimal string".to_owned()))
}

fn request_of(request: &GuestRequest) -> types::Request {
    types::Request {
        x402_version: request.x402_version.number(),
        scheme: request.scheme.clone(),
        network: request.network.to_string(),
        payload: request.payload.clone(),
        requirements: request.requirements.clone(),
        settings: request.settings.to_string(),
    }
}

fn valid_of(valid: types::Valid) -> Result<Valid, CallError> {
    let id = bounded("payment-id", valid.payment_id, MAX_TEXT_BYTES)?;
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(CallError::BadAnswer("payment-id is not printable ASCII".to_owned()));
    }
    Ok(Valid {
        payer: bounded("payer", valid.payer, MAX_TEXT_BYTES)?,
        amount: amount(&valid.amount)?,
        payment_id: id,
        expires_at: valid.expires_at,
        carry: bounded("carry", valid.carry, MAX_CARRY_BYTES)?,
    })
}

fn intent_of(intent: types::Intent) -> Result<Intent, CallError> {
    let fits = |what: &str, bytes: Vec<u8>| {
        if bytes.len() <= MAX_INTENT_BYTES {
            Ok(bytes)
        } else {
            Err(CallError::BadAnswer(format!("{what} of {} bytes", bytes.len())))
        }
    };
    Ok(match intent {
        types::Intent::EvmCall(call) => Intent::EvmCall(EvmCall {
            to: <[u8; 20]>::try_from(call.to)
                .map_err(|to| CallError::BadAnswer(format!("evm-call.to of {} bytes", to.len())))?,
            data: fits("evm-call.data", call.data)?,
            gas_ceiling: call.gas_ceiling,
        }),
        types::Intent::SvmCosign(cosign) => {
            Intent::SvmCosign { transaction: fits("svm-cosign.transaction", cosign.transaction)? }
        }
        types::Intent::NearDelegate(delegate) => Intent::NearDelegate {
            signed_delegate_action: fits("near-delegate", delegate.signed_delegate_action)?,
        },
        types::Intent::StellarInvoke(invoke) => Intent::StellarInvoke {
            operation: fits("stellar-invoke.operation", invoke.operation)?,
            soroban_data: fits("stellar-invoke.soroban-data", invoke.soroban_data)?,
        },
    })
}

fn descriptor_of(descriptor: types::Descriptor) -> Result<Descriptor, CallError> {
    let bad = |what: String| CallError::BadAnswer(what);
    let name_is_good = (1..=40).contains(&descriptor.name.len())
        && descriptor.name.bytes().all(|b| b == b'-' || b.is_ascii_lowercase() || b.is_ascii_digit());
    if !name_is_good {
        return Err(bad("name is not of the form [a-z0-9-]{1,40}".to_owned()));
    }
    if descriptor.version.len() > 40 || semver::Version::parse(&descriptor.version).is_err() {
        return Err(bad("version is not a semantic version".to_owned()));
    }
    if descriptor.abi != VERSION {
        return Err(bad(format!("abi is not {VERSION}, which the component imports")));
    }
    let family: Family = descriptor.family.parse().map_err(|error| bad(format!("family: {error}")))?;
    let kinds = descriptor.kinds.into_iter().take(64).map(|kind| {
        let x402_version = X402Version::from_number(kind.x402_version.into())
            .ok_or_else(|| bad(format!("kind of x402 version {}", kind.x402_version)))?;
        let scheme = bounded("scheme", kind.scheme, 40)?;
        if reason::is_well_formed(&scheme.replace('-', "_")) {
            Ok(Kind { x402_version, scheme })
        } else {
            Err(bad("scheme is not of the form [a-z0-9-]{1,40}".to_owned()))
        }
    });
    let kinds = kinds.collect::<Result<Vec<_>, _>>()?;
    if kinds.is_empty() {
        return Err(bad("serves no kind".to_owned()));
    }
    if descriptor.rpc_methods.len() > 64 || descriptor.rpc_methods.iter().any(|method| method.len() > 64) {
        return Err(bad("more than 64 RPC methods, or one longer than 64 bytes".to_owned()));
    }
    Ok(Descriptor {
        name: descriptor.name,
        version: descriptor.version,
        abi: descriptor.abi,
        family,
        kinds,
        rpc_methods: descriptor.rpc_methods,
    })
}

impl From<Exhausted> for CallError {
    fn from(exhausted: Exhausted) -> Self {
        Self::Exhausted(exhausted)
    }
}
