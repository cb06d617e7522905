//! Recorded RPC, replayed strictly: a call that is not in the script fails, and so does one that is in
//! the script and was not made. One line of `rpc.jsonl` is one round trip.

use core::fmt;
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::JsonText;
use crate::{Answer, RemoteError, RpcError};

/// One round trip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// What is asked, in order.
    pub requests: Vec<Asked>,
    /// One answer for each request; `None` when the whole round trip failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Vec<Outcome>>,
    /// Why no endpoint answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<String>,
}

/// One call of a round trip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// JSON-RPC method.
    pub method: String,
    /// JSON-RPC params.
    pub params: JsonText,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.params)
    }
}

/// The node's answer to one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Outcome {
    /// `result`.
    Result(JsonText),
    /// `error`.
    Error {
        /// `error.code`.
        code: i64,
        /// `error.message`.
        message: String,
        /// `error.data`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<JsonText>,
    },
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Result(result) => Ok(result.get().to_owned()),
            Outcome::Error { code, message, data } => {
                let data = data.map(|data| data.get().to_owned());
                Err(RpcError::Remote(RemoteError { code, message, data }))
            }
        }
    }
}

/// A line of `rpc.jsonl` that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct Unreadable {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

/// Where the calls that were made and those of the script part.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub struct Difference {
    /// Round trip, counted from 1.
    pub round_trip: usize,
    /// How many the script has.
    pub recorded: usize,
    /// What the script has there; `None` after its end.
    pub expected: Option<Vec<Asked>>,
    /// What was asked there; `None` if nothing was asked any more.
    pub found: Option<Vec<Asked>>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = |calls: &Option<Vec<Asked>>| match calls {
            None => "no more calls".to_owned(),
            Some(calls) => calls.iter().map(Asked::to_string).collect::<Vec<_>>().join("\n          "),
        };
        let Self { round_trip, recorded, expected, found } = self;
        let (expected, found) = (calls(expected), calls(found));
        write!(f, "RPC calls differ in round trip {round_trip} (of {recorded} recorded)")?;
        write!(f, "\nexpected: {expected}\nfound:    {found}")
    }
}

/// Round trips in the order in which they have to be made.
#[derive(Clone, Debug, Default)]
pub struct Script {
    left: VecDeque<Exchange>,
    played: usize,
    difference: Option<Difference>,
}

impl Script {
    /// A script of `exchanges`.
    #[must_use]
    pub fn new(exchanges: Vec<Exchange>) -> Self {
        Self { left: exchanges.into(), played: 0, difference: None }
    }

    /// Reads `rpc.jsonl`: one exchange a line, empty lines skipped.
    ///
    /// # Errors
    /// Line and reason.
    pub fn from_jsonl(text: &str) -> Result<Self, Unreadable> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let exchanges = lines
            .map(|(index, line)| {
                Exchange::from_line(line).map_err(|message| Unreadable { line: index + 1, message })
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self::new(exchanges))
    }

    /// Round trips that are not played yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.left.len()
    }

    /// Plays one round trip. After the first difference nothing is available any more.
    ///
    /// # Errors
    /// What the script says, or the difference as [`RpcError::Unavailable`].
    pub fn play(&mut self, calls: Vec<Asked>) -> Result<Vec<Answer>, RpcError> {
        if self.difference.is_none() {
            match self.left.pop_front() {
                Some(expected) if expected.requests == calls => {
                    self.played += 1;
                    return expected.answer();
                }
                expected => {
                    self.difference = Some(Difference {
                        round_trip: self.played + 1,
                        recorded: self.played + self.left.len() + usize::from(expected.is_some()),
                        expected: expected.map(|exchange| exchange.requests),
                        found: Some(calls),
                    });
                }
            }
        }
        Err(RpcError::Unavailable("the call is not in the script".to_owned()))
    }

    /// Whether the calls made were exactly those of the script.
    ///
    /// # Errors
    /// The first difference.
    pub fn finish(mut self) -> Result<(), Difference> {
        if let Some(difference) = self.difference {
            return Err(difference);
        }
        let recorded = self.played + self.left.len();
        match self.left.pop_front() {
            None => Ok(()),
            Some(next) => Err(Difference {
                round_trip: self.played + 1,
                recorded,
                expected: Some(next.requests),
                found: None,
            }),
        }
    }
}

impl Exchange {
    /// Reads one line of `rpc.jsonl`.
    fn from_line(line: &str) -> Result<Self, String> {
        let exchange: Self = serde_json::from_str(line).map_err(|error| {
            // A line is one line: the error's own line number would only confuse.
            let text = error.to_string();
            text.split(" at line ").next().map_or_else(|| text.clone(), str::to_owned)
                + &format!(" at column {}", error.column())
        })?;
        let requests = exchange.requests.len();
        match (&exchange.answers, &exchange.unavailable) {
            (Some(answers), None) if answers.len() == requests => Ok(exchange),
            (Some(answers), None) => {
                Err(format!("expected one answer for each of {requests} requests, found {}", answers.len()))
            }
            (None, Some(_)) => Ok(exchange),
            (None, None) => Err("expected `answers` or `unavailable`, found neither".to_owned()),
            (Some(_), Some(_)) => Err("expected `answers` or `unavailable`, found both".to_owned()),
        }
    }

    /// The line of `rpc.jsonl`, without its end.
    ///
    /// # Errors
    /// None that is known of.
    pub fn to_line(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// What the guest gets.
    ///
    /// # Errors
    /// [`RpcError::Unavailable`] if the round trip failed.
    pub fn answer(self) -> Result<Vec<Answer>, RpcError> {
        match self.unavailable {
            Some(why) => Err(RpcError::Unavailable(why)),
            None => Ok(self.answers.unwrap_or_default().into_iter().map(Answer::from).collect()),
        }
    }
}

#[cfg(test)]
mod tests;
