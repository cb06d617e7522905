//! Reading a node's error: did the call fail in the EVM, or did the node fail?
//!
//! JSON-RPC leaves it open, so clients differ. Geth, Erigon, Reth, Nitro and anvil answer a revert with
//! code 3 and the data, or with -32000 and `execution reverted`; Nethermind and OpenEthereum with -32015
//! `VM execution error`; Besu with -32000 `Execution reverted`; Frontier and Hardhat with -32603 and `VM
//! Exception`. The same codes also carry rate limits and outages, which say nothing of the payment.

use alloy_primitives::hex;
use guest_sdk::{GuestError, RemoteError, RpcError, request::shown};

use crate::{calldata::Words, encoding};

/// The call failed in the EVM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Reverted or halted, with the contract's words if it gave any.
    Reverted(Option<String>),
    /// It needs more gas than it may use.
    OutOfGas,
}

/// EIP-1474 leaves 3 to "execution error"; -32015 is OpenEthereum's.
const REVERT_CODES: [i64; 2] = [3, -32015];
const OUT_OF_GAS: [&str; 3] = ["out of gas", "outofgas", "gas required exceeds"];
const HALTED: [&str; 9] = [
    "invalid opcode",
    "invalid jump",
    "bad jump",
    "bad instruction",
    "stack underflow",
    "stack limit",
    "write protection",
    "vm execution error",
    "evm error",
];
/// The sender of the settlement is broke or offers too little: ours to mend, not the payer's.
const OUR_FEE: [&str; 5] = [
    "insufficient funds for gas",
    "insufficient funds for transfer",
    "insufficient balance to pay",
    "less than block base fee",
    "max fee per gas less than",
];
/// Most bytes of revert data that are looked at.
const MAX_DATA_BYTES: usize = 4096;
/// `Error(string)`
const ERROR: [u8; 4] = hex!("08c379a0");
/// `Panic(uint256)`
const PANIC: [u8; 4] = hex!("4e487b71");

/// What an error says of a call that may use `gas_cap`.
///
/// # Errors
/// [`GuestError::Upstream`] when it says nothing of the call.
pub(crate) fn read(error: RpcError, gas_cap: u64) -> Result<Failure, GuestError> {
    let RpcError::Remote(remote) = &error else { return Err(error.into()) };
    let message = remote.message.to_ascii_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase));
    let data = revert_data(remote);
    if REVERT_CODES.contains(&remote.code) || data.is_some() || says(&["revert"]) {
        return Ok(Failure::Reverted(words(remote, data.as_deref())));
    }
    if says(&OUT_OF_GAS) {
        // Geth bounds an estimate by what the sender can pay for: below the cap, that is the cause.
        return match allowance(&message) {
            Some(allowance) if allowance < gas_cap => Err(our_fee()),
            _ => Ok(Failure::OutOfGas),
        };
    }
    if says(&HALTED) {
        return Ok(Failure::Reverted(None));
    }
    Err(if says(&OUR_FEE) { our_fee() } else { error.into() })
}

fn our_fee() -> GuestError {
    GuestError::Upstream("the facilitator's account cannot pay the network's fee now".to_owned())
}

/// N of geth's `gas required exceeds allowance (N)` and anvil's `allowance: N`.
fn allowance(message: &str) -> Option<u64> {
    let (_, rest) = message.split_once("exceeds allowance")?;
    let digits = rest.trim_start_matches([' ', ':', '(']);
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn revert_data(remote: &RemoteError) -> Option<Vec<u8>> {
    let text: String = serde_json::from_str(remote.data.as_deref()?).ok()?;
    encoding::bytes(text.strip_prefix("Reverted ").unwrap_or(&text), MAX_DATA_BYTES)
}

/// The contract's words, fit for a message: nothing else of a node's error is passed on.
fn words(remote: &RemoteError, data: Option<&[u8]>) -> Option<String> {
    let from_data = data.and_then(|data| {
        let (selector, arguments) = data.split_first_chunk()?;
        match *selector {
            ERROR => Words(arguments).dynamic(0).map(|text| shown(&String::from_utf8_lossy(text))),
            PANIC => Words(arguments).single().map(|code| format!("panic {code:#x}")),
            custom => Some(format!("custom error 0x{}", hex::encode(custom))),
        }
    });
    from_data.or_else(|| {
        let (_, text) = remote.message.split_once("execution reverted: ")?;
        Some(shown(text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: u64 = 200_000;
    /// `Error("no")`
    const NO: &str = "0x08c379a0000000000000000000000000000000000000000000000000000000000000002000000000000000000000000000000000000000000000000000000000000000026e6f000000000000000000000000000000000000000000000000000000000000";

    fn remote(code: i64, message: &str, data: Option<&str>) -> Result<Failure, GuestError> {
        let data = data.map(|data| serde_json::Value::from(data).to_string());
        read(RpcError::Remote(RemoteError { code, message: message.to_owned(), data }), CAP)
    }

    #[test]
    fn reverts_of_all_clients_are_reverts() {
        let no = Some("no".to_owned());
        let prefixed = format!("Reverted {NO}");
        for (code, message, data, words) in [
            (3, "execution reverted: no", Some(NO), no.clone()),
            (-32000, "execution reverted", Some(NO), no.clone()),
            (-32000, "execution reverted: no", None, no.clone()),
            (-32000, "execution reverted", None, None),
            (-32000, "call failed", Some(NO), no.clone()),
            (-32000, "Execution reverted", Some("0x"), None),
            (-32015, "VM execution error.", Some(prefixed.as_str()), no),
            (-32603, "VM Exception while processing transaction: revert", Some("0x"), None),
            (-32000, "invalid opcode: INVALID", None, None),
            (-32603, "EVM error InvalidFEOpcode", None, None),
            (3, "execution reverted", Some("0x12345678"), Some("custom error 0x12345678".to_owned())),
            (3, "execution reverted: out of gas", None, Some("out of gas".to_owned())),
            (
                3,
                "execution reverted: insufficient funds for gas",
                None,
                Some("insufficient funds for gas".to_owned()),
            ),
            (3, "execution reverted: \u{1b}[31m\n\u{202e}x", None, Some("?[31m??x".to_owned())),
        ] {
            assert_eq!(remote(code, message, data), Ok(Failure::Reverted(words)), "{code} {message}");
        }
    }

    #[test]
    fn panics_tell_their_code() {
        let data = format!("0x4e487b71{:064x}", 0x11);
        assert_eq!(
            remote(3, "execution reverted", Some(&data)),
            Ok(Failure::Reverted(Some("panic 0x11".to_owned())))
        );
    }

    #[test]
    fn too_much_gas_is_told_from_too_little_money() {
        for message in [
            "out of gas",
            "EVM error OutOfGas",
            "gas required exceeds allowance (200000)",
            "gas required exceeds allowance or always failing transaction",
        ] {
            assert_eq!(remote(-32000, message, None), Ok(Failure::OutOfGas), "{message}");
        }
        for message in [
            "gas required exceeds allowance (199999)",
            "Out of gas: gas required exceeds allowance: 0",
            "insufficient funds for gas * price + value: balance 0, tx cost 1, overshot 1",
            "max fee per gas less than block base fee: address 0x00, maxFeePerGas: 1, baseFee: 2",
        ] {
            assert_eq!(remote(-32000, message, None), Err(our_fee()), "{message}");
        }
    }

    #[test]
    fn a_failing_node_is_no_verdict() {
        for (code, message) in [
            (-32005, "limit exceeded"),
            (-32601, "the method eth_call does not exist"),
            (-32603, "Internal error"),
            (-32000, "header not found"),
            (-32000, "missing trie node"),
            (-32003, "transaction rejected"),
            (429, "Too Many Requests"),
        ] {
            let error = remote(code, message, None).unwrap_err();
            assert!(matches!(&error, GuestError::Upstream(text) if !text.contains(message)), "{error}");
        }
        let unavailable = read(RpcError::Unavailable("timeout".to_owned()), CAP);
        assert_eq!(unavailable, Err(GuestError::Upstream("timeout".to_owned())));
        assert!(matches!(read(RpcError::Denied("eth_call".to_owned()), CAP), Err(GuestError::Upstream(_))));
    }
}
