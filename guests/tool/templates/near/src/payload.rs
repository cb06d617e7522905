//! What the client signed, as bytes.
//!
//! Source: x402 `exact` on NEAR (payload).

use base64::{Engine as _, prelude::BASE64_STANDARD};
use facilitator_protocol::Invalid;
use guest_sdk::Request;

use crate::fields;

/// The only field of the payload.
pub(crate) const FIELD: &str = "signedDelegateAction";
/// Far above one `ft_transfer`.
const MAX_BYTES: usize = 4096;

/// The signed delegate action, Borsh in standard Base64 with padding, one encoding for one text.
pub(crate) fn read(request: &Request) -> Result<Vec<u8>, Invalid> {
    let [text] = fields::read(request.payload.payload.get(), "payload", [FIELD])?;
    let expected = format!("Base64 of 1 to {MAX_BYTES} bytes");
    fields::text(&text, &format!("payload.{FIELD}"), &expected, |text| {
        // Three bytes are four characters: longer text is not decoded at all.
        let text = Some(text).filter(|text| text.len() <= MAX_BYTES.div_ceil(3) * 4)?;
        BASE64_STANDARD.decode(text).ok().filter(|bytes| (1..=MAX_BYTES).contains(&bytes.len()))
    })
}
