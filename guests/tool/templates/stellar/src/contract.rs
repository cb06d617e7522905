//! Is there a contract at the asset's address, and which ledger is the latest?
//!
//! Source: Stellar RPC `getLedgerEntries`; Stellar-ledger-entries.x (`LedgerKey`), Stellar-contract.x
//! (`SCAddress`, `SCVal`); SEP-23 (strkey).

use base64::{Engine as _, prelude::BASE64_STANDARD};
use facilitator_protocol::{Invalid, reason};
use guest_sdk::{Call, Host, Request, RpcExt as _};
use serde::Deserialize;
use serde_json::json;

use crate::refusal::{Stop, refuse};

pub(crate) const METHOD: &str = "getLedgerEntries";

/// `2 << 3`: the first byte of a contract's strkey, which makes it begin with C.
const CONTRACT: u8 = 2 << 3;

/// What is read of the answer; nodes add fields of their own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    entries: Option<Vec<serde::de::IgnoredAny>>,
    latest_ledger: u32,
}

/// One round trip: the instance of the asset's contract, and with it the latest ledger, by which the
/// expiry of a signature is judged.
pub(crate) fn latest_ledger(host: &dyn Host, request: &Request) -> Result<u32, Stop> {
    let key = BASE64_STANDARD.encode(instance_key(&contract_id(&request.requirements.asset)?));
    let answer: Answer = host.call_as(&Call::new(METHOD, json!({"keys": [key]})))?;
    match answer.entries.as_deref() {
        Some([_]) => Ok(answer.latest_ledger),
        _ => Err(refuse(reason::ASSET_NOT_ALLOWED, "there is no contract at the asset's address").into()),
    }
}

/// XDR of the ledger key of a contract's instance.
fn instance_key(contract: &[u8; 32]) -> Vec<u8> {
    let word = |number: u32| number.to_be_bytes();
    // CONTRACT_DATA, then SC_ADDRESS_TYPE_CONTRACT …
    let head = [word(6), word(1)].concat();
    // … SCV_LEDGER_KEY_CONTRACT_INSTANCE, PERSISTENT.
    let tail = [word(20), word(1)].concat();
    [head.as_slice(), contract, &tail].concat()
}

/// The 32 bytes of a contract's strkey: Base32 of a type byte, the bytes, and their CRC-16.
fn contract_id(text: &str) -> Result<[u8; 32], Invalid> {
    let message = "asset: expected the strkey of a contract";
    let unreadable = || refuse(reason::INVALID_PAYMENT_REQUIREMENTS, message);
    let bytes = base32(text).ok_or_else(unreadable)?;
    let Some((checked, [low, high])) = bytes.split_last_chunk() else { return Err(unreadable()) };
    match checked {
        [CONTRACT, id @ ..] if crc16(checked) == u16::from_le_bytes([*low, *high]) => {
            id.try_into().map_err(|_| unreadable())
        }
        _ => Err(unreadable()),
    }
}

/// The 35 bytes of 56 characters, which fill them without a bit to spare.
fn base32(text: &str) -> Option<Vec<u8>> {
    if text.len() != 56 {
        return None;
    }
    let (mut bytes, mut bits, mut held) = (Vec::with_capacity(35), 0_u32, 0_u32);
    for character in text.bytes() {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'2'..=b'7' => character - b'2' + 26,
            _ => return None,
        };
        held = (held << 5 | u32::from(value)) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xff) as u8);
        }
    }
    Some(bytes)
}

/// CRC-16/XMODEM, bit by bit.
fn crc16(bytes: &[u8]) -> u16 {
    let mut crc = 0_u16;
    for byte in bytes {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
        }
    }
    crc
}
