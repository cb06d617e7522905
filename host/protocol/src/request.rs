//! The body of `POST /verify` and `POST /settle`.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{PaymentIdentifier, PaymentPayload, PaymentRequirements, X402Version, json, reason};

/// A request that has the form of one. Whether the payment is good is for a guest to say.
#[derive(Clone, Debug)]
pub struct FacilitatorRequest {
    /// Protocol version.
    pub version: X402Version,
    /// The client's payload.
    pub payload: PaymentPayload,
    /// The client's payload, JSON text as received.
    pub payload_json: String,
    /// The client's name for the payment, if it gives one; version 2 alone has it.
    pub payment_identifier: Option<PaymentIdentifier>,
    /// The resource server's requirements.
    pub requirements: PaymentRequirements,
    /// The resource server's requirements, JSON text as received.
    pub requirements_json: String,
}

/// A body that is no request: answered with HTTP 400, never with a verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct MalformedRequest {
    /// Machine code.
    pub reason: &'static str,
    /// Path of the field at fault, `body` for the whole.
    pub field: String,
    /// What was expected and found.
    pub message: String,
}

/// Longest message that is sent back: the parser quotes the input.
const MAX_MESSAGE_CHARS: usize = 200;

impl MalformedRequest {
    pub(crate) fn new(reason: &'static str, field: impl Into<String>, message: impl ToString) -> Self {
        let message = message.to_string();
        let message = match message.char_indices().nth(MAX_MESSAGE_CHARS) {
            Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
            None => message,
        };
        let field: String = field.into();
        Self { reason, field: field.chars().take(MAX_MESSAGE_CHARS).collect(), message }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(default)]
    x402_version: Option<u64>,
    #[serde(borrow)]
    payment_payload: &'a RawValue,
    #[serde(borrow)]
    payment_requirements: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PayloadHead<'a> {
    #[serde(default)]
    x402_version: Option<u64>,
    #[serde(default, borrow)]
    extensions: Option<&'a RawValue>,
}

impl FacilitatorRequest {
    /// Reads a request body.
    ///
    /// # Errors
    /// [`MalformedRequest`] names the field and what was expected of it.
    pub fn from_body(body: &[u8]) -> Result<Self, MalformedRequest> {
        let text = std::str::from_utf8(body)
            .map_err(|_| MalformedRequest::new(reason::INVALID_PAYLOAD, "body", "expected UTF-8 text"))?;
        json::check_strict(text)
            .map_err(|error| MalformedRequest::new(reason::INVALID_PAYLOAD, "body", error))?;
        let envelope: Envelope<'_> = at("body", reason::INVALID_PAYLOAD, text)?;
        let inner: PayloadHead<'_> =
            at("paymentPayload", reason::INVALID_PAYLOAD, envelope.payment_payload.get())?;
        let version = version_of(envelope.x402_version, inner.x402_version)?;

        let payload =
            PaymentPayload::from_json(version, envelope.payment_payload.get()).map_err(|error| {
                let field = join("paymentPayload", &error.field);
                MalformedRequest::new(reason::INVALID_PAYLOAD, field, error.message)
            })?;
        let requirements = PaymentRequirements::from_json(version, envelope.payment_requirements.get())
            .map_err(|error| {
                let field = join("paymentRequirements", &error.path().to_string());
                MalformedRequest::new(reason::INVALID_PAYMENT_REQUIREMENTS, field, error.into_inner())
            })?;
        let payment_identifier = match (version, inner.extensions) {
            (X402Version::V2, Some(extensions)) => PaymentIdentifier::from_extensions(extensions)?,
            _ => None,
        };
        Ok(Self {
            version,
            payload,
            payload_json: envelope.payment_payload.get().to_owned(),
            payment_identifier,
            requirements,
            requirements_json: envelope.payment_requirements.get().to_owned(),
        })
    }
}

fn join(parent: &str, path: &str) -> String {
    if path.is_empty() || path == "." { parent.to_owned() } else { format!("{parent}.{path}") }
}

fn at<'a, T: Deserialize<'a>>(
    parent: &str,
    reason: &'static str,
    text: &'a str,
) -> Result<T, MalformedRequest> {
    json::read(text).map_err(|error| {
        let path = error.path().to_string();
        let field = if parent == "body" && path != "." { path } else { join(parent, &path) };
        let reason = if field.ends_with("x402Version") { reason::INVALID_X402_VERSION } else { reason };
        MalformedRequest::new(reason, field, error.into_inner())
    })
}

/// The outer version may be missing; where both are there they must agree.
fn version_of(outer: Option<u64>, inner: Option<u64>) -> Result<X402Version, MalformedRequest> {
    let refuse =
        |message: String| Err(MalformedRequest::new(reason::INVALID_X402_VERSION, "x402Version", message));
    let number = match (outer, inner) {
        (None, None) => return refuse("expected 1 or 2, found none".to_owned()),
        (Some(outer), Some(inner)) if outer != inner => {
            return refuse(format!("{outer} differs from paymentPayload.x402Version {inner}"));
        }
        (Some(number), _) | (None, Some(number)) => number,
    };
    match X402Version::from_number(number) {
        Some(version) => Ok(version),
        None => refuse(format!("expected 1 or 2, found {number}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::payload::Chosen;

    fn v2_requirements() -> Value {
        json!({"scheme":"exact","network":"eip155:84532","amount":"1000","asset":"0xA","payTo":"0xB",
               "maxTimeoutSeconds":60,"extra":{"name":"USDC","version":"2"}})
    }
    fn v2() -> Value {
        json!({"x402Version":2,"paymentPayload":{"x402Version":2,"accepted":v2_requirements(),
               "payload":{"signature":"0x"}},"paymentRequirements":v2_requirements()})
    }
    fn v1() -> Value {
        json!({"x402Version":1,"paymentPayload":{"x402Version":1,"scheme":"exact","network":"base-sepolia",
               "payload":{"signature":"0x"}},"paymentRequirements":{"scheme":"exact","network":"base-sepolia",
               "maxAmountRequired":"1000","asset":"0xA","payTo":"0xB","maxTimeoutSeconds":60,
               "resource":"http://localhost/","description":"","mimeType":"","extra":null}})
    }
    fn parse(value: &Value) -> Result<FacilitatorRequest, MalformedRequest> {
        FacilitatorRequest::from_body(value.to_string().as_bytes())
    }
    /// The request with the value at `pointer` replaced.
    fn with(mut request: Value, pointer: &str, value: Value) -> Value {
        *request.pointer_mut(pointer).unwrap() = value;
        request
    }
    /// The request without the key at `pointer`.
    fn without(mut request: Value, parent: &str, key: &str) -> Value {
        request.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key).unwrap();
        request
    }

    #[test]
    fn reads_both_versions_into_one_shape() {
        let (one, two) = (parse(&v1()).unwrap(), parse(&v2()).unwrap());
        assert_eq!((one.version, two.version), (X402Version::V1, X402Version::V2));
        assert_eq!(one.requirements.amount, two.requirements.amount);
        assert!(matches!(one.payload.chosen, Chosen::Named { ref network, .. } if network == "base-sepolia"));
        assert!(
            matches!(two.payload.chosen, Chosen::Accepted(ref accepted) if *accepted == two.requirements)
        );
    }

    #[test]
    fn the_outer_version_may_be_missing_but_not_differ() {
        assert_eq!(parse(&without(v1(), "", "x402Version")).unwrap().version, X402Version::V1);
        assert_eq!(parse(&without(v2(), "/paymentPayload", "x402Version")).unwrap().version, X402Version::V2);
        let neither = without(without(v2(), "", "x402Version"), "/paymentPayload", "x402Version");
        for bad in [
            with(v2(), "/x402Version", json!(1)),
            with(with(v2(), "/x402Version", json!(3)), "/paymentPayload/x402Version", json!(3)),
            with(v2(), "/x402Version", json!("2")),
            neither,
        ] {
            assert_eq!(parse(&bad).unwrap_err().reason, reason::INVALID_X402_VERSION, "{bad}");
        }
    }

    #[test]
    fn a_malformed_field_is_named() {
        for (request, field) in [
            (with(v2(), "/paymentRequirements/amount", json!(1000)), "paymentRequirements.amount"),
            (with(v2(), "/paymentRequirements/amount", json!("1e3")), "paymentRequirements.amount"),
            (with(v2(), "/paymentPayload/accepted/payTo", json!(null)), "paymentPayload.accepted.payTo"),
            (with(v2(), "/paymentPayload", json!("x")), "paymentPayload"),
            (with(v1(), "/paymentPayload/scheme", json!([])), "paymentPayload.scheme"),
            (with(v2(), "/paymentRequirements/extra", json!([1])), "paymentRequirements.extra"),
            (with(v2(), "/x402Version", json!({})), "x402Version"),
        ] {
            assert_eq!(parse(&request).unwrap_err().field, field, "{request}");
        }
        let missing = parse(&without(v2(), "/paymentRequirements", "asset")).unwrap_err();
        assert!(missing.message.contains("asset"), "{missing}");
    }

    #[test]
    fn an_array_is_no_object() {
        let values = |object: &Value| Value::Array(object.as_object().unwrap().values().cloned().collect());
        let request = v2();
        for pointer in ["", "/paymentPayload", "/paymentPayload/accepted", "/paymentRequirements"] {
            let array = values(request.pointer(pointer).unwrap());
            let error = parse(&with(v2(), pointer, array)).unwrap_err();
            assert!(error.message.contains("expected a map"), "{pointer}: {error}");
        }
        // In the order of the fields, which serde would take.
        let ordered = json!([2, request["paymentPayload"], request["paymentRequirements"]]);
        assert_eq!(parse(&ordered).unwrap_err().field, "body");
    }

    #[test]
    fn extensions_are_those_of_version_2() {
        let named = |mut request: Value, extensions: Value| {
            request["paymentPayload"]["extensions"] = extensions;
            parse(&request).map(|request| request.payment_identifier)
        };
        let good = json!({"payment-identifier": {"info": {"required": true, "id": "0123456789abcdef"}}});
        assert_eq!(named(v2(), good.clone()).unwrap().unwrap().as_str(), "0123456789abcdef");
        assert_eq!(named(v2(), Value::Null), Ok(None));
        assert_eq!(parse(&v2()).unwrap().payment_identifier, None);
        let missing = json!({"payment-identifier": {"info": {"required": true}}});
        let error = named(v2(), missing.clone()).unwrap_err();
        assert_eq!(error.field, "paymentPayload.extensions.payment-identifier.info.id");
        for extensions in [good, missing, json!("x")] {
            assert_eq!(named(v1(), extensions), Ok(None), "version 1 has none");
        }
    }

    #[test]
    fn echoed_input_is_bounded() {
        let error = parse(&with(v2(), "/x402Version", json!("y".repeat(10_000)))).unwrap_err();
        assert!(error.message.chars().count() <= MAX_MESSAGE_CHARS + 1);
    }
}
