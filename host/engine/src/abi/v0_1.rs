//! Binding of `x402:scheme@0.1.0`.

mod answers;
mod ports;

use async_trait::async_trait;
use facilitator_protocol::{Confirmation, Descriptor, Intent, Invalid, Observation, Phase, Valid, Verdict};
use wasmtime::{Store, component::HasSelf};

use super::{
    Abi, AbiVersion,
    checks::{self, MAX_CARRY_BYTES, MAX_TEXT_BYTES},
    classify,
};
use crate::{CallError, GuestRequest, budget::HostState};

/// What the engine knows of this version.
pub(super) const ABI: AbiVersion = AbiVersion {
    package: "x402:scheme",
    version: "0.1.0",
    export: "x402:scheme/scheme@0.1.0",
    link: |linker| bindings::SchemeGuest::add_to_linker::<_, HasSelf<HostState>>(linker, |state| state),
    bind: |linked| Ok(Box::new(Guest { pre: SchemeGuestPre::new(linked)? })),
};

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

use bindings::{SchemeGuestPre, x402::scheme::types};

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
        answers::descriptor_of(descriptor)
    }

    async fn supported(
        &self,
        store: &mut Store<HostState>,
        network: &str,
        settings: &str,
    ) -> Result<Option<String>, CallError> {
        let instance = self.instantiate(store).await?;
        let answer = instance.x402_scheme_scheme().call_supported(store, network, settings).await;
        answers::answered(answer)?.map(|extra| checks::bounded("extra", extra, MAX_CARRY_BYTES)).transpose()
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
        match answers::answered(answer)? {
            types::Verdict::Valid(valid) => Ok(Verdict::Valid(answers::valid_of(valid)?)),
            types::Verdict::Invalid(invalid) => Ok(Verdict::Invalid(Invalid {
                reason: checks::checked_reason(invalid.reason)?,
                message: checks::bounded("message", invalid.message, MAX_TEXT_BYTES)?,
                payer: invalid
                    .payer
                    .map(|payer| checks::bounded("payer", payer, MAX_TEXT_BYTES))
                    .transpose()?,
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
        answers::intent_of(answers::answered(answer)?)
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
        Ok(match answers::answered(answer)? {
            types::Confirmation::Paid(paid) => Confirmation::Paid {
                payer: checks::bounded("payer", paid.payer, MAX_TEXT_BYTES)?,
                amount: checks::amount(&paid.amount)?,
            },
            types::Confirmation::Failed(failed) => Confirmation::Failed {
                reason: checks::checked_reason(failed.reason)?,
                message: checks::bounded("message", failed.message, MAX_TEXT_BYTES)?,
            },
            types::Confirmation::Unknown => Confirmation::Unknown,
        })
    }
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
