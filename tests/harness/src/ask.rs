//! `request.json`: what the host asks the guest.

use facilitator_protocol::{AtomicAmount, Observation, Phase, Valid};
use guest_sdk::RequestText;
use serde::Deserialize;
use serde_json::Value;

use crate::files::{Broken, REQUEST};

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
    pub fn valid(&self) -> Result<Valid, Broken> {
        let expires_at = self.expires_at.parse().map_err(|_| {
            let found = &self.expires_at;
            REQUEST.broken(format!("valid.expiresAt: expected Unix seconds as text, found {found:?}"))
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
