//! Which guest serves a request now, and which did before.
//!
//! A lookup gives a request its generation as an `Arc`, which it keeps from verify to confirm whatever
//! is swapped meanwhile. All guests are swapped at once, by one pointer: no request sees half of a change.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use facilitator_protocol::{Family, X402Version};

use crate::{Generation, Guest, Origin};

/// What decides which guest a request goes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Route {
    /// Family of the network.
    pub family: Family,
    /// Scheme.
    pub scheme: String,
    /// Protocol version.
    pub x402_version: X402Version,
}

/// A set of guests cannot be used, or not be undone. What was in use stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Two files hold guests of one name.
    #[error("two guests are named {0}")]
    SameName(String),
    /// Two guests of the same rank serve the same route.
    #[error("{} and {} both serve {} of x402 version {} on {}", .first, .second, .route.scheme, .route.x402_version, .route.family)]
    SameRoute {
        /// What both serve.
        route: Route,
        /// One guest.
        first: String,
        /// The other.
        second: String,
    },
    /// No guest of that name is in use.
    #[error("no guest is named {0}")]
    Unknown(String),
    /// There is nothing to go back to.
    #[error("guest {0} has no earlier generation")]
    NoEarlier(String),
}

/// What serves a route.
#[derive(Clone, Debug)]
pub enum Found {
    /// This generation.
    Serving(Arc<Generation>),
    /// A guest that its breaker has taken out of service for now.
    Resting(Arc<Generation>),
}

/// A change of one guest.
#[derive(Clone, Debug)]
pub struct Replaced {
    /// What serves now; none if the guest was removed.
    pub now: Option<Arc<Generation>>,
    /// What served before.
    pub before: Option<Arc<Generation>>,
}

/// The guests that are in use, swapped as a whole.
#[derive(Debug, Default)]
pub struct Registry {
    table: ArcSwap<Table>,
    /// Held while a table is made from the one before.
    change: Mutex<Counter>,
}

#[derive(Debug, Default)]
struct Counter {
    last: u64,
}

impl Counter {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

#[derive(Clone, Debug, Default)]
struct Table {
    /// By the guest's name.
    slots: BTreeMap<String, Slot>,
    routes: HashMap<Route, Arc<Generation>>,
}

#[derive(Clone, Debug)]
struct Slot {
    current: Arc<Generation>,
    previous: Option<Arc<Generation>>,
}

impl Registry {
    /// Puts a set of guests in place of those in use. A guest whose component is the one in use keeps its
    /// generation. The operator's files take routes from embedded guests.
    ///
    /// # Errors
    /// [`RegistryError`] if two of them cannot be used together; nothing has changed then.
    pub fn replace(&self, guests: Vec<(Origin, Arc<Guest>)>) -> Result<Vec<Replaced>, RegistryError> {
        let mut counter = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.table.load_full();
        let mut slots = BTreeMap::new();
        for (origin, guest) in guests {
            let name = guest.descriptor().name.clone();
            let slot = match before.slots.get(&name) {
                Some(slot) if is_same(&slot.current, &origin, &guest) => slot.clone(),
                older => Slot {
                    current: Arc::new(Generation::new(counter.next(), origin, guest)),
                    previous: older.map(|slot| Arc::clone(&slot.current)),
                },
            };
            if slots.insert(name.clone(), slot).is_some() {
                return Err(RegistryError::SameName(name));
            }
        }
        let routes = routes(&slots)?;
        let changes = changes(&before.slots, &slots);
        self.table.store(Arc::new(Table { slots, routes }));
        Ok(changes)
    }

    /// Goes back to the generation before the one in use, which becomes the earlier one.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`], [`RegistryError::NoEarlier`], and [`RegistryError::SameRoute`] if another
    /// guest has taken a route of it meanwhile.
    pub fn rollback(&self, name: &str) -> Result<Replaced, RegistryError> {
        let mut counter = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.table.load_full();
        let slot = before.slots.get(name).ok_or_else(|| RegistryError::Unknown(name.to_owned()))?;
        let earlier = slot.previous.as_ref().ok_or_else(|| RegistryError::NoEarlier(name.to_owned()))?;
        let current = Arc::new(earlier.again(counter.next()));
        let mut slots = before.slots.clone();
        let restored = Slot { current: Arc::clone(&current), previous: Some(Arc::clone(&slot.current)) };
        slots.insert(name.to_owned(), restored);
        let routes = routes(&slots)?;
        current.reset_breaker();
        self.table.store(Arc::new(Table { slots, routes }));
        Ok(Replaced { now: Some(current), before: Some(Arc::clone(&slot.current)) })
    }

    /// What serves a route now.
    #[must_use]
    pub fn find(&self, route: &Route) -> Option<Found> {
        let generation = self.table.load().routes.get(route).map(Arc::clone)?;
        Some(if generation.is_resting() { Found::Resting(generation) } else { Found::Serving(generation) })
    }

    /// What finishes a payment that the component of `sha256` began, in service or resting: that very
    /// component if it is still at hand, or what serves the route now.
    #[must_use]
    pub fn find_for(&self, route: &Route, sha256: &str) -> Option<Arc<Generation>> {
        let table = self.table.load();
        let at_hand = table.slots.values().flat_map(|slot| [Some(&slot.current), slot.previous.as_ref()]);
        let serves = |generation: &&Arc<Generation>| {
            generation.sha256() == sha256 && routes_of(generation).any(|served| served == *route)
        };
        at_hand.flatten().find(serves).or_else(|| table.routes.get(route)).map(Arc::clone)
    }

    /// Every route with what serves it, resting or not.
    #[must_use]
    pub fn routes(&self) -> Vec<(Route, Arc<Generation>)> {
        let table = self.table.load();
        let mut all: Vec<_> =
            table.routes.iter().map(|(route, generation)| (route.clone(), Arc::clone(generation))).collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// Every guest in use with the generation before it, by name.
    #[must_use]
    pub fn generations(&self) -> Vec<(Arc<Generation>, Option<Arc<Generation>>)> {
        let table = self.table.load();
        table.slots.values().map(|slot| (Arc::clone(&slot.current), slot.previous.clone())).collect()
    }
}

/// Whether a guest is the one in use already: the same component, from the same place, with the same grant.
fn is_same(current: &Generation, origin: &Origin, guest: &Guest) -> bool {
    current.sha256() == guest.sha256() && current.wasi() == guest.wasi() && current.origin() == origin
}

fn routes_of(guest: &Guest) -> impl Iterator<Item = Route> + '_ {
    let descriptor = guest.descriptor();
    descriptor.kinds.iter().map(|kind| Route {
        family: descriptor.family,
        scheme: kind.scheme.clone(),
        x402_version: kind.x402_version,
    })
}

fn routes(slots: &BTreeMap<String, Slot>) -> Result<HashMap<Route, Arc<Generation>>, RegistryError> {
    let mut routes: HashMap<Route, Arc<Generation>> = HashMap::new();
    let embedded = |slot: &&Slot| *slot.current.origin() == Origin::Embedded;
    for slot in slots.values().filter(embedded) {
        claim(&mut routes, &slot.current, false)?;
    }
    for slot in slots.values().filter(|slot| !embedded(slot)) {
        claim(&mut routes, &slot.current, true)?;
    }
    Ok(routes)
}

/// Enters a generation for each of its routes. Files take routes from what is embedded, from nothing else.
fn claim(
    routes: &mut HashMap<Route, Arc<Generation>>,
    generation: &Arc<Generation>,
    takes_embedded: bool,
) -> Result<(), RegistryError> {
    for route in routes_of(generation) {
        match routes.get(&route) {
            Some(other)
                if !(Arc::ptr_eq(other, generation)
                    || takes_embedded && *other.origin() == Origin::Embedded) =>
            {
                return Err(RegistryError::SameRoute {
                    route,
                    first: other.name().to_owned(),
                    second: generation.name().to_owned(),
                });
            }
            _ => routes.insert(route, Arc::clone(generation)),
        };
    }
    Ok(())
}

fn changes(before: &BTreeMap<String, Slot>, now: &BTreeMap<String, Slot>) -> Vec<Replaced> {
    let mut changes = Vec::new();
    for (name, slot) in now {
        let older = before.get(name).map(|slot| Arc::clone(&slot.current));
        if older.as_ref().is_none_or(|older| older.number() != slot.current.number()) {
            changes.push(Replaced { now: Some(Arc::clone(&slot.current)), before: older });
        }
    }
    for (name, slot) in before {
        if !now.contains_key(name) {
            changes.push(Replaced { now: None, before: Some(Arc::clone(&slot.current)) });
        }
    }
    changes
}
