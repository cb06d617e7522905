//! The host's own reading of calldata: both forms of `transferWithAuthorization`, and nothing else.
//!
//! Source: EIP-3009; the form with `bytes signature` is that of USDC 2.2 (FiatTokenV2_2).

use std::str::FromStr;

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

/// A function that the host can decode, and an operator may allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvmSelector {
    /// `0xe3ee160e`: `transferWithAuthorization` with `v`, `r`, `s`, for a signature of a key.
    TransferWithParts,
    /// `0xcf092995`: `transferWithAuthorization` with `bytes signature`, for one of a contract wallet.
    TransferWithBytes,
}

/// Text that names no function that the host can decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 0xe3ee160e (transferWithAuthorization with v, r, s) or 0xcf092995 (with bytes signature)")]
pub struct UnknownSelector;

impl EvmSelector {
    /// Every function that the host can decode.
    pub const ALL: [Self; 2] = [Self::TransferWithParts, Self::TransferWithBytes];

    /// The first four bytes of the calldata.
    #[must_use]
    pub const fn bytes(self) -> [u8; 4] {
        match self {
            Self::TransferWithParts => WithParts::SELECTOR,
            Self::TransferWithBytes => WithBytes::SELECTOR,
        }
    }
}

impl FromStr for EvmSelector {
    type Err = UnknownSelector;

    /// `0x` and eight hexadecimal digits, in either case.
    fn from_str(text: &str) -> Result<Self, UnknownSelector> {
        let mut bytes = [0; 4];
        let digits = text.strip_prefix("0x").ok_or(UnknownSelector)?;
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| UnknownSelector)?;
        Self::ALL.into_iter().find(|selector| selector.bytes() == bytes).ok_or(UnknownSelector)
    }
}

/// Reads calldata of the `allowed` functions strictly: [`rule::SELECTOR_LISTED`],
/// [`rule::SIGNATURE_LENGTH`], [`rule::CALLDATA_CANONICAL`].
pub(super) fn decode(data: &[u8], allowed: &[EvmSelector]) -> Result<Transfer, PolicyRefusal> {
    let found = data.first_chunk::<4>();
    match allowed.iter().find(|selector| Some(&selector.bytes()) == found) {
        Some(EvmSelector::TransferWithParts) => {
            let WithParts { from, to, value, validBefore: valid_before, nonce, .. } = canonical(data)?;
            Ok(Transfer { from, to, value, valid_before, nonce })
        }
        Some(EvmSelector::TransferWithBytes) => {
            if data.len() > MAX_CALLDATA_BYTES {
                let message = format!("expected at most {MAX_SIGNATURE_BYTES} bytes of signature");
                return Err(PolicyRefusal::new(rule::SIGNATURE_LENGTH, message));
            }
            let WithBytes { from, to, value, validBefore: valid_before, nonce, .. } = canonical(data)?;
            Ok(Transfer { from, to, value, valid_before, nonce })
        }
        None => {
            let found = found.map_or_else(|| "none".to_owned(), hex::encode);
            let allowed: Vec<String> = allowed.iter().map(|selector| hex::encode(selector.bytes())).collect();
            let message = format!("expected selector {}, found {found}", allowed.join(" or "));
            Err(PolicyRefusal::new(rule::SELECTOR_LISTED, message))
        }
    }
}

/// The call that `data` encodes, if it is the one encoding of it.
fn canonical<C: SolCall>(data: &[u8]) -> Result<C, PolicyRefusal> {
    C::abi_decode_validate(data)
        .ok()
        .filter(|call| call.abi_encode() == data)
        .ok_or_else(|| PolicyRefusal::new(rule::CALLDATA_CANONICAL, "calldata is not the canonical encoding"))
}
