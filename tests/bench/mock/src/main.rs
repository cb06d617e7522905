//! An EVM JSON-RPC server that answers everything at once and from memory, so that a benchmark of
//! `/verify` measures the facilitator and nothing else.
//!
//! Every balance is large, no nonce is used and every transfer succeeds: measure with it, never judge
//! correctness by it. `PORT` sets the port (0 takes a free one); the address goes to stdout.

mod abi;
mod canned;

use axum::{Router, body::Bytes, http::header::CONTENT_TYPE, response::IntoResponse, routing::post};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use tokio::net::TcpListener;

/// One JSON-RPC call. The id is handed back as it came.
#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    method: &'a str,
    #[serde(default)]
    params: Value,
}

async fn answer(body: Bytes) -> impl IntoResponse {
    let is_batch = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let text = if is_batch {
        serde_json::from_slice::<Vec<Call<'_>>>(&body)
            .map(|calls| format!("[{}]", calls.iter().map(answer_one).collect::<Vec<_>>().join(",")))
    } else {
        serde_json::from_slice::<Call<'_>>(&body).map(|call| answer_one(&call))
    };
    let text = text.unwrap_or_else(|error| {
        format!(
            r#"{{"jsonrpc":"2.0","id":null,"error":{{"code":-32700,"message":{:?}}}}}"#,
            error.to_string()
        )
    });
    ([(CONTENT_TYPE, "application/json")], text)
}

fn answer_one(call: &Call<'_>) -> String {
    let id = call.id;
    match canned::result(call.method, &call.params) {
        Some(result) => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#),
        None => {
            // Said aloud: a benchmark that runs into this may be measuring an error path.
            println!("no canned answer to {} {}", call.method, call.params);
            format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601,"message":"not implemented"}}}}"#)
        }
    }
}

// One thread: the machine's other core is for the facilitator under test.
#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let port = std::env::var("PORT").unwrap_or_else(|_| "0".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, Router::new().route("/", post(answer))).await
}
