//! The scheme's own part of the payload, read strictly: objects with exactly the fields that are expected.
//!
//! A field too many is refused: anything beside the payment, such as a second one, would leave open which
//! of them is settled. Duplicate keys do not come here; the host refuses them.

use facilitator_protocol::{Invalid, reason};
use serde_json::Value;

use crate::refusal::refuse;

/// Reads JSON text as an object that has these fields and no other.
pub(crate) fn read<const N: usize>(json: &str, at: &str, names: [&str; N]) -> Result<[Value; N], Invalid> {
    match serde_json::from_str(json) {
        Ok(value) => take(value, at, names),
        Err(_) => Err(unexpected(at, "JSON")),
    }
}

/// The fields of an object that has these and no other, in the order of the names.
pub(crate) fn take<const N: usize>(value: Value, at: &str, names: [&str; N]) -> Result<[Value; N], Invalid> {
    let Value::Object(mut object) = value else { return Err(unexpected(at, "an object")) };
    if let Some(missing) = names.iter().find(|name| !object.contains_key(**name)) {
        return Err(unexpected(&format!("{at}.{missing}"), "a value"));
    }
    if object.len() > N {
        return Err(unexpected(at, &format!("no field beside {}", names.join(", "))));
    }
    Ok(names.map(|name| object.remove(name).unwrap_or_default()))
}

/// Text, read further by `read`.
pub(crate) fn text<T>(
    value: &Value,
    at: &str,
    expected: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Invalid> {
    value.as_str().and_then(read).ok_or_else(|| unexpected(at, expected))
}

fn unexpected(at: &str, expected: &str) -> Invalid {
    refuse(reason::INVALID_PAYLOAD, format!("{at}: expected {expected}"))
}
