//! Asks the chain whether the settlement would succeed now: one round trip when it would.
//!
//! Before `/verify` answers, `eth_call`; before the host signs, `eth_estimateGas`, which executes the
//! same and tells the gas as well. Both on `latest`: estimating on `pending` fails on some nodes.

use alloy_primitives::{U256, hex};
use facilitator_protocol::{GuestSettings, Phase, reason};
use guest_sdk::{Answer, Call, GuestError, Host, RpcExt as _, host::decode};
use serde_json::{Value, json};

use crate::{
    calldata::{self, Words},
    diagnose, encoding, node_error,
    node_error::Failure,
    payment::Payment,
    refusal::{Stop, refuse},
    signature::Authority,
};

pub(crate) const ETH_CALL: &str = "eth_call";
pub(crate) const ETH_ESTIMATE_GAS: &str = "eth_estimateGas";
pub(crate) const ETH_GET_CODE: &str = "eth_getCode";
pub(crate) const LATEST: &str = "latest";

/// A settlement marks its nonce as used (EIP-3009), which alone costs 20,000 on top of the 21,000 of any
/// transaction: one that needs less does nothing. At an address without code every call succeeds.
const LEAST_GAS: u64 = 41_000;
/// Longest result of a call that is looked at: a name, with room.
const MAX_RESULT_BYTES: usize = 4096;

/// Succeeds if the settlement would; gives its gas in the settle phase.
pub(crate) fn simulate(
    host: &dyn Host,
    payment: &Payment<'_>,
    authority: &Authority,
    settings: &GuestSettings,
    phase: Phase,
) -> Result<Option<u64>, Stop> {
    let call = settlement_call(payment, authority, settings, phase)?;
    let (answer, verified) = match authority {
        Authority::Key { .. } => (host.call(&call), true),
        Authority::Contract { without_code, .. } => {
            let code = Call::new(ETH_GET_CODE, json!([address(payment.authorization.from), LATEST]));
            let [answer, code] = host.batch_of(&[call, code])?;
            if decode::<String>(ETH_GET_CODE, &code?)? == "0x" {
                return Err(without_code.clone().into());
            }
            (answer, false)
        }
    };
    let failure = match read(answer, phase, settings.max_gas)? {
        Simulated::Succeeds { gas } => return Ok(gas),
        Simulated::Fails(failure) => failure,
    };
    let mut invalid = match failure {
        Failure::OutOfGas => refuse(
            reason::EVM_GAS_LIMIT_OVER_CAP,
            format!("the transfer needs more than {} gas", settings.max_gas),
        ),
        Failure::Reverted(words) => diagnose::diagnose(host, payment, words)?,
    };
    invalid.payer = verified.then(|| payment.authorization.from.to_string());
    Err(invalid.into())
}

enum Simulated {
    Succeeds { gas: Option<u64> },
    Fails(Failure),
}

fn read(answer: Answer, phase: Phase, max_gas: u64) -> Result<Simulated, GuestError> {
    let result = match answer {
        Ok(result) => result,
        Err(error) => return node_error::read(error, max_gas).map(Simulated::Fails),
    };
    match phase {
        Phase::Verify => Ok(match call_result(&result)?.as_slice() {
            // The function returns nothing; some tokens say `true`.
            [] => Simulated::Succeeds { gas: None },
            data if Words(data).single() == Some(U256::ONE) => Simulated::Succeeds { gas: None },
            _ => Simulated::Fails(Failure::Reverted(Some("unexpected return data".to_owned()))),
        }),
        Phase::Settle => {
            let gas = encoding::quantity(&decode::<String>(ETH_ESTIMATE_GAS, &result)?).ok_or_else(|| {
                GuestError::Upstream(format!("the node's answer to {ETH_ESTIMATE_GAS} is no quantity"))
            })?;
            Ok(match gas {
                ..LEAST_GAS => {
                    Simulated::Fails(Failure::Reverted(Some("it would change nothing".to_owned())))
                }
                _ if gas > max_gas => Simulated::Fails(Failure::OutOfGas),
                _ => Simulated::Succeeds { gas: Some(gas) },
            })
        }
    }
}

fn settlement_call(
    payment: &Payment<'_>,
    authority: &Authority,
    settings: &GuestSettings,
    phase: Phase,
) -> Result<Call, GuestError> {
    let sender = encoding::address(&settings.sender)
        .ok_or_else(|| GuestError::Internal("settings.sender: expected an address".to_owned()))?;
    if settings.max_gas == 0 {
        return Err(GuestError::Internal("settings.maxGas: expected more than zero".to_owned()));
    }
    let data = calldata::transfer(&payment.authorization, authority);
    let mut transaction = json!({
        "from": address(sender),
        "to": address(payment.terms.asset),
        "data": hex::encode_prefixed(data),
    });
    let method = match phase {
        Phase::Verify => {
            // A wallet that burns gas is found out here and not when it has cost something.
            set(&mut transaction, "gas", format!("{:#x}", settings.max_gas));
            ETH_CALL
        }
        Phase::Settle => {
            if let Some(fee) = &settings.max_fee_per_gas {
                let fee: u128 = fee.parse().map_err(|_| {
                    GuestError::Internal("settings.maxFeePerGas: expected wei, decimal".to_owned())
                })?;
                set(&mut transaction, "maxFeePerGas", format!("{fee:#x}"));
            }
            ETH_ESTIMATE_GAS
        }
    };
    Ok(Call::new(method, json!([transaction, LATEST])))
}

fn set(object: &mut Value, key: &str, value: String) {
    if let Value::Object(fields) = object {
        fields.insert(key.to_owned(), Value::String(value));
    }
}

/// A read of the asset, for the diagnosis.
pub(crate) fn asset_call(payment: &Payment<'_>, data: &[u8]) -> Call {
    let transaction = json!({"to": address(payment.terms.asset), "data": hex::encode_prefixed(data)});
    Call::new(ETH_CALL, json!([transaction, LATEST]))
}

/// The bytes of an `eth_call` result.
pub(crate) fn call_result(result: &str) -> Result<Vec<u8>, GuestError> {
    encoding::bytes(&decode::<String>(ETH_CALL, result)?, MAX_RESULT_BYTES)
        .ok_or_else(|| GuestError::Upstream(format!("the node's answer to {ETH_CALL} is no data")))
}

/// Addresses on the wire are lower case.
pub(crate) fn address(address: alloy_primitives::Address) -> String {
    format!("{address:#x}")
}
