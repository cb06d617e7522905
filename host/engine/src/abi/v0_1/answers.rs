//! What a guest answers, checked against the contract and turned into the protocol's types. A guest is a
//! stranger: everything it says has a bound and a form.

use facilitator_protocol::{
    AtomicAmount, Descriptor, EvmCall, Family, Intent, Kind, Valid, X402Version, reason,
};

use super::{super::classify, VERSION, types};
use crate::{CallError, GuestFault};

/// Bounds of what a guest may answer; over them is out of contract.
pub(super) const MAX_TEXT_BYTES: usize = 512;
pub(super) const MAX_CARRY_BYTES: usize = 4096;
const MAX_INTENT_BYTES: usize = 64 << 10;

/// Unwraps the three layers of an answer: did it run, did it come to something, what.
pub(super) fn answered<T>(answer: wasmtime::Result<Result<T, types::GuestError>>) -> Result<T, CallError> {
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

pub(super) fn bounded(what: &str, text: String, limit: usize) -> Result<String, CallError> {
    if text.len() <= limit {
        Ok(text)
    } else {
        Err(CallError::BadAnswer(format!("{what} of {} bytes, at most {limit} are accepted", text.len())))
    }
}

pub(super) fn checked_reason(text: String) -> Result<String, CallError> {
    if reason::is_well_formed(&text) {
        Ok(text)
    } else {
        Err(CallError::BadAnswer("reason is not of the form [a-z0-9_]{1,100}".to_owned()))
    }
}

pub(super) fn amount(text: &str) -> Result<AtomicAmount, CallError> {
    text.parse().map_err(|_| CallError::BadAnswer("amount is not a decimal string".to_owned()))
}

pub(super) fn valid_of(valid: types::Valid) -> Result<Valid, CallError> {
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

pub(super) fn intent_of(intent: types::Intent) -> Result<Intent, CallError> {
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

pub(super) fn descriptor_of(descriptor: types::Descriptor) -> Result<Descriptor, CallError> {
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
