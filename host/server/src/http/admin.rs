//! The admin API: what the operator may look at and change while the server runs.
//!
//! Without a configured token these routes do not exist. Every one needs `Authorization: Bearer <token>`.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use facilitator_engine::RegistryError;
use serde::Deserialize;
use serde_json::json;

use super::guests::{Reader, described};
use crate::{app::App, config::AdminToken, guests::Trigger};

/// The routes, behind the token.
pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let Some(token) = app.settings.admin_token else { return Router::new() };
    Router::new()
        .route("/admin/guests", get(guests))
        .route("/admin/guests/reload", post(reload))
        .route("/admin/guests/rollback", post(rollback))
        .route_layer(middleware::from_fn(move |request, next| authorize(token, request, next)))
}

async fn authorize(token: AdminToken, request: Request, next: Next) -> Response {
    if bearer(request.headers()).is_some_and(|candidate| token.admits(candidate)) {
        return next.run(request).await;
    }
    tracing::warn!(event = "admin_refused", path = request.uri().path());
    let body =
        Json(json!({"error": "unauthorized", "message": "expected Authorization: Bearer <admin token>"}));
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], body).into_response()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// `GET /admin/guests`.
async fn guests(State(app): State<Arc<App>>) -> Response {
    Json(described(&app.guests, Reader::Operator)).into_response()
}

#[derive(Deserialize)]
struct ReloadQuery {
    /// Take up components that were rolled back from, too.
    #[serde(default)]
    force: bool,
}

/// `POST /admin/guests/reload`: 200 with what changed, 422 with why nothing did.
async fn reload(State(app): State<Arc<App>>, Query(query): Query<ReloadQuery>) -> Response {
    // In a task of its own: it goes on when the client goes away.
    let reloaded = tokio::spawn(async move { app.guests.reload(Trigger::Admin, query.force).await });
    let refusal = match reloaded.await {
        Ok(Ok(report)) => return Json(report).into_response(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the reload ended early".to_owned(),
    };
    let body = json!({"error": "reload_failed", "message": refusal});
    (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
}

#[derive(Deserialize)]
struct RollbackQuery {
    guest: String,
}

/// `POST /admin/guests/rollback?guest=NAME`: 200 with what changed, 404 or 409 with why nothing did.
async fn rollback(State(app): State<Arc<App>>, Query(query): Query<RollbackQuery>) -> Response {
    match app.guests.rollback(&query.guest, Trigger::Admin).await {
        Ok(report) => Json(report).into_response(),
        Err(error) => {
            let status = match error {
                RegistryError::Unknown(_) => StatusCode::NOT_FOUND,
                _ => StatusCode::CONFLICT,
            };
            let body = json!({"error": "rollback_failed", "message": error.to_string()});
            (status, Json(body)).into_response()
        }
    }
}
