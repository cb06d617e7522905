//! Looking at every endpoint of a network by itself, in the background: its chain, its head, and whether
//! it answers for the state with pending transactions.
//!
//! What is seen goes to [`NetworkRpc::observe`], which decides whom to rely on. An endpoint that is passed
//! over gets no other request, so these probes are its way back.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::hex_value::{answer_quantity, field_quantity, hex_text};
use crate::rpc::{Answer, Call, ChainSeen, EndpointId, Head, NetworkRpc, Sighting};

/// Between two rounds while all endpoints are good.
const INTERVAL: Duration = Duration::from_secs(10);
/// The same where there is one endpoint only: attestations look at it, too, and nobody waits to take its
/// place.
const INTERVAL_ALONE: Duration = Duration::from_secs(15);
/// The same while an endpoint is passed over.
const INTERVAL_QUARANTINED: Duration = Duration::from_secs(2);

/// What is asked of each endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// EIP-155 chain id that it should have.
    pub chain_id: u64,
    /// Account whose pending transactions are asked for; none asks for no account's.
    pub account: Option<[u8; 20]>,
}

impl Probe {
    /// Looks at every endpoint once, side by side: one batch each, bounded by the gateway's time-out.
    pub async fn round(&self, rpc: &NetworkRpc) {
        join_all(rpc.endpoints().map(|endpoint| self.look(rpc, endpoint))).await;
    }

    async fn look(&self, rpc: &NetworkRpc, endpoint: EndpointId) {
        let mut calls = vec![
            Call::new("eth_chainId", &json!([])),
            Call::new("eth_getBlockByNumber", &json!(["latest", false])),
        ];
        if let Some(account) = self.account {
            calls.push(Call::new("eth_getTransactionCount", &json!([hex_text(&account), "pending"])));
        }
        // That it did not answer has been counted by the gateway.
        let Ok(answers) = rpc.ask_endpoint(endpoint, &calls).await else { return };
        let [chain, block, pending @ ..] = answers.as_slice() else { return };
        let sighting = Sighting {
            chain: read_chain(chain, self.chain_id),
            head: read_head(block),
            knows_pending: pending.first().map(|count| answer_quantity(count).is_some()),
        };
        rpc.observe(endpoint, sighting);
    }

    /// Keeps looking until the network's RPC is dropped.
    pub(super) fn keep_looking(self, rpc: &Arc<NetworkRpc>) {
        tokio::spawn(keep_looking(self, Arc::downgrade(rpc)));
    }
}

async fn keep_looking(probe: Probe, rpc: Weak<NetworkRpc>) {
    loop {
        let interval = {
            let Some(rpc) = rpc.upgrade() else { return };
            probe.round(&rpc).await;
            interval(&rpc)
        };
        tokio::time::sleep(with_jitter(interval)).await;
    }
}

fn interval(rpc: &NetworkRpc) -> Duration {
    if rpc.any_quarantined() {
        INTERVAL_QUARANTINED
    } else if rpc.endpoints().count() == 1 {
        INTERVAL_ALONE
    } else {
        INTERVAL
    }
}

/// Up to a fifth less or more, so that the networks and processes of one operator do not all ask his
/// provider at once.
fn with_jitter(interval: Duration) -> Duration {
    // Each state is made of the system's random numbers.
    let random = RandomState::new().hash_one(());
    let permille = u32::try_from(800 + random % 401).unwrap_or(1_000);
    interval.saturating_mul(permille) / 1_000
}

/// Reads the answer to `eth_chainId`. One that cannot be read says nothing of the chain.
pub(super) fn read_chain(answer: &Answer, expected: u64) -> ChainSeen {
    match answer_quantity(answer) {
        Some(found) if found == u128::from(expected) => ChainSeen::Right,
        Some(found) => ChainSeen::Wrong { expected: expected.to_string(), found: found.to_string() },
        None => ChainSeen::Unknown,
    }
}

/// Reads a block's number and time. None if the answer lacks one of them.
pub(super) fn read_head(answer: &Answer) -> Option<Head> {
    let block: Value = serde_json::from_str(answer.as_ref().ok()?).ok()?;
    let field = |name| u64::try_from(field_quantity(&block, name)?).ok();
    Some(Head { number: field("number")?, time: field("timestamp")? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::{RemoteError, RpcSettings};

    fn rpc(endpoints: usize) -> Arc<NetworkRpc> {
        let urls = (1..=endpoints).map(|port| format!("http://127.0.0.1:{port}").parse().unwrap()).collect();
        Arc::new(NetworkRpc::new(urls, RpcSettings::default()).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn looking_ends_when_the_network_is_dropped() {
        let rpc = rpc(0);
        let probe = Probe { chain_id: 1, account: None };
        let looking = tokio::spawn(keep_looking(probe, Arc::downgrade(&rpc)));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!looking.is_finished());
        drop(rpc);
        looking.await.unwrap();
    }

    #[test]
    fn a_bad_endpoint_is_looked_at_more_often_and_a_lone_one_less() {
        for (endpoints, seconds) in [(1, 15), (2, 10)] {
            let rpc = rpc(endpoints);
            assert_eq!(interval(&rpc).as_secs(), seconds);
            let chain = ChainSeen::Wrong { expected: "1".to_owned(), found: "2".to_owned() };
            let first = rpc.endpoints().next().unwrap();
            rpc.observe(first, Sighting { chain, head: None, knows_pending: None });
            assert_eq!(interval(&rpc).as_secs(), 2);
        }
    }

    #[test]
    fn only_a_readable_chain_id_is_a_wrong_one() {
        let refused = Err(RemoteError { code: -32000, message: "starting".to_owned(), data: None });
        for (answer, expected) in [
            (Ok("\"0x14a34\"".to_owned()), ChainSeen::Right),
            (
                Ok("\"0x1\"".to_owned()),
                ChainSeen::Wrong { expected: "84532".to_owned(), found: "1".to_owned() },
            ),
            (Ok("\"84532\"".to_owned()), ChainSeen::Unknown),
            (Ok("null".to_owned()), ChainSeen::Unknown),
            (refused, ChainSeen::Unknown),
        ] {
            assert_eq!(read_chain(&answer, 84_532), expected, "{answer:?}");
        }
    }

    #[test]
    fn a_head_has_a_number_and_a_time() {
        let head = |block: Value| read_head(&Ok(block.to_string()));
        let good = json!({"number": "0x10", "timestamp": "0x6500"});
        assert_eq!(head(good), Some(Head { number: 16, time: 0x6500 }));
        for block in [
            json!(null),
            json!({"number": "0x10"}),
            json!({"number": null, "timestamp": "0x1"}),
            json!({"number": 16, "timestamp": "0x1"}),
            json!({"number": "0x10000000000000000", "timestamp": "0x1"}),
        ] {
            assert_eq!(head(block.clone()), None, "{block}");
        }
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        for _ in 0..1_000 {
            let interval = with_jitter(INTERVAL);
            assert!((Duration::from_secs(8)..=Duration::from_secs(12)).contains(&interval), "{interval:?}");
        }
    }
}
