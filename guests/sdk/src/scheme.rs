//! What a guest implements.

use facilitator_protocol::{
    Confirmation, Descriptor, GuestSettings, Intent, Invalid, Observation, Phase, Valid, Verdict,
};
use serde_json::{Map, Value};

use crate::{GuestError, Host, Request, RequestText, Unreadable, request::read_settings};

/// A payment scheme on a chain family. No state passes from one call to the next: a guest instance
/// lives for one call.
pub trait Scheme {
    /// What the guest says of itself. Needs nothing from the host.
    fn describe() -> Descriptor;

    /// `extra` of the kind in `/supported` for a network.
    ///
    /// # Errors
    /// See [`GuestError`].
    fn supported(
        host: &dyn Host,
        network: &str,
        settings: &GuestSettings,
    ) -> Result<Option<Map<String, Value>>, GuestError>;

    /// Is this payment good?
    ///
    /// # Errors
    /// See [`GuestError`].
    fn verify(host: &dyn Host, request: &Request, phase: Phase) -> Result<Verdict, GuestError>;

    /// What is to happen on chain for a payment that `verify` found valid in the settle phase.
    ///
    /// # Errors
    /// See [`GuestError`].
    fn prepare(host: &dyn Host, request: &Request, valid: &Valid) -> Result<Intent, GuestError>;

    /// Did the exact payment happen?
    ///
    /// # Errors
    /// See [`GuestError`].
    fn confirm(
        host: &dyn Host,
        request: &Request,
        observation: &Observation,
    ) -> Result<Confirmation, GuestError>;
}

/// [`Scheme::supported`] from texts.
///
/// # Errors
/// See [`GuestError`].
pub fn supported<S: Scheme>(
    host: &dyn Host,
    network: &str,
    settings: &str,
) -> Result<Option<String>, GuestError> {
    let extra = S::supported(host, network, &read_settings(settings)?)?;
    Ok(extra.map(|extra| Value::Object(extra).to_string()))
}

/// [`Scheme::verify`] from texts: what a client or resource server garbled is a refusal.
///
/// # Errors
/// See [`GuestError`].
pub fn verify<S: Scheme>(host: &dyn Host, text: &RequestText, phase: Phase) -> Result<Verdict, GuestError> {
    match Request::read(text) {
        Ok(request) => S::verify(host, &request, phase),
        Err(Unreadable::Refused { reason, message }) => {
            Ok(Verdict::Invalid(Invalid { reason: reason.to_owned(), message, payer: None }))
        }
        Err(Unreadable::Called(error)) => Err(error),
    }
}

/// [`Scheme::prepare`] from texts.
///
/// # Errors
/// See [`GuestError`].
pub fn prepare<S: Scheme>(host: &dyn Host, text: &RequestText, valid: &Valid) -> Result<Intent, GuestError> {
    S::prepare(host, &read_verified(text)?, valid)
}

/// [`Scheme::confirm`] from texts.
///
/// # Errors
/// See [`GuestError`].
pub fn confirm<S: Scheme>(
    host: &dyn Host,
    text: &RequestText,
    observation: &Observation,
) -> Result<Confirmation, GuestError> {
    S::confirm(host, &read_verified(text)?, observation)
}

/// A request that `verify` has read before: that it cannot be read now is the caller's fault.
fn read_verified(text: &RequestText) -> Result<Request, GuestError> {
    Request::read(text).map_err(|unreadable| match unreadable {
        Unreadable::Refused { .. } => GuestError::Internal(format!("no verified request: {unreadable}")),
        Unreadable::Called(error) => error,
    })
}
