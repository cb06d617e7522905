//! x402 `exact` on NEAR: a beginning.
//!
//! This guest reads a request, compares what the client accepted with what the resource server asks, checks
//! the shape of the payload and asks the chain one question. Then it refuses: **it never says that a payment
//! is good**, because nobody has looked at what the client signed. Where that check belongs is marked in
//! `judge`; as long as it is missing, `prepare` gives the host nothing to sign.

mod fields;
mod payload;
mod refusal;
mod terms;
#[cfg(test)]
mod tests;
mod token;

use facilitator_protocol::{
    Confirmation, Descriptor, Family, GuestSettings, Intent, Kind, Observation, Phase, Valid, Verdict,
    X402Version, reason,
};
use guest_sdk::{GuestError, Host, Request, Scheme};
use serde_json::{Map, Value};

use crate::refusal::{Stop, refuse};

/// The guest: what the component exports.
#[derive(Debug)]
pub struct Guest;

guest_sdk::export_scheme!(crate::Guest);

impl Scheme for Guest {
    fn describe() -> Descriptor {
        Descriptor {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            abi: guest_sdk::ABI.to_owned(),
            family: Family::Near,
            kinds: [X402Version::V1, X402Version::V2]
                .map(|x402_version| Kind { x402_version, scheme: terms::SCHEME.to_owned() })
                .to_vec(),
            // Any other method is denied, even where the host would permit it.
            rpc_methods: vec![token::METHOD.to_owned()],
        }
    }

    fn supported(_: &dyn Host, _: &str, _: &GuestSettings) -> Result<Option<Map<String, Value>>, GuestError> {
        Ok(None)
    }

    fn verify(host: &dyn Host, request: &Request, _: Phase) -> Result<Verdict, GuestError> {
        match judge(host, request) {
            Ok(valid) => Ok(Verdict::Valid(valid)),
            Err(Stop::Refused(invalid)) => Ok(Verdict::Invalid(invalid)),
            Err(Stop::Broken(error)) => Err(error),
        }
    }

    /// The host calls this only for a payment that `verify` found valid.
    fn prepare(_: &dyn Host, _: &Request, _: &Valid) -> Result<Intent, GuestError> {
        Err(GuestError::Unsupported("no payment is found valid by this guest".to_owned()))
    }

    /// The host calls this only for a transaction that it sent.
    fn confirm(_: &dyn Host, _: &Request, _: &Observation) -> Result<Confirmation, GuestError> {
        Ok(Confirmation::Unknown)
    }
}

/// The checks, in order: what costs nothing comes first, the chain is asked last.
fn judge(host: &dyn Host, request: &Request) -> Result<Valid, Stop> {
    terms::check(request)?;
    let delegate_action = payload::read(request)?;
    token::check(host, request)?;

    // ==== The check of the signature belongs here. ====
    // What it has to show, of the very bytes that would be relayed (NEP-366): Borsh without a byte too many; the
    // Ed25519 signature over the delegate action, by `host.ed25519_verify`; one action, `ft_transfer` with one
    // yoctoNEAR on the asset, whose arguments are payTo and the amount and nothing else; the sender is not our
    // account; not expired, and its nonce above that of the access key (`query`, `view_access_key`). Then
    // `Ok(Valid { .. })` with the hash of the delegate action as payment id.
    let (bytes, field) = (delegate_action.len(), payload::FIELD);
    host.log(guest_sdk::Level::Debug, &format!("{bytes} bytes of {field} are not judged"));
    Err(refuse(reason::UNSUPPORTED_SCHEME, "this guest does not check signatures yet").into())
}

/// An account id has one text.
fn is_same_account(a: &str, b: &str) -> bool {
    a == b
}
