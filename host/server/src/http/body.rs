//! Reading a request body within bounds of size and time.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use http_body_util::BodyExt;

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyError {
    #[error("content-type: expected application/json")]
    NotJson,
    #[error("content-encoding: expected none")]
    Encoded,
    #[error("body: more than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("body: not received in time")]
    TooSlow,
    #[error("body: broke off")]
    Broken,
}

/// Reads a JSON body.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    timeout: Duration,
) -> Result<Vec<u8>, BodyError> {
    if let Err(error) = check_headers(headers, limit) {
        discard(body).await;
        return Err(error);
    }
    match tokio::time::timeout(timeout, collect(body, limit)).await {
        Err(_) => Err(BodyError::TooSlow),
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err((error, rest))) => {
            discard(rest).await;
            Err(error)
        }
    }
}

/// The whole body; on failure what is left of it.
async fn collect(mut body: Body, limit: usize) -> Result<Vec<u8>, (BodyError, Body)> {
    let mut bytes = Vec::with_capacity(2048);
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err((BodyError::Broken, body)) };
        let Some(data) = frame.data_ref() else { continue };
        if bytes.len().saturating_add(data.len()) > limit {
            return Err((BodyError::TooLarge { limit }, body));
        }
        bytes.extend_from_slice(data);
    }
    Ok(bytes)
}

/// Reads a refused body to its end without keeping it: a client that is still sending when the connection
/// closes sees a broken pipe and not the answer. Bounded in bytes and time; what is over breaks off.
async fn discard(mut body: Body) {
    const MOST_BYTES: usize = 16 << 20;
    const LONGEST: Duration = Duration::from_secs(2);
    let read_out = async {
        let mut left = MOST_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            let bytes = frame.data_ref().map_or(0, |data| data.len());
            match left.checked_sub(bytes) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    let _over_or_not = tokio::time::timeout(LONGEST, read_out).await.is_ok();
}

fn check_headers(headers: &HeaderMap, limit: usize) -> Result<(), BodyError> {
    // Clients that send no type mean JSON; one that names another type does not.
    if let Some(value) = headers.get(header::CONTENT_TYPE) {
        let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        let is_json = essence.eq_ignore_ascii_case("application/json")
            || (essence.len() > 5 && essence.to_ascii_lowercase().ends_with("+json"));
        if !is_json {
            return Err(BodyError::NotJson);
        }
    }
    if headers.get(header::CONTENT_ENCODING).is_some_and(|value| value != "identity") {
        return Err(BodyError::Encoded);
    }
    let declared =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|bytes| usize::try_from(bytes).map_or(true, |bytes| bytes > limit)) {
        return Err(BodyError::TooLarge { limit });
    }
    Ok(())
}
