//! Questions about transactions that are not being followed: which one used an authorization, and whether
//! those that were included still are.
//!
//! Source: EIP-3009 (`AuthorizationUsed`).

use alloy_primitives::{Address, B256, b256};
use serde::Deserialize;
use serde_json::json;

use super::{hex_value::answer_quantity, network::EvmNetwork, opinion::Opinion, track::Tracked};
use crate::rpc::Call;

/// `AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)`
const AUTHORIZATION_USED: B256 = b256!("98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5");

/// Blocks beyond those of the time in question: blocks come faster at times.
const MARGIN_BLOCKS: u64 = 50;
/// Most blocks that are looked through at once: nodes refuse long ranges.
const MAX_BLOCKS: u64 = 1_000;
/// Most ranges that are looked through, the latest first.
const MAX_RANGES: usize = 16;

/// Transactions that are looked for in one round trip.
pub const MAX_STANDING: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Log {
    transaction_hash: String,
    #[serde(default)]
    removed: bool,
}

/// What makes an EIP-3009 authorization the one that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authorization {
    asset: Address,
    authorizer: Address,
    nonce: B256,
}

impl Authorization {
    /// From `0x` and hex each. None if one is no address, or the nonce no 32 bytes.
    #[must_use]
    pub fn read(asset: &str, authorizer: &str, nonce: &str) -> Option<Self> {
        Some(Self {
            asset: asset.parse().ok()?,
            authorizer: authorizer.parse().ok()?,
            nonce: nonce.parse().ok()?,
        })
    }
}

impl EvmNetwork {
    /// Hash of the transaction that used an EIP-3009 authorization in the last `since_ms` milliseconds; the
    /// inner one is none if no transaction did. None if the chain cannot be asked.
    pub async fn authorization_used(
        &self,
        Authorization { asset, authorizer, nonce }: &Authorization,
        since_ms: u64,
    ) -> Option<Option<String>> {
        let head = self.rpc().read_one(Call::new("eth_blockNumber", &json!([]))).await.ok()?;
        let head = u64::try_from(answer_quantity(&head)?).ok()?;
        let blocks = since_ms.div_ceil(self.settings().facts.block_time_ms).saturating_mul(2);
        let first = head.saturating_sub(blocks.saturating_add(MARGIN_BLOCKS));
        for (from, to) in ranges(first, head) {
            if let Some(hash) = self.used_between((asset, authorizer, nonce), from, to).await? {
                return Some(Some(hash));
            }
        }
        Some(None)
    }

    /// The same between two blocks. Without an upper one up to the latest: there may be a later one than the
    /// head that was seen.
    async fn used_between(
        &self,
        (asset, authorizer, nonce): (&Address, &Address, &B256),
        from: u64,
        to: Option<u64>,
    ) -> Option<Option<String>> {
        let filter = json!([{
            "address": asset,
            "topics": [AUTHORIZATION_USED, authorizer.into_word(), nonce],
            "fromBlock": format!("0x{from:x}"),
            "toBlock": to.map_or_else(|| "latest".to_owned(), |to| format!("0x{to:x}")),
        }]);
        let logs = self.rpc().read_one(Call::new("eth_getLogs", &filter)).await.ok()?.ok()?;
        let logs: Vec<Log> = serde_json::from_str(&logs).ok()?;
        Some(logs.into_iter().rev().find(|log| !log.removed).map(|log| log.transaction_hash))
    }

    /// A transaction, if it is in a sealed block, deep enough, at the time of asking, and no other endpoint
    /// says otherwise.
    pub async fn included(&self, hash: &str) -> Option<Tracked> {
        let tracked = self.tracker.look(&[hash.to_owned()]).await.ok()?.into_iter().next()?;
        (self.second_opinion(&tracked).await != Opinion::Differs).then_some(tracked)
    }

    /// The number of the latest block, and those of the transactions that are in a sealed block now, however
    /// deep. At most [`MAX_STANDING`] of them. None if the chain cannot be asked.
    pub async fn standing(&self, hashes: &[String]) -> Option<(u64, Vec<Tracked>)> {
        self.tracker.standing(hashes.get(..MAX_STANDING.min(hashes.len()))?, 1).await.ok()
    }

    /// The number of the latest block. None if the chain cannot be asked.
    pub async fn head(&self) -> Option<u64> {
        self.standing(&[]).await.map(|(head, _)| head)
    }
}

/// The blocks from `first` to the `head` in ranges that nodes look through, the latest first. It has no end.
fn ranges(first: u64, head: u64) -> Vec<(u64, Option<u64>)> {
    let mut ranges = Vec::new();
    let mut to = None;
    while ranges.len() < MAX_RANGES {
        let from = to.unwrap_or(head).saturating_sub(MAX_BLOCKS - 1).max(first);
        ranges.push((from, to));
        if from <= first {
            break;
        }
        to = Some(from - 1);
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_time_is_looked_through_in_ranges_without_gap_the_latest_first() {
        assert_eq!(ranges(10, 100), [(10, None)]);
        assert_eq!(ranges(100, 100), [(100, None)]);
        assert_eq!(ranges(9_000, 9_999), [(9_000, None)]);
        assert_eq!(ranges(7_500, 9_999), [(9_000, None), (8_000, Some(8_999)), (7_500, Some(7_999))]);
        assert_eq!(ranges(0, 0), [(0, None)]);
        assert_eq!(ranges(0, u64::MAX).len(), MAX_RANGES, "bounded");
    }
}
