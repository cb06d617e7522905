//! Settlements to try a journal with.

use facilitator_journal::{
    Claim, GuestGeneration, Journal, NewSettlement, Outcome, PaymentId, SignedBytes, State,
};
use facilitator_protocol::X402Version;

pub(crate) fn id(text: &str) -> PaymentId {
    text.parse().unwrap()
}

pub(crate) fn settlement(payment_id: &str) -> NewSettlement {
    NewSettlement {
        payment_id: id(payment_id),
        payload: format!("payload-of-{payment_id}").parse().unwrap(),
        fingerprint: "sha256:00".parse().unwrap(),
        network: "eip155:84532".parse().unwrap(),
        x402_version: X402Version::V2,
        scheme: "exact".to_owned(),
        request: r#"{"payload":{"é":"\u0000"},"requirements":{}}"#.to_owned(),
        guest: GuestGeneration { name: "evm".to_owned(), sha256: [7; 32] },
        payer: "0xpayer".to_owned(),
        amount: "1000".parse().unwrap(),
        expires_at: 1_800_000_000,
    }
}

pub(crate) fn signed(transaction: &str) -> SignedBytes {
    SignedBytes {
        transaction: transaction.to_owned(),
        bytes: vec![0, 2, 0xff],
        signer: "0xsigner".to_owned(),
        lane_sequence: Some(41),
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

/// Claims a payment and brings it to `state`.
pub(crate) async fn bring(journal: &dyn Journal, payment_id: &str, state: State) {
    let id = id(payment_id);
    assert_eq!(journal.claim(settlement(payment_id)).await.unwrap(), Claim::Won);
    let steps = match state {
        State::Claimed => 0,
        State::Approved => 1,
        State::Signed => 2,
        State::Broadcast | State::Confirmed | State::Failed | State::Expired => 3,
    };
    if steps >= 1 {
        journal.approved(&id).await.unwrap();
    }
    if steps >= 2 {
        journal.signed(&id, signed(&format!("0xtx-{payment_id}"))).await.unwrap();
    }
    if steps >= 3 {
        journal.broadcast(&id).await.unwrap();
    }
    if state.is_final() {
        journal.finish(&id, outcome_of(state)).await.unwrap();
    }
    assert_eq!(journal.get(&id).await.unwrap().unwrap().state, state);
}

pub(crate) fn outcome_of(state: State) -> Outcome {
    match state {
        State::Confirmed => confirmed("0xfinal"),
        State::Failed => failed(None),
        _ => expired(),
    }
}
