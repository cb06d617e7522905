//! The 32 bytes that the payer signed.
//!
//! Source: EIP-712 (domain separator, hashStruct), EIP-3009 (type of the message). Written out by hand:
//! one fixed type, and the host's own decoder must share no code with it.

use alloy_primitives::{Address, B256, U256, b256, keccak256};

use crate::authorization::Authorization;

/// keccak256 of `EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)`.
const DOMAIN_TYPE_HASH: B256 = b256!("8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f");
/// keccak256 of `TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,
/// uint256 validBefore,bytes32 nonce)`, without the line break.
const MESSAGE_TYPE_HASH: B256 = b256!("7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267");

/// The token's EIP-712 domain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Domain<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) chain_id: u64,
    pub(crate) verifying_contract: Address,
}

impl Domain<'_> {
    fn separator(&self) -> B256 {
        hash_words([
            DOMAIN_TYPE_HASH,
            keccak256(self.name),
            keccak256(self.version),
            U256::from(self.chain_id).into(),
            self.verifying_contract.into_word(),
        ])
    }

    /// What is signed for `authorization` in this domain.
    pub(crate) fn digest(&self, authorization: &Authorization) -> B256 {
        let message = hash_words([
            MESSAGE_TYPE_HASH,
            authorization.from.into_word(),
            authorization.to.into_word(),
            authorization.value.into(),
            authorization.valid_after.into(),
            authorization.valid_before.into(),
            authorization.nonce,
        ]);
        keccak256([b"\x19\x01".as_slice(), self.separator().as_slice(), message.as_slice()].concat())
    }
}

/// keccak256 of the words one after the other, as `abi.encode` lays out static types.
fn hash_words<const N: usize>(words: [B256; N]) -> B256 {
    keccak256(words.map(|word| word.0).as_flattened())
}

#[cfg(test)]
mod tests {
    use alloy_sol_types::{SolStruct, eip712_domain, sol};
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures::any_authorization;

    sol! {
        struct TransferWithAuthorization {
            address from;
            address to;
            uint256 value;
            uint256 validAfter;
            uint256 validBefore;
            bytes32 nonce;
        }
    }

    #[test]
    fn type_hashes_are_those_of_the_types() {
        let domain = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
        let message = "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,\
                       uint256 validBefore,bytes32 nonce)";
        assert_eq!(DOMAIN_TYPE_HASH, keccak256(domain));
        assert_eq!(MESSAGE_TYPE_HASH, keccak256(message));
    }

    /// Source: `DOMAIN_SEPARATOR()` of USDC on Polygon.
    #[test]
    fn separator_is_that_of_a_deployed_token() {
        let domain = Domain {
            name: "USD Coin",
            version: "2",
            chain_id: 137,
            verifying_contract: "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359".parse().unwrap(),
        };
        let on_chain = b256!("caa2ce1a5703ccbe253a34eb3166df60a705c561b44b192061e28f2a985be2ca");
        assert_eq!(domain.separator(), on_chain);
    }

    proptest! {
        #[test]
        fn digest_is_that_of_the_reference(
            authorization in any_authorization(),
            name in ".{0,80}",
            version in ".{0,40}",
            chain_id: u64,
            contract: [u8; 20],
        ) {
            let contract = Address::from(contract);
            let reference = TransferWithAuthorization {
                from: authorization.from,
                to: authorization.to,
                value: authorization.value,
                validAfter: authorization.valid_after,
                validBefore: authorization.valid_before,
                nonce: authorization.nonce,
            };
            let reference_domain = eip712_domain! {
                name: name.clone(),
                version: version.clone(),
                chain_id: chain_id,
                verifying_contract: contract,
            };
            let domain =
                Domain { name: &name, version: &version, chain_id, verifying_contract: contract };
            prop_assert_eq!(
                domain.digest(&authorization),
                reference.eip712_signing_hash(&reference_domain)
            );
        }
    }
}
