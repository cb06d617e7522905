//! The host's ports for tests: RPC from a script, a clock that stands still, crypto as the host does it.

pub mod json_text;
pub mod script;

use core::cell::RefCell;

use ed25519_dalek::VerifyingKey;
use secp256k1::{
    Message, PublicKey,
    ecdsa::{RecoverableSignature, RecoveryId, Signature},
};
use sha2::{Digest, Sha256};

use crate::{Answer, Call, Host, Level, Rpc, RpcError};
pub use json_text::JsonText;
pub use script::{Asked, Difference, Exchange, Outcome, Script};

/// A host without a network.
#[derive(Debug)]
pub struct Double {
    now_ms: u64,
    script: RefCell<Script>,
    logged: RefCell<Vec<(Level, String)>>,
}

impl Double {
    /// A host at `now_ms` that answers from `script`.
    #[must_use]
    pub fn new(now_ms: u64, script: Script) -> Self {
        Self { now_ms, script: RefCell::new(script), logged: RefCell::default() }
    }

    /// A host on which every RPC call is a mistake.
    #[must_use]
    pub fn offline(now_ms: u64) -> Self {
        Self::new(now_ms, Script::default())
    }

    /// What the guest logged.
    #[must_use]
    pub fn logged(&self) -> Vec<(Level, String)> {
        self.logged.borrow().clone()
    }

    /// Ends the call: every exchange of the script was made, and no other.
    ///
    /// # Errors
    /// The first difference, expected against found.
    pub fn finish(self) -> Result<(), Difference> {
        self.script.into_inner().finish()
    }
}

impl Rpc for Double {
    fn call(&self, call: &Call) -> Answer {
        let mut answers = self.batch(core::slice::from_ref(call))?;
        answers.pop().unwrap_or_else(|| Err(RpcError::Unavailable("the script has no answer".to_owned())))
    }

    fn batch(&self, calls: &[Call]) -> Result<Vec<Answer>, RpcError> {
        let asked = |call: &Call| Asked { method: call.method.to_owned(), params: (&call.params).into() };
        self.script.borrow_mut().play(calls.iter().map(asked).collect())
    }
}

impl Host for Double {
    fn keccak256(&self, data: &[u8]) -> [u8; 32] {
        alloy_primitives::keccak256(data).0
    }

    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        Sha256::digest(data).into()
    }

    fn secp256k1_recover(&self, hash: &[u8; 32], signature: &[u8; 64], recovery_id: u8) -> Option<[u8; 64]> {
        let id = match recovery_id {
            0 => RecoveryId::Zero,
            1 => RecoveryId::One,
            _ => return None,
        };
        let signature = RecoverableSignature::from_compact(signature, id).ok()?;
        if !is_low_s(&signature.to_standard()) {
            return None;
        }
        let key = signature.recover_ecdsa(Message::from_digest(*hash)).ok()?;
        key.serialize_uncompressed().last_chunk().copied()
    }

    fn secp256k1_verify(&self, public_key: &[u8], hash: &[u8; 32], signature: &[u8; 64]) -> bool {
        let (Ok(key), Ok(signature)) =
            (PublicKey::from_slice(public_key), Signature::from_compact(signature))
        else {
            return false;
        };
        is_low_s(&signature)
            && secp256k1::ecdsa::verify(&signature, Message::from_digest(*hash), &key).is_ok()
    }

    fn ed25519_verify(&self, public_key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
        VerifyingKey::from_bytes(public_key)
            .is_ok_and(|key| key.verify_strict(message, &(*signature).into()).is_ok())
    }

    fn now_ms(&self) -> u64 {
        self.now_ms
    }

    fn log(&self, level: Level, message: &str) {
        self.logged.borrow_mut().push((level, message.to_owned()));
    }
}

fn is_low_s(signature: &Signature) -> bool {
    let mut normalized = *signature;
    normalized.normalize_s();
    normalized == *signature
}

#[cfg(test)]
mod tests;
