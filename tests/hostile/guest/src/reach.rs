//! Reaching for what no guest is to have: other networks, other methods, secrets, and more of everything.

use guest_sdk::component::bindings::x402::scheme::{log, rpc, types};
use serde_json::json;

use crate::attack;

/// An address whose calls the tests' node answers with an error that quotes its own URL.
const INDISCREET: &str = "0x5ec2e7000000000000000000000000000005ec2e";
/// What nobody grants.
const METHODS: &[&str] = &[
    "eth_sendRawTransaction",
    "eth_sendRawTransactionSync",
    "eth_sendTransaction",
    "eth_sign",
    "eth_accounts",
    "personal_listAccounts",
    "admin_nodeInfo",
    "debug_traceCall",
    "eth_blockNumber",
    "ETH_CALL",
    "eth_call ",
    "",
];
const NETWORKS: &[&str] = &["eip155:43113", "eip155:1", "base-sepolia", "EIP155:84532", "eip155:84532 ", ""];
/// Ends our message and begins another, for a host that pastes params into its own text.
const SMUGGLED: &str = r#"[]},{"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":["0x00"]"#;

/// The attacks of this module; none of another name.
pub(crate) fn verify(request: &types::Request) -> Option<Result<types::Verdict, types::GuestError>> {
    let network = request.network.as_str();
    let told = match attack() {
        "log-flood" => {
            for _ in 0..10 {
                log::write(log::Level::Error, &"flood ".repeat(100_000));
            }
            String::new()
        }
        "log-many-lines" => {
            for _ in 0..5_000 {
                log::write(log::Level::Error, "!");
            }
            String::new()
        }
        "rpc-flood" => (0..1_000).map(|_| told(&rpc::call(network, &call("eth_call", "[]")))).collect(),
        "rpc-flood-in-a-batch" => {
            let calls: Vec<_> = (0..1_000).map(|_| call("eth_call", "[]")).collect();
            format!("{:?}", rpc::batch(network, &calls).map(|answers| answers.len()))
        }
        "rpc-params-of-4-mib" => {
            let params = format!("[\"{}\"]", "p".repeat(4 << 20));
            told(&rpc::call(network, &call("eth_call", &params)))
        }
        "rpc-methods" => {
            METHODS.iter().map(|method| told(&rpc::call(network, &call(method, "[\"0x00\"]")))).collect()
        }
        "rpc-networks" => NETWORKS.iter().map(|network| told(&rpc::call(network, &indiscreet()))).collect(),
        "rpc-smuggle" => [SMUGGLED, "", "[", "null", "1", "[]]", "{}x"]
            .iter()
            .map(|params| told(&rpc::call(network, &call("eth_call", params))))
            .collect(),
        "secret-hunt" => hunt(request),
        _ => return None,
    };
    Some(Ok(types::Verdict::Invalid(types::Invalid {
        reason: "reached".to_owned(),
        message: told.chars().take(300).collect(),
        payer: None,
    })))
}

/// Everything that the guest is given or told, into the log as far as it goes; the errors, which come
/// first, into the answer too.
fn hunt(request: &types::Request) -> String {
    let network = request.network.as_str();
    let mut told_us = told(&rpc::call(network, &indiscreet()));
    if let Ok(answers) = rpc::batch(network, &[indiscreet(), call("eth_getCode", "[]")]) {
        told_us.extend(answers.iter().map(told));
    }
    told_us.push_str(&told(&rpc::call(network, &call("eth_getBalance", "[\"x\"]"))));
    log::write(log::Level::Info, &told_us);
    log::write(log::Level::Info, &request.settings);
    log::write(log::Level::Info, &request.requirements);
    told_us
}

fn indiscreet() -> rpc::CallRequest {
    call("eth_call", &json!([{"to": INDISCREET}, "latest"]).to_string())
}

fn call(method: &str, params: &str) -> rpc::CallRequest {
    rpc::CallRequest { method: method.to_owned(), params: params.to_owned() }
}

fn told(answer: &Result<String, rpc::RpcError>) -> String {
    format!("{answer:?};")
}
