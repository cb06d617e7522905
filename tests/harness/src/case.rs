//! A case: what is asked, what the node answers, what the guest has to say.

use std::path::Path;

use guest_sdk::double::{Difference, Script};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    answer::Answer,
    ask::Ask,
    files::{Broken, CLOCK, CaseFile, EXPECT, REQUEST, RPC},
};

/// A case, read.
#[derive(Clone, Debug)]
pub struct Case {
    /// What is asked.
    pub ask: Ask,
    /// Round trips.
    pub script: Script,
    /// Unix milliseconds.
    pub now_ms: u64,
    /// The whole answer; `None` as long as nobody wrote one.
    pub expect: Option<Value>,
}

/// What a guest did with a case.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its answer.
    pub answer: Answer,
    /// Whether its RPC calls were those of the script.
    pub replay: Result<(), Difference>,
}

/// Why a case does not pass.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// It cannot be read.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The guest trapped, ran into a bound or answered out of contract.
    #[error("the guest ended without an answer: {0}")]
    Ended(String),
    /// The guest asked the node something else.
    #[error(transparent)]
    Calls(#[from] Difference),
    /// The guest answered something else.
    #[error("answers differ\nexpected: {expected}\nfound:    {found}")]
    Answer {
        /// `expect.json`.
        expected: Value,
        /// The guest's.
        found: Value,
    },
}

impl Case {
    /// Reads a case directory.
    ///
    /// # Errors
    /// [`Broken`] names the file.
    pub fn read(directory: &Path) -> Result<Self, Broken> {
        let request = REQUEST.read(directory)?;
        let rpc = RPC.read(directory)?;
        let clock = CLOCK.read(directory)?;
        let expect = EXPECT.read_if_there(directory)?;
        Self::from_texts(&request, &rpc, &clock, expect.as_deref())
    }

    /// Reads a case from the texts of its files.
    ///
    /// # Errors
    /// [`Broken`] names the file.
    pub fn from_texts(request: &str, rpc: &str, clock: &str, expect: Option<&str>) -> Result<Self, Broken> {
        Ok(Self {
            ask: json(REQUEST, request)?,
            script: Script::from_jsonl(rpc).map_err(|error| RPC.broken(error))?,
            now_ms: read_clock(clock)?,
            expect: expect.map(|text| json(EXPECT, text)).transpose()?,
        })
    }

    /// Whether the guest did what the case says. The calls come first: a wrong answer mostly follows
    /// from a wrong call.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn compare(&self, found: Found) -> Result<(), Failure> {
        found.replay?;
        let expected = self.expect.as_ref().ok_or_else(|| EXPECT.broken("no such file"))?;
        let found = found.answer.value();
        if found == *expected {
            return Ok(());
        }
        Err(Failure::Answer { expected: expected.clone(), found })
    }
}

/// The time in the text of `clock`.
pub(crate) fn read_clock(text: &str) -> Result<u64, Broken> {
    let expected = || CLOCK.broken(format!("expected Unix milliseconds, found {:?}", text.trim()));
    text.trim().parse().map_err(|_| expected())
}

fn json<T: DeserializeOwned>(file: CaseFile, text: &str) -> Result<T, Broken> {
    serde_json::from_str(text).map_err(|error| file.broken(error))
}
