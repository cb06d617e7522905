//! Numbers as Ethereum's JSON-RPC writes them: `0x`-prefixed hex quantities.

use serde_json::Value;

use crate::rpc::Answer;

/// A quantity that fits `u128`; more is no number that we can use.
pub(super) fn quantity(text: &str) -> Option<u128> {
    u128::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

/// The quantity that is a whole answer.
pub(super) fn answer_quantity(answer: &Answer) -> Option<u128> {
    let value: Value = serde_json::from_str(answer.as_ref().ok()?).ok()?;
    quantity(value.as_str()?)
}

/// The quantity in a field of an object.
pub(super) fn field_quantity(object: &Value, field: &str) -> Option<u128> {
    quantity(object.get(field)?.as_str()?)
}

/// `0x` and the bytes in hex.
pub(super) fn hex_text(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}
