//! Attestation against nodes that say what each test wants.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use serde_json::Value;

use super::*;
use crate::rpc::RpcSettings;

const ASSET: &str = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";
/// Accounts of nobody.
const RICH: [u8; 20] = [0x11; 20];
const POOR: [u8; 20] = [0x22; 20];
const GWEI: u128 = 1_000_000_000;
/// 100,000 gas at twice the base fee and the tip.
const COST: u128 = 100_000 * 3 * GWEI;

/// What a node answers, by method or by method and first parameter; the rest it does not know.
type Answers = Arc<Mutex<HashMap<String, Value>>>;

struct FakeNode {
    url: String,
    answers: Answers,
    asked: Arc<Mutex<Vec<String>>>,
}

impl FakeNode {
    async fn start() -> Self {
        let fresh = json!({
            "number": "0x10",
            "timestamp": format!("{:#x}", now()),
            "baseFeePerGas": format!("{GWEI:#x}"),
        });
        let answers: Answers = Arc::new(Mutex::new(HashMap::from([
            ("eth_chainId".to_owned(), json!("0x14a34")),
            ("eth_getBlockByNumber".to_owned(), fresh),
            ("eth_maxPriorityFeePerGas".to_owned(), json!(format!("{GWEI:#x}"))),
            ("eth_gasPrice".to_owned(), json!("0x1")),
            ("eth_getCode".to_owned(), json!("0x6000")),
            ("eth_getTransactionCount".to_owned(), json!("0x7")),
            ("eth_getBalance".to_owned(), json!(format!("{COST:#x}"))),
        ])));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let router =
            Router::new().fallback(post(answer)).with_state((Arc::clone(&answers), Arc::clone(&asked)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, answers, asked }
    }

    /// Answers so from now on; null makes it forget the method.
    fn set(&self, method: &str, answer: Value) {
        let mut answers = self.answers.lock().unwrap();
        if answer.is_null() {
            answers.remove(method)
        } else {
            answers.insert(method.to_owned(), answer)
        };
    }

    fn head_of_age(&self, seconds: u64) {
        let block = json!({"number": "0x10", "timestamp": format!("{:#x}", now() - seconds),
            "baseFeePerGas": format!("{GWEI:#x}")});
        self.set("eth_getBlockByNumber", block);
    }

    fn asked(&self, method: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|call| call.starts_with(method)).count()
    }
}

async fn answer(State((answers, asked)): State<(Answers, Arc<Mutex<Vec<String>>>)>, body: Bytes) -> String {
    let one = |call: &Value| {
        let method = call["method"].as_str().unwrap();
        let parameter = |at: usize| call["params"][at].as_str().unwrap_or_default();
        asked.lock().unwrap().push(format!("{method} {}", parameter(1)));
        let answers = answers.lock().unwrap();
        let found =
            [format!("{method} {}", parameter(0)), format!("{method} {}", parameter(1)), method.to_owned()]
                .iter()
                .find_map(|key| answers.get(key).cloned());
        match found {
            Some(Value::String(text)) if text == "refused" => {
                json!({"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32_602, "message": "no such block"}})
            }
            Some(result) => json!({"jsonrpc": "2.0", "id": call["id"], "result": result}),
            None => json!({"jsonrpc": "2.0", "id": call["id"],
                "error": {"code": -32_601, "message": "method not found"}}),
        }
    };
    match serde_json::from_slice(&body).unwrap() {
        Value::Array(calls) => Value::Array(calls.iter().map(one).collect()).to_string(),
        call => one(&call).to_string(),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn rpc(nodes: &[&FakeNode], max_head_age: Option<Duration>) -> NetworkRpc {
    let urls = nodes.iter().map(|node| node.url.parse().unwrap()).collect();
    let rpc = NetworkRpc::new(urls, RpcSettings::default()).unwrap();
    rpc.set_head_bounds(crate::rpc::HeadBounds::new(Duration::from_secs(2), max_head_age));
    rpc
}

async fn attest_signers(
    rpc: &NetworkRpc,
    signers: &[[u8; 20]],
    max_head_age: Option<Duration>,
) -> Result<Attested, AttestFailure> {
    let wanted = Wanted {
        chain_id: 84_532,
        assets: &[ASSET.to_owned()],
        signers,
        max_tip: 10 * GWEI,
        max_fee_per_gas: 50 * GWEI,
        max_gas: 100_000,
        max_head_age,
    };
    attest(rpc, &wanted).await
}

const A_MINUTE: Option<Duration> = Some(Duration::from_secs(60));

#[tokio::test]
async fn a_node_with_everything_is_attested_in_one_round_trip() {
    let node = FakeNode::start().await;
    let attested = attest_signers(&rpc(&[&node], A_MINUTE), &[RICH], A_MINUTE).await.unwrap();
    assert_eq!((attested.nonces, attested.without_funds, attested.has_sync_send), (vec![7], vec![], false));
    assert_eq!(node.asked("eth_getTransactionCount"), 1);
}

#[tokio::test]
async fn a_stale_head_is_refused_where_an_age_is_set_and_nowhere_else() {
    let node = FakeNode::start().await;
    node.head_of_age(312);
    let failure = attest_signers(&rpc(&[&node], A_MINUTE), &[RICH], A_MINUTE).await.unwrap_err();
    let text = failure.to_string();
    assert!(
        text.starts_with("the latest block is 31") && text.ends_with(" s old, at most 60 s are accepted"),
        "{text}"
    );
    assert!(attest_signers(&rpc(&[&node], None), &[RICH], None).await.is_ok());
    node.head_of_age(50);
    assert!(attest_signers(&rpc(&[&node], A_MINUTE), &[RICH], A_MINUTE).await.is_ok());
    node.set("eth_getBlockByNumber", json!({"number": "0x1", "baseFeePerGas": "0x1"}));
    let failure = attest_signers(&rpc(&[&node], A_MINUTE), &[RICH], A_MINUTE).await.unwrap_err();
    assert_eq!(failure, AttestFailure::NoHead);
}

#[tokio::test]
async fn the_freshest_head_decides_and_the_stale_one_is_passed_over() {
    let (stale, fresh) = (FakeNode::start().await, FakeNode::start().await);
    stale.head_of_age(312);
    let rpc = rpc(&[&stale, &fresh], A_MINUTE);
    attest_signers(&rpc, &[RICH], A_MINUTE).await.unwrap();
    let asked = stale.asked("");
    attest_signers(&rpc, &[RICH], A_MINUTE).await.unwrap();
    assert_eq!(stale.asked(""), asked, "it is not asked first any more");
}

#[tokio::test]
async fn another_chain_is_refused_and_the_next_endpoint_is_asked_at_once() {
    let (wrong, right) = (FakeNode::start().await, FakeNode::start().await);
    wrong.set("eth_chainId", json!("0x1"));
    let alone = rpc(&[&wrong], None);
    let failure = attest_signers(&alone, &[RICH], None).await.unwrap_err();
    assert_eq!(failure.to_string(), "chain id: expected 84532, found 1");
    let asked = wrong.asked("");
    let failure = attest_signers(&alone, &[RICH], None).await.unwrap_err().to_string();
    assert!(failure.ends_with("127.0.0.1 chain id: expected 84532, found 1"), "{failure}");
    assert_eq!(wrong.asked(""), asked, "never asked again for reads");
    assert!(attest_signers(&rpc(&[&wrong, &right], None), &[RICH], None).await.is_ok());
}

#[tokio::test]
async fn a_signer_that_cannot_pay_is_left_out_and_the_network_if_none_can() {
    let node = FakeNode::start().await;
    let rpc = rpc(&[&node], None);
    node.set(&format!("eth_getBalance {}", hex_text(&POOR)), json!(format!("{:#x}", COST - 1)));
    let attested = attest_signers(&rpc, &[POOR, RICH], None).await.unwrap();
    assert_eq!(attested.without_funds, [POOR]);
    let failure = attest_signers(&rpc, &[POOR], None).await.unwrap_err();
    let funds = AttestFailure::Funds { signer: hex_text(&POOR), balance: COST - 1, cost: COST };
    assert_eq!(failure, funds);
    node.set("eth_getBalance", json!("0x0"));
    let failure = attest_signers(&rpc, &[RICH, POOR], None).await.unwrap_err();
    assert_eq!(failure, funds, "the richest one is named");
}

#[tokio::test]
async fn a_balance_that_is_not_told_counts_as_enough() {
    let node = FakeNode::start().await;
    let rpc = rpc(&[&node], None);
    for answer in [json!(null), json!("refused"), json!("12"), json!(format!("0x1{}", "0".repeat(40)))] {
        node.set("eth_getBalance", answer.clone());
        let attested = attest_signers(&rpc, &[RICH], None).await;
        assert_eq!(attested.map(|attested| attested.without_funds), Ok(vec![]), "{answer}");
    }
}

#[tokio::test]
async fn where_pending_is_refused_the_latest_count_is_taken_and_that_is_remembered() {
    let node = FakeNode::start().await;
    let rpc = rpc(&[&node], None);
    node.set("eth_getTransactionCount pending", json!("refused"));
    let attested = attest_signers(&rpc, &[RICH, POOR], None).await.unwrap();
    assert_eq!(attested.nonces, [7, 7]);
    assert!(rpc.report()[0].lacks_pending);
    node.set("eth_getTransactionCount", json!("refused"));
    let failure = attest_signers(&rpc, &[RICH], None).await.unwrap_err();
    assert_eq!(failure, AttestFailure::Nonce(hex_text(&RICH)));
}

#[tokio::test]
async fn more_signers_than_a_batch_holds_are_attested_too() {
    let node = FakeNode::start().await;
    let signers: Vec<[u8; 20]> = (0..120).map(|number| [number; 20]).collect();
    let attested = attest_signers(&rpc(&[&node], None), &signers, None).await.unwrap();
    assert_eq!(attested.nonces.len(), 120);
}
