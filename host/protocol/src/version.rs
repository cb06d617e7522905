//! The protocol version of a request.

use core::fmt;

/// x402 protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum X402Version {
    /// Networks by name, `maxAmountRequired`.
    V1,
    /// Networks by CAIP-2 identifier, `amount`, `accepted`.
    V2,
}

impl X402Version {
    /// The number as it stands on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }

    /// The version of a wire number, if it is one that exists.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::V1),
            2 => Some(Self::V2),
            _ => None,
        }
    }
}

impl fmt::Display for X402Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number())
    }
}
