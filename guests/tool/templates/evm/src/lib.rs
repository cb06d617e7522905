//! x402 `exact` on EVM chains by EIP-3009 `transferWithAuthorization`, for payers with an ordinary key.
//!
//! The client signs an authorization that moves exactly the amount to exactly the payee. This guest says
//! whether such a payment is good (`verify`), which call settles it (`prepare`), and whether a receipt
//! shows that it happened (`confirm`). It holds no key and sends nothing: the host builds the transaction,
//! and its own policy decodes the call again and compares it with the requirements and with `Valid`.
//!
//! It is written to be read and changed. What it does not do:
//! - contract wallets (ERC-1271, ERC-6492) are refused, only a key's signature counts;
//! - a simulation that fails is not explained: used nonce, empty balance and wrong EIP-712 domain get one code;
//! - gas is not estimated: each settlement may use as much as the operator allows at most, and before it
//!   signs the host asks for `eth_estimateGas` itself, one round trip more than if it had seen this guest ask;
//! - Permit2 is not served.

mod authorization;
mod eip712;
mod fields;
mod receipt;
mod refusal;
mod terms;
#[cfg(test)]
mod tests;
mod transfer;

use facilitator_protocol::{
    Confirmation, Descriptor, EvmCall, Family, GuestSettings, Intent, Kind, Observation, Phase, Valid,
    Verdict, X402Version,
};
use guest_sdk::{GuestError, Host, Request, Scheme};
use serde_json::{Map, Value};

use crate::{authorization::Payment, refusal::Stop};

/// The guest: what the component exports.
#[derive(Debug)]
pub struct Guest;

guest_sdk::export_scheme!(crate::Guest);

impl Scheme for Guest {
    fn describe() -> Descriptor {
        Descriptor {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            abi: guest_sdk::ABI.to_owned(),
            family: Family::Evm,
            kinds: [X402Version::V1, X402Version::V2]
                .map(|x402_version| Kind { x402_version, scheme: terms::SCHEME.to_owned() })
                .to_vec(),
            // Any other method is denied, even where the host would permit it.
            rpc_methods: vec![transfer::ETH_CALL.to_owned()],
        }
    }

    fn supported(_: &dyn Host, _: &str, _: &GuestSettings) -> Result<Option<Map<String, Value>>, GuestError> {
        Ok(None)
    }

    fn verify(host: &dyn Host, request: &Request, _: Phase) -> Result<Verdict, GuestError> {
        match judge(host, request) {
            Ok(valid) => Ok(Verdict::Valid(valid)),
            Err(Stop::Refused(invalid)) => Ok(Verdict::Invalid(invalid)),
            Err(Stop::Broken(error)) => Err(error),
        }
    }

    fn prepare(_: &dyn Host, request: &Request, valid: &Valid) -> Result<Intent, GuestError> {
        // Derived from the request again: nothing that `verify` found is believed.
        let payment = verified(request)?;
        if payment.id() != valid.payment_id {
            return Err(GuestError::Internal("the verified payment is another one".to_owned()));
        }
        Ok(Intent::EvmCall(EvmCall {
            to: payment.asset.into_array(),
            data: transfer::calldata(&payment),
            gas_ceiling: request.settings.max_gas,
        }))
    }

    fn confirm(
        _: &dyn Host,
        request: &Request,
        observation: &Observation,
    ) -> Result<Confirmation, GuestError> {
        receipt::confirm(&verified(request)?, observation, &request.requirements.amount)
    }
}

/// The checks, in order: what costs nothing comes first, the chain is asked last.
fn judge(host: &dyn Host, request: &Request) -> Result<Valid, Stop> {
    terms::check(request)?;
    let payment = Payment::read(request)?;
    payment.check_terms(request)?;
    payment.check_window(host.now_ms() / 1000, request.settings.min_validity_seconds)?;
    payment.check_signature(host)?;
    transfer::simulate(host, &payment, &request.settings)?;
    Ok(Valid {
        payer: payment.from.to_string(),
        amount: request.requirements.amount.clone(),
        payment_id: payment.id(),
        expires_at: payment.valid_before.saturating_to(),
        carry: String::new(),
    })
}

/// The payment of a request that `verify` found valid: that it cannot be read now is the host's fault.
fn verified(request: &Request) -> Result<Payment, GuestError> {
    Payment::read(request).map_err(|stop| match stop {
        Stop::Refused(invalid) => {
            GuestError::Internal(format!("not a verified payment: {}", invalid.message))
        }
        Stop::Broken(error) => error,
    })
}

/// Addresses are equal when their bytes are: wallets and servers disagree on upper and lower case (EIP-55).
fn is_same_account(a: &str, b: &str) -> bool {
    authorization::address(a).is_some_and(|a| authorization::address(b) == Some(a))
}
