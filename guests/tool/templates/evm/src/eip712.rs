//! The 32 bytes that the payer signed.
//!
//! Source: EIP-712 (domain separator, hashStruct), EIP-3009 (type of the message). One fixed type, written
//! out by hand.

use alloy_primitives::{B256, U256, keccak256};

use crate::authorization::Payment;

const DOMAIN_TYPE: &str = "EIP712Domain(string name,string version,uint256 chainId,\
                           address verifyingContract)";
const MESSAGE_TYPE: &str = "TransferWithAuthorization(address from,address to,uint256 value,\
                            uint256 validAfter,uint256 validBefore,bytes32 nonce)";

impl Payment {
    /// Domain and message under one hash: a signature for another token, chain or amount fits nothing here.
    pub(crate) fn digest(&self) -> B256 {
        let (name, version) = &self.domain;
        let domain = hash_words(&[
            keccak256(DOMAIN_TYPE),
            keccak256(name),
            keccak256(version),
            U256::from(self.chain_id).into(),
            self.asset.into_word(),
        ]);
        let message = hash_words(&[
            keccak256(MESSAGE_TYPE),
            self.from.into_word(),
            self.to.into_word(),
            self.value.into(),
            self.valid_after.into(),
            self.valid_before.into(),
            self.nonce,
        ]);
        keccak256([b"\x19\x01".as_slice(), domain.as_slice(), message.as_slice()].concat())
    }
}

/// keccak256 of the words one after the other, as `abi.encode` lays out static types.
fn hash_words(words: &[B256]) -> B256 {
    keccak256(words.concat())
}
