//! A second endpoint's word, before an answer of one ends a settlement.
//!
//! One endpoint may lie, lag or mix up its answers. Where another good one is configured, it has to show the
//! same receipt, or say as well that there is none, that the nonce is used, that the time is over. If there
//! is none, or it cannot be reached, the first one's word has to do.

use serde_json::{Value, json};

use super::{
    follow::{Look, Pending, look_calls, read_look},
    network::EvmNetwork,
    track::{Tracked, read_receipt},
};
use crate::rpc::{Answer, Call, EndpointId};

/// What another endpoint says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opinion {
    /// The same.
    Same,
    /// Something else, or nothing yet.
    Differs,
    /// Nobody else could be asked.
    Nobody,
}

impl EvmNetwork {
    /// Whether another endpoint shows the same receipt in the same block, with the same events.
    pub(super) async fn second_opinion(&self, tracked: &Tracked) -> Opinion {
        let calls = [
            Call::new("eth_getTransactionReceipt", &json!([tracked.hash])),
            Call::new("eth_blockNumber", &json!([])),
        ];
        match self.rpc.read_from_other(&calls, tracked.endpoint).await {
            None => Opinion::Nobody,
            Some(Err(failure)) => {
                tracing::warn!(event = "second_opinion_missing", tx = tracked.hash, reason = %failure);
                Opinion::Nobody
            }
            Some(Ok(answers)) => {
                if is_same(tracked, &answers, self.settings().confirmations) {
                    Opinion::Same
                } else {
                    Opinion::Differs
                }
            }
        }
    }

    /// Whether another endpoint than the one that looked says so too.
    pub(super) async fn second_look(&self, pending: &Pending, look: Look, than: EndpointId) -> Opinion {
        match self.rpc.read_from_other(&look_calls(pending), than).await {
            None => Opinion::Nobody,
            Some(Err(failure)) => {
                let tx = pending.latest.hash.as_str();
                tracing::warn!(event = "second_opinion_missing", tx, reason = %failure);
                Opinion::Nobody
            }
            Some(Ok(answers)) if read_look(pending, &answers) == Some(look) => Opinion::Same,
            Some(Ok(_)) => Opinion::Differs,
        }
    }
}

fn is_same(tracked: &Tracked, answers: &[Answer], confirmations: u64) -> bool {
    let [receipt, latest] = answers else { return false };
    let latest = super::hex_value::answer_quantity(latest).and_then(|number| u64::try_from(number).ok());
    let other = latest
        .and_then(|latest| read_receipt(&tracked.hash, receipt, latest, confirmations, tracked.endpoint));
    other.is_some_and(|other| {
        (other.block_number, other.succeeded) == (tracked.block_number, tracked.succeeded)
            && essence(&other.receipt).is_some_and(|events| essence(&tracked.receipt) == Some(events))
    })
}

/// Block and events of a receipt, without what nodes write differently.
fn essence(receipt: &str) -> Option<(String, Vec<[Value; 3]>)> {
    let receipt: Value = serde_json::from_str(receipt).ok()?;
    let text = |value: Option<&Value>| value?.as_str().map(str::to_ascii_lowercase);
    let block = text(receipt.get("blockHash"))?;
    let events = receipt.get("logs")?.as_array()?.iter().map(|log| {
        let field = |name| text(log.get(name)).map(Value::from);
        let topics = log.get("topics")?.to_string().to_ascii_lowercase();
        Some([field("address")?, Value::from(topics), field("data")?])
    });
    Some((block, events.collect::<Option<Vec<_>>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(changes: Value) -> Value {
        let mut receipt = json!({"blockNumber": "0x10", "blockHash": "0xAbc1", "status": "0x1",
            "logs": [{"address": "0xA1", "topics": ["0xB2"], "data": "0xC3"}]});
        for (field, value) in changes.as_object().unwrap() {
            receipt[field] = value.clone();
        }
        receipt
    }

    fn same_as(other: &Value, latest: &str) -> bool {
        let endpoint = EndpointId::default();
        let first = Ok(receipt(json!({})).to_string());
        let tracked = read_receipt("0x1", &first, 16, 1, endpoint).unwrap();
        is_same(&tracked, &[Ok(other.to_string()), Ok(json!(latest).to_string())], 1)
    }

    #[test]
    fn the_same_receipt_may_be_written_differently() {
        assert!(same_as(&receipt(json!({})), "0x10"));
        assert!(same_as(&receipt(json!({"blockHash": "0xabc1", "extra": 1})), "0x20"));
    }

    #[test]
    fn what_differs_is_not_the_same() {
        for changes in [
            json!({"status": "0x0"}),
            json!({"blockHash": "0xabc2"}),
            json!({"blockNumber": "0xf"}),
            json!({"logs": []}),
            json!({"logs": [{"address": "0xA1", "topics": ["0xB2"], "data": "0xC4"}]}),
        ] {
            assert!(!same_as(&receipt(changes.clone()), "0x10"), "{changes}");
        }
        assert!(!same_as(&Value::Null, "0x10"), "it does not have it yet");
        assert!(!same_as(&receipt(json!({})), "0xf"), "its head is before the block");
    }
}
