//! `/supported`, `/health`, `/ready`, `/version`.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use facilitator_chain::rpc::EndpointReport;
use facilitator_engine::{CallPorts, Guest};
use facilitator_protocol::{SupportedKind, SupportedResponse, X402Version, payment_identifier};
use serde_json::{Map, Value, json};

use super::guests;
use crate::{
    app::App,
    networks::{Network, Status},
    ports::{GuestLog, SystemClock, SystemEntropy},
};

/// `GET /supported`: only what works now.
pub(super) async fn supported(State(app): State<Arc<App>>) -> Json<SupportedResponse> {
    let mut response = SupportedResponse {
        extensions: vec![payment_identifier::EXTENSION.to_owned()],
        ..SupportedResponse::default()
    };
    for network in app.networks.all().iter().filter(|network| network.status() == Status::Ready) {
        let Some(chain) = network.chain() else { continue };
        for (route, guest) in app.guests.serving() {
            if route.family != network.settings.facts.family {
                continue;
            }
            match extra(network, &guest).await {
                Ok(extra) => response.kinds.push(SupportedKind {
                    x402_version: route.x402_version.number(),
                    scheme: route.scheme,
                    network: match route.x402_version {
                        X402Version::V1 => network.settings.facts.name.clone(),
                        X402Version::V2 => network.caip2().to_string(),
                    },
                    extra,
                }),
                Err(reason) => tracing::error!(
                    event = "supported_failed",
                    guest = guest.descriptor().name,
                    network = network.caip2().as_str(),
                    reason
                ),
            }
        }
        let pattern = format!("{}:*", network.caip2().namespace());
        let signers: &mut Vec<String> = response.signers.entry(pattern).or_default();
        for signer in chain.accounts() {
            if !signers.contains(&signer) {
                signers.push(signer);
            }
        }
    }
    Json(response)
}

/// What the guest adds to its kind on a network.
async fn extra(network: &Network, guest: &Guest) -> Result<Option<Map<String, Value>>, String> {
    let chain = network.chain().ok_or("not configured")?;
    let sender = chain.sender().ok_or("no signer")?;
    let settings = network.settings_for_verify(&sender).ok_or("no settings")?;
    let ports = CallPorts {
        network: network.caip2().clone(),
        rpc: Arc::clone(chain.rpc()) as Arc<_>,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        log: Arc::new(GuestLog { guest: guest.descriptor().name.clone() }),
    };
    let extra = guest.supported(ports, &settings).await.map_err(|error| error.to_string())?;
    extra
        .map(|text| serde_json::from_str(&text).map_err(|_| "extra is no JSON object".to_owned()))
        .transpose()
}

/// `GET /health`: the process is up. Constant time, asks nobody.
pub(super) async fn health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// `GET /ready`: each network with its state and the reason, and its endpoints by their host names; 503 when
/// nothing works.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    let mut any_ready = false;
    let networks: BTreeMap<String, Value> = app
        .networks
        .all()
        .iter()
        .map(|network| {
            let status = network.status();
            any_ready |= status == Status::Ready;
            (network.settings.facts.name.clone(), described(network, &status))
        })
        .collect();
    let guests = guests::described(&app.guests, guests::Reader::Public);
    let status = if any_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"ready": any_ready, "networks": networks, "guests": guests}))).into_response()
}

fn described(network: &Network, status: &Status) -> Value {
    let (state, reason) = match status {
        Status::Ready => ("ready", None),
        Status::NotReady(why) => ("not_ready", Some(why)),
        Status::NotConfigured(why) => ("not_configured", Some(why)),
    };
    let mut described = json!({"network": network.caip2(), "state": state});
    if let (Some(object), Some(reason)) = (described.as_object_mut(), reason) {
        object.insert("reason".to_owned(), reason.as_str().into());
    }
    let endpoints: Vec<Value> = network.endpoints().iter().map(described_endpoint).collect();
    if let (Some(object), false) = (described.as_object_mut(), endpoints.is_empty()) {
        object.insert("endpoints".to_owned(), endpoints.into());
    }
    described
}

/// `latencyMs` and `head` are null before the endpoint has answered.
fn described_endpoint(endpoint: &EndpointReport) -> Value {
    let state = if endpoint.quarantined.is_none() { "good" } else { "quarantined" };
    let mut described = json!({
        "host": endpoint.host,
        "state": state,
        "latencyMs": endpoint.latency.map(|latency| u64::try_from(latency.as_millis()).unwrap_or(u64::MAX)),
        "head": endpoint.head.map(|head| head.number),
    });
    if let (Some(object), Some(reason)) = (described.as_object_mut(), &endpoint.quarantined) {
        object.insert("reason".to_owned(), reason.to_string().into());
    }
    described
}

/// `GET /version`.
pub(super) async fn version(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({
        "name": "facilitator",
        "version": env!("CARGO_PKG_VERSION"),
        "abi": facilitator_engine::abi::versions().collect::<Vec<_>>(),
        "x402Versions": [1, 2],
        "uptimeSeconds": app.started.elapsed().as_secs(),
    }))
}
