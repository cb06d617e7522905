//! Recorded RPC, replayed strictly: a call that is not in the script fails, and so does one that is in
//! the script and was not made. One line of `rpc.jsonl` is one round trip.

use core::fmt::Write as _;
use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::Value;

use crate::{Answer, RemoteError, RpcError};

/// One round trip.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exchange {
    /// What is asked, in order.
    pub requests: Vec<Asked>,
    /// One answer for each request; none when the whole round trip failed.
    #[serde(default)]
    pub answers: Vec<Outcome>,
    /// No endpoint answered.
    #[serde(default)]
    pub unavailable: Option<String>,
}

/// One call of a round trip.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// JSON-RPC method.
    pub method: String,
    /// JSON-RPC params.
    pub params: Value,
}

/// The node's answer to one call.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// `result`.
    Result(Value),
    /// `error`.
    Error {
        /// `error.code`.
        code: i64,
        /// `error.message`.
        message: String,
        /// `error.data`.
        #[serde(default)]
        data: Option<Value>,
    },
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Result(result) => Ok(result.to_string()),
            Outcome::Error { code, message, data } => {
                Err(RpcError::Remote(RemoteError { code, message, data: data.map(|data| data.to_string()) }))
            }
        }
    }
}

/// Round trips in the order in which they have to be made.
#[derive(Clone, Debug, Default)]
pub struct Script {
    left: VecDeque<Exchange>,
    difference: Option<String>,
}

impl Script {
    /// A script of `exchanges`.
    #[must_use]
    pub fn new(exchanges: Vec<Exchange>) -> Self {
        Self { left: exchanges.into(), difference: None }
    }

    /// Reads `rpc.jsonl`: one exchange a line, empty lines skipped.
    ///
    /// # Errors
    /// Line and reason.
    pub fn from_jsonl(text: &str) -> Result<Self, String> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let exchanges = lines
            .map(|(number, line)| {
                serde_json::from_str(line).map_err(|error| format!("line {}: {error}", number + 1))
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self::new(exchanges))
    }

    /// Plays one round trip. After the first difference nothing is available any more.
    ///
    /// # Errors
    /// What the script says, or the difference as [`RpcError::Unavailable`].
    pub fn play(&mut self, calls: &[(&str, Value)]) -> Result<Vec<Answer>, RpcError> {
        if self.difference.is_none() {
            match self.left.pop_front() {
                None => self.difference = Some(format!("no more calls\nfound:    {}", found(calls))),
                Some(expected) if !expected.asks(calls) => {
                    self.difference = Some(format!("{}\nfound:    {}", expected.asked(), found(calls)));
                }
                Some(expected) => return expected.answer(),
            }
        }
        Err(RpcError::Unavailable("the call is not in the script".to_owned()))
    }

    /// Whether the calls made were exactly those of the script.
    ///
    /// # Errors
    /// The first difference, expected against found.
    pub fn finish(self) -> Result<(), String> {
        match (self.difference, self.left.front()) {
            (Some(difference), _) => Err(format!("RPC calls differ\nexpected: {difference}")),
            (None, Some(next)) => {
                Err(format!("RPC calls differ\nexpected: {}\nfound:    no more calls", next.asked()))
            }
            (None, None) => Ok(()),
        }
    }
}

impl Exchange {
    fn asks(&self, calls: &[(&str, Value)]) -> bool {
        self.requests.len() == calls.len()
            && self
                .requests
                .iter()
                .zip(calls)
                .all(|(asked, (method, params))| asked.method == *method && asked.params == *params)
    }

    fn asked(&self) -> String {
        found(&self.requests.iter().map(|asked| (&*asked.method, asked.params.clone())).collect::<Vec<_>>())
    }

    fn answer(self) -> Result<Vec<Answer>, RpcError> {
        match self.unavailable {
            Some(why) => Err(RpcError::Unavailable(why)),
            None => Ok(self.answers.into_iter().map(Answer::from).collect()),
        }
    }
}

fn found(calls: &[(&str, Value)]) -> String {
    calls.iter().fold(String::new(), |mut text, (method, params)| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{}{method} {params}", if text.is_empty() { "" } else { "\n          " });
        text
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TWO: &str = r#"{"requests":[{"method":"a","params":[1]}],"answers":[{"result":"x"}]}

{"requests":[{"method":"b","params":[{"k":1,"l":2}]},{"method":"c","params":[]}],"answers":[{"error":{"code":3,"message":"m","data":"0x"}},{"result":null}]}"#;

    fn two() -> Script {
        Script::from_jsonl(TWO).unwrap()
    }

    #[test]
    fn plays_exchanges_in_their_order() {
        let mut script = two();
        assert_eq!(script.play(&[("a", json!([1]))]), Ok(vec![Ok("\"x\"".to_owned())]));
        let remote = RemoteError { code: 3, message: "m".to_owned(), data: Some("\"0x\"".to_owned()) };
        assert_eq!(
            script.play(&[("b", json!([{"l": 2, "k": 1}])), ("c", json!([]))]),
            Ok(vec![Err(RpcError::Remote(remote)), Ok("null".to_owned())])
        );
        assert_eq!(script.finish(), Ok(()));
    }

    #[test]
    fn a_call_that_is_not_recorded_fails_for_good() {
        for wrong in [
            vec![("a", json!([2]))],
            vec![("b", json!([1]))],
            vec![("a", json!([1])), ("a", json!([1]))],
            vec![],
        ] {
            let mut script = two();
            assert!(matches!(script.play(&wrong), Err(RpcError::Unavailable(_))), "{wrong:?}");
            assert!(script.play(&[("a", json!([1]))]).is_err(), "nothing is available after a difference");
            let difference = script.finish().unwrap_err();
            assert!(difference.contains("expected: a [1]\nfound:    "), "{difference}");
        }
        let mut empty = Script::default();
        assert!(empty.play(&[("a", json!([1]))]).is_err());
        assert!(empty.finish().unwrap_err().contains("found:    a [1]"));
    }

    #[test]
    fn a_recorded_call_that_is_not_made_fails() {
        let mut script = two();
        script.play(&[("a", json!([1]))]).unwrap().pop().unwrap().unwrap();
        assert!(script.finish().unwrap_err().contains("found:    no more calls"));
    }

    #[test]
    fn an_unreadable_recording_names_its_line() {
        let text = format!("{}\n{{\"requests\":[],\"anwsers\":[]}}", TWO.lines().next().unwrap());
        assert!(Script::from_jsonl(&text).unwrap_err().starts_with("line 2: unknown field"));
    }
}
