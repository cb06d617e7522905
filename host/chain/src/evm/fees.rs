//! What a transaction would have to offer now, kept in the background.
//!
//! No fee is asked for on the request path. A settlement that finds the quote old starts a refresh, which
//! runs beside its simulation.

use std::{
    sync::Arc,
    time::{Duration, Instant},
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
}

impl FeeQuote {
    /// Least that would be included now.
    #[must_use]
    pub const fn least(&self) -> u128 {
        self.base_fee.saturating_add(self.max_priority_fee_per_gas)
    }

    fn new(base_fee: u128, tip: u128, max_tip: u128) -> Self {
        let tip = tip.min(max_tip);
        Self {
            base_fee,
            max_priority_fee_per_gas: tip,
            max_fee_per_gas: base_fee.saturating_mul(2).saturating_add(tip),
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
    Some(FeeQuote::new(base_fee, tip, max_tip))
}

/// The latest quote of a network.
pub(super) struct FeeTracker {
    rpc: Arc<NetworkRpc>,
    max_tip: u128,
    fresh_for: Duration,
    usable_for: Duration,
    latest: watch::Sender<Option<(FeeQuote, Instant)>>,
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
            refreshing: Mutex::new(()),
        }
    }

    pub(super) const fn max_tip(&self) -> u128 {
        self.max_tip
    }

    pub(super) fn store(&self, quote: FeeQuote) {
        self.latest.send_replace(Some((quote, Instant::now())));
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
    fn a_block_without_base_fee_gives_no_quote() {
        let block = Ok(json!({"number":"0x1"}).to_string());
        assert_eq!(read_quote(&[block, unknown_method(), unknown_method()], 10), None);
    }
}
