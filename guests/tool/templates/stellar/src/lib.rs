//! x402 `exact` on Stellar: a beginning.
//!
//! This guest reads a request, compares what the client accepted with what the resource server asks, checks
//! the shape of the payload and asks the chain one question. Then it refuses: **it never says that a payment
//! is good**, because nobody has looked at what the client signed. Where that check belongs is marked in
//! `judge`; as long as it is missing, `prepare` gives the host nothing to sign.

mod contract;
mod fields;
mod payload;
mod refusal;
mod terms;
#[cfg(test)]
mod tests;

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
            family: Family::Stellar,
            kinds: [X402Version::V1, X402Version::V2]
                .map(|x402_version| Kind { x402_version, scheme: terms::SCHEME.to_owned() })
                .to_vec(),
            // Any other method is denied, even where the host would permit it.
            rpc_methods: vec![contract::METHOD.to_owned()],
        }
    }

    /// Clients need no lumens: we pay the fee.
    fn supported(_: &dyn Host, _: &str, _: &GuestSettings) -> Result<Option<Map<String, Value>>, GuestError> {
        Ok(Some(Map::from_iter([("areFeesSponsored".to_owned(), Value::Bool(true))])))
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
    let envelope = payload::read(request)?;
    let ledger = contract::latest_ledger(host, request)?;

    // ==== The check of the signature belongs here. ====
    // What it has to show, of the operation that would be copied into our transaction: one InvokeHostFunction, which
    // calls `transfer` of the asset with payer, payTo and the amount; one authorization entry of the payer, without
    // sub-invocations, whose Ed25519 signature `host.ed25519_verify` confirms and which expires soon after the
    // latest ledger; our account nowhere in it. Then `simulateTransaction`, and `Ok(Valid { .. })` with payer and
    // nonce of the entry as payment id.
    let (bytes, field) = (envelope.len(), payload::FIELD);
    host.log(guest_sdk::Level::Debug, &format!("ledger {ledger}: {bytes} bytes of {field} are not judged"));
    Err(refuse(reason::UNSUPPORTED_SCHEME, "this guest does not check signatures yet").into())
}

/// A strkey has one text.
fn is_same_account(a: &str, b: &str) -> bool {
    a == b
}
