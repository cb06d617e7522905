//! A guest in use: the loaded component, with a number that tells it from every other that was used.

use std::{fmt, ops::Deref, sync::Arc, time::SystemTime};

use crate::Guest;

/// Where a guest came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It ships in the binary.
    Embedded,
    /// From a file of the operator's directory; its name.
    File(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded"),
            Self::File(name) => f.write_str(name),
        }
    }
}

/// One use of a loaded guest. A guest that comes back after a rollback is a new generation.
///
/// A request holds its generation from verify to confirm, whatever is put in its place meanwhile.
#[derive(Debug)]
pub struct Generation {
    number: u64,
    since: SystemTime,
    origin: Origin,
    guest: Arc<Guest>,
}

impl Generation {
    pub(crate) fn new(number: u64, origin: Origin, guest: Arc<Guest>) -> Self {
        Self { number, since: SystemTime::now(), origin, guest }
    }

    /// The same guest, used again.
    pub(crate) fn again(&self, number: u64) -> Self {
        Self::new(number, self.origin.clone(), Arc::clone(&self.guest))
    }

    /// Counts up with every change of any guest, from 1 at start.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// When it was put into service.
    #[must_use]
    pub const fn since(&self) -> SystemTime {
        self.since
    }

    /// Where it came from.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The loaded component.
    #[must_use]
    pub const fn guest(&self) -> &Arc<Guest> {
        &self.guest
    }

    /// Name of the guest, as its descriptor says.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.guest.descriptor().name
    }
}

impl Deref for Generation {
    type Target = Guest;

    fn deref(&self) -> &Guest {
        &self.guest
    }
}
