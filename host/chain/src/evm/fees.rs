//! What a transaction would have to offer now, kept in the background.
//!
//! No fee is asked for on the request path. A settlement that finds the quote old starts a refresh, which
//! runs beside its simulation.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};

use super::hex_value::{answer_quantity, field_quantity};
use crate::rpc::{Answer, Call, NetworkRpc};

/// EIP-1559 fees that would be offered now, wei per gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeQuote {
    /// Base fee of the latest block.
    pub base_fee: u128,
    /// Tip.
    pub max_priority_fee_per_gas: u128,
    /// Most that is offered: room for six full blocks in a row.
    pub max_fee_per_gas: u128,
    /// Time of the latest block, Unix seconds.
    pub block_time: u64,
}

impl FeeQuote {
    /// Least that would be included now.
    #[must_use]
    pub const fn least(&self) -> u128 {
        self.base_fee.saturating_add(self.max_priority_fee_per_gas)
    }

    fn new(base_fee: u128, tip: u128, max_tip: u128, block_time: u64) -> Self {
        let tip = tip.min(max_tip);
        Self {
            base_fee,
            max_priority_fee_per_gas: tip,
            max_fee_per_gas: base_fee.saturating_mul(2).saturating_add(tip),
            block_time,
        }
    }
}

/// Calls whose answers [`read_quote`] reads.
pub(super) fn quote_calls() -> [Call; 3] {
    [
        Call::new("eth_getBlockByNumber", &json!(["latest", false])),
        Call::new("eth_maxPriorityFeePerGas", &json!([])),
        Call::new("eth_gasPrice", &json!([])),
    ]
}

/// Reads the answers to [`quote_calls`]. None if the latest block has no base fee.
pub(super) fn read_quote(answers: &[Answer], max_tip: u128) -> Option<FeeQuote> {
    let [block, tip, gas_price] = answers else { return None };
    let block: Value = serde_json::from_str(block.as_ref().ok()?).ok()?;
    let base_fee = field_quantity(&block, "baseFeePerGas")?;
    // Not every node knows eth_maxPriorityFeePerGas; what eth_gasPrice has above the base fee is the tip.
    let tip = answer_quantity(tip)
        .or_else(|| Some(answer_quantity(gas_price)?.saturating_sub(base_fee)))
        .unwrap_or_default();
    let block_time = field_quantity(&block, "timestamp").and_then(|time| u64::try_from(time).ok());
    Some(FeeQuote::new(base_fee, tip, max_tip, block_time.unwrap_or_default()))
}

/// The latest quote of a network.
pub(super) struct FeeTracker {
    rpc: Arc<NetworkRpc>,
    max_tip: u128,
    fresh_for: Duration,
    usable_for: Duration,
    latest: watch::Sender<Option<(FeeQuote, Instant)>>,
    clock_behind_ms: AtomicU64,
    refreshing: Mutex<()>,
}

impl FeeTracker {
    pub(super) fn new(rpc: Arc<NetworkRpc>, max_tip: u128, block_time: Duration) -> Self {
        Self {
            rpc,
            max_tip,
            fresh_for: (block_time * 2).max(Duration::from_secs(2)),
            usable_for: (block_time * 5).max(Duration::from_secs(30)),
            latest: watch::Sender::new(None),
            clock_behind_ms: AtomicU64::new(0),
            refreshing: Mutex::new(()),
        }
    }

    pub(super) const fn max_tip(&self) -> u128 {
        self.max_tip
    }

    pub(super) fn store(&self, quote: FeeQuote) {
        self.clock_behind_ms.store(behind_ms(quote.block_time, unix_ms()), Ordering::Relaxed);
        self.latest.send_replace(Some((quote, Instant::now())));
    }

    /// How far our clock is behind the latest block's, milliseconds. A block is never from the future, so ours is
    /// wrong by at least that.
    pub(super) fn clock_behind_ms(&self) -> u64 {
        self.clock_behind_ms.load(Ordering::Relaxed)
    }

    /// The latest quote, however old.
    pub(super) fn latest(&self) -> Option<FeeQuote> {
        self.latest.borrow().map(|(quote, _)| quote)
    }

    fn younger_than(&self, age: Duration) -> Option<FeeQuote> {
        self.latest.borrow().filter(|(_, taken)| taken.elapsed() < age).map(|(quote, _)| quote)
    }

    /// Starts a refresh in the background if the quote is not fresh and none is under way.
    pub(super) fn touch(self: &Arc<Self>) {
        if self.younger_than(self.fresh_for).is_some() {
            return;
        }
        let tracker = Arc::clone(self);
        tokio::spawn(async move {
            if let Ok(_only_one) = tracker.refreshing.try_lock() {
                tracker.refresh().await;
            }
        });
    }

    /// A quote that may be used for signing; waits for a refresh only if the last one is too old.
    pub(super) async fn usable(&self) -> Option<FeeQuote> {
        if let Some(quote) = self.younger_than(self.usable_for) {
            return Some(quote);
        }
        let _one_after_the_other = self.refreshing.lock().await;
        if self.younger_than(self.usable_for).is_none() {
            self.refresh().await;
        }
        self.younger_than(self.usable_for)
    }

    /// A quote of now, for what is to replace a transaction that did not move: the last one may be from before
    /// the base fee rose.
    pub(super) async fn fresh(&self) -> Option<FeeQuote> {
        let _one_after_the_other = self.refreshing.lock().await;
        if self.younger_than(FRESH_FOR_REPLACEMENT).is_none() {
            self.refresh().await;
        }
        self.younger_than(self.usable_for)
    }

    async fn refresh(&self) {
        match self.rpc.read(&quote_calls()).await {
            Ok(answers) => match read_quote(&answers, self.max_tip) {
                Some(quote) => self.store(quote),
                None => tracing::warn!(event = "fee_quote_unreadable"),
            },
            Err(failure) => tracing::warn!(event = "fee_quote_failed", reason = %failure),
        }
    }
}

/// Age of a quote by which what is stuck is replaced.
const FRESH_FOR_REPLACEMENT: Duration = Duration::from_secs(1);
/// Most that a node's word moves our clock: a wrong one must not make every payment look expired.
const MAX_BEHIND_MS: u64 = 120_000;

fn behind_ms(block_time: u64, now_ms: u64) -> u64 {
    let behind = block_time.saturating_mul(1_000).saturating_sub(now_ms);
    if behind > MAX_BEHIND_MS { 0 } else { behind }
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::RemoteError;

    fn unknown_method() -> Answer {
        Err(RemoteError { code: -32601, message: "method not found".to_owned(), data: None })
    }

    #[test]
    fn a_quote_has_room_for_a_rising_base_fee_and_a_capped_tip() {
        let block = Ok(json!({"baseFeePerGas":"0x64"}).to_string());
        let quote = read_quote(&[block, Ok("\"0x3e8\"".to_owned()), Ok("\"0x1\"".to_owned())], 10).unwrap();
        assert_eq!((quote.base_fee, quote.max_priority_fee_per_gas, quote.max_fee_per_gas), (100, 10, 210));
        assert_eq!(quote.least(), 110);
    }

    #[test]
    fn the_tip_falls_back_to_the_gas_price() {
        let block = Ok(json!({"baseFeePerGas":"0x64"}).to_string());
        let quote = read_quote(&[block, unknown_method(), Ok("\"0x67\"".to_owned())], 10).unwrap();
        assert_eq!(quote.max_priority_fee_per_gas, 3);
    }

    #[test]
    fn a_clock_behind_the_chain_is_found_out_and_a_wild_block_is_not_believed() {
        assert_eq!(behind_ms(1_000, 970_000), 30_000);
        assert_eq!(behind_ms(1_000, 1_030_000), 0, "ours is ahead, or the block is old");
        assert_eq!(behind_ms(10_000, 1_000_000), 0);
        assert_eq!(behind_ms(u64::MAX, 0), 0);
    }

    #[test]
    fn a_block_without_base_fee_gives_no_quote() {
        let block = Ok(json!({"number":"0x1"}).to_string());
        assert_eq!(read_quote(&[block, unknown_method(), unknown_method()], 10), None);
    }
}
