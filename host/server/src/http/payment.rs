//! `/verify` and `/settle`.

use std::{sync::Arc, time::Instant};

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use facilitator_protocol::FacilitatorRequest;
use serde_json::json;

use super::{
    body,
    error::{Endpoint, name_taken},
    idempotency_key,
};
use crate::{
    app::App,
    flow::{self, FlowError},
};

/// `POST /verify`.
pub(super) async fn verify(State(app): State<Arc<App>>, request: Request) -> Response {
    let (request, _) = match parse(&app, Endpoint::Verify, request).await {
        Ok(parsed) => parsed,
        Err(refusal) => return refusal,
    };
    match tokio::time::timeout(app.settings.http.verify_timeout, flow::verify(&app, request)).await {
        Ok(Ok(answer)) => Json(answer).into_response(),
        Ok(Err(error)) => Endpoint::Verify.failed(&error),
        Err(_) => Endpoint::Verify.timed_out(),
    }
}

/// `POST /settle`.
pub(super) async fn settle(State(app): State<Arc<App>>, request: Request) -> Response {
    let deadline = Instant::now() + app.settings.http.settle_timeout;
    let (request, headers) = match parse(&app, Endpoint::Settle, request).await {
        Ok(parsed) => parsed,
        Err(refusal) => return refusal,
    };
    let key = match idempotency_key::read(&headers) {
        Ok(key) => key,
        Err(error) => return Endpoint::Settle.bad_header(&error),
    };
    let network = request.requirements.network.clone();
    let settled = async {
        let names = flow::Names::of(&app, &request, key.as_deref())?;
        flow::settle(&app, request, names, deadline).await
    };
    match settled.await {
        Ok(answer) => Json(answer).into_response(),
        Err(FlowError::NameTaken(kind)) => name_taken(&network, kind),
        Err(error) => Endpoint::Settle.failed(&error),
    }
}

async fn parse(
    app: &App,
    endpoint: Endpoint,
    request: Request,
) -> Result<(FacilitatorRequest, HeaderMap), Response> {
    let http = &app.settings.http;
    let (head, content) = request.into_parts();
    let bytes = body::read(&head.headers, content, http.max_body_bytes, http.read_timeout)
        .await
        .map_err(|error| endpoint.bad_body(&error))?;
    let request = FacilitatorRequest::from_body(&bytes).map_err(|error| endpoint.malformed(&error))?;
    Ok((request, head.headers))
}

/// `GET /verify`: what to send here.
pub(super) async fn describe_verify() -> Response {
    described(
        "/verify",
        "checks a payment without settling it",
        json!({"isValid": "boolean", "payer": "string?",
        "invalidReason": "string?", "invalidMessage": "string?"}),
    )
}

/// `GET /settle`: what to send here.
pub(super) async fn describe_settle() -> Response {
    described(
        "/settle",
        "checks a payment and settles it on chain",
        json!({"success": "boolean",
        "transaction": "string", "network": "string", "payer": "string?", "amount": "string?",
        "errorReason": "string?", "errorMessage": "string?"}),
    )
}

fn described(endpoint: &str, description: &str, response: serde_json::Value) -> Response {
    Json(json!({
        "endpoint": endpoint,
        "method": "POST",
        "description": description,
        "contentType": "application/json",
        "body": {
            "x402Version": "1 or 2",
            "paymentPayload": "the client's PaymentPayload",
            "paymentRequirements": "the PaymentRequirements that it pays",
        },
        "response": response,
        "supported": "/supported",
        "specification": "x402 specification v2, section 7",
    }))
    .into_response()
}

/// Any other method.
pub(super) async fn method_not_allowed() -> Response {
    let body = Json(json!({"error": "method_not_allowed", "message": "expected POST"}));
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD, POST")], body).into_response()
}
