//! Step 1: from a request to the network and the guest generation that serve it.

use std::sync::Arc;

use facilitator_engine::{CallPorts, Guest, GuestRequest, Route};
use facilitator_protocol::{FacilitatorRequest, PaymentRequirements, reason};

use crate::{
    app::App,
    networks::{Network, Status},
    ports::{GuestLog, SystemClock},
};

/// A request with what serves it. The guest stays the same from verify to confirm.
#[derive(Clone)]
pub(super) struct Routed {
    pub(super) network: Arc<Network>,
    pub(super) guest: Arc<Guest>,
    pub(super) request: GuestRequest,
    pub(super) requirements: PaymentRequirements,
    /// The account that would send the settlement.
    pub(super) sender: [u8; 20],
}

/// Why no guest serves a request.
pub(super) enum Unroutable {
    /// A verdict: it will not be served.
    Refused { reason: &'static str, message: String },
    /// It is served, but not now.
    NotReady,
}

impl Routed {
    /// Ports of one call for this request.
    pub(super) fn ports(&self) -> Option<CallPorts> {
        Some(CallPorts {
            network: self.network.caip2().clone(),
            rpc: Arc::clone(self.network.evm()?.rpc()) as Arc<_>,
            clock: Arc::new(SystemClock),
            log: Arc::new(GuestLog { guest: self.guest.descriptor().name.clone() }),
        })
    }
}

/// Finds network, guest and sender of a request.
pub(super) fn route(app: &App, request: FacilitatorRequest) -> Result<Routed, Unroutable> {
    let FacilitatorRequest { version, payload_json, requirements, requirements_json, .. } = request;
    let Some(network) = app.networks.find(version, &requirements.network) else {
        return Err(refused(
            reason::INVALID_NETWORK,
            format!("network {:?} is not one of x402 version {version}", shortened(&requirements.network)),
        ));
    };
    match network.status() {
        Status::Ready => {}
        Status::NotReady(_) => return Err(Unroutable::NotReady),
        Status::NotConfigured(_) => {
            return Err(refused(
                reason::INVALID_NETWORK,
                format!("network {} is not served by this facilitator", network.settings.facts.name),
            ));
        }
    }
    let route = Route {
        x402_version: version,
        family: network.settings.facts.family,
        scheme: requirements.scheme.clone(),
    };
    let Some(guest) = app.guests.find(&route) else {
        return Err(refused(
            reason::UNSUPPORTED_SCHEME,
            format!(
                "scheme {:?} is not served on {} in x402 version {version}",
                shortened(&requirements.scheme),
                network.settings.facts.name
            ),
        ));
    };
    let sender = network.evm().and_then(|evm| evm.least_busy_signer()).ok_or(Unroutable::NotReady)?;
    let settings = network.settings_for_verify(sender).ok_or(Unroutable::NotReady)?;
    let request = GuestRequest {
        x402_version: version,
        scheme: requirements.scheme.clone(),
        network: network.caip2().clone(),
        payload: payload_json,
        requirements: requirements_json,
        settings,
    };
    Ok(Routed { network: Arc::clone(network), guest, request, requirements, sender })
}

fn refused(reason: &'static str, message: String) -> Unroutable {
    Unroutable::Refused { reason, message }
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}
