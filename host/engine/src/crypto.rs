//! Signature checks and hashes that guests import: natively 4 to 12 times faster than in WASM.
//!
//! Only verification: no function here, and no type of this crate, takes a private key.

use ed25519_dalek::{Signature as EdSignature, VerifyingKey};
use secp256k1::{
    Message, PublicKey,
    ecdsa::{RecoverableSignature, RecoveryId, Signature},
};
use sha2::{Digest, Sha256};

pub(crate) fn keccak256(data: &[u8]) -> Vec<u8> {
    alloy_primitives::keccak256(data).to_vec()
}

pub(crate) fn sha256(data: &[u8]) -> Vec<u8> {
    Sha256::digest(data).to_vec()
}

/// Whether `s` of a compact signature is in the lower half of the order (EIP-2, BIP-62 rule 5).
fn is_low_s(signature: &Signature) -> bool {
    let mut normalized = *signature;
    normalized.normalize_s();
    normalized == *signature
}

/// Uncompressed public key without its prefix byte.
///
/// None for anything but a 32-byte hash, a 64-byte signature with low s, and a recovery id of 0 or 1:
/// the ids 2 and 3 stand for an r above the order, which no signer produces and the EVM refuses.
pub(crate) fn secp256k1_recover(hash: &[u8], signature: &[u8], recovery_id: u8) -> Option<Vec<u8>> {
    let digest: [u8; 32] = hash.try_into().ok()?;
    if recovery_id > 1 || !is_low_s(&Signature::from_compact(signature).ok()?) {
        return None;
    }
    let id = RecoveryId::try_from(i32::from(recovery_id)).ok()?;
    let recoverable = RecoverableSignature::from_compact(signature, id).ok()?;
    let key = recoverable.recover_ecdsa(Message::from_digest(digest)).ok()?;
    key.serialize_uncompressed().get(1..).map(<[u8]>::to_vec)
}

pub(crate) fn secp256k1_verify(public_key: &[u8], hash: &[u8], signature: &[u8]) -> bool {
    let verified = || {
        let digest: [u8; 32] = hash.try_into().ok()?;
        let key = PublicKey::from_slice(public_key).ok()?;
        // libsecp256k1 refuses high s by itself.
        let signature = Signature::from_compact(signature).ok()?;
        secp256k1::ecdsa::verify(&signature, Message::from_digest(digest), &key).ok()
    };
    verified().is_some()
}

pub(crate) fn ed25519_verify(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let verified = || {
        let key = VerifyingKey::from_bytes(public_key.try_into().ok()?).ok()?;
        let signature = EdSignature::from_slice(signature).ok()?;
        key.verify_strict(message, &signature).ok()
    };
    verified().is_some()
}
