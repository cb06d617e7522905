//! `POST /verify`: route, judge, answer. Signs nothing, records nothing.

use std::time::Instant;

use facilitator_protocol::{FacilitatorRequest, Phase, Valid, Verdict, VerifyResponse};

use super::{
    FlowError,
    judge::judge,
    route::{Unroutable, route},
};
use crate::app::App;

/// Verifies a payment.
///
/// # Errors
/// [`FlowError`] if there is no verdict; safe to repeat.
pub async fn verify(app: &App, request: FacilitatorRequest) -> Result<VerifyResponse, FlowError> {
    let started = Instant::now();
    let routed = match route(app, request) {
        Ok(routed) => routed,
        Err(Unroutable::NotReady) => return Err(FlowError::Upstream),
        Err(Unroutable::Refused { reason, message }) => {
            tracing::info!(event = "verify", valid = false, reason);
            return Ok(VerifyResponse::invalid(reason, message, None));
        }
    };
    let verdict = judge(&routed, Phase::Verify).await?;
    let (payment_id, reason) = match &verdict {
        Verdict::Valid(valid) => (Some(valid.payment_id.as_str()), None),
        Verdict::Invalid(invalid) => (None, Some(invalid.reason.as_str())),
    };
    tracing::info!(
        event = "verify",
        valid = reason.is_none(),
        payment_id,
        reason,
        x402_version = routed.request.x402_version.number(),
        network = routed.network.caip2().as_str(),
        scheme = routed.request.scheme,
        guest = routed.guest.name(),
        generation = routed.guest.number(),
        duration_ms = millis(started),
    );
    Ok(match verdict {
        Verdict::Valid(Valid { payer, .. }) => {
            VerifyResponse { is_valid: true, payer: Some(payer), invalid_reason: None, invalid_message: None }
        }
        Verdict::Invalid(invalid) => VerifyResponse::invalid(invalid.reason, invalid.message, invalid.payer),
    })
}

pub(super) fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
