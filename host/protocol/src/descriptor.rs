//! What a guest says of itself.

use serde::Serialize;

use crate::{Family, X402Version};

/// One (version, scheme) pair that a guest serves.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Kind {
    /// Protocol version.
    #[serde(serialize_with = "version_number")]
    pub x402_version: X402Version,
    /// Scheme, such as `exact`.
    pub scheme: String,
}

fn version_number<S: serde::Serializer>(version: &X402Version, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(version.number())
}

/// A guest's description of itself, checked by the engine when it loads the guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Descriptor {
    /// Name of the guest.
    pub name: String,
    /// Version of the guest.
    pub version: String,
    /// WIT package version that it was built for.
    pub abi: String,
    /// Chain family.
    pub family: Family,
    /// What it serves.
    pub kinds: Vec<Kind>,
    /// JSON-RPC methods that it needs.
    pub rpc_methods: Vec<String>,
}
