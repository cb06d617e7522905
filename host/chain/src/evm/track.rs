//! Following sent transactions until they are in a sealed block deep enough, or provably never will be.
//!
//! All transactions of a network are polled in one batch at a rate that fits its block time. Each poll
//! asks for the latest sealed block beside the receipts: a receipt of a block that is not sealed yet (some
//! nodes give receipts for blocks that are still being built) does not count.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot};

use super::hex_value::{answer_quantity, field_quantity};
use crate::rpc::{Answer, Answered, Call, EndpointId, NetworkRpc, RpcFailure};

/// A transaction that is in a sealed block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// Hash of the transaction, `0x` and hex.
    pub hash: String,
    /// Block number.
    pub block_number: u64,
    /// Whether it succeeded (receipt status 1).
    pub succeeded: bool,
    /// The receipt, JSON text.
    pub receipt: String,
    /// Who told.
    pub(super) endpoint: EndpointId,
}

/// Follows the transactions of one network.
pub(super) struct Tracker {
    rpc: Arc<NetworkRpc>,
    confirmations: u64,
    interval: Duration,
    waiting: Mutex<HashMap<String, oneshot::Sender<Tracked>>>,
    added: Notify,
}

/// Receipts asked for in one batch.
const MAX_BATCH: usize = 50;

impl Tracker {
    pub(super) fn start(rpc: Arc<NetworkRpc>, confirmations: u64, block_time: Duration) -> Arc<Self> {
        let tracker = Arc::new(Self {
            rpc,
            confirmations: confirmations.max(1),
            interval: (block_time / 5).clamp(Duration::from_millis(50), Duration::from_secs(1)),
            waiting: Mutex::new(HashMap::new()),
            added: Notify::new(),
        });
        tokio::spawn(Arc::downgrade(&tracker).run());
        tracker
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, oneshot::Sender<Tracked>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the transaction is final for this network. Drop the future to stop waiting.
    pub(super) async fn follow(&self, hash: &str) -> Tracked {
        // Looked at by itself first: after a synchronous send, or on a node that mines at once, it is
        // there, or will be as soon as its block is sealed.
        for wait in [Duration::ZERO, self.interval / 16, self.interval / 8, self.interval / 4] {
            tokio::time::sleep(wait).await;
            match self.look(&[hash.to_owned()]).await.map(|found| found.into_iter().next()) {
                Ok(Some(tracked)) => return tracked,
                Ok(None) => {}
                Err(_) => break,
            }
        }
        loop {
            let (found, wait) = oneshot::channel();
            self.waiting().insert(hash.to_owned(), found);
            self.added.notify_one();
            // A later follower of the same hash takes the place; then this one asks again.
            if let Ok(tracked) = wait.await {
                return tracked;
            }
            tokio::time::sleep(self.interval).await;
        }
    }

    /// One round trip: receipts of `hashes` that are deep enough.
    pub(super) async fn look(&self, hashes: &[String]) -> Result<Vec<Tracked>, RpcFailure> {
        Ok(self.standing(hashes, self.confirmations).await?.1)
    }

    /// One round trip: the latest block's number, and receipts of `hashes` that are `depth` blocks deep.
    pub(super) async fn standing(
        &self,
        hashes: &[String],
        depth: u64,
    ) -> Result<(u64, Vec<Tracked>), RpcFailure> {
        let mut calls: Vec<Call> =
            hashes.iter().map(|hash| Call::new("eth_getTransactionReceipt", &json!([hash]))).collect();
        calls.push(Call::new("eth_blockNumber", &json!([])));
        let Answered { mut answers, endpoint } = self.rpc.read_from(&calls).await?;
        let latest = answers.pop().as_ref().and_then(answer_quantity);
        let Some(latest) = latest.and_then(|number| u64::try_from(number).ok()) else {
            return Err(RpcFailure::Unavailable("no block number".to_owned()));
        };
        let read = |(hash, answer): (&String, &Answer)| read_receipt(hash, answer, latest, depth, endpoint);
        Ok((latest, hashes.iter().zip(&answers).filter_map(read).collect()))
    }

    async fn poll_all(&self) {
        let hashes: Vec<String> = {
            let mut waiting = self.waiting();
            waiting.retain(|_, follower| !follower.is_closed());
            waiting.keys().cloned().collect()
        };
        for chunk in hashes.chunks(MAX_BATCH) {
            match self.look(chunk).await {
                Ok(found) => {
                    for tracked in found {
                        if let Some(follower) = self.waiting().remove(&tracked.hash) {
                            // The follower may have gone meanwhile, which is its right.
                            let _gone = follower.send(tracked);
                        }
                    }
                }
                Err(failure) => {
                    tracing::warn!(event = "receipt_poll_failed", reason = %failure);
                    break;
                }
            }
        }
    }
}

trait Run {
    async fn run(self);
}

impl Run for std::sync::Weak<Tracker> {
    /// Polls while anything is waited for; ends when the network is dropped.
    async fn run(self) {
        loop {
            let Some(tracker) = self.upgrade() else { return };
            let interval = tracker.interval;
            if tracker.waiting().is_empty() {
                // Woken by the next follower; the time-out lets a dropped network end.
                let _woken = tokio::time::timeout(Duration::from_secs(1), tracker.added.notified()).await;
                if tracker.waiting().is_empty() {
                    continue;
                }
            }
            drop(tracker);
            tokio::time::sleep(interval).await;
            if let Some(tracker) = self.upgrade() {
                tracker.poll_all().await;
            }
        }
    }
}

/// The receipt, if its block is sealed and `confirmations` deep.
pub(super) fn read_receipt(
    hash: &str,
    answer: &Answer,
    latest: u64,
    confirmations: u64,
    endpoint: EndpointId,
) -> Option<Tracked> {
    let text = answer.as_ref().ok()?;
    let receipt: Value = serde_json::from_str(text).ok()?;
    // A node that mixes up its answers must not have one transaction's receipt taken for another's.
    let of = receipt.get("transactionHash").and_then(Value::as_str);
    if of.is_some_and(|of| !of.eq_ignore_ascii_case(hash)) {
        return None;
    }
    let block_number = u64::try_from(field_quantity(&receipt, "blockNumber")?).ok()?;
    let block_hash = receipt.get("blockHash")?.as_str()?;
    let is_sealed = block_hash.bytes().any(|byte| !matches!(byte, b'0' | b'x'));
    let depth = latest.checked_add(1)?.checked_sub(block_number)?;
    if !is_sealed || depth < confirmations {
        return None;
    }
    let succeeded = field_quantity(&receipt, "status")? == 1;
    Some(Tracked { hash: hash.to_owned(), block_number, succeeded, receipt: text.clone(), endpoint })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(block: &str, hash: &str) -> Answer {
        Ok(json!({"blockNumber":block,"blockHash":hash,"status":"0x1"}).to_string())
    }

    fn read(hash: &str, answer: &Answer, latest: u64, confirmations: u64) -> Option<Tracked> {
        read_receipt(hash, answer, latest, confirmations, EndpointId::default())
    }

    #[test]
    fn only_a_sealed_block_deep_enough_counts() {
        let sealed = receipt("0x10", "0xabc1");
        assert!(read("0x1", &sealed, 16, 1).is_some());
        assert_eq!(read("0x1", &sealed, 15, 1), None, "receipt of a block that is still being built");
        assert_eq!(read("0x1", &sealed, 16, 2), None, "one confirmation of two");
        assert!(read("0x1", &sealed, 17, 2).is_some());
        assert_eq!(read("0x1", &receipt("0x10", "0x0000"), 16, 1), None, "no block hash yet");
        assert_eq!(read("0x1", &Ok("null".to_owned()), 16, 1), None);
        let other = json!({"transactionHash":"0x2","blockNumber":"0x10","blockHash":"0xabc1","status":"0x1"});
        assert_eq!(read("0x1", &Ok(other.to_string()), 16, 1), None, "of another transaction");
    }
}
