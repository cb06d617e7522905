//! Which guest serves a request now.
//!
//! A lookup gives a request its generation as an `Arc`, which it keeps from verify to confirm whatever
//! is swapped meanwhile.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;
use facilitator_protocol::{Family, X402Version};

use crate::Guest;

/// What decides which guest a request goes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// Protocol version.
    pub x402_version: X402Version,
    /// Family of the network.
    pub family: Family,
    /// Scheme.
    pub scheme: String,
}

/// The guests that are in use, swapped as a whole.
#[derive(Debug, Default)]
pub struct Registry {
    routes: ArcSwap<HashMap<Route, Arc<Guest>>>,
}

impl Registry {
    /// Puts guests in place of those there. Of two guests that serve the same route the later wins.
    pub fn replace(&self, guests: impl IntoIterator<Item = Arc<Guest>>) {
        let mut routes = HashMap::new();
        for guest in guests {
            let descriptor = guest.descriptor();
            for kind in &descriptor.kinds {
                let route = Route {
                    x402_version: kind.x402_version,
                    family: descriptor.family,
                    scheme: kind.scheme.clone(),
                };
                routes.insert(route, Arc::clone(&guest));
            }
        }
        self.routes.store(Arc::new(routes));
    }

    /// The guest that serves a route now.
    #[must_use]
    pub fn find(&self, route: &Route) -> Option<Arc<Guest>> {
        self.routes.load().get(route).map(Arc::clone)
    }

    /// Every route with its guest.
    #[must_use]
    pub fn all(&self) -> Vec<(Route, Arc<Guest>)> {
        let mut all: Vec<_> =
            self.routes.load().iter().map(|(route, guest)| (route.clone(), Arc::clone(guest))).collect();
        all.sort_by(|(a, _), (b, _)| {
            (a.family, &a.scheme, a.x402_version).cmp(&(b.family, &b.scheme, b.x402_version))
        });
        all
    }
}
