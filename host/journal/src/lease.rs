//! Who may move a record: leases of the processes that share a journal.
//!
//! A lease is a number that no process had before. Each record and each place in a lane carries the number
//! of its owner, and the journal refuses every move of anybody else: that number is the fencing token. A
//! process that was thought dead and wakes up cannot move what was taken over from it meanwhile.

use std::fmt;

/// The number of a lease; 0 is that of records from before there were leases, whose owner is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(u64);

impl Owner {
    /// From the number that the store holds.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the journal knows of the process behind a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// The operating system says that it runs.
    Running,
    /// It has renewed its lease this many times. Whoever has seen the same count for longer than a lease
    /// lasts, by its own steady clock, may end it: clocks of different machines are never compared.
    Renewed(u64),
    /// It is over, by itself or because others saw no sign of it.
    Ended,
}

/// Longest name of a lease that is kept, bytes.
const MAX_NAME_BYTES: usize = 256;

/// The name of a lease as it is kept.
pub(crate) fn cut_name(name: &str) -> &str {
    name.get(..name.floor_char_boundary(MAX_NAME_BYTES)).unwrap_or_default()
}

/// One process that has or had a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Its number.
    pub owner: Owner,
    /// What the process called itself, for people.
    pub name: String,
    /// What is known of it.
    pub liveness: Liveness,
}
