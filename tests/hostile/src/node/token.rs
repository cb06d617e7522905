//! What the token contracts do: EIP-3009 as FiatToken v2.2 has it, for accounts without code.
//!
//! Source: EIP-3009, EIP-712, FiatTokenV2_2 (words of its reverts), ERC-20 (`Transfer`).

use alloy_primitives::{Address, B256, U256, b256};
use alloy_sol_types::{Eip712Domain, SolCall, SolStruct, eip712_domain, sol};

use super::chain::Token;
use crate::accounts::recover;

sol! {
    /// What a payer signs (EIP-3009).
    #[derive(Debug)]
    struct TransferWithAuthorization {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }
    function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter,
        uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s);
    function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter,
        uint256 validBefore, bytes32 nonce, bytes signature);
    function balanceOf(address account) returns (uint256);
    function authorizationState(address authorizer, bytes32 nonce) returns (bool);
    function name() returns (string);
    function version() returns (string);
}

/// Of the event `Transfer(address indexed from, address indexed to, uint256 value)`.
pub(super) const fn transfer_topic() -> B256 {
    b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef")
}

/// Of the event `AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)`.
pub(super) const fn authorization_used_topic() -> B256 {
    b256!("98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5")
}

/// A signed authorization, as it stands in calldata.
#[derive(Clone, Debug)]
pub(super) struct Transfer {
    pub(super) message: TransferWithAuthorization,
    signature: Vec<u8>,
}

impl Transfer {
    /// Reads calldata of either form, with whatever stands behind it: a contract looks no further either.
    pub(super) fn read(data: &[u8]) -> Option<Self> {
        if let Ok(call) = transferWithAuthorization_0Call::abi_decode(data) {
            let transferWithAuthorization_0Call { from, to, value, validAfter, validBefore, nonce, v, r, s } =
                call;
            let message = TransferWithAuthorization { from, to, value, validAfter, validBefore, nonce };
            let signature = [r.as_slice(), s.as_slice(), &[v]].concat();
            return Some(Self { message, signature });
        }
        let call = transferWithAuthorization_1Call::abi_decode(data).ok()?;
        let transferWithAuthorization_1Call { from, to, value, validAfter, validBefore, nonce, signature } =
            call;
        let message = TransferWithAuthorization { from, to, value, validAfter, validBefore, nonce };
        Some(Self { message, signature: signature.to_vec() })
    }

    /// Whether the payer's key signed this, in the token's domain.
    pub(super) fn is_signed(&self, token: &Token, chain_id: u64) -> bool {
        let digest = authorization_digest(token, chain_id, &self.message);
        let [rs @ .., v @ (27 | 28)] = self.signature.as_slice() else { return false };
        recover(digest, rs, v - 27).is_ok_and(|signer| signer == self.message.from)
    }
}

/// The 32 bytes that a payer signs.
#[must_use]
pub fn authorization_digest(token: &Token, chain_id: u64, message: &TransferWithAuthorization) -> B256 {
    let domain: Eip712Domain = eip712_domain! {
        name: token.name.to_owned(),
        version: token.version.to_owned(),
        chain_id: chain_id,
        verifying_contract: token.address,
    };
    message.eip712_signing_hash(&domain)
}

/// What a read of a token is asked for.
pub(super) enum Read {
    BalanceOf(Address),
    AuthorizationState(Address, B256),
    Name,
    Version,
}

impl Read {
    pub(super) fn of(data: &[u8]) -> Option<Self> {
        if let Ok(call) = balanceOfCall::abi_decode(data) {
            return Some(Self::BalanceOf(call.account));
        }
        if let Ok(call) = authorizationStateCall::abi_decode(data) {
            return Some(Self::AuthorizationState(call.authorizer, call.nonce));
        }
        match data {
            data if data == nameCall {}.abi_encode() => Some(Self::Name),
            data if data == versionCall {}.abi_encode() => Some(Self::Version),
            _ => None,
        }
    }
}

/// A number as an ABI word.
pub(super) fn word(number: U256) -> Vec<u8> {
    number.to_be_bytes::<32>().to_vec()
}
