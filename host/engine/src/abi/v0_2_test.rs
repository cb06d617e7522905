//! Binding of `x402:scheme@0.2.0-test`, which exists for tests alone; `scheme.wit` beside it says how
//! it differs.

use async_trait::async_trait;
use facilitator_protocol::{Confirmation, Descriptor, Intent, Invalid, Observation, Phase, Valid, Verdict};
use wasmtime::{Store, component::HasSelf};

use super::{
    Abi, AbiVersion,
    checks::{self, MAX_CARRY_BYTES, MAX_TEXT_BYTES, RawDescriptor},
    classify,
};
use crate::{CallError, GuestFault, GuestRequest, LogLevel, budget::HostState};

pub(super) const ABI: AbiVersion = AbiVersion {
    package: "x402:scheme",
    version: "0.2.0-test",
    export: "x402:scheme/scheme@0.2.0-test",
    link: |linker| bindings::SchemeGuest::add_to_linker::<_, HasSelf<HostState>>(linker, |state| state),
    bind: |linked| Ok(Box::new(Guest { pre: SchemeGuestPre::new(linked)? })),
};

mod bindings {
    wasmtime::component::bindgen!({
        path: "src/abi/v0_2_test",
        world: "scheme-guest",
        imports: { default: trappable },
        exports: { default: async },
    });
}

use bindings::{
    SchemeGuestPre,
    x402::scheme::{log, types},
};

impl types::Host for HostState {}

impl log::Host for HostState {
    fn write(&mut self, message: String) -> wasmtime::Result<()> {
        self.log(LogLevel::Info, &message);
        Ok(())
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

fn missing() -> CallError {
    CallError::Guest(GuestFault::Unsupported(format!("ABI {} has no such function", ABI.version)))
}

#[async_trait]
impl Abi for Guest {
    async fn describe(&self, store: &mut Store<HostState>) -> Result<Descriptor, CallError> {
        let instance = self.instantiate(store).await?;
        let descriptor =
            instance.x402_scheme_scheme().call_describe(store).await.map_err(|error| classify(&error))?;
        let raw = RawDescriptor {
            name: descriptor.name,
            version: descriptor.version,
            abi: descriptor.abi,
            family: descriptor.family,
            kinds: descriptor.kinds.into_iter().map(|kind| (kind.x402_version, kind.scheme)).collect(),
            rpc_methods: descriptor.rpc_methods,
        };
        checks::descriptor(raw, ABI.version)
    }

    async fn supported(
        &self,
        _: &mut Store<HostState>,
        _: &str,
        _: &str,
    ) -> Result<Option<String>, CallError> {
        Ok(None)
    }

    async fn verify(
        &self,
        store: &mut Store<HostState>,
        request: &GuestRequest,
        phase: Phase,
    ) -> Result<Verdict, CallError> {
        let instance = self.instantiate(store).await?;
        let context = types::Context { now_ms: store.data().now_ms, scheme: request.scheme.clone() };
        let phase = match phase {
            Phase::Verify => types::Phase::Verify,
            Phase::Settle => types::Phase::Settle,
        };
        let request = types::Request {
            payload: request.payload.clone(),
            requirements: request.requirements.clone(),
            network: request.network.to_string(),
        };
        let verdict = instance
            .x402_scheme_scheme()
            .call_verify(&mut *store, &request, phase, &context)
            .await
            .map_err(|error| classify(&error))?;
        match verdict {
            types::Verdict::Valid(valid) => {
                for warning in &valid.warnings {
                    store.data_mut().log(LogLevel::Warn, warning);
                }
                Ok(Verdict::Valid(Valid {
                    payer: checks::bounded("payer", valid.payer, MAX_TEXT_BYTES)?,
                    amount: checks::amount(&valid.amount)?,
                    payment_id: checks::payment_id(valid.payment_id)?,
                    expires_at: valid.expires_at,
                    carry: checks::bounded("carry", valid.carry, MAX_CARRY_BYTES)?,
                }))
            }
            types::Verdict::Invalid(invalid) => Ok(Verdict::Invalid(Invalid {
                reason: checks::checked_reason(invalid.reason)?,
                message: checks::bounded("message", invalid.message, MAX_TEXT_BYTES)?,
                payer: invalid.payer,
            })),
        }
    }

    async fn prepare(
        &self,
        _: &mut Store<HostState>,
        _: &GuestRequest,
        _: &Valid,
    ) -> Result<Intent, CallError> {
        Err(missing())
    }

    async fn confirm(
        &self,
        _: &mut Store<HostState>,
        _: &GuestRequest,
        _: &Observation,
    ) -> Result<Confirmation, CallError> {
        Err(missing())
    }
}
