//! A key that signs one kind of thing: an EIP-1559 transaction that this crate has built.

use std::fmt;

use alloy_consensus::{SignableTransaction, Signed, TxEip1559};
use alloy_primitives::Address;
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;

/// A secp256k1 key. Its memory is cleared when it is dropped.
pub(crate) struct EvmSigner(PrivateKeySigner);

impl EvmSigner {
    /// The signer of a private key; none if the bytes are zero or not below the curve's order.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        PrivateKeySigner::from_slice(bytes).ok().map(Self)
    }

    pub(crate) fn address(&self) -> [u8; 20] {
        self.0.address().into_array()
    }

    /// Signs a transaction (EIP-1559). Deterministic (RFC 6979): the same transaction gives the same bytes.
    pub(crate) fn sign(&self, transaction: TxEip1559) -> Result<Signed<TxEip1559>, alloy_signer::Error> {
        let signature = self.0.sign_hash_sync(&transaction.signature_hash())?;
        Ok(transaction.into_signed(signature))
    }
}

impl fmt::Debug for EvmSigner {
    /// The address alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EvmSigner").field(&Address::from(self.address())).finish()
    }
}
