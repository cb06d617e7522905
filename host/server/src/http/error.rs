//! From what went wrong to a status code and the endpoint's own shape.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use facilitator_protocol::{MalformedRequest, SettleResponse, VerifyResponse, reason};

use super::{body::BodyError, idempotency_key::NotAKey};
use crate::flow::{FlowError, NameKind};

/// Which endpoint's shape an error takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Verify,
    Settle,
}

/// Seconds after which a client may try again.
pub(super) const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

impl Endpoint {
    /// An answer of this endpoint that says no.
    fn refuse(self, status: StatusCode, reason: &str, message: String) -> Response {
        let mut response = match self {
            Self::Verify => (status, Json(VerifyResponse::invalid(reason, message, None))).into_response(),
            Self::Settle => (status, Json(SettleResponse::failed("", reason, message, None))).into_response(),
        };
        if matches!(
            status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY | StatusCode::TOO_MANY_REQUESTS
        ) {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }

    const fn unexpected(self) -> &'static str {
        match self {
            Self::Verify => reason::UNEXPECTED_VERIFY_ERROR,
            Self::Settle => reason::UNEXPECTED_SETTLE_ERROR,
        }
    }

    pub(super) fn malformed(self, error: &MalformedRequest) -> Response {
        self.refuse(StatusCode::BAD_REQUEST, error.reason, error.to_string())
    }

    pub(super) fn bad_header(self, error: &NotAKey) -> Response {
        self.refuse(StatusCode::BAD_REQUEST, reason::INVALID_PAYLOAD, error.to_string())
    }

    pub(super) fn bad_body(self, error: &BodyError) -> Response {
        let status = match error {
            BodyError::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            BodyError::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TooSlow => StatusCode::REQUEST_TIMEOUT,
            BodyError::Broken => StatusCode::BAD_REQUEST,
        };
        self.refuse(status, reason::INVALID_PAYLOAD, error.to_string())
    }

    pub(super) fn failed(self, error: &FlowError) -> Response {
        let status = match error {
            FlowError::Upstream | FlowError::Journal | FlowError::Busy => StatusCode::SERVICE_UNAVAILABLE,
            FlowError::NameTaken(_) => StatusCode::CONFLICT,
            FlowError::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        self.refuse(status, self.unexpected(), error.to_string())
    }

    pub(super) fn timed_out(self) -> Response {
        let message = "the network did not answer in time".to_owned();
        self.refuse(StatusCode::SERVICE_UNAVAILABLE, self.unexpected(), message)
    }
}

/// The answer of `/settle` to a request whose name stands for another one; `network` in the form that the
/// request used. 409 as the extension `payment-identifier` and the draft of `Idempotency-Key` ask for it.
pub(super) fn name_taken(network: &str, kind: NameKind) -> Response {
    let message = FlowError::NameTaken(kind).to_string();
    let response = SettleResponse::failed(network, reason::DUPLICATE_SETTLEMENT, message, None);
    (StatusCode::CONFLICT, Json(response)).into_response()
}
