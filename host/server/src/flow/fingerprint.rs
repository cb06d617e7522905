//! What makes two settle requests the same: digests of the scheme's payload and of the requirements.
//!
//! A replay is answered from the journal before anything is verified, so "the same payload" must include
//! its signature: whoever only knows which payment was made must not be told that it paid. Key order and
//! white space do not count, because resource servers parse and print payloads again.

use facilitator_journal::{Fingerprint, IdempotencyKey, PayloadDigest};
use facilitator_protocol::{FacilitatorRequest, Family, PaymentPayload, PaymentRequirements};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::networks::Network;

fn hex_digest(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        // The length keeps neighbouring parts apart.
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hex::encode(hasher.finalize())
}

/// Digest of the scheme's own part of the payload on a network. None if it is not JSON, which parsing the
/// request has excluded.
pub(super) fn payload_digest(
    network: &Network,
    scheme: &str,
    payload: &PaymentPayload,
) -> Option<PayloadDigest> {
    // A map of `serde_json` is sorted by key, so printing it again is canonical.
    let canonical = serde_json::from_str::<Value>(payload.payload.get()).ok()?.to_string();
    hex_digest(&[network.caip2().as_str(), scheme, &canonical]).parse().ok()
}

/// Digest of what the resource server requires.
pub(super) fn fingerprint(network: &Network, requirements: &PaymentRequirements) -> Option<Fingerprint> {
    hex_digest(&[
        network.caip2().as_str(),
        &requirements.scheme,
        requirements.amount.as_str(),
        &address(network, &requirements.asset),
        &address(network, &requirements.pay_to),
    ])
    .parse()
    .ok()
}

/// Digest of a whole request: two with the same digest have the same record, and so the same answer.
pub(super) fn request_digest(network: &Network, request: &FacilitatorRequest) -> Option<Fingerprint> {
    let payload = payload_digest(network, &request.requirements.scheme, &request.payload)?;
    let requirements = fingerprint(network, &request.requirements)?;
    hex_digest(&[payload.as_str(), requirements.as_str()]).parse().ok()
}

/// Under which a client's name for a request is kept: the name itself, what kind of name it is, and whom the
/// request pays.
pub(super) fn name_key(
    network: &Network,
    requirements: &PaymentRequirements,
    kind: &str,
    name: &str,
) -> Option<IdempotencyKey> {
    let pay_to = address(network, &requirements.pay_to);
    hex_digest(&[kind, network.caip2().as_str(), &pay_to, name]).parse().ok()
}

/// EVM addresses are the same in any case; elsewhere case counts.
fn address(network: &Network, text: &str) -> String {
    match network.settings.facts.family {
        Family::Evm => text.to_ascii_lowercase(),
        Family::Svm | Family::Near | Family::Stellar => text.to_owned(),
    }
}
