//! The call that settles, and what the chain says of it now.

use alloy_primitives::{B256, U256, hex};
use facilitator_protocol::{GuestSettings, reason};
use guest_sdk::{Call, GuestError, Host, RpcError, host::decode};
use serde_json::json;

use crate::{
    authorization::{Payment, address},
    refusal::{Stop, refuse},
};

pub(crate) const ETH_CALL: &str = "eth_call";

/// `transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)`
const SELECTOR: [u8; 4] = hex!("e3ee160e");

/// ABI words of the call. The host's policy decodes them again, and signs nothing else.
pub(crate) fn calldata(payment: &Payment) -> Vec<u8> {
    let words: [B256; 7] = [
        payment.from.into_word(),
        payment.to.into_word(),
        payment.value.into(),
        payment.valid_after.into(),
        payment.valid_before.into(),
        payment.nonce,
        U256::from(payment.v).into(),
    ];
    [SELECTOR.as_slice(), &words.concat(), &payment.rs].concat()
}

/// Succeeds if the settlement would: balance, nonce, block list and domain are the token's to judge.
///
/// One round trip on `latest`, as the account that will send and with the gas that it may use.
pub(crate) fn simulate(host: &dyn Host, payment: &Payment, settings: &GuestSettings) -> Result<(), Stop> {
    let sender = address(&settings.sender)
        .ok_or_else(|| GuestError::Internal("settings.sender: expected an address".to_owned()))?;
    let transaction = json!({
        "from": format!("{sender:#x}"),
        "to": format!("{:#x}", payment.asset),
        "data": hex::encode_prefixed(calldata(payment)),
        "gas": format!("{:#x}", settings.max_gas),
    });
    let fails = || {
        let mut invalid = refuse(reason::EVM_SIMULATION_FAILED, "the token refuses the transfer");
        // The signature was verified before the chain was asked: now the payer may be named.
        invalid.payer = Some(payment.from.to_string());
        invalid
    };
    match host.call(&Call::new(ETH_CALL, json!([transaction, "latest"]))) {
        // The function returns nothing; some tokens say `true`. Anything else is no success.
        Ok(result) => match decode::<String>(ETH_CALL, &result)?.as_str() {
            "0x" => Ok(()),
            word if word == B256::from(U256::ONE).to_string() => Ok(()),
            _ => Err(fails().into()),
        },
        // A revert is the token's verdict. Every other error is the node's failure, and says nothing of
        // the payment: a rate limit must never look like a bad payment.
        Err(RpcError::Remote(error)) if error.code == 3 || error.message.contains("revert") => {
            Err(fails().into())
        }
        Err(error) => Err(error.into()),
    }
}
