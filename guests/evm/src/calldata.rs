//! ABI words of the five calls that this guest makes, and of their answers.
//!
//! Source: Solidity ABI specification; EIP-3009; ERC-20. Written out by hand: five fixed shapes, and the
//! host's own decoder must share no code with it.

use alloy_primitives::{Address, B256, U256, hex};

use crate::{authorization::Authorization, signature::Authority};

/// `transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)`
const TRANSFER_WITH_KEY: [u8; 4] = hex!("e3ee160e");
/// `transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)`
const TRANSFER_WITH_BYTES: [u8; 4] = hex!("cf092995");
/// `balanceOf(address)`
const BALANCE_OF: [u8; 4] = hex!("70a08231");
/// `authorizationState(address,bytes32)`
const AUTHORIZATION_STATE: [u8; 4] = hex!("e94a0102");
/// `name()`
pub(crate) const NAME: [u8; 4] = hex!("06fdde03");
/// `version()`
pub(crate) const VERSION: [u8; 4] = hex!("54fd4d50");

const WORD: usize = 32;

/// The call that settles: with v, r, s for a key, which every EIP-3009 token has, and with
/// `bytes` for a contract wallet, which FiatToken has since v2.2.
pub(crate) fn transfer(authorization: &Authorization, authority: &Authority) -> Vec<u8> {
    let head = [
        authorization.from.into_word(),
        authorization.to.into_word(),
        authorization.value.into(),
        authorization.valid_after.into(),
        authorization.valid_before.into(),
        authorization.nonce,
    ];
    match authority {
        Authority::Key { v, r, s } => {
            let mut data = call(TRANSFER_WITH_KEY, &head);
            push_words(&mut data, &[U256::from(*v).into(), *r, *s]);
            data
        }
        Authority::Contract { signature, .. } => {
            let mut data = call(TRANSFER_WITH_BYTES, &head);
            // One dynamic argument: its place after seven words, its length, its bytes padded to words.
            push_words(&mut data, &[U256::from(7 * WORD).into(), U256::from(signature.len()).into()]);
            data.extend_from_slice(signature);
            data.resize(data.len() + signature.len().next_multiple_of(WORD) - signature.len(), 0);
            data
        }
    }
}

/// The token's balance of `account`.
pub(crate) fn balance_of(account: Address) -> Vec<u8> {
    call(BALANCE_OF, &[account.into_word()])
}

/// Whether the token saw the authorization's nonce, used or cancelled.
pub(crate) fn authorization_state(authorization: &Authorization) -> Vec<u8> {
    call(AUTHORIZATION_STATE, &[authorization.from.into_word(), authorization.nonce])
}

fn call(selector: [u8; 4], arguments: &[B256]) -> Vec<u8> {
    let mut data = Vec::with_capacity(4 + 12 * WORD);
    data.extend_from_slice(&selector);
    push_words(&mut data, arguments);
    data
}

fn push_words(data: &mut Vec<u8>, words: &[B256]) {
    data.extend(words.iter().flat_map(|word| word.0));
}

/// ABI-encoded values, read with every offset and length checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words<'a>(pub(crate) &'a [u8]);

impl<'a> Words<'a> {
    /// The only word of an answer: data of any other length is no word, and empty data is no zero.
    pub(crate) fn single(self) -> Option<U256> {
        <[u8; WORD]>::try_from(self.0).ok().map(U256::from_be_bytes)
    }

    /// The address at a word, whose upper bytes have to be zero.
    pub(crate) fn address(self, index: usize) -> Option<Address> {
        let (padding, address) = self.word(index)?.split_at_checked(12)?;
        if padding.iter().any(|byte| *byte != 0) {
            return None;
        }
        Address::try_from(address).ok()
    }

    /// The bytes to which the word points.
    pub(crate) fn dynamic(self, index: usize) -> Option<&'a [u8]> {
        let start = as_usize(self.word(index)?)?;
        let length_end = start.checked_add(WORD)?;
        let length = as_usize(self.0.get(start..length_end)?)?;
        self.0.get(length_end..length_end.checked_add(length)?)
    }

    fn word(self, index: usize) -> Option<&'a [u8]> {
        let start = index.checked_mul(WORD)?;
        self.0.get(start..start.checked_add(WORD)?)
    }
}

fn as_usize(word: &[u8]) -> Option<usize> {
    U256::try_from_be_slice(word)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use alloy_sol_types::{SolCall, SolValue, sol};
    use facilitator_protocol::reason;
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::{fixtures::any_authorization, refusal::refuse};

    sol! {
        function transferWithAuthorization(
            address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce,
            uint8 v, bytes32 r, bytes32 s
        );
        function transferWithAuthorization(
            address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce,
            bytes signature
        );
        function balanceOf(address account) returns (uint256);
        function authorizationState(address authorizer, bytes32 nonce) returns (bool);
        function name() returns (string);
        function version() returns (string);
    }

    #[test]
    fn calls_without_arguments_are_those_of_the_reference() {
        assert_eq!(nameCall {}.abi_encode(), NAME);
        assert_eq!(versionCall {}.abi_encode(), VERSION);
    }

    proptest! {
        #[test]
        fn settlement_by_key_is_that_of_the_reference(
            a in any_authorization(), v: u8, r: [u8; 32], s: [u8; 32],
        ) {
            let (r, s) = (B256::from(r), B256::from(s));
            let reference = transferWithAuthorization_0Call {
                from: a.from, to: a.to, value: a.value, validAfter: a.valid_after,
                validBefore: a.valid_before, nonce: a.nonce, v, r, s,
            };
            prop_assert_eq!(transfer(&a, &Authority::Key { v, r, s }), reference.abi_encode());
        }

        #[test]
        fn settlement_by_contract_is_that_of_the_reference(
            a in any_authorization(), signature in vec(any::<u8>(), 0..200),
        ) {
            let authority = Authority::Contract {
                signature: signature.clone(),
                without_code: refuse(reason::EVM_SIGNATURE, ""),
            };
            let reference = transferWithAuthorization_1Call {
                from: a.from, to: a.to, value: a.value, validAfter: a.valid_after,
                validBefore: a.valid_before, nonce: a.nonce, signature: signature.into(),
            };
            prop_assert_eq!(transfer(&a, &authority), reference.abi_encode());
        }

        #[test]
        fn reads_are_those_of_the_reference(a in any_authorization()) {
            prop_assert_eq!(balance_of(a.from), balanceOfCall { account: a.from }.abi_encode());
            let reference = authorizationStateCall { authorizer: a.from, nonce: a.nonce };
            prop_assert_eq!(authorization_state(&a), reference.abi_encode());
        }

        #[test]
        fn what_the_reference_encodes_is_read(factory: [u8; 20], text in ".{0,60}", inner: Vec<u8>) {
            let factory = Address::from(factory);
            let encoded = (factory, text.as_bytes().to_vec(), inner.clone()).abi_encode_params();
            let words = Words(&encoded);
            prop_assert_eq!(words.address(0), Some(factory));
            prop_assert_eq!(words.dynamic(1), Some(text.as_bytes()));
            prop_assert_eq!(words.dynamic(2), Some(inner.as_slice()));
        }

        #[test]
        fn no_bytes_trap_the_reader(data: Vec<u8>, index: usize) {
            let words = Words(&data);
            let _ = (words.single(), words.address(index), words.dynamic(index), words.dynamic(0));
        }
    }

    #[test]
    fn hostile_offsets_and_lengths_are_no_data() {
        let offset = |offset: U256, length: U256| [offset.to_be_bytes::<32>(), length.to_be_bytes()].concat();
        assert_eq!(Words(&offset(U256::from(32), U256::ZERO)).dynamic(0), Some(&[][..]));
        for (start, length) in [
            (U256::from(32), U256::ONE),
            (U256::from(33), U256::ZERO),
            (U256::MAX, U256::ZERO),
            (U256::from(u64::MAX), U256::ZERO),
            (U256::from(32), U256::MAX),
            (U256::from(32), U256::from(u64::MAX)),
        ] {
            assert_eq!(Words(&offset(start, length)).dynamic(0), None, "{start} {length}");
        }
        assert_eq!(Words(&[]).single(), None);
        assert_eq!(Words(&[0; 31]).single(), None);
        assert_eq!(Words(&[0; 33]).single(), None);
        assert_eq!(Words(&[1; 32]).address(0), None);
    }
}
