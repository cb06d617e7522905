//! JSON-RPC: which method reads or changes what.

use alloy_primitives::{Address, B256, hex};
use alloy_sol_types::{Revert, SolError as _};
use serde_json::{Value, json};

use super::{
    INDISCREET,
    chain::{Chain, Failure, TRANSFER_GAS, block_hash, now},
};

/// A JSON-RPC error object.
struct Error {
    code: i64,
    message: String,
    data: Option<String>,
}

impl Error {
    fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }
}

/// The message that answers a call, which came by `uri`.
pub(super) fn answer(chain: &mut Chain, call: &Value, uri: &str) -> Value {
    let id = call.get("id").cloned().unwrap_or_default();
    match result(chain, call, uri) {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(Error { code, message, data }) => {
            json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message, "data": data}})
        }
    }
}

fn result(chain: &mut Chain, call: &Value, uri: &str) -> Result<Value, Error> {
    let method = call.get("method").and_then(Value::as_str).unwrap_or_default();
    let parameter = |at: usize| call.pointer(&format!("/params/{at}")).cloned().unwrap_or_default();
    let quantity = |number: u64| json!(format!("{number:#x}"));
    match method {
        "eth_chainId" => Ok(quantity(chain.chain_id)),
        "eth_blockNumber" => Ok(quantity(chain.height())),
        "eth_gasPrice" => Ok(quantity(2_000_000_000)),
        "eth_maxPriorityFeePerGas" => Ok(quantity(1_000_000_000)),
        "eth_getBlockByNumber" => Ok(json!({
            "number": quantity(chain.height()),
            "hash": block_hash(chain.height()),
            "timestamp": quantity(now()),
            "baseFeePerGas": quantity(1_000_000_000),
        })),
        "eth_getCode" => {
            let has_code = address(&parameter(0)).is_some_and(|account| chain.token(account).is_some());
            Ok(json!(if has_code { "0x60016000" } else { "0x" }))
        }
        "eth_getBalance" => match address(&parameter(0)) {
            // Enough for every fee.
            Some(_) => Ok(quantity(1_000_000_000_000_000_000)),
            None => Err(indiscreet(uri)),
        },
        "eth_getTransactionCount" => {
            Ok(quantity(address(&parameter(0)).map_or(0, |account| chain.nonce(account))))
        }
        "eth_call" => executed(chain, &parameter(0), uri).map(|data| json!(hex::encode_prefixed(data))),
        "eth_estimateGas" => {
            // Under another state or at another block everything is said to be fine: that is what a lying
            // guest asks under such conditions for.
            let is_now = parameter(1) == "latest" && parameter(2).is_null();
            if is_now {
                executed(chain, &parameter(0), uri)?;
            }
            Ok(quantity(TRANSFER_GAS))
        }
        "eth_getTransactionReceipt" => Ok(chain.receipt(hash(&parameter(0)))),
        "eth_sendRawTransaction" => included(chain, &parameter(0)).map(|hash| json!(hash)),
        "eth_sendRawTransactionSync" => {
            let hash = included(chain, &parameter(0))?;
            Ok(chain.receipt(hash))
        }
        _ => Err(Error::new(-32_601, format!("the method {method} does not exist"))),
    }
}

fn indiscreet(uri: &str) -> Error {
    let text = format!("project over its limit: http://provider.example{uri} (upgrade your plan)");
    Error { code: -32_000, data: Some(format!("request to {uri}")), message: text }
}

fn executed(chain: &Chain, transaction: &Value, uri: &str) -> Result<Vec<u8>, Error> {
    let field = |name: &str| transaction.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    if field("to").eq_ignore_ascii_case(INDISCREET) {
        return Err(indiscreet(uri));
    }
    let to: Address = field("to").parse().map_err(|_| Error::new(-32_602, "to: expected an address"))?;
    let data = hex::decode(field("data")).map_err(|_| Error::new(-32_602, "data: expected hex"))?;
    chain.read(to, &data).map_err(|failure| match failure {
        Failure::OutOfGas => Error::new(-32_000, "out of gas"),
        Failure::Reverts(words) => Error {
            code: 3,
            message: format!("execution reverted: {words}"),
            data: Some(hex::encode_prefixed(Revert::from(words).abi_encode())),
        },
    })
}

fn included(chain: &mut Chain, bytes: &Value) -> Result<B256, Error> {
    let bytes = bytes.as_str().and_then(|text| hex::decode(text).ok());
    let bytes = bytes.ok_or_else(|| Error::new(-32_602, "missing value for required argument 0"))?;
    chain.include(&bytes).map_err(|error| Error::new(-32_000, error.to_string()))
}

fn address(value: &Value) -> Option<Address> {
    value.as_str()?.parse().ok()
}

fn hash(value: &Value) -> B256 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}
