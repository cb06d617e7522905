//! The host's own reading of calldata: both forms of `transferWithAuthorization`, and nothing else.
//!
//! Source: EIP-3009; the form with `bytes signature` is that of USDC 2.2 (FiatTokenV2_2).

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{SolCall, sol};

use crate::policy::{PolicyRefusal, rule};

sol! {
    function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter,
        uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s);
    function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter,
        uint256 validBefore, bytes32 nonce, bytes signature);
}

type WithParts = transferWithAuthorization_0Call;
type WithBytes = transferWithAuthorization_1Call;

/// Longest signature of a payer, bytes. A multi-signature or passkey wallet needs some hundreds.
const MAX_SIGNATURE_BYTES: usize = 4_096;
/// Longest calldata that is looked at: selector, seven words, the signature's length and bytes.
const MAX_CALLDATA_BYTES: usize = 4 + 8 * 32 + MAX_SIGNATURE_BYTES;

/// What a call would move.
pub(super) struct Transfer {
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) value: U256,
    pub(super) valid_before: U256,
    pub(super) nonce: B256,
}

/// Reads calldata strictly: [`rule::SELECTOR_LISTED`], [`rule::SIGNATURE_LENGTH`],
/// [`rule::CALLDATA_CANONICAL`].
pub(super) fn decode(data: &[u8]) -> Result<Transfer, PolicyRefusal> {
    let selector = data.first_chunk::<4>();
    if selector == Some(&WithParts::SELECTOR) {
        let WithParts { from, to, value, validBefore: valid_before, nonce, .. } = canonical(data)?;
        Ok(Transfer { from, to, value, valid_before, nonce })
    } else if selector == Some(&WithBytes::SELECTOR) {
        if data.len() > MAX_CALLDATA_BYTES {
            let message = format!("expected at most {MAX_SIGNATURE_BYTES} bytes of signature");
            return Err(PolicyRefusal::new(rule::SIGNATURE_LENGTH, message));
        }
        let WithBytes { from, to, value, validBefore: valid_before, nonce, .. } = canonical(data)?;
        Ok(Transfer { from, to, value, valid_before, nonce })
    } else {
        let found = selector.map_or_else(|| "none".to_owned(), hex::encode);
        Err(PolicyRefusal::new(
            rule::SELECTOR_LISTED,
            format!("expected transferWithAuthorization, found selector {found}"),
        ))
    }
}

/// The call that `data` encodes, if it is the one encoding of it.
fn canonical<C: SolCall>(data: &[u8]) -> Result<C, PolicyRefusal> {
    C::abi_decode_validate(data)
        .ok()
        .filter(|call| call.abi_encode() == data)
        .ok_or_else(|| PolicyRefusal::new(rule::CALLDATA_CANONICAL, "calldata is not the canonical encoding"))
}
