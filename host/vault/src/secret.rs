//! Where keys come from, and how their text becomes signers.
//!
//! Text of keys lives in [`Zeroizing`] memory from the moment a source hands it over. No error, no
//! `Debug` and no log line carries any part of it: errors name the variable and the position.

use std::{fmt, sync::Arc};

use zeroize::Zeroizing;

use crate::signer::EvmSigner;

/// Most keys that one secret may hold.
const MAX_KEYS: usize = 64;

/// Which networks a key signs for. Testnet keys never sign on a mainnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Networks with money.
    Mainnet,
    /// Networks without.
    Testnet,
}

/// One place where keys may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeySlot {
    /// Keys of one scope alone.
    Scoped(Scope),
    /// Keys for each scope that has none of its own.
    Fallback,
}

/// The text of a secret under the name that errors call it.
pub struct Secret {
    /// Name of the variable, file or entry; it is shown.
    pub name: String,
    /// The text; it is never shown.
    pub value: Zeroizing<String>,
}

/// A place that secrets are read from.
pub trait SecretSource {
    /// The EVM keys of `slot`: hexadecimal, comma-separated; none if there is nothing.
    ///
    /// # Errors
    /// [`SecretError`], without any part of the secret.
    fn evm(&self, slot: KeySlot) -> Result<Option<Secret>, SecretError>;
}

/// Text that cannot be used as keys. Positions count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Not a key at all.
    #[error("{name}: expected 64 hexadecimal digits, with or without 0x, as key {position}")]
    NotHex {
        /// Where it was read from.
        name: String,
        /// Which one.
        position: usize,
    },
    /// 32 bytes, but not a secp256k1 private key.
    #[error("{name}: key {position} is not a private key of secp256k1")]
    NotAKey {
        /// Where it was read from.
        name: String,
        /// Which one.
        position: usize,
    },
    /// The same key twice: two nonce lanes of one account would overwrite each other.
    #[error("{name}: key {position} is the same as key {first}")]
    Duplicate {
        /// Where it was read from.
        name: String,
        /// The first of the two.
        first: usize,
        /// The second.
        position: usize,
    },
    /// More keys than are accepted.
    #[error("{name}: expected at most {MAX_KEYS} keys")]
    TooMany {
        /// Where it was read from.
        name: String,
    },
}

/// The environment, or whatever else answers for it.
struct Environment<'a>(&'a dyn Fn(&str) -> Option<String>);

impl SecretSource for Environment<'_> {
    fn evm(&self, slot: KeySlot) -> Result<Option<Secret>, SecretError> {
        let name = match slot {
            KeySlot::Scoped(Scope::Mainnet) => "EVM_PRIVATE_KEY_MAINNET",
            KeySlot::Scoped(Scope::Testnet) => "EVM_PRIVATE_KEY_TESTNET",
            KeySlot::Fallback => "EVM_PRIVATE_KEY",
        };
        Ok((self.0)(name).map(|value| Secret { name: name.to_owned(), value: Zeroizing::new(value) }))
    }
}

/// The EVM keys of both scopes.
#[derive(Clone, Debug, Default)]
pub struct EvmKeys {
    mainnet: Arc<[EvmSigner]>,
    testnet: Arc<[EvmSigner]>,
}

impl EvmKeys {
    /// Reads `EVM_PRIVATE_KEY_MAINNET`, `EVM_PRIVATE_KEY_TESTNET` and, for what they leave open,
    /// `EVM_PRIVATE_KEY` through `lookup`. An empty variable counts as none.
    ///
    /// # Errors
    /// As [`from_source`](Self::from_source).
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, SecretError> {
        Self::from_source(&Environment(lookup))
    }

    /// Reads the keys of every slot of `source`.
    ///
    /// # Errors
    /// [`SecretError`] for the first key that cannot be used, even where it would not be needed.
    pub fn from_source(source: &dyn SecretSource) -> Result<Self, SecretError> {
        let read = |slot| match source.evm(slot)? {
            Some(secret) => signers(&secret),
            None => Ok(Arc::default()),
        };
        let [mainnet, testnet, fallback] = [
            read(KeySlot::Scoped(Scope::Mainnet))?,
            read(KeySlot::Scoped(Scope::Testnet))?,
            read(KeySlot::Fallback)?,
        ];
        let or_fallback =
            |scoped: Arc<[EvmSigner]>| if scoped.is_empty() { Arc::clone(&fallback) } else { scoped };
        Ok(Self { mainnet: or_fallback(mainnet), testnet: or_fallback(testnet) })
    }

    /// Addresses of the keys of a scope, in the order in which they were given.
    #[must_use]
    pub fn addresses(&self, scope: Scope) -> Vec<[u8; 20]> {
        self.of(scope).iter().map(EvmSigner::address).collect()
    }

    pub(crate) fn of(&self, scope: Scope) -> &[EvmSigner] {
        match scope {
            Scope::Mainnet => &self.mainnet,
            Scope::Testnet => &self.testnet,
        }
    }
}

fn signers(secret: &Secret) -> Result<Arc<[EvmSigner]>, SecretError> {
    let mut signers: Vec<EvmSigner> = Vec::new();
    if secret.value.trim().is_empty() {
        return Ok(Arc::default());
    }
    for (text, position) in secret.value.split(',').zip(1..) {
        let name = || secret.name.clone();
        if position > MAX_KEYS {
            return Err(SecretError::TooMany { name: name() });
        }
        let text = text.trim();
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), bytes.as_mut_slice())
            .map_err(|_| SecretError::NotHex { name: name(), position })?;
        let signer =
            EvmSigner::from_bytes(&bytes).ok_or_else(|| SecretError::NotAKey { name: name(), position })?;
        if let Some(first) = signers.iter().position(|other| other.address() == signer.address()) {
            return Err(SecretError::Duplicate { name: name(), first: first + 1, position });
        }
        signers.push(signer);
    }
    Ok(signers.into())
}

impl fmt::Debug for Secret {
    /// The name alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
