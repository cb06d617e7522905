//! A live node over JSON-RPC on HTTP: one bounded round trip.

use std::time::Duration;

use guest_sdk::double::{Asked, JsonText, Outcome};
use reqwest::header::CONTENT_TYPE;
use serde::{Deserialize, Deserializer};

use super::url::NodeUrl;
use crate::format;

/// Time for one round trip.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Largest answer; a guest may take half of it.
const MAX_ANSWER_BYTES: usize = 2 << 20;

/// Why a round trip has no answer. Holds nothing of the URL or of the node's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// Nobody listens.
    #[error("cannot connect")]
    CannotConnect,
    /// The connection broke.
    #[error("the connection broke")]
    Broke,
    /// Too slow.
    #[error("no answer within {} s", TIMEOUT.as_secs())]
    TimedOut,
    /// Too much.
    #[error("an answer of more than {MAX_ANSWER_BYTES} bytes")]
    TooLarge,
    /// No JSON-RPC with that status.
    #[error("HTTP status {0}")]
    Status(u16),
    /// Something else than JSON-RPC.
    #[error("its answer is not JSON-RPC: {0}")]
    NotJsonRpc(&'static str),
}

/// A node that is asked.
pub(super) struct Node {
    url: NodeUrl,
    http: reqwest::Client,
}

impl Node {
    /// Does not connect yet.
    ///
    /// # Errors
    /// If the HTTP client cannot be made.
    pub(super) fn new(url: NodeUrl) -> Result<Self, NoAnswer> {
        // Fails only if a provider is there already, which is as good.
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            // A redirection or a proxy would take the key elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .build()
            .map_err(|_| NoAnswer::CannotConnect)?;
        Ok(Self { url, http })
    }

    pub(super) const fn url(&self) -> &NodeUrl {
        &self.url
    }

    /// Asks all of `calls` at once; one answer each, in their order.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub(super) async fn ask(&self, calls: &[Asked]) -> Result<Vec<Outcome>, NoAnswer> {
        let request = self
            .http
            .post(self.url.secret().clone())
            .header(CONTENT_TYPE, "application/json")
            .body(encode(calls));
        let mut response = request.send().await.map_err(|error| broke(&error))?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| broke(&error))? {
            if body.len().saturating_add(chunk.len()) > MAX_ANSWER_BYTES {
                return Err(NoAnswer::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        match (decode(&body, calls.len()), status) {
            // Some nodes send JSON-RPC errors with status 400.
            (Ok(outcomes), 200 | 400) => Ok(outcomes.into_iter().map(|one| self.redacted(one)).collect()),
            (Err(what), 200) => Err(NoAnswer::NotJsonRpc(what)),
            (_, status) => Err(NoAnswer::Status(status)),
        }
    }

    /// Without what a node may have quoted of the URL in an error.
    fn redacted(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Result(result) => Outcome::Result(result),
            Outcome::Error { code, message, data } => {
                let data = data.map(|data| {
                    // With a part taken out it may be no JSON any more; then it is left out.
                    JsonText::new(self.url.redact(data.get()))
                        .unwrap_or_else(|_| JsonText::from(&serde_json::Value::from("…")))
                });
                Outcome::Error { code, message: self.url.redact(&message), data }
            }
        }
    }
}

fn broke(error: &reqwest::Error) -> NoAnswer {
    if error.is_timeout() {
        NoAnswer::TimedOut
    } else if error.is_connect() {
        NoAnswer::CannotConnect
    } else {
        NoAnswer::Broke
    }
}

/// One request, or a batch of several.
fn encode(calls: &[Asked]) -> String {
    let one = |(id, asked): (usize, &Asked)| {
        let method = serde_json::Value::from(asked.method.as_str());
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":{method},"params":{}}}"#, asked.params)
    };
    let messages: Vec<String> = calls.iter().enumerate().map(one).collect();
    match messages.as_slice() {
        [single] => single.clone(),
        several => format!("[{}]", several.join(",")),
    }
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    id: Option<usize>,
    /// `null` is a result.
    #[serde(default, deserialize_with = "present")]
    result: Option<JsonText>,
    #[serde(default)]
    error: Option<ErrorObject>,
}

#[derive(Deserialize)]
struct ErrorObject {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Option<JsonText>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<JsonText>, D::Error> {
    JsonText::deserialize(deserializer).map(Some)
}

impl Message {
    fn outcome(self) -> Result<Outcome, &'static str> {
        let compact = |text: JsonText| JsonText::new(format::compact(text.get()));
        let unreadable = |_| "neither result nor error";
        match (self.error, self.result) {
            (Some(ErrorObject { code, message, data }), _) => {
                let data = data.map(compact).transpose().map_err(unreadable)?;
                Ok(Outcome::Error { code, message, data })
            }
            (None, Some(result)) => Ok(Outcome::Result(compact(result).map_err(unreadable)?)),
            (None, None) => Err("neither result nor error"),
        }
    }
}

/// Reads the answers to `count` calls that [`encode`] wrote.
fn decode(body: &[u8], count: usize) -> Result<Vec<Outcome>, &'static str> {
    let messages: Vec<Message> = if count == 1 {
        let message: Message = serde_json::from_slice(body).map_err(|_| "expected one message")?;
        // A node that could not read the request answers with a null id.
        let id = if message.error.is_some() { message.id.or(Some(0)) } else { message.id };
        vec![Message { id, ..message }]
    } else {
        serde_json::from_slice(body).map_err(|_| "expected the answers to a batch")?
    };
    let mut outcomes: Vec<Option<Outcome>> = Vec::new();
    outcomes.resize_with(count, || None);
    for message in messages {
        let place = message.id.and_then(|id| outcomes.get_mut(id)).ok_or("an answer has another id")?;
        if place.replace(message.outcome()?).is_some() {
            return Err("two answers have one id");
        }
    }
    outcomes.into_iter().collect::<Option<Vec<_>>>().ok_or("an answer is missing")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(text: &str) -> Outcome {
        Outcome::Result(JsonText::new(text.to_owned()).unwrap())
    }

    #[test]
    fn one_call_is_no_batch() {
        let call = Asked { method: "eth_call".to_owned(), params: JsonText::new("[1]".to_owned()).unwrap() };
        let one = r#"{"jsonrpc":"2.0","id":0,"method":"eth_call","params":[1]}"#;
        assert_eq!(encode(std::slice::from_ref(&call)), one);
        assert_eq!(encode(&[call.clone(), call]), format!("[{one},{}]", one.replace("\"id\":0", "\"id\":1")));
    }

    #[test]
    fn answers_are_put_in_the_order_of_the_calls() {
        let body = r#"[{"id":1,"result":null},{"id":0,"error":{"code":3,"message":"m","data":{"b": 1}}}]"#;
        let data = JsonText::new(r#"{"b":1}"#.to_owned()).ok();
        let error = Outcome::Error { code: 3, message: "m".to_owned(), data };
        assert_eq!(decode(body.as_bytes(), 2), Ok(vec![error, result("null")]));
        assert_eq!(decode(br#"{"id":0,"result":{ "z" : 1e2 }}"#, 1), Ok(vec![result(r#"{"z":1e2}"#)]));
    }

    #[test]
    fn what_is_no_answer_is_told() {
        for (body, count, expected) in [
            (r#"{"id":1,"result":1}"#, 1, "an answer has another id"),
            (r#"{"result":1}"#, 1, "an answer has another id"),
            (r#"{"id":0}"#, 1, "neither result nor error"),
            ("<html>", 1, "expected one message"),
            (r#"{"id":0,"result":1}"#, 2, "expected the answers to a batch"),
            (r#"[{"id":0,"result":1},{"id":0,"result":1}]"#, 2, "two answers have one id"),
            (r#"[{"id":0,"result":1}]"#, 2, "an answer is missing"),
            (r#"[{"id":2,"result":1}]"#, 2, "an answer has another id"),
        ] {
            assert_eq!(decode(body.as_bytes(), count), Err(expected), "{body}");
        }
        let refused = decode(br#"{"id":null,"error":{"code":-32700,"message":"parse"}}"#, 1).unwrap();
        assert!(matches!(refused.as_slice(), [Outcome::Error { code: -32700, .. }]));
    }
}
