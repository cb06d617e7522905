//! How deep the block of a confirmed settlement is, asked of the chain when somebody wants to know.
//!
//! Strangers ask, so what they can make us ask of a node is bounded: one round trip per transaction and
//! second, for so many transactions and so many at a time; beyond that nobody is told. It is for people to
//! look at: no settlement rests on it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use facilitator_chain::rpc::{Answer, Call};
use facilitator_journal::{Record, State};
use facilitator_protocol::X402Version;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{OnceCell, Semaphore};

use crate::app::App;

/// How long an answer is good.
const FRESH: Duration = Duration::from_secs(1);
/// Most transactions with an answer that is good still; so many round trips in a second at most.
const MAX_CELLS: usize = 256;
/// Most round trips at a time.
const MAX_ASKING: usize = 8;
/// Longest round trip.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the chain answered lately.
pub(super) struct Confirmations {
    cells: Mutex<HashMap<String, Cell>>,
    asking: Semaphore,
}

/// One transaction's answer, or the place where it will be.
struct Cell {
    since: Instant,
    depth: Arc<OnceCell<Option<u64>>>,
}

struct TooMany;

impl Confirmations {
    pub(super) fn new() -> Self {
        Self { cells: Mutex::default(), asking: Semaphore::new(MAX_ASKING) }
    }

    /// Blocks from the one with the transaction of a confirmed record to the head of the chain, both
    /// included. None if there is nothing to tell, because the record is not confirmed or is final, or if it
    /// is not known now.
    pub(super) async fn of(&self, app: &App, record: &Record) -> Option<u64> {
        if record.sealed || record.state != State::Confirmed {
            return None;
        }
        let transaction = record.transaction()?;
        let network = record.settlement.network.as_str();
        let rpc = app.networks.find(X402Version::V2, network)?.evm()?.rpc();
        let cell = self.cell(&format!("{network} {transaction}"), Instant::now())?;
        let ask = || async {
            let _one_of_few = self.asking.try_acquire().map_err(|_| TooMany)?;
            let calls = [
                Call::new("eth_getTransactionReceipt", &json!([transaction])),
                Call::new("eth_blockNumber", &json!([])),
            ];
            let answers = tokio::time::timeout(PATIENCE, rpc.read(&calls)).await;
            Ok::<_, TooMany>(answers.ok().and_then(Result::ok).and_then(|answers| depth(&answers)))
        };
        *cell.get_or_try_init(ask).await.ok()?
    }

    /// The place of a transaction's answer; none if there is no room.
    fn cell(&self, key: &str, now: Instant) -> Option<Arc<OnceCell<Option<u64>>>> {
        let is_fresh = |cell: &Cell| now.saturating_duration_since(cell.since) < FRESH;
        // A panic elsewhere leaves the map whole: it is changed by single calls.
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = cells.get(key).filter(|cell| is_fresh(cell)) {
            return Some(Arc::clone(&cell.depth));
        }
        if cells.len() >= MAX_CELLS {
            cells.retain(|_, cell| is_fresh(cell));
        }
        if cells.len() >= MAX_CELLS && !cells.contains_key(key) {
            return None;
        }
        let depth = Arc::default();
        cells.insert(key.to_owned(), Cell { since: now, depth: Arc::clone(&depth) });
        Some(depth)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    block_number: String,
    block_hash: String,
}

/// From a receipt and the number of the head. None if the receipt is not there, or of a block that is not
/// sealed.
fn depth(answers: &[Answer]) -> Option<u64> {
    let [Ok(receipt), Ok(head)] = answers else { return None };
    let receipt: Receipt = serde_json::from_str(receipt).ok()?;
    if receipt.block_hash.bytes().all(|byte| matches!(byte, b'0' | b'x')) {
        return None;
    }
    let block = quantity(&receipt.block_number)?;
    let head = quantity(&serde_json::from_str::<String>(head).ok()?)?;
    head.checked_sub(block)?.checked_add(1)
}

fn quantity(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(block: &str, hash: &str) -> Answer {
        Ok(json!({"blockNumber": block, "blockHash": hash, "status": "0x1"}).to_string())
    }
    fn head(number: &str) -> Answer {
        Ok(json!(number).to_string())
    }

    #[test]
    fn the_head_itself_is_one_confirmation() {
        for (block, at, expected) in [
            ("0x10", "0x10", Some(1)),
            ("0x10", "0x11", Some(2)),
            ("0x0", "0xff", Some(256)),
            ("0x11", "0x10", None),
        ] {
            assert_eq!(depth(&[receipt(block, "0xabc1"), head(at)]), expected, "{block} {at}");
        }
    }

    #[test]
    fn an_answer_that_is_none_tells_nothing() {
        let good = || receipt("0x10", "0xabc1");
        for answers in [
            vec![receipt("0x10", "0x0000"), head("0x10")],
            vec![Ok("null".to_owned()), head("0x10")],
            vec![Ok("{}".to_owned()), head("0x10")],
            vec![receipt("16", "0xabc1"), head("0x10")],
            vec![receipt("-0x10", "0xabc1"), head("0x10")],
            vec![good(), head("16")],
            vec![good(), Ok("null".to_owned())],
            vec![receipt("0x0", "0xabc1"), head("0xffffffffffffffff")],
            vec![good(), head("0x10000000000000000")],
            vec![good()],
            vec![],
        ] {
            assert_eq!(depth(&answers), None, "{answers:?}");
        }
    }

    #[test]
    fn one_transaction_is_asked_for_once_a_second() {
        let (all, now) = (Confirmations::new(), Instant::now());
        let first = all.cell("a", now).unwrap();
        assert!(Arc::ptr_eq(&first, &all.cell("a", now + FRESH - Duration::from_millis(1)).unwrap()));
        assert!(!Arc::ptr_eq(&first, &all.cell("b", now).unwrap()));
        assert!(!Arc::ptr_eq(&first, &all.cell("a", now + FRESH).unwrap()));
    }

    #[test]
    fn beyond_its_room_nothing_is_asked_until_answers_have_grown_old() {
        let (all, now) = (Confirmations::new(), Instant::now());
        for number in 0..MAX_CELLS {
            assert!(all.cell(&number.to_string(), now).is_some());
        }
        assert!(all.cell("more", now).is_none());
        assert!(all.cell("0", now).is_some());
        assert!(all.cell("more", now + FRESH).is_some());
        assert_eq!(all.cells.lock().unwrap().len(), 1);
    }
}
