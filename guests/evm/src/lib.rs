//! x402 `exact` on EVM chains, versions 1 and 2, by EIP-3009 `transferWithAuthorization`.
//!
//! The client signs an authorization (EIP-712) that moves exactly the amount to exactly the payee; the
//! facilitator only carries it to the token and pays for gas. This guest says whether such a payment is
//! good, which call settles it, and whether a receipt shows that it happened. It knows no key, no nonce
//! of an account and no fee: the host builds and signs the transaction, after its own policy has
//! decoded the call again with a decoder that shares no code with this one.
//!
//! The order of the checks is the order of the lines of `judge`; each cites its rule. What costs
//! nothing comes first, the chain is asked last, and on the happy path in one round trip.
//!
//! Not served: Permit2 and ERC-7710 transfers, and ERC-6492 deployments. A wrapped signature of a
//! listed factory is accepted for a wallet that is already deployed; nothing is ever deployed here.

mod authorization;
mod calldata;
mod confirm;
mod diagnose;
mod eip712;
mod encoding;
#[cfg(test)]
mod fixtures;
mod node_error;
mod payment;
mod prepare;
mod refusal;
mod signature;
mod simulate;
mod terms;

use facilitator_protocol::{
    AtomicAmount, Confirmation, Descriptor, Family, GuestSettings, Intent, Kind, Observation, Phase, Valid,
    Verdict, X402Version,
};
use guest_sdk::{GuestError, Host, Request, Scheme};
use serde_json::{Map, Value};

use crate::{payment::Payment, prepare::Carry, refusal::Stop, signature::Authority};

/// The scheme.
#[derive(Debug)]
pub struct ExactEvm;

#[cfg(feature = "export")]
guest_sdk::export_scheme!(crate::ExactEvm);

impl Scheme for ExactEvm {
    fn describe() -> Descriptor {
        Descriptor {
            name: "evm".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            abi: guest_sdk::ABI.to_owned(),
            family: Family::Evm,
            kinds: [X402Version::V1, X402Version::V2]
                .map(|x402_version| Kind { x402_version, scheme: terms::SCHEME.to_owned() })
                .to_vec(),
            rpc_methods: [simulate::ETH_CALL, simulate::ETH_ESTIMATE_GAS, simulate::ETH_GET_CODE]
                .map(str::to_owned)
                .to_vec(),
        }
    }

    fn supported(_: &dyn Host, _: &str, _: &GuestSettings) -> Result<Option<Map<String, Value>>, GuestError> {
        Ok(None)
    }

    fn verify(host: &dyn Host, request: &Request, phase: Phase) -> Result<Verdict, GuestError> {
        match judge(host, request, phase) {
            Ok(valid) => Ok(Verdict::Valid(valid)),
            Err(Stop::Refused(invalid)) => Ok(Verdict::Invalid(invalid)),
            Err(Stop::Broken(error)) => Err(error),
        }
    }

    fn prepare(host: &dyn Host, request: &Request, valid: &Valid) -> Result<Intent, GuestError> {
        prepare::prepare(host, request, valid)
    }

    fn confirm(
        _: &dyn Host,
        request: &Request,
        observation: &Observation,
    ) -> Result<Confirmation, GuestError> {
        confirm::confirm(request, observation)
    }
}

fn judge(host: &dyn Host, request: &Request, phase: Phase) -> Result<Valid, Stop> {
    let payment = Payment::read(request)?;
    payment.check_window(host.now_ms() / 1000, request.settings.min_validity_seconds)?;
    let authority = Authority::of(host, &payment, &request.settings)?;
    let gas = simulate::simulate(host, &payment, &authority, &request.settings, phase)?;
    Ok(Valid {
        payer: payment.authorization.from.to_string(),
        amount: amount(&payment)?,
        payment_id: payment.id(),
        expires_at: payment.expires_at(),
        carry: Carry { gas }.to_text(),
    })
}

fn amount(payment: &Payment<'_>) -> Result<AtomicAmount, GuestError> {
    let text = payment.authorization.value.to_string();
    text.parse().map_err(|error| GuestError::Internal(format!("amount {text}: {error}")))
}
