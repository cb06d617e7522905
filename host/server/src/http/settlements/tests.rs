//! What is told of a record in each state, and what never is.

use facilitator_journal::{GuestGeneration, NewSettlement, Owner, SignedBytes};
use facilitator_protocol::X402Version;
use serde_json::Value;

use super::*;

const SIGNATURE: &str = "0x5e1f5e1f5e1f";
const PAYER: &str = "0x0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";

fn requirements(version: X402Version) -> Value {
    let (network, amount) = match version {
        X402Version::V1 => ("base-sepolia", "maxAmountRequired"),
        X402Version::V2 => ("eip155:84532", "amount"),
    };
    json!({"scheme": "exact", "network": network, amount: "1000", "asset": "0xA5", "payTo": "0xBe",
        "maxTimeoutSeconds": 60})
}

fn record(state: Stage, version: X402Version) -> Record {
    let payload = json!({"payload": {"signature": SIGNATURE, "authorization": {"from": PAYER}}});
    let signed = SignedBytes {
        transaction: "0x77".to_owned(),
        bytes: b"the very bytes".to_vec(),
        signer: "0x51".to_owned(),
        lane_sequence: Some(7),
    };
    let outcome = match state {
        Stage::Confirmed => Some(Outcome::Confirmed {
            payer: PAYER.to_owned(),
            amount: "1000".parse().unwrap(),
            transaction: "0x99".to_owned(),
        }),
        Stage::Failed => Some(Outcome::Failed {
            reason: "settlement_failed".to_owned(),
            message: "it reverted".to_owned(),
            transaction: None,
        }),
        Stage::Expired => {
            Some(Outcome::Expired { reason: "too_late".to_owned(), message: "not in time".to_owned() })
        }
        _ => None,
    };
    Record {
        settlement: NewSettlement {
            payment_id: "eip155:84532:0xa5:0x0f:0x9c".parse().unwrap(),
            payload: "digest".parse().unwrap(),
            fingerprint: "fingerprint".parse().unwrap(),
            network: "eip155:84532".parse().unwrap(),
            x402_version: version,
            scheme: "exact".to_owned(),
            request: json!({"payload": payload, "requirements": requirements(version)}).to_string(),
            guest: GuestGeneration { name: "evm".to_owned(), sha256: [7; 32] },
            payer: PAYER.to_owned(),
            amount: "1000".parse().unwrap(),
            expires_at: 1_800_000_000,
        },
        owner: Owner::from_number(1),
        state,
        sealed: false,
        signed: (state >= Stage::Signed).then_some(signed),
        earlier: Vec::new(),
        outcome,
        created_at_ms: 1_700_000_000_000,
        updated_at_ms: 1_700_000_000_042,
    }
}

fn told_of(record: &Record) -> Value {
    serde_json::to_value(Settlement::of(record, None).unwrap()).unwrap()
}

/// The answer with `changes`, where null takes a field away.
fn expected(changes: Value) -> Value {
    let mut expected = json!({
        "paymentId": "eip155:84532:0xa5:0x0f:0x9c", "final": false, "x402Version": 2, "scheme": "exact",
        "network": "eip155:84532", "amount": "1000", "asset": "0xA5", "payTo": "0xBe",
        "createdAt": "2023-11-14T22:13:20.000Z", "updatedAt": "2023-11-14T22:13:20.042Z",
    });
    let Value::Object(changes) = changes else { panic!("no object") };
    expected.as_object_mut().unwrap().extend(changes);
    expected
}

#[test]
fn each_state_tells_what_a_client_may_know() {
    for (state, changes) in [
        (Stage::Claimed, json!({"state": "claimed"})),
        (Stage::Approved, json!({"state": "approved"})),
        (Stage::Signed, json!({"state": "signed", "transaction": "0x77"})),
        (Stage::Broadcast, json!({"state": "broadcast", "transaction": "0x77"})),
        (Stage::Confirmed, json!({"state": "confirmed", "transaction": "0x99", "payer": PAYER})),
        (
            Stage::Failed,
            json!({"state": "failed", "transaction": "0x77", "reason": "settlement_failed",
                "message": "it reverted"}),
        ),
        (
            Stage::Expired,
            json!({"state": "expired", "transaction": "0x77", "reason": "too_late", "message": "not in time"}),
        ),
    ] {
        assert_eq!(told_of(&record(state, X402Version::V2)), expected(changes), "{state}");
    }
}

#[test]
fn one_that_ended_before_it_was_signed_has_no_transaction() {
    let unsigned = Record { signed: None, ..record(Stage::Expired, X402Version::V2) };
    assert_eq!(told_of(&unsigned).get("transaction"), None);
}

#[test]
fn version_1_is_told_with_the_caip_2_network() {
    let told = told_of(&record(Stage::Broadcast, X402Version::V1));
    assert_eq!((&told["network"], &told["amount"]), (&json!("eip155:84532"), &json!("1000")));
    assert_eq!((&told["x402Version"], &told["asset"]), (&json!(1), &json!("0xA5")));
}

#[test]
fn signatures_and_bytes_are_never_told_and_the_payer_only_once_the_chain_shows_it() {
    for state in Stage::ALL {
        let shown = told_of(&record(state, X402Version::V2)).to_string();
        assert!(!shown.contains("5e1f") && !shown.contains("bytes") && !shown.contains("digest"), "{shown}");
        assert_eq!(shown.contains(PAYER), state == Stage::Confirmed, "{shown}");
    }
}

#[test]
fn what_is_final_says_so_and_may_be_kept() {
    let found = |sealed| Found {
        record: Record { sealed, ..record(Stage::Confirmed, X402Version::V2) },
        confirmations: (!sealed).then_some(3),
    };
    for (sealed, kept) in [(false, "no-store"), (true, "max-age=3600")] {
        let response = told(&found(sealed));
        assert_eq!(
            (response.status(), &response.headers()[header::CACHE_CONTROL]),
            (StatusCode::OK, &kept.parse().unwrap())
        );
        let found = found(sealed);
        let told = serde_json::to_value(Settlement::of(&found.record, found.confirmations).unwrap()).unwrap();
        assert_eq!((&told["final"], told.get("confirmations").is_some()), (&json!(sealed), !sealed));
    }
}

#[test]
fn a_record_that_is_none_is_our_fault_and_told_without_a_word_of_it() {
    for request in ["", "{}", r#"{"payload":{},"requirements":{"signature":"0x5e1f"}}"#] {
        let mut broken = record(Stage::Confirmed, X402Version::V2);
        broken.settlement.request = request.to_owned();
        let response = told(&Found { record: broken, confirmations: None });
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
    let mut timeless = record(Stage::Confirmed, X402Version::V2);
    timeless.updated_at_ms = u64::MAX;
    assert!(Settlement::of(&timeless, None).is_none());
}
