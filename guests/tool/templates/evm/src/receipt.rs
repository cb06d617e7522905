//! Does a receipt show that exactly this payment happened?
//!
//! What is not certain is unknown, and never success or failure: the host asks again then. It has looked at
//! the receipt's status itself.
//!
//! Source: EIP-658 (status), ERC-20 (`Transfer`).

use alloy_primitives::{B256, b256};
use facilitator_protocol::{AtomicAmount, Confirmation, Observation, reason};
use guest_sdk::GuestError;
use serde::Deserialize;

use crate::authorization::{Payment, address, bytes};

/// `Transfer(address indexed from, address indexed to, uint256 value)`
const TRANSFER: B256 = b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// What is read of a receipt; nodes add fields of their own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    transaction_hash: String,
    block_hash: Option<String>,
    status: Option<String>,
    logs: Vec<Log>,
}

#[derive(Deserialize)]
struct Log {
    address: String,
    topics: Vec<String>,
    data: String,
    /// Set when a reorganisation took the log back.
    #[serde(default)]
    removed: bool,
}

/// One `Transfer` of the asset, and it is this one. A token that moves something beside what was authorized
/// takes it from somebody: from the payee, if it charges a fee.
pub(crate) fn confirm(
    payment: &Payment,
    observation: &Observation,
    amount: &AtomicAmount,
) -> Result<Confirmation, GuestError> {
    let receipt: Option<Receipt> = serde_json::from_str(&observation.data)
        .map_err(|_| GuestError::Upstream("the node's receipt has an unexpected shape".to_owned()))?;
    let Some(receipt) = receipt else { return Ok(Confirmation::Unknown) };
    let sent = bytes::<32>(&observation.transaction);
    let is_ours = sent.is_some() && bytes(&receipt.transaction_hash) == sent;
    // Pending transactions have receipts on some nodes.
    let is_included = receipt.block_hash.as_deref().and_then(bytes::<32>).is_some();
    if !is_ours || !is_included || receipt.logs.iter().any(|log| log.removed) {
        return Ok(Confirmation::Unknown);
    }
    match receipt.status.as_deref() {
        Some("0x1") => {}
        Some("0x0") => return Ok(failed("the transaction was included and reverted")),
        _ => return Ok(Confirmation::Unknown),
    }
    let expected = [TRANSFER, payment.from.into_word(), payment.to.into_word(), B256::from(payment.value)];
    let transfers: Vec<_> = receipt.logs.iter().filter_map(|log| transfer(log, payment)).collect();
    Ok(match transfers.as_slice() {
        [only] if *only == expected => {
            Confirmation::Paid { payer: payment.from.to_string(), amount: amount.clone() }
        }
        [_] => failed("the asset tells of another transfer"),
        transfers => failed(&format!("expected one transfer of the asset, found {}", transfers.len())),
    })
}

/// Topics and data of a log, if it is a `Transfer` of the asset. What cannot be read equals nothing expected.
fn transfer(log: &Log, payment: &Payment) -> Option<Vec<B256>> {
    if address(&log.address) != Some(payment.asset) {
        return None;
    }
    let words = log.topics.iter().chain([&log.data]);
    let words: Vec<B256> = words.map(|word| bytes(word).unwrap_or_default().into()).collect();
    (words.first() == Some(&TRANSFER)).then_some(words)
}

fn failed(message: &str) -> Confirmation {
    Confirmation::Failed { reason: reason::EVM_TRANSACTION_FAILED.to_owned(), message: message.to_owned() }
}
