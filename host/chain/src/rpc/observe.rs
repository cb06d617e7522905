//! What a chain family's probe tells the gateway of its endpoints, and what the gateway tells of them.

use std::time::Duration;

use super::{
    gateway::{EndpointId, NetworkRpc},
    quality::{Head, HeadBounds, Reason, Sighting},
};

/// What is known of an endpoint, for `/ready`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointReport {
    /// Host name; never more of the URL.
    pub host: String,
    /// Why it is passed over; none if it is good.
    pub quarantined: Option<Reason>,
    /// Average time to answer; none before the first answer.
    pub latency: Option<Duration>,
    /// The newest block that it told of; none before it was looked at.
    pub head: Option<Head>,
    /// Whether it refuses to answer for the state with pending transactions.
    pub lacks_pending: bool,
}

impl NetworkRpc {
    /// The endpoints, in the operator's order.
    pub fn endpoints(&self) -> impl Iterator<Item = EndpointId> + use<> {
        (0..self.endpoints.len()).map(EndpointId)
    }

    /// Sets how far heads may be from each other and from now, for what is observed from here on.
    pub fn set_head_bounds(&self, bounds: HeadBounds) {
        self.roster().set_bounds(bounds);
    }

    /// Takes over what a look at an endpoint, which has just answered, showed.
    pub fn observe(&self, endpoint: EndpointId, sighting: Sighting) {
        let changes = self.roster().observe(endpoint.0, sighting, self.now());
        self.tell(changes);
    }

    /// Whether one of the endpoints is passed over.
    #[must_use]
    pub fn any_quarantined(&self) -> bool {
        self.roster().qualities().iter().any(|quality| quality.quarantine().is_some())
    }

    /// What is known of each endpoint. Asks nobody.
    #[must_use]
    pub fn report(&self) -> Vec<EndpointReport> {
        let roster = self.roster();
        let report =
            self.endpoints.iter().zip(roster.qualities()).map(|(endpoint, quality)| EndpointReport {
                host: endpoint.name().to_string(),
                quarantined: quality.quarantine().cloned(),
                latency: quality.latency(),
                head: quality.seen.map(|seen| seen.head),
                lacks_pending: quality.lacks_pending,
            });
        report.collect()
    }
}
