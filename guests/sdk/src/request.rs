//! One payment to be judged, read from the texts that cross the component boundary.

use facilitator_protocol::{Caip2, GuestSettings, PaymentPayload, PaymentRequirements, X402Version, reason};

use crate::GuestError;

/// The request as text, as it crosses the boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestText {
    /// 1 or 2.
    pub x402_version: u8,
    /// Scheme that the host routed by.
    pub scheme: String,
    /// CAIP-2 identifier of the network.
    pub network: String,
    /// JSON text of `paymentPayload`.
    pub payload: String,
    /// JSON text of `paymentRequirements`.
    pub requirements: String,
    /// JSON text of [`GuestSettings`].
    pub settings: String,
}

/// One payment to be judged.
#[derive(Clone, Debug)]
pub struct Request {
    /// Protocol version.
    pub version: X402Version,
    /// Scheme that the host routed by.
    pub scheme: String,
    /// CAIP-2 identifier of the network, for either version.
    pub network: Caip2,
    /// What the client signed.
    pub payload: PaymentPayload,
    /// What the resource server asks.
    pub requirements: PaymentRequirements,
    /// What the host knows of the network and what the operator set.
    pub settings: GuestSettings,
}

/// Why a request could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The client's or the resource server's part: a verdict.
    #[error("{reason}: {message}")]
    Refused {
        /// Machine code.
        reason: &'static str,
        /// For people.
        message: String,
    },
    /// The host's part.
    #[error(transparent)]
    Called(#[from] GuestError),
}

/// Longest message about text that a stranger sent; parsers quote their input.
const MAX_MESSAGE_CHARS: usize = 200;

/// `text` fit for a message: printable ASCII, everything else as `?`, and bounded.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(MAX_MESSAGE_CHARS)
        .map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' })
        .collect();
    if text.chars().nth(MAX_MESSAGE_CHARS).is_some() {
        shown.push_str("...");
    }
    shown
}

impl Request {
    /// Reads the texts. The host has read them before, with the same types: what fails here was
    /// either changed in between or comes from a host that does not check.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn read(text: &RequestText) -> Result<Self, Unreadable> {
        let version = X402Version::from_number(u64::from(text.x402_version)).ok_or_else(|| {
            GuestError::Unsupported(format!("x402 version {}, expected 1 or 2", text.x402_version))
        })?;
        let network = text
            .network
            .parse()
            .map_err(|error| GuestError::Unsupported(format!("network {}: {error}", shown(&text.network))))?;
        let settings = read_settings(&text.settings)?;
        let payload =
            PaymentPayload::from_json(version, &text.payload).map_err(|error| Unreadable::Refused {
                reason: reason::INVALID_PAYLOAD,
                message: shown(&format!("paymentPayload.{error}")),
            })?;
        let requirements = PaymentRequirements::from_json(version, &text.requirements).map_err(|error| {
            Unreadable::Refused {
                reason: reason::INVALID_PAYMENT_REQUIREMENTS,
                message: shown(&format!("paymentRequirements.{error}")),
            }
        })?;
        Ok(Self { version, scheme: text.scheme.clone(), network, payload, requirements, settings })
    }
}

/// Reads the JSON text of [`GuestSettings`].
///
/// # Errors
/// [`GuestError::Internal`]: the host wrote it.
pub fn read_settings(text: &str) -> Result<GuestSettings, GuestError> {
    serde_json::from_str(text).map_err(|error| GuestError::Internal(format!("settings: {error}")))
}
