//! Accounts of the tests: the well-known development keys of anvil, which guard nothing anywhere.

use alloy_primitives::{Address, B256, keccak256};
use anyhow::Context;
use secp256k1::{
    Message, PublicKey, SecretKey,
    ecdsa::{RecoverableSignature, RecoveryId},
};

/// Anvil's account 0: the facilitator's, which pays for gas.
pub const FACILITATOR_KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
/// Anvil's account 1: pays, and holds tokens.
const PAYER_KEY: &str = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
/// Anvil's account 2: would pay, and holds nothing.
const POOR_PAYER_KEY: &str = "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a";

/// An account with its key.
#[derive(Clone, Debug)]
pub struct Account {
    key: SecretKey,
    /// Its address.
    pub address: Address,
}

impl Account {
    fn from_hex(key: &str) -> anyhow::Result<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(key, &mut bytes)?;
        let key = SecretKey::from_secret_bytes(bytes)?;
        Ok(Self { address: address_of(&PublicKey::from_secret_key(&key)), key })
    }

    /// The facilitator's own account.
    pub fn facilitator() -> anyhow::Result<Self> {
        Self::from_hex(FACILITATOR_KEY)
    }

    /// An account that holds tokens.
    pub fn payer() -> anyhow::Result<Self> {
        Self::from_hex(PAYER_KEY)
    }

    /// An account that holds nothing.
    pub fn poor_payer() -> anyhow::Result<Self> {
        Self::from_hex(POOR_PAYER_KEY)
    }

    /// r, s and v of 27 or 28.
    #[must_use]
    pub fn sign(&self, digest: B256) -> [u8; 65] {
        let signed = RecoverableSignature::sign_ecdsa_recoverable(Message::from_digest(digest.0), &self.key);
        let (id, rs) = signed.serialize_compact();
        let mut signature = [0; 65];
        let (front, back) = signature.split_at_mut(64);
        front.copy_from_slice(&rs);
        back.fill(27 + id.to_u8());
        signature
    }
}

fn address_of(key: &PublicKey) -> Address {
    let uncompressed = key.serialize_uncompressed();
    Address::from_word(keccak256(uncompressed.get(1..).unwrap_or_default()))
}

/// Whose key made a signature.
pub fn recover(digest: B256, rs: &[u8], parity: u8) -> anyhow::Result<Address> {
    let id = RecoveryId::try_from(i32::from(parity)).context("recovery id")?;
    let signature = RecoverableSignature::from_compact(rs, id)?;
    Ok(address_of(&signature.recover_ecdsa(Message::from_digest(digest.0))?))
}
