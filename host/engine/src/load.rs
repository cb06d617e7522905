//! What an operator decides when a guest is loaded.

use facilitator_protocol::Family;

/// What a guest gets of WASI, the system interface that compilers other than ours take for granted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Wasi {
    /// Nothing: a component that imports any of it is refused. What our own guests are loaded with.
    #[default]
    Refused,
    /// A WASI in which nothing is granted, answered by the call's ports; such a guest gets more room and
    /// runs apart from the others.
    Virtual,
}

impl Wasi {
    /// Its word in configuration, logs and file names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Virtual => "virtual",
        }
    }

    /// Largest component that is accepted. A JavaScript engine alone has 10 MB.
    #[must_use]
    pub const fn max_component_bytes(self) -> usize {
        match self {
            Self::Refused => 16 << 20,
            Self::Virtual => 32 << 20,
        }
    }
}

/// How to load a guest.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoadOptions {
    /// The family that it must be of; none takes what its descriptor says.
    pub family: Option<Family>,
    /// Whether it may import WASI.
    pub wasi: Wasi,
}
