//! `GET /settlements/{id}`: how far a settlement is, for whoever has its payment id or transaction hash.
//!
//! Told is what a chain shows or will show. The payload and its signature never are, and the payer only once
//! the transfer is on chain.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, SecondsFormat};
use facilitator_journal::{Outcome, Record, State as Stage};
use facilitator_protocol::{AtomicAmount, Caip2, PaymentRequirements};
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};

use super::error::RETRY_AFTER;
use crate::{
    app::App,
    flow::{Found, LookupError, Lookups},
};

/// What is final stays as it is; the journal forgets it some day.
const FINAL: HeaderValue = HeaderValue::from_static("max-age=3600");
const NOT_KEPT: HeaderValue = HeaderValue::from_static("no-store");

/// The route. An id is the whole rest of the path: it may have slashes in it.
pub(super) fn routes() -> Router<Arc<App>> {
    let lookups = Arc::new(Lookups::default());
    let look_up = move |State(app): State<Arc<App>>, id: Result<Path<String>, PathRejection>| {
        let lookups = Arc::clone(&lookups);
        async move { answer(&app, &lookups, id).await }
    };
    Router::new().route("/settlements/{*id}", get(look_up).fallback(method_not_allowed))
}

async fn answer(app: &App, lookups: &Lookups, id: Result<Path<String>, PathRejection>) -> Response {
    let Ok(Path(id)) = id else {
        let message = "expected a percent-encoded id of ASCII characters";
        return refusal(StatusCode::BAD_REQUEST, "invalid_id", message);
    };
    match lookups.find(app, &id).await {
        Ok(Some(found)) => told(&found),
        Ok(None) => {
            let message = "no settlement has this payment id or transaction";
            refusal(StatusCode::NOT_FOUND, "not_found", message)
        }
        Err(error) => {
            let (status, code) = match error {
                LookupError::NotAnId(_) => (StatusCode::BAD_REQUEST, "invalid_id"),
                LookupError::Busy => (StatusCode::TOO_MANY_REQUESTS, "too_many_requests"),
                LookupError::Journal => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            };
            refusal(status, code, &error.to_string())
        }
    }
}

fn told(found: &Found) -> Response {
    let record = &found.record;
    let Some(settlement) = Settlement::of(record, found.confirmations) else {
        let id = record.settlement.payment_id.as_str();
        tracing::error!(event = "record_unreadable", payment_id = id);
        return refusal(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the record cannot be read");
    };
    let kept = if record.sealed { FINAL } else { NOT_KEPT };
    ([(header::CACHE_CONTROL, kept)], Json(settlement)).into_response()
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    let body = Json(json!({"error": code, "message": message}));
    let mut response = (status, [(header::CACHE_CONTROL, NOT_KEPT)], body).into_response();
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    response
}

async fn method_not_allowed() -> Response {
    let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "expected GET");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// A settlement as clients see it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Settlement<'a> {
    payment_id: &'a str,
    state: &'static str,
    /// Whether nothing about it can change any more.
    #[serde(rename = "final")]
    is_final: bool,
    x402_version: u8,
    scheme: &'a str,
    network: &'a Caip2,
    /// Once it was or may have been sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<&'a str>,
    /// Atomic units; once confirmed, as transferred.
    amount: &'a AtomicAmount,
    asset: String,
    pay_to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    payer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmations: Option<u64>,
    created_at: String,
    updated_at: String,
}

/// The part of a kept request that is told.
#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    requirements: &'a RawValue,
}

impl<'a> Settlement<'a> {
    /// None if the record does not hold what the host once put into it.
    fn of(record: &'a Record, confirmations: Option<u64>) -> Option<Self> {
        let settlement = &record.settlement;
        let request: Request<'_> = serde_json::from_str(&settlement.request).ok()?;
        let requirements =
            PaymentRequirements::from_json(settlement.x402_version, request.requirements.get()).ok()?;
        let (payer, amount) = match &record.outcome {
            Some(Outcome::Confirmed { payer, amount, .. }) => (Some(payer.as_str()), amount),
            _ => (None, &settlement.amount),
        };
        let (reason, message) = match &record.outcome {
            Some(Outcome::Failed { reason, message, .. } | Outcome::Expired { reason, message }) => {
                (Some(reason.as_str()), Some(message.as_str()))
            }
            _ => (None, None),
        };
        Some(Self {
            payment_id: settlement.payment_id.as_str(),
            state: record.state.as_str(),
            is_final: record.sealed,
            x402_version: settlement.x402_version.number(),
            scheme: &settlement.scheme,
            network: &settlement.network,
            transaction: record.transaction().filter(|_| record.state >= Stage::Signed),
            amount,
            asset: requirements.asset,
            pay_to: requirements.pay_to,
            payer,
            reason,
            message,
            confirmations,
            created_at: rfc3339(record.created_at_ms)?,
            updated_at: rfc3339(record.updated_at_ms)?,
        })
    }
}

/// Unix milliseconds as RFC 3339 writes them, in UTC.
fn rfc3339(unix_ms: u64) -> Option<String> {
    let time = DateTime::from_timestamp_millis(i64::try_from(unix_ms).ok()?)?;
    Some(time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

#[cfg(test)]
mod tests;
