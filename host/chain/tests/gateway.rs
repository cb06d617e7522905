//! The RPC gateway against endpoints that fail in every way that endpoints fail.

#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, response::IntoResponse, routing::post};
use facilitator_chain::rpc::{Call, NetworkRpc, RpcFailure, RpcSettings};
use facilitator_engine::{RpcCall, RpcPort};
use serde_json::{Value, json};

/// How an endpoint behaves.
#[derive(Clone, Copy, Debug)]
enum Behaviour {
    /// Answers each call with its method's name.
    Good,
    /// Good, and refuses batches as some providers do.
    NoBatches,
    /// HTTP 500.
    Broken,
    /// HTTP 429.
    Busy,
    /// A JSON-RPC rate limit in an HTTP 200.
    PolitelyBusy,
    /// A page in HTML.
    Html,
    /// The answer to another call.
    OtherId,
    /// More bytes than are accepted.
    Huge,
    /// Never answers.
    Silent,
    /// Quotes the key of its URL in a JSON-RPC error.
    Indiscreet,
}

struct Endpoint {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Endpoint {
    async fn start(behaviour: Behaviour) -> Self {
        let requests = Arc::new(AtomicUsize::new(0));
        let router = Router::new().fallback(post(answer)).with_state((behaviour, Arc::clone(&requests)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, requests }
    }

    fn url(&self) -> String {
        format!("http://{}/v2/s3cretkey", self.address)
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn answer(
    State((behaviour, requests)): State<(Behaviour, Arc<AtomicUsize>)>,
    body: Bytes,
) -> axum::response::Response {
    requests.fetch_add(1, Ordering::SeqCst);
    let asked: Value = serde_json::from_slice(&body).expect("we send JSON");
    let good = |call: &Value| json!({"jsonrpc":"2.0","id":call["id"],"result":call["method"]});
    let answers = || match &asked {
        Value::Array(calls) => Value::Array(calls.iter().rev().map(good).collect()),
        call => good(call),
    };
    let error = |code: i64, message: &str| {
        json!({"jsonrpc":"2.0","id":asked.get("id").cloned().unwrap_or(Value::Null),
               "error":{"code":code,"message":message}})
    };
    match behaviour {
        Behaviour::Good => answers().to_string().into_response(),
        Behaviour::NoBatches if asked.is_array() => {
            error(-32600, "batches are not supported").to_string().into_response()
        }
        Behaviour::NoBatches => answers().to_string().into_response(),
        Behaviour::Broken => (StatusCode::INTERNAL_SERVER_ERROR, "oops").into_response(),
        Behaviour::Busy => (StatusCode::TOO_MANY_REQUESTS, answers().to_string()).into_response(),
        Behaviour::PolitelyBusy => error(-32005, "daily limit reached").to_string().into_response(),
        Behaviour::Html => "<html>welcome</html>".into_response(),
        Behaviour::OtherId => json!({"jsonrpc":"2.0","id":77,"result":"0x1"}).to_string().into_response(),
        Behaviour::Huge => "x".repeat(100_000).into_response(),
        Behaviour::Silent => {
            tokio::time::sleep(Duration::from_secs(30)).await;
            "".into_response()
        }
        Behaviour::Indiscreet => error(-32000, "key s3cretkey is not yours").to_string().into_response(),
    }
}

fn rpc(endpoints: &[&Endpoint]) -> NetworkRpc {
    let urls = endpoints.iter().map(|endpoint| endpoint.url().parse().expect("a URL")).collect();
    let settings = RpcSettings {
        timeout: Duration::from_millis(300),
        max_answer_bytes: 10_000,
        ..RpcSettings::default()
    };
    NetworkRpc::new(urls, settings).expect("a client")
}

fn call(method: &str) -> Call {
    Call::new(method, &json!([]))
}

#[tokio::test]
async fn a_read_goes_to_the_next_endpoint_whatever_is_wrong_with_the_first() {
    for behaviour in [
        Behaviour::Broken,
        Behaviour::Busy,
        Behaviour::PolitelyBusy,
        Behaviour::Html,
        Behaviour::OtherId,
        Behaviour::Huge,
        Behaviour::Silent,
    ] {
        let (bad, good) = (Endpoint::start(behaviour).await, Endpoint::start(Behaviour::Good).await);
        let answer = rpc(&[&bad, &good]).read_one(call("eth_chainId")).await;
        assert_eq!(answer, Ok(Ok("\"eth_chainId\"".to_owned())), "{behaviour:?}");
        assert_eq!((bad.requests(), good.requests()), (1, 1), "{behaviour:?}");
    }
}

#[tokio::test]
async fn the_first_endpoint_is_asked_alone_while_it_answers() {
    let (first, second) = (Endpoint::start(Behaviour::Good).await, Endpoint::start(Behaviour::Good).await);
    let rpc = rpc(&[&first, &second]);
    for _ in 0..5 {
        rpc.read_one(call("eth_chainId")).await.expect("an answer").expect("a result");
    }
    assert_eq!((first.requests(), second.requests()), (5, 0));
}

#[tokio::test]
async fn an_endpoint_that_keeps_failing_rests() {
    let (bad, good) = (Endpoint::start(Behaviour::Broken).await, Endpoint::start(Behaviour::Good).await);
    let rpc = rpc(&[&bad, &good]);
    for _ in 0..10 {
        rpc.read_one(call("eth_chainId")).await.expect("an answer").expect("a result");
    }
    assert_eq!((bad.requests(), good.requests()), (3, 10));
}

#[tokio::test]
async fn when_nobody_answers_hosts_are_named_and_keys_are_not() {
    let (broken, html) = (Endpoint::start(Behaviour::Broken).await, Endpoint::start(Behaviour::Html).await);
    let failure = rpc(&[&broken, &html]).read_one(call("eth_chainId")).await.expect_err("nobody answers");
    let RpcFailure::Unavailable(text) = &failure else { unreachable!("{failure}") };
    assert!(text.contains("127.0.0.1 server error") && text.contains("not JSON-RPC"), "{text}");
    assert!(!format!("{failure} {failure:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_batch_is_one_round_trip_answered_in_order() {
    let endpoint = Endpoint::start(Behaviour::Good).await;
    let answers = rpc(&[&endpoint]).read(&[call("a"), call("b"), call("c")]).await.expect("answers");
    assert_eq!(answers, [Ok("\"a\"".to_owned()), Ok("\"b\"".to_owned()), Ok("\"c\"".to_owned())]);
    assert_eq!(endpoint.requests(), 1);
}

#[tokio::test]
async fn an_endpoint_without_batches_is_asked_one_by_one() {
    let endpoint = Endpoint::start(Behaviour::NoBatches).await;
    let answers = rpc(&[&endpoint]).read(&[call("a"), call("b")]).await.expect("answers");
    assert_eq!(answers, [Ok("\"a\"".to_owned()), Ok("\"b\"".to_owned())]);
}

#[tokio::test]
async fn a_batch_has_a_bound() {
    let endpoint = Endpoint::start(Behaviour::Good).await;
    let calls: Vec<Call> = (0..101).map(|_| call("a")).collect();
    assert!(matches!(rpc(&[&endpoint]).read(&calls).await, Err(RpcFailure::BadRequest(_))));
    assert_eq!(endpoint.requests(), 0);
}

#[tokio::test]
async fn a_refusal_after_another_endpoint_broke_off_is_marked() {
    let (silent, good) = (Endpoint::start(Behaviour::Silent).await, Endpoint::start(Behaviour::Good).await);
    let timeout = Duration::from_millis(200);
    let sent = rpc(&[&silent, &good]).send(call("eth_sendRawTransaction"), timeout).await.expect("sent");
    assert!(sent.earlier_endpoints_failed);
    let sent = rpc(&[&good, &silent]).send(call("eth_sendRawTransaction"), timeout).await.expect("sent");
    assert!(!sent.earlier_endpoints_failed);
}

#[tokio::test]
async fn a_guest_sees_no_key_and_can_send_nothing_but_json() {
    let endpoint = Endpoint::start(Behaviour::Indiscreet).await;
    let rpc = rpc(&[&endpoint]);
    let ask =
        |params: &str| rpc.round_trip(vec![RpcCall { method: "eth_call".into(), params: params.into() }]);
    let answers = ask("[]").await.expect("answers");
    let message = &answers.first().expect("one").as_ref().expect_err("an error").message;
    assert_eq!(message, "key … is not yours");
    for params in ["", "[", "[]]", "[]} , {\"x\":[]", "\"text\"", "1"] {
        assert!(ask(params).await.is_err(), "{params}");
    }
    assert_eq!(endpoint.requests(), 1, "nothing but the good one was sent");
}
