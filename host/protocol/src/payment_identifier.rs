//! The extension `payment-identifier`: a client's own name for its payment, good for telling a retry from
//! another payment.
//!
//! Source: x402 specification v2, extension `payment-identifier`. Whether the resource server asked for a
//! name is read from what the client echoes; the echoed schema is the server's business.

use serde_json::{Value, value::RawValue};

use crate::{MalformedRequest, reason};

/// Name of the extension, in `extensions` of payloads and of `/supported`.
pub const EXTENSION: &str = "payment-identifier";

/// Lengths that an identifier may have, bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 16..=128;
/// Where it is found.
const FIELD: &str = "paymentPayload.extensions";

/// A client's name for its payment: 16 to 128 letters, digits, hyphens and underscores.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PaymentIdentifier(Box<str>);

impl PaymentIdentifier {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads `paymentPayload.extensions`; none if the client gives no name and need not.
    ///
    /// # Errors
    /// [`MalformedRequest`] if the extension is not as specified, or the name is required and missing.
    pub(crate) fn from_extensions(extensions: &RawValue) -> Result<Option<Self>, MalformedRequest> {
        let malformed = |path: &str, message: String| {
            MalformedRequest::new(reason::INVALID_PAYLOAD, format!("{FIELD}{path}"), message)
        };
        let extensions = match serde_json::from_str(extensions.get()) {
            Ok(Value::Object(extensions)) => extensions,
            // PHP writes an empty map like this.
            Ok(Value::Array(empty)) if empty.is_empty() => return Ok(None),
            Ok(other) => return Err(malformed("", format!("expected an object, found {}", kind(&other)))),
            Err(error) => return Err(malformed("", error.to_string())),
        };
        let object = |path: &str, value: Option<&Value>| match value {
            Some(Value::Object(object)) => Ok(object.clone()),
            other => Err(malformed(path, format!("expected an object, found {}", found(other)))),
        };
        let Some(extension) = extensions.get(EXTENSION).filter(|extension| !extension.is_null()) else {
            return Ok(None);
        };
        let extension = object(".payment-identifier", Some(extension))?;
        let info = object(".payment-identifier.info", extension.get("info"))?;
        let is_required = match info.get("required") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(required)) => *required,
            Some(other) => {
                let message = format!("expected true or false, found {}", kind(other));
                return Err(malformed(".payment-identifier.info.required", message));
            }
        };
        let id = ".payment-identifier.info.id";
        match info.get("id") {
            None | Some(Value::Null) if is_required => {
                Err(malformed(id, "required by the resource server and missing".to_owned()))
            }
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if is_well_formed(text) => Ok(Some(Self(text.as_str().into()))),
            Some(Value::String(text)) => {
                let length = text.chars().count();
                let message = format!(
                    "expected {} to {} letters, digits, hyphens and underscores, found {length} characters",
                    LENGTHS.start(),
                    LENGTHS.end()
                );
                Err(malformed(id, message))
            }
            Some(other) => Err(malformed(id, format!("expected a string, found {}", kind(other)))),
        }
    }
}

fn is_well_formed(text: &str) -> bool {
    LENGTHS.contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'-' | b'_') || byte.is_ascii_alphanumeric())
}

fn found(value: Option<&Value>) -> &'static str {
    value.map_or("nothing", kind)
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(extensions: &Value) -> Result<Option<String>, MalformedRequest> {
        let text = RawValue::from_string(extensions.to_string()).unwrap();
        PaymentIdentifier::from_extensions(&text).map(|name| name.map(|name| name.as_str().to_owned()))
    }
    fn with_info(info: &Value) -> Result<Option<String>, MalformedRequest> {
        read(
            &json!({"bazaar": {"info": 1}, "payment-identifier": {"schema": {"type": "object"}, "info": info}}),
        )
    }
    fn with_id(id: &str) -> Result<Option<String>, MalformedRequest> {
        with_info(&json!({"required": true, "id": id}))
    }

    #[test]
    fn a_name_is_16_to_128_of_its_characters() {
        for good in ["pay_7d5d747be160e280504c099d984bcfe0", "-_aZ09-_aZ09-_aZ", &"x".repeat(128)] {
            assert_eq!(with_id(good).unwrap().as_deref(), Some(good));
        }
        let (short, long) = ("x".repeat(15), "x".repeat(129));
        for bad in ["", &short, &long, "sixteen chars but", "pay_7d5d747be160.", "pay_7d5d747be16é"] {
            let error = with_id(bad).unwrap_err();
            assert_eq!(error.field, "paymentPayload.extensions.payment-identifier.info.id", "{bad:?}");
        }
    }

    #[test]
    fn a_required_name_that_is_missing_is_an_error_and_an_optional_one_is_not() {
        let required = with_info(&json!({"required": true})).unwrap_err();
        assert!(required.message.contains("required"), "{required}");
        assert!(with_info(&json!({"required": true, "id": null})).is_err());
        for none in [json!({"required": false}), json!({}), json!({"required": false, "id": null})] {
            assert_eq!(with_info(&none), Ok(None), "{none}");
        }
        assert!(
            with_info(&json!({"id": "0123456789abcdef"})).unwrap().is_some(),
            "required is false if missing"
        );
    }

    #[test]
    fn what_is_no_such_extension_names_no_payment() {
        for none in [json!({}), json!([]), json!({"bazaar": {}}), json!({"payment-identifier": null})] {
            assert_eq!(read(&none), Ok(None), "{none}");
        }
    }

    #[test]
    fn a_malformed_extension_is_refused_with_its_path() {
        for (extensions, field) in [
            (json!("x"), "paymentPayload.extensions"),
            (json!([{"payment-identifier": {}}]), "paymentPayload.extensions"),
            (json!({"payment-identifier": "x"}), "paymentPayload.extensions.payment-identifier"),
            (json!({"payment-identifier": []}), "paymentPayload.extensions.payment-identifier"),
            (json!({"payment-identifier": {}}), "paymentPayload.extensions.payment-identifier.info"),
            (
                json!({"payment-identifier": {"info": []}}),
                "paymentPayload.extensions.payment-identifier.info",
            ),
            (
                json!({"payment-identifier": {"info": {"required": "yes"}}}),
                "paymentPayload.extensions.payment-identifier.info.required",
            ),
            (
                json!({"payment-identifier": {"info": {"id": 1_234_567_890_123_456_u64}}}),
                "paymentPayload.extensions.payment-identifier.info.id",
            ),
        ] {
            assert_eq!(read(&extensions).unwrap_err().field, field, "{extensions}");
        }
    }
}
