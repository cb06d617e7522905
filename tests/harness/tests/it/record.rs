//! `--record`: a case from a live node, with nothing of the node's URL in it.

use std::{fs, sync::mpsc, time::Duration};

use serde_json::{Value, json};

use crate::{
    node::{Node, OK},
    scratch::{Ended, Scratch},
};

/// A path and a query as providers give them out.
const KEYED: &str = "v2/0123456789abcdef0123456789abcdef?token=fedcba9876543210fedcba";
const KEYS: [&str; 2] = ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba"];

/// A node that knows what a case's node had answered.
fn node_of(scratch: &Scratch, rpc: &str) -> Node {
    let mut known: Vec<(Value, Value)> = Vec::new();
    for line in scratch.read(rpc).lines() {
        let exchange: Value = serde_json::from_str(line).unwrap();
        let requests = exchange["requests"].as_array().unwrap().iter().cloned();
        known.extend(requests.zip(exchange["answers"].as_array().unwrap().iter().cloned()));
    }
    Node::answering(move |method, params| {
        let asked = json!({"method": method, "params": params});
        known
            .iter()
            .find(|(request, _)| *request == asked)
            .map_or_else(|| panic!("{asked}"), |(_, answer)| answer.clone())
    })
}

fn record(scratch: &Scratch, node: &Node, more: &[&str]) -> Ended {
    let url = node.url(KEYED);
    let ended = scratch.run([&["--record", "--rpc", url.as_str()], more].concat());
    assert_no_key(scratch, &ended);
    ended
}

fn assert_no_key(scratch: &Scratch, ended: &Ended) {
    for key in KEYS {
        assert!(!ended.out.contains(key) && !ended.err.contains(key), "{ended:?}");
        for (path, content) in scratch.tree() {
            assert!(!String::from_utf8_lossy(&content).contains(key), "{}", path.display());
        }
    }
}

fn exchanges(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn single_calls_batches_and_errors_are_recorded_as_they_are_committed() {
    let scratch = Scratch::new();
    scratch.copy("rejects_used_nonce", "committed");
    let node = node_of(&scratch, "committed/rpc.jsonl");
    let ended = record(
        &scratch,
        &node,
        &["--request", "committed/request.json", "--now", "1893456010000", "cases/new/one"],
    );
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    let first = "recorded cases/new/one: 2 round trips, replayed strictly with the same answer:\n    {\n      \"invalid\"";
    assert!(ended.out.starts_with(first), "{}", ended.out);

    for file in ["request.json", "clock", "expect.json"] {
        assert_eq!(
            scratch.read(format!("cases/new/one/{file}")),
            scratch.read(format!("committed/{file}")),
            "{file}"
        );
    }
    let recorded = scratch.read("cases/new/one/rpc.jsonl");
    assert_eq!(exchanges(&recorded), exchanges(&scratch.read("committed/rpc.jsonl")));
    assert!(recorded.starts_with(r#"{"requests":[{"method":"eth_call","params":[{"#), "{recorded}");
    assert!(recorded.contains(r#","latest"]}],"answers":[{"error":{"code":3,"message":"#), "{recorded}");
    assert!(recorded.ends_with("]}\n") && recorded.lines().count() == 2);

    let asked = node.asked();
    assert!(asked[0].is_object(), "one call is no batch: {}", asked[0]);
    assert!(asked[1].as_array().is_some_and(|calls| calls.len() > 1), "several are one: {}", asked[1]);
    assert_eq!(asked.len(), 2, "the replay asks nobody");
    assert_eq!(scratch.run(["cases"]).told(), "evm 0.1.0: 1 of 1 cases passed");
}

#[test]
fn a_case_is_renewed_at_its_own_time() {
    let scratch = Scratch::new();
    scratch.copy("accepts_eoa_v2", "case");
    let committed = scratch.tree();
    let node = node_of(&scratch, "case/rpc.jsonl");
    scratch.write("case/rpc.jsonl", "not read");
    fs::remove_file(scratch.path("case/expect.json")).unwrap();
    let ended = record(&scratch, &node, &["case"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    for (path, content) in scratch.tree() {
        if path.ends_with("rpc.jsonl") {
            let text = |bytes: &[u8]| exchanges(std::str::from_utf8(bytes).unwrap());
            assert_eq!(text(&content), text(&committed[&path]));
        } else {
            assert!(content == committed[&path], "{}", path.display());
        }
    }
    // Without a clock it is now, when this payment has not begun.
    fs::remove_file(scratch.path("case/clock")).unwrap();
    record(&scratch, &node, &["case"]);
    let clock = scratch.read("case/clock");
    assert!(clock.ends_with('\n') && clock.trim().parse::<u64>().unwrap() > 1_700_000_000_000, "{clock}");
    assert!(scratch.read("case/expect.json").contains("valid_after"));
}

#[test]
fn a_key_that_the_node_quotes_is_not_recorded() {
    let scratch = Scratch::new();
    scratch.copy("accepts_eoa_v2", "case");
    let quoting = format!("execution reverted: project {} is known", KEYS[0]);
    let node = Node::answering(
        move |_, _| json!({"error": {"code": -32005, "message": quoting, "data": [KEYS[1]]}}),
    );
    let ended = record(&scratch, &node, &["case"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let recorded = scratch.read("case/rpc.jsonl");
    let error = r#""answers":[{"error":{"code":-32005,"message":"execution reverted: project … is known","data":["…"]}}]"#;
    assert!(recorded.contains(error), "{recorded}");

    let before = scratch.tree();
    let node = Node::answering(|_, _| json!({"result": format!("0x{}", KEYS[0])}));
    let ended = record(&scratch, &node, &["case"]);
    assert_eq!(
        (ended.code, ended.err.as_str()),
        (
            2,
            "error: a part of the node's URL would stand in rpc.jsonl: it may be a key, so nothing was recorded\n"
        )
    );
    assert!(scratch.tree() == before);
}

#[test]
fn a_node_that_does_not_answer_is_told_by_its_host_or_recorded_so() {
    let scratch = Scratch::new();
    scratch.copy("errs_when_no_endpoint_answers", "case");
    let before = scratch.tree();
    let large = "x".repeat((2 << 20) + 1);
    let answers: [(&'static str, String, &str); 6] = [
        ("302 Found\r\nlocation: http://127.0.0.1:1/", String::new(), "HTTP status 302"),
        ("429 Too Many Requests", "{}".to_owned(), "HTTP status 429"),
        ("500 Internal Server Error", KEYS[0].to_owned(), "HTTP status 500"),
        (OK, "<html>".to_owned(), "its answer is not JSON-RPC: expected one message"),
        (
            OK,
            r#"{"jsonrpc":"2.0","id":7,"result":1}"#.to_owned(),
            "its answer is not JSON-RPC: an answer has another id",
        ),
        (OK, large, "an answer of more than 2097152 bytes"),
    ];
    for (status, body, message) in answers {
        let node = Node::start(move |_| (status, body.clone()));
        let ended = record(&scratch, &node, &["case"]);
        let expected =
            format!("error: 127.0.0.1 did not answer (--accept-unavailable records it so): {message}\n");
        assert_eq!((ended.code, ended.err), (2, expected));
        assert!(scratch.tree() == before);
    }

    let gone = Node::start(|_| (OK, String::new())).url(KEYED);
    let ended = scratch.run(["--record", "--rpc", &gone, "case"]);
    assert!(ended.err.ends_with(": cannot connect\n"), "{}", ended.err);
    fs::remove_file(scratch.path("case/rpc.jsonl")).unwrap();
    let ended = scratch.run(["--record", "--rpc", &gone, "--accept-unavailable", "case"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_no_key(&scratch, &ended);
    assert!(scratch.read("case/rpc.jsonl").ends_with("],\"unavailable\":\"no endpoint answered\"}\n"));
    assert_eq!(scratch.run(["case"]).told(), "evm 0.1.0: 1 of 1 cases passed");
    let expect = before.iter().find(|(path, _)| path.ends_with("expect.json")).unwrap().1;
    assert_eq!(scratch.read("case/expect.json").as_bytes(), expect.as_slice());
}

#[test]
fn an_interrupted_recording_leaves_the_old_case() {
    let scratch = Scratch::new();
    scratch.copy("accepts_eoa_v2", "case");
    let before = scratch.tree();
    let (asked, is_asked) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let may_go_on = std::sync::Mutex::new(may_go_on);
    let node = Node::start(move |_| {
        asked.send(()).unwrap();
        // Until the test has ended its client.
        let _ = may_go_on.lock().unwrap().recv();
        (OK, String::new())
    });
    let mut child = scratch.command(["--record", "--rpc", &node.url(KEYED), "case"]).spawn().unwrap();
    is_asked.recv_timeout(Duration::from_secs(60)).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    drop(go_on);
    assert!(scratch.tree() == before);
}

#[test]
fn what_is_missing_is_said() {
    let scratch = Scratch::new();
    scratch.write("ask.json", "{\"call\":\"verify\"}");
    let node = Node::answering(|_, _| json!({"result": "0x"}));
    for (more, message) in [
        (
            vec!["new"],
            "error: new/request.json: no such file; copy one in with --request FILE, or write what the host",
        ),
        (vec!["--request", "none.json", "new"], "error: none.json: No such file or directory (os error 2)\n"),
        (vec!["--request", "ask.json", "new"], "error: request.json: missing field `phase`\n"),
        (vec!["new", "newer"], "error: --record: expected one case directory, found 2\n"),
        (vec![], "error: --record: expected one case directory, found 0\n"),
    ] {
        let ended = record(&scratch, &node, &more);
        assert!(ended.err.starts_with(message), "{more:?}: {}", ended.err);
        assert_eq!(ended.code, 2);
    }
    let ended = scratch.run(["--record", "--rpc", "rpc.example/0123456789abcdef", "new"]);
    assert_eq!(ended.err, "error: --rpc: expected an http or https URL with a host\n");
    assert_eq!(scratch.tree().len(), 1, "nothing was made");
}
