//! Settlements to try a journal with.

use std::hash::{DefaultHasher, Hash, Hasher};

use facilitator_journal::{
    Claim, GuestGeneration, Journal, LaneKey, NewSettlement, Outcome, Owner, PaymentId, SignedBytes, State,
};
use facilitator_protocol::X402Version;

/// Network of every settlement here.
pub(crate) const NETWORK: &str = "eip155:84532";
/// Signer of every transaction here.
pub(crate) const SIGNER: &str = "0xsigner";

pub(crate) fn id(text: &str) -> PaymentId {
    text.parse().unwrap()
}

pub(crate) fn settlement(payment_id: &str) -> NewSettlement {
    NewSettlement {
        payment_id: id(payment_id),
        payload: format!("payload-of-{payment_id}").parse().unwrap(),
        fingerprint: "sha256:00".parse().unwrap(),
        network: NETWORK.parse().unwrap(),
        x402_version: X402Version::V2,
        scheme: "exact".to_owned(),
        request: r#"{"payload":{"é":"\u0000"},"requirements":{}}"#.to_owned(),
        guest: GuestGeneration { name: "evm".to_owned(), sha256: [7; 32] },
        payer: "0xpayer".to_owned(),
        amount: "1000".parse().unwrap(),
        expires_at: 1_800_000_000,
    }
}

/// The lane that all bytes here are signed for.
pub(crate) fn lane() -> LaneKey {
    LaneKey { network: NETWORK.parse().unwrap(), signer: SIGNER.to_owned() }
}

/// Bytes whose number no other transaction here has.
pub(crate) fn signed(transaction: &str) -> SignedBytes {
    let mut hasher = DefaultHasher::new();
    transaction.hash(&mut hasher);
    numbered(transaction, hasher.finish() >> 2)
}

pub(crate) fn numbered(transaction: &str, lane_sequence: u64) -> SignedBytes {
    SignedBytes {
        transaction: transaction.to_owned(),
        bytes: [&[0, 2, 0xff], transaction.as_bytes()].concat(),
        signer: SIGNER.to_owned(),
        lane_sequence: Some(lane_sequence),
    }
}

pub(crate) fn confirmed(transaction: &str) -> Outcome {
    Outcome::Confirmed {
        payer: "0xpayer".to_owned(),
        amount: "1000".parse().unwrap(),
        transaction: transaction.to_owned(),
    }
}

pub(crate) fn failed(transaction: Option<&str>) -> Outcome {
    Outcome::Failed {
        reason: "invalid_exact_evm_transaction_failed".to_owned(),
        message: "reverted".to_owned(),
        transaction: transaction.map(str::to_owned),
    }
}

pub(crate) fn expired() -> Outcome {
    Outcome::Expired { reason: "settlement_expired".to_owned(), message: "not included".to_owned() }
}

pub(crate) fn outcome_of(state: State) -> Outcome {
    match state {
        State::Confirmed => confirmed("0xfinal"),
        State::Failed => failed(None),
        _ => expired(),
    }
}

/// Claims a payment for `owner` and brings it to `state`. What is signed for it is `0xtx-` and its name.
pub(crate) async fn bring(journal: &dyn Journal, owner: Owner, payment_id: &str, state: State) {
    bring_with(journal, owner, payment_id, state, signed(&format!("0xtx-{payment_id}"))).await;
}

/// As [`bring`], with these bytes.
pub(crate) async fn bring_with(
    journal: &dyn Journal,
    owner: Owner,
    payment_id: &str,
    state: State,
    bytes: SignedBytes,
) {
    let id = id(payment_id);
    assert_eq!(journal.claim(owner, settlement(payment_id)).await.unwrap(), Claim::Won);
    let steps = match state {
        State::Claimed => 0,
        State::Approved => 1,
        State::Signed => 2,
        State::Broadcast | State::Confirmed | State::Failed | State::Expired => 3,
    };
    if steps >= 1 {
        journal.approved(owner, &id).await.unwrap();
    }
    if steps >= 2 {
        journal.signed(owner, &id, bytes).await.unwrap();
    }
    if steps >= 3 {
        journal.broadcast(owner, &id).await.unwrap();
    }
    if state.is_final() {
        journal.finish(owner, &id, outcome_of(state)).await.unwrap();
    }
    assert_eq!(journal.get(&id).await.unwrap().unwrap().state, state);
}
