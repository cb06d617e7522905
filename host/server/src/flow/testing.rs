//! Records for tests.

use facilitator_journal::{GuestGeneration, NewSettlement, Outcome, Owner, Record, SignedBytes, State};
use facilitator_protocol::X402Version;

/// A settlement that was signed and broadcast as `0x77` with nonce 7, and has this outcome, if any.
pub(crate) fn record(outcome: Option<Outcome>) -> Record {
    Record {
        settlement: settlement("p"),
        owner: Owner::from_number(1),
        state: outcome.as_ref().map_or(State::Broadcast, Outcome::state),
        sealed: false,
        signed: Some(signed("0x77")),
        earlier: Vec::new(),
        outcome,
        created_at_ms: 1_000,
        updated_at_ms: 1_000,
    }
}

pub(crate) fn signed(transaction: &str) -> SignedBytes {
    SignedBytes {
        transaction: transaction.to_owned(),
        bytes: transaction.as_bytes().to_vec(),
        signer: "0x51".to_owned(),
        lane_sequence: Some(7),
    }
}

fn settlement(payment_id: &str) -> NewSettlement {
    NewSettlement {
        payment_id: payment_id.parse().unwrap(),
        payload: "digest".parse().unwrap(),
        fingerprint: "fingerprint".parse().unwrap(),
        network: "eip155:84532".parse().unwrap(),
        x402_version: X402Version::V2,
        scheme: "exact".to_owned(),
        request: "{}".to_owned(),
        guest: GuestGeneration { name: "evm".to_owned(), sha256: [7; 32] },
        payer: "0xa".to_owned(),
        amount: "1000".parse().unwrap(),
        expires_at: 1_800_000_000,
    }
}
