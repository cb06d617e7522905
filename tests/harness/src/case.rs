//! A case directory.

use std::{fs, path::Path};

use facilitator_protocol::{AtomicAmount, Family, Observation, Phase, Valid};
use guest_sdk::{RequestText, double::Script};
use serde::Deserialize;
use serde_json::Value;

use crate::Failure;

/// A case, read.
#[derive(Clone, Debug)]
pub struct Case {
    /// Family whose guest it asks.
    pub family: Family,
    /// What is asked.
    pub ask: Ask,
    /// Round trips.
    pub script: Script,
    /// Unix milliseconds.
    pub now_ms: u64,
    /// The whole answer.
    pub expect: Value,
}

/// What a guest did with a case.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its answer.
    pub answer: Value,
    /// Whether its RPC calls were those of the script.
    pub replay: Result<(), String>,
}

/// `request.json`.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "call", rename_all = "lowercase", deny_unknown_fields)]
pub enum Ask {
    /// `describe()`.
    Describe,
    /// `supported(network, settings)`.
    Supported {
        /// CAIP-2.
        network: String,
        /// `GuestSettings`.
        settings: Value,
    },
    /// `verify(request, phase)`.
    Verify {
        /// `verify` or `settle`.
        phase: AskPhase,
        /// The request.
        #[serde(flatten)]
        request: AskRequest,
    },
    /// `prepare(request, valid)`.
    Prepare {
        /// What verify found.
        valid: AskValid,
        /// The request.
        #[serde(flatten)]
        request: AskRequest,
    },
    /// `confirm(request, observation)`.
    Confirm {
        /// What the host saw.
        observation: AskObservation,
        /// The request.
        #[serde(flatten)]
        request: AskRequest,
    },
}

/// A request; the parts that cross the boundary as text are JSON here.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AskRequest {
    x402_version: u8,
    scheme: String,
    network: String,
    payload: Value,
    requirements: Value,
    settings: Value,
}

impl AskRequest {
    /// The request as text.
    #[must_use]
    pub fn text(&self) -> RequestText {
        RequestText {
            x402_version: self.x402_version,
            scheme: self.scheme.clone(),
            network: self.network.clone(),
            payload: self.payload.to_string(),
            requirements: self.requirements.to_string(),
            settings: self.settings.to_string(),
        }
    }
}

/// A phase.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AskPhase {
    /// `/verify`.
    Verify,
    /// The last check.
    Settle,
}

impl From<AskPhase> for Phase {
    fn from(phase: AskPhase) -> Self {
        match phase {
            AskPhase::Verify => Self::Verify,
            AskPhase::Settle => Self::Settle,
        }
    }
}

/// A valid verdict. Numbers of 64 bits are text: not every JSON reader can hold them.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AskValid {
    payer: String,
    amount: AtomicAmount,
    payment_id: String,
    expires_at: String,
    carry: String,
}

impl AskValid {
    /// As the guest takes it.
    ///
    /// # Errors
    /// When `expiresAt` is no number.
    pub fn valid(&self) -> Result<Valid, Failure> {
        let expires_at = self.expires_at.parse().map_err(|_| Failure::Case {
            file: "request.json",
            message: format!("valid.expiresAt: expected Unix seconds, found {}", self.expires_at),
        })?;
        Ok(Valid {
            payer: self.payer.clone(),
            amount: self.amount.clone(),
            payment_id: self.payment_id.clone(),
            expires_at,
            carry: self.carry.clone(),
        })
    }
}

/// An observation.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskObservation {
    transaction: String,
    data: String,
}

impl From<&AskObservation> for Observation {
    fn from(observation: &AskObservation) -> Self {
        Self { transaction: observation.transaction.clone(), data: observation.data.clone() }
    }
}

impl Case {
    /// Reads a case directory, whose parent's name is the family.
    ///
    /// # Errors
    /// [`Failure::Case`] names the file.
    pub fn read(directory: &Path) -> Result<Self, Failure> {
        let family = directory
            .parent()
            .and_then(|parent| parent.file_name()?.to_str()?.parse().ok())
            .ok_or_else(|| broken("request.json", "the case lies in no family's directory"))?;
        let clock = text(directory, "clock")?;
        Ok(Self {
            family,
            ask: json(directory, "request.json")?,
            script: Script::from_jsonl(&text(directory, "rpc.jsonl")?)
                .map_err(|error| broken("rpc.jsonl", error))?,
            now_ms: clock
                .trim()
                .parse()
                .map_err(|_| broken("clock", format!("expected Unix milliseconds, found {clock:?}")))?,
            expect: json(directory, "expect.json")?,
        })
    }

    /// Whether the guest did what the case says. The calls come first: a wrong answer mostly follows
    /// from a wrong call.
    ///
    /// # Errors
    /// [`Failure::Differs`].
    pub fn compare(&self, how: &'static str, found: Found) -> Result<(), Failure> {
        found.replay.map_err(|what| Failure::Differs { how, what })?;
        if found.answer == self.expect {
            return Ok(());
        }
        let what = format!("answers differ\nexpected: {}\nfound:    {}", self.expect, found.answer);
        Err(Failure::Differs { how, what })
    }
}

fn broken(file: &'static str, message: impl ToString) -> Failure {
    Failure::Case { file, message: message.to_string() }
}

fn text(directory: &Path, file: &'static str) -> Result<String, Failure> {
    fs::read_to_string(directory.join(file)).map_err(|error| broken(file, error))
}

fn json<T: serde::de::DeserializeOwned>(directory: &Path, file: &'static str) -> Result<T, Failure> {
    serde_json::from_str(&text(directory, file)?).map_err(|error| broken(file, error))
}
