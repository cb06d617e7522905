//! Step 1: from a request to the network and the guest generation that serve it.

use std::sync::Arc;

use facilitator_engine::{CallPorts, Found, Generation, GuestRequest, Route};
use facilitator_protocol::{FacilitatorRequest, PaymentRequirements, reason};

use super::watched::{Simulated, Watched};
use crate::{
    app::App,
    networks::{Chain, Network, Status},
    ports::{ChainClock, GuestLog, SystemEntropy},
};

/// A request with what serves it. The guest stays the same from verify to confirm.
#[derive(Clone)]
pub(super) struct Routed {
    pub(super) network: Arc<Network>,
    pub(super) guest: Arc<Generation>,
    pub(super) request: GuestRequest,
    pub(super) requirements: PaymentRequirements,
    /// The account that would send the settlement, as its network writes it.
    pub(super) sender: String,
    /// What a node said of calls that the guest had it simulate for this request.
    pub(super) simulated: Arc<Simulated>,
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
        let chain = self.network.chain()?;
        Some(CallPorts {
            network: self.network.caip2().clone(),
            rpc: Arc::new(Watched::new(Arc::clone(chain.rpc()) as Arc<_>, Arc::clone(&self.simulated))),
            clock: Arc::new(ChainClock { behind_ms: chain.clock_behind_ms() }),
            entropy: Arc::new(SystemEntropy),
            log: Arc::new(GuestLog { guest: self.guest.descriptor().name.clone() }),
        })
    }
}

impl Routed {
    /// Makes the request one of now: present fees, and nothing simulated yet. None if the network has no
    /// settings now.
    pub(super) fn refresh(&mut self) -> Option<()> {
        self.request.settings = self.network.settings_for_settle(&self.sender)?;
        self.simulated = Arc::default();
        Some(())
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
    let guest = match app.guests.find(&route) {
        Some(Found::Serving(guest)) => guest,
        Some(Found::Resting(_)) => return Err(Unroutable::NotReady),
        None => {
            return Err(refused(
                reason::UNSUPPORTED_SCHEME,
                format!(
                    "scheme {:?} is not served on {} in x402 version {version}",
                    shortened(&requirements.scheme),
                    network.settings.facts.name
                ),
            ));
        }
    };
    let sender = network.chain().and_then(Chain::sender).ok_or(Unroutable::NotReady)?;
    let settings = network.settings_for_verify(&sender).ok_or(Unroutable::NotReady)?;
    let request = GuestRequest {
        x402_version: version,
        scheme: requirements.scheme.clone(),
        network: network.caip2().clone(),
        payload: payload_json,
        requirements: requirements_json,
        settings,
    };
    let simulated = Arc::default();
    Ok(Routed { network: Arc::clone(network), guest, request, requirements, sender, simulated })
}

fn refused(reason: &'static str, message: String) -> Unroutable {
    Unroutable::Refused { reason, message }
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}
