//! Why a settlement that fails in simulation fails: one more round trip, only then.

use alloy_primitives::U256;
use facilitator_protocol::{Invalid, reason};
use guest_sdk::{Answer, Call, GuestError, Host, RpcExt as _, host::decode, request::shown};
use serde_json::json;

use crate::{
    calldata::{self, Words},
    node_error,
    payment::Payment,
    refusal::refuse,
    simulate::{ETH_GET_CODE, LATEST, address, asset_call, call_result},
};

/// Names the reason. `words` is what the contract said when it reverted.
///
/// The token's state tells more reliably than its words, so it comes first. Should the state have
/// changed since the simulation, the words are what is left.
pub(crate) fn diagnose(
    host: &dyn Host,
    payment: &Payment<'_>,
    words: Option<String>,
) -> Result<Invalid, GuestError> {
    let authorization = &payment.authorization;
    let [balance, state, code, name, version] = host.batch_of(&[
        asset_call(payment, &calldata::balance_of(authorization.from)),
        asset_call(payment, &calldata::authorization_state(authorization)),
        Call::new(ETH_GET_CODE, json!([address(payment.terms.asset), LATEST])),
        asset_call(payment, &calldata::NAME),
        asset_call(payment, &calldata::VERSION),
    ])?;

    let asset = payment.terms.asset;
    if decode::<String>(ETH_GET_CODE, &code?)? == "0x" {
        return Ok(refuse(reason::EVM_ASSET_NOT_DEPLOYED, format!("there is no contract at {asset}")));
    }
    match returned(state)?.and_then(|data| Words(&data).single()) {
        Some(U256::ZERO) => {}
        Some(U256::ONE) => {
            let message = format!("nonce {} of the payer is used or cancelled", authorization.nonce);
            return Ok(refuse(reason::EVM_NONCE_ALREADY_USED, message));
        }
        _ => {
            let message = format!("{asset} has no authorizationState (EIP-3009)");
            return Ok(refuse(reason::EVM_EIP3009_NOT_SUPPORTED, message));
        }
    }
    for (what, answer, expected, code) in [
        ("name", name, payment.terms.name, reason::EVM_TOKEN_NAME_MISMATCH),
        ("version", version, payment.terms.version, reason::EVM_TOKEN_VERSION_MISMATCH),
    ] {
        // A token that does not tell its domain may still have the right one.
        let Some(data) = returned(answer)? else { continue };
        if let Some(found) = Words(&data).dynamic(0).filter(|found| *found != expected.as_bytes()) {
            let found = shown(&String::from_utf8_lossy(found));
            let message = format!("extra.{what}: expected the token's {found}, found {}", shown(expected));
            return Ok(refuse(code, message));
        }
    }
    if let Some(balance) = returned(balance)?.and_then(|data| Words(&data).single())
        && balance < authorization.value
    {
        let message = format!("balance: expected at least {}, found {balance}", authorization.value);
        return Ok(refuse(reason::INSUFFICIENT_FUNDS, message));
    }
    Ok(by_words(words))
}

/// What a call returned; none if it reverted.
fn returned(answer: Answer) -> Result<Option<Vec<u8>>, GuestError> {
    match answer {
        Ok(result) => call_result(&result).map(Some),
        Err(error) => node_error::read(error, u64::MAX).map(|_| None),
    }
}

/// What the state does not show, the token may have said: its clock is the block's, not ours, and only
/// it knows what a contract wallet answered. The words are FiatToken's, and only the operator's assets
/// come here.
fn by_words(words: Option<String>) -> Invalid {
    let Some(words) = words else {
        return refuse(reason::EVM_SIMULATION_FAILED, "the transfer fails without saying why");
    };
    let code = match words.to_ascii_lowercase() {
        text if text.contains("invalid signature") => reason::EVM_SIGNATURE,
        text if text.contains("authorization is expired") => reason::EVM_VALID_BEFORE,
        text if text.contains("authorization is not yet valid") => reason::EVM_VALID_AFTER,
        _ => reason::EVM_SIMULATION_FAILED,
    };
    refuse(code, format!("the transfer fails: {words}"))
}
