//! Sending signed bytes, and reading what a node says of them.

use std::time::Duration;

use serde_json::json;

use super::hex_value::hex_text;
use crate::rpc::{Answer, Call, NetworkRpc, RemoteError, RpcFailure};

/// What became of bytes that were sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broadcast {
    /// A node has them.
    Accepted,
    /// Nobody can say: they may land.
    Unknown(String),
    /// A node refused them, and no other was asked before: they are nowhere.
    Refused(Refusal),
}

/// Why a node refused bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The chain is past the nonce.
    #[error("the nonce is used")]
    NonceTooLow,
    /// The signer cannot pay the fee.
    #[error("the facilitator's account cannot pay the network fee")]
    InsufficientFunds,
    /// The fee is below what the node takes.
    #[error("the fee is below what the network takes")]
    FeeTooLow,
}

/// How long a node may hold `eth_sendRawTransactionSync` before we look for the receipt ourselves.
const SYNC_TIMEOUT: Duration = Duration::from_secs(8);
const SEND_TIMEOUT: Duration = Duration::from_secs(4);

/// Sends the bytes; with `sync` (EIP-7966) the node answers when they are included, which saves the wait
/// between two polls. Whatever it answers, inclusion is read from the chain afterwards.
pub(super) async fn broadcast(rpc: &NetworkRpc, bytes: &[u8], sync: bool) -> Broadcast {
    let params = json!([hex_text(bytes)]);
    let sent = if sync {
        rpc.send(Call::new("eth_sendRawTransactionSync", &params), SYNC_TIMEOUT).await
    } else {
        rpc.send(Call::new("eth_sendRawTransaction", &params), SEND_TIMEOUT).await
    };
    match sent {
        Ok(sent) => match read(&sent.answer) {
            Broadcast::Refused(refusal) if sent.earlier_endpoints_failed => {
                Broadcast::Unknown(format!("{refusal}, after another endpoint broke off"))
            }
            other => other,
        },
        Err(RpcFailure::Unavailable(text) | RpcFailure::BadRequest(text)) => Broadcast::Unknown(text),
    }
}

fn read(answer: &Answer) -> Broadcast {
    let Err(RemoteError { code, message, .. }) = answer else { return Broadcast::Accepted };
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["already known", "alreadyknown", "known transaction", "already imported", "already exists"]) {
        Broadcast::Accepted
    } else if says(&["nonce too low", "nonce is too low", "old nonce", "oldnonce", "invalid nonce"]) {
        Broadcast::Refused(Refusal::NonceTooLow)
    } else if says(&["insufficient funds", "insufficientfunds", "insufficient balance"]) {
        Broadcast::Refused(Refusal::InsufficientFunds)
    } else if says(&[
        "underpriced",
        "fee too low",
        "less than block base fee",
        "feecap too low",
        "gas price too low",
    ]) && !says(&["replacement"])
    {
        Broadcast::Refused(Refusal::FeeTooLow)
    } else {
        Broadcast::Unknown(format!("node error {code}"))
    }
}

/// Whether an answer says that the node does not know the method, as against not liking its parameters.
pub(super) fn is_unknown_method(answer: &Answer) -> bool {
    match answer {
        Ok(_) => false,
        Err(error) => {
            let message = error.message.to_ascii_lowercase();
            error.code == -32601
                || [
                    "not found",
                    "not supported",
                    "unsupported",
                    "does not exist",
                    "not available",
                    "not allowed",
                ]
                .iter()
                .any(|words| message.contains(words))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(message: &str) -> Answer {
        Err(RemoteError { code: -32000, message: message.to_owned(), data: None })
    }

    #[test]
    fn what_nodes_say_is_told_apart() {
        for (message, expected) in [
            ("already known", Broadcast::Accepted),
            ("AlreadyKnown", Broadcast::Accepted),
            ("nonce too low: next nonce 5, tx nonce 4", Broadcast::Refused(Refusal::NonceTooLow)),
            ("insufficient funds for gas * price + value", Broadcast::Refused(Refusal::InsufficientFunds)),
            ("transaction underpriced", Broadcast::Refused(Refusal::FeeTooLow)),
            ("max fee per gas less than block base fee", Broadcast::Refused(Refusal::FeeTooLow)),
            // Another transaction of ours sits on the nonce: which one lands is not known.
            ("replacement transaction underpriced", Broadcast::Unknown("node error -32000".to_owned())),
            ("txpool is full", Broadcast::Unknown("node error -32000".to_owned())),
        ] {
            assert_eq!(read(&answer(message)), expected, "{message}");
        }
        assert_eq!(read(&Ok("\"0x\"".to_owned())), Broadcast::Accepted);
    }
}
