//! Which path goes where.

use std::sync::Arc;

use axum::{
    Json, Router,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;

use super::{admin, discovery, payment, settlements};
use crate::app::App;

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route(
            "/verify",
            get(payment::describe_verify).post(payment::verify).fallback(payment::method_not_allowed),
        )
        .route(
            "/settle",
            get(payment::describe_settle).post(payment::settle).fallback(payment::method_not_allowed),
        )
        .route("/supported", get(discovery::supported))
        .route("/health", get(discovery::health))
        .route("/ready", get(discovery::ready))
        .route("/version", get(discovery::version))
        .merge(settlements::routes())
        .merge(admin::routes(&app))
        .fallback(not_found)
        .with_state(app)
}

async fn not_found() -> Response {
    let message =
        "no such path; see /supported, /verify, /settle, /settlements/{id}, /health, /ready, /version";
    (StatusCode::NOT_FOUND, Json(json!({"error": "not_found", "message": message}))).into_response()
}
