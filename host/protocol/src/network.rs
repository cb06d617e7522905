//! Networks and their families.

use core::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A chain family: one guest ABI dialect, one signing policy, one way of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Ethereum and its kin.
    Evm,
    /// Solana and its kin.
    Svm,
    /// NEAR.
    Near,
    /// Stellar.
    Stellar,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 4] = [Self::Evm, Self::Svm, Self::Near, Self::Stellar];

    /// The word used in configuration, descriptors and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Evm => "evm",
            Self::Svm => "svm",
            Self::Near => "near",
            Self::Stellar => "stellar",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Family {
    type Err = UnknownFamily;
    fn from_str(text: &str) -> Result<Self, UnknownFamily> {
        Self::ALL.into_iter().find(|family| family.as_str() == text).ok_or(UnknownFamily)
    }
}

/// A word that names no chain family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected one of evm, svm, near, stellar")]
pub struct UnknownFamily;

/// A CAIP-2 chain identifier, `namespace:reference`.
///
/// Source: CAIP-2 (namespace `[-a-z0-9]{3,8}`, reference `[-_a-zA-Z0-9]{1,32}`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Caip2(Box<str>);

/// Text that is no CAIP-2 identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a CAIP-2 identifier such as eip155:8453")]
pub struct NotCaip2;

impl Caip2 {
    /// An identifier of no network, for calls that concern none.
    #[must_use]
    pub fn none() -> Self {
        Self("none:0".into())
    }

    /// The whole identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the colon, such as `eip155`.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.0.split_once(':').map_or(&*self.0, |(namespace, _)| namespace)
    }

    /// The part after the colon, such as `8453`.
    #[must_use]
    pub fn reference(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, reference)| reference)
    }
}

impl FromStr for Caip2 {
    type Err = NotCaip2;
    fn from_str(text: &str) -> Result<Self, NotCaip2> {
        let (namespace, reference) = text.split_once(':').ok_or(NotCaip2)?;
        let namespace_is_good = (3..=8).contains(&namespace.len())
            && namespace.bytes().all(|b| b == b'-' || b.is_ascii_lowercase() || b.is_ascii_digit());
        let reference_is_good = (1..=32).contains(&reference.len())
            && reference.bytes().all(|b| b == b'-' || b == b'_' || b.is_ascii_alphanumeric());
        if namespace_is_good && reference_is_good { Ok(Self(text.into())) } else { Err(NotCaip2) }
    }
}

impl<'de> Deserialize<'de> for Caip2 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Caip2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caip2_accepts_the_networks_of_the_registry_and_refuses_their_neighbours() {
        for good in
            ["eip155:8453", "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", "near:mainnet", "stellar:pubnet"]
        {
            assert!(good.parse::<Caip2>().is_ok(), "{good}");
        }
        for bad in ["base-sepolia", "eip155:", ":1", "EIP155:1", "eip155:1:2", "eip155:8 453", ""] {
            assert_eq!(bad.parse::<Caip2>(), Err(NotCaip2), "{bad}");
        }
    }
}
