//! Names that clients give to their requests: a retry goes on, another request under the same name does not.
//!
//! The journal keeps what a name stands for, so all processes tell the same. A name holds within one payee on
//! one network: clients of different resource servers may have the same idea. What a retry is answered is not
//! kept with the name: the record of the payment answers it, as it does without a name.

use std::{fmt, time::Instant};

use facilitator_journal::{Fingerprint, IdempotencyKey, Remembered};
use facilitator_protocol::FacilitatorRequest;

use super::{
    FlowError,
    fingerprint::{name_key, request_digest},
    settle::journal_failed,
};
use crate::app::App;

/// Where a name stands in a request. The same text in two places is two names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// The header `Idempotency-Key`.
    IdempotencyKey,
    /// The x402 extension `payment-identifier`.
    PaymentIdentifier,
}

impl NameKind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::IdempotencyKey => "idempotency-key",
            Self::PaymentIdentifier => "payment-identifier",
        }
    }
}

impl fmt::Display for NameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The names of one settle request.
#[derive(Clone, Debug)]
pub struct Names {
    keys: Vec<(NameKind, IdempotencyKey)>,
    request: Option<Fingerprint>,
}

impl Names {
    /// Those of a request with this header `Idempotency-Key`, and its payment identifier.
    ///
    /// # Errors
    /// [`FlowError::Internal`] if what was parsed cannot be digested.
    pub fn of(
        app: &App,
        request: &FacilitatorRequest,
        idempotency_key: Option<&str>,
    ) -> Result<Self, FlowError> {
        let identifier = request.payment_identifier.as_ref().map(|name| name.as_str());
        let names = [(NameKind::PaymentIdentifier, identifier), (NameKind::IdempotencyKey, idempotency_key)];
        // On a network that we do not have nothing is settled, which the settlement itself says best.
        let network = app.networks.find(request.version, &request.requirements.network);
        let none = Self { keys: Vec::new(), request: None };
        let (Some(network), true) = (network, names.iter().any(|(_, name)| name.is_some())) else {
            return Ok(none);
        };
        let mut keys = Vec::with_capacity(names.len());
        for (kind, name) in names {
            let Some(name) = name else { continue };
            let key = name_key(network, &request.requirements, kind.as_str(), name);
            keys.push((kind, key.ok_or(FlowError::Internal)?));
        }
        Ok(Self { keys, request: Some(request_digest(network, request).ok_or(FlowError::Internal)?) })
    }

    /// Looks whether a name stands for another request. Asks nobody without names.
    ///
    /// # Errors
    /// [`FlowError::NameTaken`], [`FlowError::Journal`].
    pub async fn check(&self, app: &App, deadline: Instant) -> Result<(), FlowError> {
        for (kind, key) in &self.keys {
            let known = tokio::time::timeout_at(deadline.into(), app.journal.recall(key))
                .await
                .map_err(|_| journal_silent())?
                .map_err(|error| journal_failed(&error))?;
            if known.is_some() && known != self.request {
                return Err(taken(*kind));
            }
        }
        Ok(())
    }

    /// Keeps what the names stand for, or finds out that another request was faster. Only for a payment that
    /// is good, or has a record: a name that costs nothing could be taken by anybody, and each takes room.
    ///
    /// # Errors
    /// As [`check`](Self::check). Where one of two names is taken, the other may be kept already.
    pub(super) async fn keep(&self, app: &App) -> Result<(), FlowError> {
        let Some(request) = &self.request else { return Ok(()) };
        for (kind, key) in &self.keys {
            let remembered =
                app.journal.remember(key, request).await.map_err(|error| journal_failed(&error))?;
            match remembered {
                Remembered::New | Remembered::Same => {}
                Remembered::Other(_) => return Err(taken(*kind)),
            }
        }
        Ok(())
    }
}

fn taken(kind: NameKind) -> FlowError {
    tracing::info!(event = "settle_refused", reason = "duplicate_settlement", name = kind.as_str());
    FlowError::NameTaken(kind)
}

fn journal_silent() -> FlowError {
    tracing::error!(event = "journal_failed", reason = "no answer in time");
    FlowError::Journal
}
