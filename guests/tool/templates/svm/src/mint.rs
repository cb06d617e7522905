//! Does the asset's account belong to one of the token programs?
//!
//! A mint does. So do the accounts of holders: that it is a mint is the operator's word, who listed it.
//!
//! Source: Solana JSON-RPC `getAccountInfo`; SPL Token and Token-2022 (program ids).

use facilitator_protocol::reason;
use guest_sdk::{Call, Host, Request, RpcExt as _};
use serde::Deserialize;
use serde_json::json;

use crate::refusal::{Stop, refuse};

pub(crate) const METHOD: &str = "getAccountInfo";

const TOKEN_PROGRAMS: [&str; 2] =
    ["TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"];

/// What is read of the answer; nodes add fields of their own.
#[derive(Deserialize)]
struct Answer {
    value: Option<Account>,
}

#[derive(Deserialize)]
struct Account {
    owner: String,
}

/// One round trip, of which only the owner matters: none of the account's data is sent.
pub(crate) fn check(host: &dyn Host, request: &Request) -> Result<(), Stop> {
    let asset = &request.requirements.asset;
    let settings =
        json!({"commitment": "confirmed", "encoding": "base64", "dataSlice": {"offset": 0, "length": 0}});
    let answer: Answer = host.call_as(&Call::new(METHOD, json!([asset, settings])))?;
    match answer.value {
        Some(account) if TOKEN_PROGRAMS.contains(&account.owner.as_str()) => Ok(()),
        Some(_) => Err(refuse(reason::ASSET_NOT_ALLOWED, "the asset belongs to no token program").into()),
        None => Err(refuse(reason::ASSET_NOT_ALLOWED, "there is no account at the asset's address").into()),
    }
}
