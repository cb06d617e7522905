//! Does a receipt show that exactly this payment happened?
//!
//! Only the asset's own `Transfer` event counts. A receipt that is not yet, or not certainly, that of our
//! transaction decides nothing: an outcome that is not known is told as unknown.
//!
//! Source: EIP-658 (status), ERC-20 (`Transfer`), EIP-3009 (`AuthorizationUsed`).

use alloy_primitives::{Address, B256, U256, b256};
use facilitator_protocol::{Confirmation, Observation, reason};
use guest_sdk::{GuestError, Request};
use serde::Deserialize;

use crate::{encoding, payment::Payment, refusal::Stop};

/// `Transfer(address indexed from, address indexed to, uint256 value)`
const TRANSFER: B256 = b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
/// `AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)`
const AUTHORIZATION_USED: B256 = b256!("98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5");

/// What is read of a receipt; nodes add fields of their own.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    transaction_hash: String,
    #[serde(default)]
    block_hash: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    logs: Vec<Log>,
}

#[derive(Debug, Deserialize)]
struct Log {
    address: String,
    topics: Vec<String>,
    data: String,
    /// Set when a reorganisation took the log back.
    #[serde(default)]
    removed: bool,
}

pub(crate) fn confirm(request: &Request, observation: &Observation) -> Result<Confirmation, GuestError> {
    let payment = Payment::read(request).map_err(|stop| match stop {
        Stop::Refused(invalid) => {
            GuestError::Internal(format!("not a verified payment: {}: {}", invalid.reason, invalid.message))
        }
        Stop::Broken(error) => error,
    })?;
    let receipt: Option<Receipt> = serde_json::from_str(&observation.data)
        .map_err(|_| GuestError::Upstream("the node's receipt has an unexpected shape".to_owned()))?;
    let Some(receipt) = receipt else { return Ok(Confirmation::Unknown) };
    if !receipt.is_included() || !receipt.is_of(&observation.transaction, payment.terms.asset) {
        return Ok(Confirmation::Unknown);
    }
    match receipt.status.as_deref() {
        Some("0x1") => {}
        Some("0x0") => return Ok(failed("the transaction was included and reverted")),
        _ => return Ok(Confirmation::Unknown),
    }
    if receipt.logs.iter().any(|log| log.removed) {
        return Ok(Confirmation::Unknown);
    }
    Ok(match check_events(&receipt.logs, &payment) {
        Ok(()) => Confirmation::Paid {
            payer: payment.authorization.from.to_string(),
            amount: request.requirements.amount.clone(),
        },
        Err(message) => failed(message),
    })
}

fn failed(message: impl Into<String>) -> Confirmation {
    Confirmation::Failed { reason: reason::EVM_TRANSACTION_FAILED.to_owned(), message: message.into() }
}

impl Receipt {
    /// In a block: pending transactions have receipts on some nodes.
    fn is_included(&self) -> bool {
        self.block_hash.as_deref().and_then(encoding::word).is_some_and(|hash| !hash.is_zero())
    }

    /// Of the transaction that was sent, to the contract that it was sent to.
    fn is_of(&self, transaction: &str, asset: Address) -> bool {
        let sent = encoding::word(transaction);
        sent.is_some()
            && encoding::word(&self.transaction_hash) == sent
            && self.to.as_deref().and_then(encoding::address) == Some(asset)
    }
}

/// The asset tells of one transfer, which is this one, and of no other authorization.
///
/// One, because a token that moves something beside what was authorized takes it from somebody: from
/// the payee, if it charges a fee.
fn check_events(logs: &[Log], payment: &Payment<'_>) -> Result<(), String> {
    let mut transfers = 0_usize;
    for log in logs {
        if encoding::address(&log.address) != Some(payment.terms.asset) {
            continue;
        }
        let topics: Option<Vec<B256>> = log.topics.iter().map(|topic| encoding::word(topic)).collect();
        match topics.as_deref() {
            Some([TRANSFER, arguments @ ..]) => {
                transfers += 1;
                check_transfer(arguments, &log.data, payment)?;
            }
            Some([AUTHORIZATION_USED, arguments @ ..]) => check_authorization(arguments, payment)?,
            _ => {}
        }
    }
    match transfers {
        1 => Ok(()),
        0 => Err("the asset tells of no transfer".to_owned()),
        more => Err(format!("the asset tells of {more} transfers, expected one")),
    }
}

fn check_transfer(arguments: &[B256], data: &str, payment: &Payment<'_>) -> Result<(), String> {
    let expected = [payment.authorization.from.into_word(), payment.terms.pay_to.into_word()];
    if arguments != expected {
        return Err("the asset tells of a transfer between other accounts".to_owned());
    }
    let amount = encoding::word(data).map(|word| U256::from_be_bytes(word.0));
    if amount == Some(payment.terms.amount) {
        Ok(())
    } else {
        let found = amount.map_or_else(|| "no amount".to_owned(), |amount| amount.to_string());
        Err(format!("transferred: expected {}, found {found}", payment.terms.amount))
    }
}

fn check_authorization(arguments: &[B256], payment: &Payment<'_>) -> Result<(), String> {
    if arguments == [payment.authorization.from.into_word(), payment.authorization.nonce] {
        Ok(())
    } else {
        Err("the asset tells of another authorization".to_owned())
    }
}
