//! The host's own look at a receipt: does it show the transfer that was to happen?
//!
//! The guest is asked the same. Neither alone makes a payment paid, and a guest cannot make one failed that
//! the chain shows as paid. Shares no code with guests.
//!
//! Source: ERC-20 (`Transfer`).

use alloy_primitives::{Address, B256, U256, b256};
use facilitator_protocol::AtomicAmount;
use serde::Deserialize;

/// `Transfer(address indexed from, address indexed to, uint256 value)`
const TRANSFER: B256 = b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// A transfer that a receipt should show.
#[derive(Clone, Copy, Debug)]
pub struct ExpectedTransfer<'a> {
    /// Contract of the token, `0x` and 40 hexadecimal digits.
    pub asset: &'a str,
    /// Who pays, in the same form.
    pub from: &'a str,
    /// Who is paid, in the same form.
    pub to: &'a str,
    /// Atomic units.
    pub amount: &'a AtomicAmount,
}

#[derive(Deserialize)]
struct Receipt {
    logs: Vec<Log>,
}

#[derive(Deserialize)]
struct Log {
    address: Address,
    topics: Vec<B256>,
    data: String,
    #[serde(default)]
    removed: bool,
}

impl ExpectedTransfer<'_> {
    /// Whether exactly one event of the asset in `receipt`, JSON text, is this transfer. None if the receipt or
    /// the expectation cannot be read.
    #[must_use]
    pub fn is_shown_by(&self, receipt: &str) -> Option<bool> {
        let logs = serde_json::from_str::<Receipt>(receipt).ok()?.logs;
        let asset: Address = self.asset.parse().ok()?;
        let topics = [TRANSFER, word(self.from)?, word(self.to)?];
        let amount = U256::from_str_radix(self.amount.as_str(), 10).ok()?;
        let data = format!("0x{amount:064x}");
        let same = logs.iter().filter(|log| {
            !log.removed
                && log.address == asset
                && log.topics == topics
                && log.data.eq_ignore_ascii_case(&data)
        });
        Some(same.count() == 1)
    }
}

/// An address as an indexed topic.
fn word(address: &str) -> Option<B256> {
    Some(address.parse::<Address>().ok()?.into_word())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ASSET: &str = "0xA5A5a5a5a5a5A5A5A5A5A5A5a5a5a5A5A5a5a5a5";
    const FROM: &str = "0x0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";
    const TO: &str = "0xbebebebebebebebebebebebebebebebebebebebe";

    fn shown(logs: &[Value]) -> Option<bool> {
        let amount = "1000".parse().unwrap();
        let expected = ExpectedTransfer { asset: &ASSET.to_lowercase(), from: FROM, to: TO, amount: &amount };
        expected.is_shown_by(&json!({"status": "0x1", "logs": logs}).to_string())
    }

    fn log() -> Value {
        let topic = |address: &str| format!("0x000000000000000000000000{}", &address[2..]);
        json!({"address": ASSET.to_lowercase(), "data": format!("0x{:064x}", 1000),
            "topics": [TRANSFER.to_string(), topic(FROM), topic(TO)]})
    }

    fn with(field: &str, value: Value) -> Value {
        let mut log = log();
        log[field] = value;
        log
    }

    #[test]
    fn one_matching_event_shows_it() {
        assert_eq!(shown(&[log()]), Some(true));
        let other = with("address", json!(TO));
        assert_eq!(shown(&[other.clone(), log(), other]), Some(true));
    }

    #[test]
    fn anything_else_does_not() {
        let mut swapped = log()["topics"].clone();
        swapped.as_array_mut().unwrap().swap(1, 2);
        let approval =
            json!([TRANSFER.to_string().replace("dd", "de"), log()["topics"][1], log()["topics"][2]]);
        for (what, logs) in [
            ("none", vec![]),
            ("twice", vec![log(), log()]),
            ("one unit more", vec![with("data", json!(format!("0x{:064x}", 1001)))]),
            ("longer data", vec![with("data", json!(format!("0x{:064x}00", 1000)))]),
            ("of another contract", vec![with("address", json!(FROM))]),
            ("the other way", vec![with("topics", swapped)]),
            ("another event", vec![with("topics", approval)]),
            ("no topics", vec![with("topics", json!([]))]),
            ("taken back by a reorganisation", vec![with("removed", json!(true))]),
        ] {
            assert_eq!(shown(&logs), Some(false), "{what}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        assert_eq!(shown(&[json!({"address": "0x12"})]), None);
        let amount = "1".parse().unwrap();
        let bad = ExpectedTransfer { asset: "near", from: FROM, to: TO, amount: &amount };
        assert_eq!(bad.is_shown_by(r#"{"logs":[]}"#), None);
        assert_eq!(ExpectedTransfer { asset: ASSET, ..bad }.is_shown_by("null"), None);
    }
}
