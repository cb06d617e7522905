use ed25519_dalek::{Signer as _, SigningKey};
use secp256k1::SecretKey;
use serde_json::json;

use super::*;
use crate::RpcExt as _;

const HASH: [u8; 32] = [7; 32];

/// A signature of `HASH`, its recovery id and the key, uncompressed.
fn signed() -> ([u8; 64], u8, [u8; 65]) {
    let secret = SecretKey::from_secret_bytes([1; 32]).unwrap();
    let signature = RecoverableSignature::sign_ecdsa_recoverable(Message::from_digest(HASH), &secret);
    let (id, bytes) = signature.serialize_compact();
    (bytes, id.to_u8(), PublicKey::from_secret_key(&secret).serialize_uncompressed())
}

/// The other signature of the same key: s subtracted from the order, the other recovery id.
fn high_s(signature: [u8; 64]) -> [u8; 64] {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba,
        0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
    ];
    let mut flipped = signature;
    let mut borrow = 0;
    for index in (0..32).rev() {
        let difference = i16::from(ORDER[index]) - i16::from(signature[32 + index]) - borrow;
        borrow = i16::from(difference < 0);
        flipped[32 + index] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    flipped
}

#[test]
fn recovers_low_s_only() {
    let host = Double::offline(0);
    let (signature, id, key) = signed();
    assert_eq!(host.secp256k1_recover(&HASH, &signature, id), key.last_chunk().copied());
    assert_ne!(host.secp256k1_recover(&HASH, &signature, 1 - id), key.last_chunk().copied());
    assert_eq!(host.secp256k1_recover(&HASH, &high_s(signature), 1 - id), None);
    assert_eq!(host.secp256k1_recover(&HASH, &signature, 2), None);
    assert_eq!(host.secp256k1_recover(&HASH, &[0; 64], 0), None);
}

#[test]
fn verifies_low_s_only() {
    let host = Double::offline(0);
    let (signature, _, key) = signed();
    assert!(host.secp256k1_verify(&key, &HASH, &signature));
    assert!(!host.secp256k1_verify(&key, &[8; 32], &signature));
    assert!(!host.secp256k1_verify(&key, &HASH, &high_s(signature)));
    assert!(!host.secp256k1_verify(&key[1..], &HASH, &signature));
}

#[test]
fn verifies_ed25519() {
    let host = Double::offline(0);
    let key = SigningKey::from_bytes(&[3; 32]);
    let (public, signature) = (key.verifying_key().to_bytes(), key.sign(b"message").to_bytes());
    assert!(host.ed25519_verify(&public, b"message", &signature));
    assert!(!host.ed25519_verify(&public, b"massage", &signature));
    // A key of small order verifies anything under lax rules.
    let mut small_order = [0; 32];
    small_order[0] = 1;
    let mut forged = [0; 64];
    forged[0] = 1;
    assert!(!host.ed25519_verify(&small_order, b"message", &forged));
}

#[test]
fn hashes_are_the_published_ones() {
    let host = Double::offline(0);
    let hex = |bytes: [u8; 32]| alloy_primitives::hex::encode(bytes);
    assert_eq!(hex(host.keccak256(b"")), "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
    assert_eq!(hex(host.sha256(b"")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

#[test]
fn a_batch_has_one_answer_for_each_call() {
    let asked = |method: &str| Asked { method: method.to_owned(), params: (&json!([])).into() };
    let exchange = Exchange {
        requests: vec![asked("a"), asked("b")],
        answers: Some(vec![Outcome::Result((&json!(1)).into())]),
        unavailable: None,
    };
    let host = Double::new(0, Script::new(vec![exchange]));
    let answers = host.batch_of(&[Call::new("a", json!([])), Call::new("b", json!([]))]);
    assert_eq!(answers, Err(RpcError::Unavailable("1 answers to a batch of 2 calls".to_owned())));
}
