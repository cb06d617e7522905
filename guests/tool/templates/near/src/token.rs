//! Is there a contract at the asset's account?
//!
//! Source: NEAR JSON-RPC `query`, `view_account`; NEP-591 (global contracts).

use facilitator_protocol::reason;
use guest_sdk::{Call, Host, Request, RpcExt as _};
use serde::Deserialize;
use serde_json::json;

use crate::refusal::{Stop, refuse};

pub(crate) const METHOD: &str = "query";

/// The hash of no code: 32 zero bytes in Base58.
const NO_CODE: &str = "11111111111111111111111111111111";

/// What is read of the answer; nodes add fields of their own.
#[derive(Deserialize)]
struct Account {
    code_hash: String,
    /// Set where the account uses a contract that was deployed once for all.
    #[serde(default)]
    global_contract_hash: Option<String>,
    #[serde(default)]
    global_contract_account_id: Option<String>,
}

/// One round trip. An account that does not exist is an error of the node's, and so an upstream error here:
/// operators list assets that exist.
pub(crate) fn check(host: &dyn Host, request: &Request) -> Result<(), Stop> {
    let params = json!({
        "request_type": "view_account",
        "finality": "final",
        "account_id": request.requirements.asset,
    });
    let account: Account = host.call_as(&Call::new(METHOD, params))?;
    let shared = account.global_contract_hash.or(account.global_contract_account_id);
    if account.code_hash == NO_CODE && shared.is_none() {
        return Err(refuse(reason::ASSET_NOT_ALLOWED, "there is no contract at the asset's account").into());
    }
    Ok(())
}
