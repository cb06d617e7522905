//! What a guest answers, checked against the contract and turned into the protocol's types.

use facilitator_protocol::{Descriptor, EvmCall, Intent, Valid};

use super::{
    super::{
        checks::{
            self, MAX_CARRY_BYTES, MAX_INTENT_BYTES, MAX_TEXT_BYTES, RawDescriptor, amount, bounded,
            truncated,
        },
        classify,
    },
    ABI, types,
};
use crate::{CallError, GuestFault};

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

pub(super) fn valid_of(valid: types::Valid) -> Result<Valid, CallError> {
    Ok(Valid {
        payer: bounded("payer", valid.payer, MAX_TEXT_BYTES)?,
        amount: amount(&valid.amount)?,
        payment_id: checks::payment_id(valid.payment_id)?,
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
