//! What is read of a request, and how: the texts are JSON that the host has checked.

use guest_sdk::component::bindings::x402::scheme::types;
use serde_json::Value;

/// The text at a JSON pointer, empty if there is none.
pub(crate) fn text_at(json: &str, pointer: &str) -> String {
    let value: Value = serde_json::from_str(json).unwrap_or_default();
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A field of the authorization.
pub(crate) fn authorization(request: &types::Request, field: &str) -> String {
    text_at(&request.payload, &format!("/payload/authorization/{field}"))
}

/// What an honest guest would say of the payment if it were good: true of the payload, signed or not.
pub(crate) fn claims(request: &types::Request) -> types::Valid {
    let asset = text_at(&request.requirements, "/asset");
    let (payer, nonce) = (authorization(request, "from"), authorization(request, "nonce"));
    let payment_id = format!("{}:{asset}:{payer}:{nonce}", request.network).to_ascii_lowercase();
    types::Valid {
        payer,
        amount: text_at(&request.requirements, "/amount"),
        payment_id,
        expires_at: authorization(request, "validBefore").parse().unwrap_or_default(),
        carry: String::new(),
    }
}
