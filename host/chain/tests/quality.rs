//! Which endpoint is asked, when some of them lag, lie, fail or serve another chain.

#![expect(clippy::expect_used, clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, response::IntoResponse, routing::post};
use facilitator_chain::{
    evm::{EvmNetwork, EvmSettings, NetworkState, Probe},
    registry::shipped,
    rpc::{Call, EndpointReport, HeadBounds, NetworkRpc, Reason, RpcSettings},
};
use facilitator_vault::{Budgets, EvmKeys, EvmPolicy, EvmSelector, Scope, Vault};
use serde_json::{Value, json};

const CHAIN_ID: u64 = 84_532;
const BLOCK_SECONDS: u64 = 2;
const PROBE: Probe = Probe { chain_id: CHAIN_ID, account: Some([7; 20]) };

/// What a node says, and what it was asked.
#[derive(Debug)]
struct Said {
    name: &'static str,
    chain_id: u64,
    /// Blocks that it is behind the chain.
    behind: u64,
    /// Seconds that its blocks' times differ from our clock: it is our clock that is wrong.
    skew: i64,
    is_down: bool,
    knows_pending: bool,
    /// Accounts with money.
    rich: Vec<String>,
    /// Methods, in the order in which they came.
    asked: Vec<String>,
}

struct Node {
    url: String,
    said: Arc<Mutex<Said>>,
}

impl Node {
    async fn start(name: &'static str) -> Self {
        let said = Arc::new(Mutex::new(Said {
            name,
            chain_id: CHAIN_ID,
            behind: 0,
            skew: 0,
            is_down: false,
            knows_pending: true,
            rich: Vec::new(),
            asked: Vec::new(),
        }));
        let router = Router::new().fallback(post(answer)).with_state(Arc::clone(&said));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/v2/s3cretkey", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, said }
    }

    fn set(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap()
    }

    /// Requests for its name that it got since the last time that this was asked.
    fn reads(&self) -> usize {
        let asked = std::mem::take(&mut self.set().asked);
        asked.iter().filter(|method| *method == "name").count()
    }
}

async fn answer(State(said): State<Arc<Mutex<Said>>>, body: Bytes) -> axum::response::Response {
    let mut said = said.lock().unwrap();
    let asked: Value = serde_json::from_slice(&body).expect("we send JSON");
    let calls = asked.as_array().cloned().unwrap_or_else(|| vec![asked.clone()]);
    said.asked.extend(calls.iter().map(|call| call["method"].as_str().expect("a method").to_owned()));
    if said.is_down {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let answers: Vec<Value> = calls.iter().map(|call| said.answer(call)).collect();
    let body = if asked.is_array() { Value::Array(answers) } else { answers[0].clone() };
    body.to_string().into_response()
}

impl Said {
    fn answer(&self, call: &Value) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let number = now / BLOCK_SECONDS - self.behind;
        let time = (number * BLOCK_SECONDS).saturating_add_signed(self.skew);
        let parameter = |at: usize| call["params"][at].as_str().unwrap_or_default();
        let result = match call["method"].as_str().expect("a method") {
            "eth_chainId" => json!(format!("{:#x}", self.chain_id)),
            "eth_getBlockByNumber" => json!({
                "number": format!("{number:#x}"),
                "timestamp": format!("{time:#x}"),
                "baseFeePerGas": "0x1",
            }),
            "eth_getTransactionCount" if parameter(1) == "latest" || self.knows_pending => json!("0x0"),
            "eth_getBalance" if self.rich.iter().any(|account| account == parameter(0)) => {
                json!("0xde0b6b3a7640000")
            }
            "eth_getBalance" => json!("0x0"),
            "eth_maxPriorityFeePerGas" => json!("0x1"),
            "eth_getCode" => json!("0x6000"),
            "name" => json!(self.name),
            _ => {
                return json!({"jsonrpc": "2.0", "id": call["id"],
                    "error": {"code": -32_601, "message": "method not found"}});
            }
        };
        json!({"jsonrpc": "2.0", "id": call["id"], "result": result})
    }
}

fn rpc(nodes: &[&Node]) -> NetworkRpc {
    let urls = nodes.iter().map(|node| node.url.parse().expect("a URL")).collect();
    let rpc = NetworkRpc::new(urls, RpcSettings::default()).expect("a client");
    rpc.set_head_bounds(HeadBounds::new(Duration::from_secs(BLOCK_SECONDS), None));
    rpc
}

fn name() -> [Call; 1] {
    [Call::new("name", &json!([]))]
}

/// Whose answer a read gets.
async fn answers(rpc: &NetworkRpc) -> String {
    let answered = rpc.read(&name()).await.expect("an answer");
    answered[0].clone().expect("a result").trim_matches('"').to_owned()
}

/// Why each endpoint is passed over.
fn reasons(rpc: &NetworkRpc) -> Vec<Option<Reason>> {
    rpc.report().into_iter().map(|endpoint| endpoint.quarantined).collect()
}

#[tokio::test]
async fn an_endpoint_that_lags_is_passed_over_and_returns() {
    let (one, two) = (Node::start("one").await, Node::start("two").await);
    let rpc = rpc(&[&one, &two]);
    one.set().behind = 50;
    PROBE.round(&rpc).await;
    // Which of them is seen first, and whether a block comes between, is open.
    assert!(matches!(reasons(&rpc).as_slice(), [Some(Reason::Behind { blocks: 49..52, .. }), None]));
    assert_eq!(answers(&rpc).await, "two");
    one.set().behind = 0;
    PROBE.round(&rpc).await;
    assert_eq!(answers(&rpc).await, "two", "one good look is not enough");
    PROBE.round(&rpc).await;
    assert_eq!(answers(&rpc).await, "one");
    assert_eq!((one.reads(), two.reads()), (1, 2));
}

#[tokio::test]
async fn a_clock_of_ours_that_is_wrong_does_not_change_who_lags() {
    for skew in [-30, 30] {
        let nodes = [Node::start("stands").await, Node::start("good").await, Node::start("late").await];
        for node in &nodes {
            node.set().skew = skew;
        }
        nodes[0].set().behind = 20;
        nodes[2].set().behind = 1;
        let rpc = rpc(&nodes.each_ref());
        rpc.set_head_bounds(HeadBounds::new(
            Duration::from_secs(BLOCK_SECONDS),
            Some(Duration::from_secs(90)),
        ));
        PROBE.round(&rpc).await;
        let reasons = reasons(&rpc);
        assert!(matches!(reasons.as_slice(), [Some(Reason::Behind { .. }), None, None]), "{reasons:?}");
        assert_eq!(answers(&rpc).await, "good");
    }
}

#[tokio::test]
async fn an_endpoint_of_another_chain_gets_no_read_until_it_is_right() {
    let (one, two) = (Node::start("one").await, Node::start("two").await);
    let rpc = rpc(&[&one, &two]);
    one.set().chain_id = 1;
    PROBE.round(&rpc).await;
    assert_eq!(answers(&rpc).await, "two");
    two.set().is_down = true;
    for _ in 0..5 {
        let failure = rpc.read(&name()).await.expect_err("the only one left is down").to_string();
        assert!(failure.contains("chain id: expected 84532, found 1"), "{failure}");
        let sent =
            rpc.send(Call::new("eth_sendRawTransaction", &json!(["0x"])), Duration::from_secs(1)).await;
        assert!(sent.is_err());
    }
    assert_eq!(one.reads(), 0);
    one.set().chain_id = CHAIN_ID;
    PROBE.round(&rpc).await;
    PROBE.round(&rpc).await;
    assert_eq!(answers(&rpc).await, "one");
}

#[tokio::test]
async fn an_endpoint_that_fails_too_often_is_passed_over_though_it_answers_between() {
    let (one, two) = (Node::start("one").await, Node::start("two").await);
    let rpc = rpc(&[&one, &two]);
    let mut reads = 0;
    while reasons(&rpc)[0].is_none() && reads < 100 {
        one.set().is_down = reads % 2 == 0;
        answers(&rpc).await;
        reads += 1;
    }
    assert!((20..30).contains(&reads), "after {reads} reads");
    assert!(matches!(reasons(&rpc)[0], Some(Reason::Erring { .. })));
    assert_eq!(answers(&rpc).await, "two");
}

#[tokio::test]
async fn if_all_are_bad_the_least_bad_is_still_asked() {
    let (one, two) = (Node::start("one").await, Node::start("two").await);
    let rpc = rpc(&[&one, &two]);
    one.set().behind = 50;
    PROBE.round(&rpc).await;
    two.set().is_down = true;
    for _ in 0..3 {
        assert_eq!(answers(&rpc).await, "one");
    }
    assert!(reasons(&rpc).iter().all(Option::is_some));
    assert_eq!(answers(&rpc).await, "one");
    two.set().is_down = false;
    assert_eq!(answers(&rpc).await, "two", "it may know the truth, the other one does not");

    let alone = Node::start("alone").await;
    alone.set().behind = 1_000;
    let rpc = self::rpc(&[&alone]);
    rpc.set_head_bounds(HeadBounds::new(Duration::from_secs(BLOCK_SECONDS), Some(Duration::from_secs(60))));
    PROBE.round(&rpc).await;
    assert!(matches!(reasons(&rpc).as_slice(), [Some(Reason::Old { at_most: 60, .. })]));
    assert_eq!(answers(&rpc).await, "alone");
}

#[tokio::test]
async fn a_second_opinion_is_another_good_endpoints() {
    let nodes = [Node::start("one").await, Node::start("two").await, Node::start("three").await];
    let rpc = rpc(&nodes.each_ref());
    let opinion = async |than| {
        let answers = rpc.read_from_other(&name(), than).await?;
        Some(answers.map(|answers| answers[0].clone().unwrap()))
    };
    let first = rpc.read_from(&name()).await.unwrap();
    assert_eq!(first.answers, [Ok("\"one\"".to_owned())]);
    assert!(rpc.has_other(first.endpoint));
    assert_eq!(opinion(first.endpoint).await, Some(Ok("\"two\"".to_owned())));

    nodes[1].set().behind = 50;
    PROBE.round(&rpc).await;
    assert_eq!(nodes.each_ref().map(Node::reads), [1, 1, 0]);
    assert_eq!(opinion(first.endpoint).await, Some(Ok("\"three\"".to_owned())));
    let third = rpc.endpoints().nth(2).unwrap();
    assert_eq!(opinion(third).await, Some(Ok("\"one\"".to_owned())), "those before it are others, too");

    nodes[2].set().is_down = true;
    let failure = opinion(first.endpoint).await.expect("there is one").expect_err("which is down");
    assert!(!failure.to_string().contains("s3cret"), "{failure}");
    for _ in 0..2 {
        opinion(first.endpoint).await;
    }
    assert_eq!((rpc.has_other(first.endpoint), opinion(first.endpoint).await), (false, None));
    assert_eq!(nodes.each_ref().map(Node::reads), [1, 0, 4]);
}

#[tokio::test]
async fn a_lone_endpoint_has_no_other_even_if_it_is_named_twice() {
    let one = Node::start("one").await;
    for rpc in [rpc(&[&one]), rpc(&[&one, &one])] {
        let first = rpc.read_from(&name()).await.unwrap();
        assert!(!rpc.has_other(first.endpoint));
        assert_eq!(rpc.read_from_other(&name(), first.endpoint).await, None);
        assert_eq!(one.reads(), 1);
    }
}

#[tokio::test]
async fn what_is_known_of_an_endpoint_is_told_without_its_url() {
    let (one, two) = (Node::start("one").await, Node::start("two").await);
    let rpc = rpc(&[&one, &two]);
    assert!(rpc.report().iter().all(|endpoint| endpoint.latency.is_none() && endpoint.head.is_none()));
    two.set().knows_pending = false;
    PROBE.round(&rpc).await;
    let report = rpc.report();
    assert_eq!(report.iter().map(|endpoint| endpoint.lacks_pending).collect::<Vec<_>>(), [false, true]);
    assert!(report.iter().all(|EndpointReport { host, quarantined, latency, head, .. }| {
        host == "127.0.0.1" && quarantined.is_none() && latency.is_some() && head.is_some()
    }));
    assert!(!format!("{report:?}").contains("s3cret"));
    for node in [&one, &two] {
        let asked = std::mem::take(&mut node.set().asked);
        assert_eq!(
            asked,
            ["eth_chainId", "eth_getBlockByNumber", "eth_getTransactionCount"],
            "one batch each"
        );
    }
}

/// The well-known development keys of local nodes, worthless anywhere else.
const DEVELOPMENT_KEYS: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80,\
     0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";

async fn network(node: &Node) -> Arc<EvmNetwork> {
    let facts = shipped().unwrap().into_iter().find(|facts| facts.name == "base-sepolia").unwrap();
    let keys = EvmKeys::from_lookup(&|name| {
        (name == "EVM_PRIVATE_KEY_TESTNET").then(|| DEVELOPMENT_KEYS.to_owned())
    });
    let policy = EvmPolicy {
        network: facts.caip2.clone(),
        name: facts.name.clone(),
        chain_id: CHAIN_ID,
        scope: Scope::Testnet,
        assets: vec![[0xa5; 20]],
        selectors: EvmSelector::ALL.to_vec(),
        max_gas: 500_000,
        max_fee_per_gas_wei: 100,
        max_priority_fee_per_gas_wei: 100,
        budgets: Budgets::of_worst_fee(50_000_000),
        killed: false,
    };
    let settings = EvmSettings {
        chain_id: CHAIN_ID,
        confirmations: 1,
        max_in_flight: 4,
        max_fee_per_gas_wei: 100,
        max_priority_fee_per_gas_wei: 100,
        max_gas: 500_000,
        max_head_age: Some(Duration::from_secs(90)),
        facts,
    };
    let vault = Vault::new(keys.unwrap(), vec![policy]).unwrap();
    let network = EvmNetwork::start(settings, Arc::new(rpc(&[node])), Arc::new(vault));
    network.first_attested().await;
    network
}

fn text(address: [u8; 20]) -> String {
    format!("0x{}", hex::encode(address))
}

#[tokio::test]
async fn a_signer_without_money_settles_nothing_while_another_can() {
    let node = Node::start("one").await;
    let poor = network(&node).await;
    let [first, second] = poor.signers()[..] else { panic!("two keys") };
    let NetworkState::NotReady(reason) = poor.state() else { panic!("{:?}", poor.state()) };
    // 500,000 gas at twice the base fee and the tip.
    assert!(reason.ends_with("holds 0 wei, a settlement may cost 1500000 wei"), "{reason}");
    for (rich, settles) in [(vec![first], first), (vec![second], second), (vec![first, second], first)] {
        node.set().rich = rich.into_iter().map(text).collect();
        let network = network(&node).await;
        assert_eq!((network.state(), network.least_busy_signer()), (NetworkState::Ready, Some(settles)));
    }
}

#[tokio::test]
async fn a_network_whose_head_stands_still_is_not_ready() {
    let node = Node::start("one").await;
    node.set().behind = 100;
    let network = network(&node).await;
    let NetworkState::NotReady(reason) = network.state() else { panic!("{:?}", network.state()) };
    assert!(reason.starts_with("the latest block is 20"), "{reason}");
    assert!(reason.ends_with("s old, at most 90 s are accepted"), "{reason}");
}
