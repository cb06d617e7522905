//! JSON-RPC 2.0 messages, single and batch.

use serde::Deserialize;
use serde_json::value::RawValue;

/// One request: a method and the JSON text of its parameters.
#[derive(Clone, Debug)]
pub struct Call {
    /// Method.
    pub method: String,
    /// JSON text.
    pub params: String,
}

impl Call {
    /// A call with parameters that are a JSON value.
    #[must_use]
    pub fn new(method: &str, params: &serde_json::Value) -> Self {
        Self { method: method.to_owned(), params: params.to_string() }
    }
}

/// The node's own error object. Its text is the node's: it may go to a guest, never to a client as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("code {code}: {message}")]
pub struct RemoteError {
    /// JSON-RPC code.
    pub code: i64,
    /// Message.
    pub message: String,
    /// JSON text of `data`.
    pub data: Option<String>,
}

/// JSON text of `result`, or the node's error.
pub type Answer = Result<String, RemoteError>;

/// No endpoint gave an answer. Names hosts, never URLs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RpcFailure {
    /// Each endpoint in turn, with what was wrong.
    #[error("no endpoint answered: {0}")]
    Unavailable(String),
    /// The request can be sent to no endpoint.
    #[error("request cannot be sent: {0}")]
    BadRequest(String),
}

/// Text of a request body. `params` is trusted to be JSON: a guest's is checked before.
pub(super) fn encode(calls: &[Call]) -> String {
    let one = |(id, call): (usize, &Call)| {
        let method = serde_json::Value::from(call.method.as_str());
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":{method},"params":{}}}"#, call.params)
    };
    let messages: Vec<String> = calls.iter().enumerate().map(one).collect();
    match messages.as_slice() {
        [single] => single.clone(),
        several => format!("[{}]", several.join(",")),
    }
}

/// The endpoint answered a batch with one message.
pub(super) const BATCH_REFUSED: &str = "batch refused";

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(default)]
    id: Option<u64>,
    #[serde(default, borrow)]
    result: Option<&'a RawValue>,
    #[serde(default, borrow)]
    error: Option<ErrorObject<'a>>,
}

#[derive(Deserialize)]
struct ErrorObject<'a> {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default, borrow)]
    data: Option<&'a RawValue>,
}

impl Message<'_> {
    fn answer(self) -> Result<Answer, &'static str> {
        match (self.result, self.error) {
            (_, Some(error)) => Ok(Err(RemoteError {
                code: error.code,
                message: error.message,
                data: error.data.map(|data| data.get().to_owned()),
            })),
            (Some(result), None) => Ok(Ok(result.get().to_owned())),
            // serde reads `"result":null` as absent; null is an answer (a receipt that is not there yet).
            (None, None) => Ok(Ok("null".to_owned())),
        }
    }
}

/// Reads the answers to `count` calls that [`encode`] wrote.
///
/// # Errors
/// What is wrong with the body: the endpoint is then as good as down.
pub(super) fn decode(body: &[u8], count: usize) -> Result<Vec<Answer>, &'static str> {
    const NOT_JSON_RPC: &str = "answer is not JSON-RPC";
    let text = std::str::from_utf8(body).map_err(|_| NOT_JSON_RPC)?;
    let is_batch = text.trim_start().starts_with('[');
    if !is_batch {
        let message: Message<'_> = serde_json::from_str(text).map_err(|_| NOT_JSON_RPC)?;
        if count == 1 {
            return match message.id {
                Some(0) => message.answer().map(|answer| vec![answer]),
                // A node that could not read the request answers with a null id.
                None if message.error.is_some() => message.answer().map(|answer| vec![answer]),
                _ => Err("answer has another id"),
            };
        }
        return Err(BATCH_REFUSED);
    }
    let messages: Vec<Message<'_>> = serde_json::from_str(text).map_err(|_| NOT_JSON_RPC)?;
    let mut answers: Vec<Option<Answer>> = Vec::new();
    answers.resize_with(count, || None);
    for message in messages {
        let id = message.id.and_then(|id| usize::try_from(id).ok()).ok_or("answer without id in a batch")?;
        let slot = answers.get_mut(id).ok_or("answer has another id")?;
        if slot.is_some() {
            return Err("two answers of one id");
        }
        *slot = Some(message.answer()?);
    }
    answers.into_iter().collect::<Option<Vec<_>>>().ok_or("answer missing in a batch")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_call_is_no_batch() {
        let call = Call::new("eth_chainId", &json!([]));
        assert_eq!(
            encode(std::slice::from_ref(&call)),
            r#"{"jsonrpc":"2.0","id":0,"method":"eth_chainId","params":[]}"#
        );
        assert!(encode(&[call.clone(), call]).starts_with(r#"[{"jsonrpc":"2.0","id":0"#));
    }

    #[test]
    fn answers_come_back_in_the_order_of_the_calls() {
        let body = br#"[{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"no","data":"0x"}},
                        {"jsonrpc":"2.0","id":0,"result":null}]"#;
        let answers = decode(body, 2).unwrap();
        assert_eq!(answers[0], Ok("null".to_owned()));
        assert_eq!(answers[1].as_ref().unwrap_err().data.as_deref(), Some("\"0x\""));
    }

    #[test]
    fn an_answer_that_does_not_fit_the_calls_is_refused() {
        for (body, count) in [
            (&b"<html>"[..], 1),
            (br#"{"id":1,"result":"0x1"}"#, 1),
            (br#"{"id":0,"result":"0x1"}"#, 2),
            (br#"[{"id":0,"result":1},{"id":0,"result":2}]"#, 2),
            (br#"[{"id":0,"result":1}]"#, 2),
            (br#"[{"id":7,"result":1},{"id":0,"result":2}]"#, 2),
            (b"\xff", 1),
        ] {
            assert!(decode(body, count).is_err(), "{}", String::from_utf8_lossy(body));
        }
    }
}
