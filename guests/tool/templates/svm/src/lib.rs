//! x402 `exact` on Solana: a beginning.
//!
//! This guest reads a request, compares what the client accepted with what the resource server asks, checks
//! the shape of the payload and asks the chain one question. Then it refuses: **it never says that a payment
//! is good**, because nobody has looked at what the client signed. Where that check belongs is marked in
//! `judge`; as long as it is missing, `prepare` gives the host nothing to sign.

mod fields;
mod mint;
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
            family: Family::Svm,
            kinds: [X402Version::V1, X402Version::V2]
                .map(|x402_version| Kind { x402_version, scheme: terms::SCHEME.to_owned() })
                .to_vec(),
            // Any other method is denied, even where the host would permit it.
            rpc_methods: vec![mint::METHOD.to_owned()],
        }
    }

    /// Clients build the transaction with our account as its fee payer.
    fn supported(
        _: &dyn Host,
        _: &str,
        settings: &GuestSettings,
    ) -> Result<Option<Map<String, Value>>, GuestError> {
        Ok(Some(Map::from_iter([("feePayer".to_owned(), Value::from(settings.sender.as_str()))])))
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
    let transaction = payload::read(request)?;
    mint::check(host, request)?;

    // ==== The check of the signature belongs here. ====
    // What it has to show, of the very bytes that would be co-signed: our account pays the fee and is in no
    // instruction; no other signer than the payer, whose Ed25519 signature `host.ed25519_verify` confirms;
    // exactly one TransferChecked of the amount, from the payer to the account of payTo for this mint; compute
    // budget within bounds; no other instruction. Then `simulateTransaction`, and `Ok(Valid { .. })` with the
    // hash of the message as payment id.
    let (bytes, field) = (transaction.len(), payload::FIELD);
    host.log(guest_sdk::Level::Debug, &format!("{bytes} bytes of {field} are not judged"));
    Err(refuse(reason::UNSUPPORTED_SCHEME, "this guest does not check signatures yet").into())
}

/// Base58 has one text for one account.
fn is_same_account(a: &str, b: &str) -> bool {
    a == b
}
