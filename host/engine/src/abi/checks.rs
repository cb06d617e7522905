//! What any guest may answer, whatever its ABI version: everything it says has a bound and a form, for
//! a guest is a stranger.

use facilitator_protocol::{AtomicAmount, Descriptor, Family, Kind, X402Version, reason};

use crate::CallError;

/// Bounds of what a guest may answer; over them is out of contract.
pub(super) const MAX_TEXT_BYTES: usize = 512;
pub(super) const MAX_CARRY_BYTES: usize = 4096;
pub(super) const MAX_INTENT_BYTES: usize = 64 << 10;

pub(super) fn truncated(text: String) -> String {
    if text.len() <= MAX_TEXT_BYTES { text } else { text.chars().take(MAX_TEXT_BYTES).collect() }
}

pub(super) fn bounded(what: &str, text: String, limit: usize) -> Result<String, CallError> {
    if text.len() <= limit {
        Ok(text)
    } else {
        Err(CallError::BadAnswer(format!("{what} of {} bytes, at most {limit} are accepted", text.len())))
    }
}

pub(super) fn checked_reason(text: String) -> Result<String, CallError> {
    if reason::is_well_formed(&text) {
        Ok(text)
    } else {
        Err(CallError::BadAnswer("reason is not of the form [a-z0-9_]{1,100}".to_owned()))
    }
}

pub(super) fn amount(text: &str) -> Result<AtomicAmount, CallError> {
    text.parse().map_err(|_| CallError::BadAnswer("amount is not a decimal string".to_owned()))
}

pub(super) fn payment_id(text: String) -> Result<String, CallError> {
    let id = bounded("payment-id", text, MAX_TEXT_BYTES)?;
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(CallError::BadAnswer("payment-id is not printable ASCII".to_owned()));
    }
    Ok(id)
}

/// What a guest says of itself, unchecked.
pub(super) struct RawDescriptor {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) abi: String,
    pub(super) family: String,
    /// x402 version and scheme.
    pub(super) kinds: Vec<(u8, String)>,
    pub(super) rpc_methods: Vec<String>,
}

/// Checks a descriptor of a guest that was built for version `abi` of the package.
pub(super) fn descriptor(raw: RawDescriptor, abi: &str) -> Result<Descriptor, CallError> {
    let bad = |what: String| CallError::BadAnswer(what);
    let name_is_good = (1..=40).contains(&raw.name.len())
        && raw.name.bytes().all(|b| b == b'-' || b.is_ascii_lowercase() || b.is_ascii_digit());
    if !name_is_good {
        return Err(bad("name is not of the form [a-z0-9-]{1,40}".to_owned()));
    }
    if raw.version.len() > 40 || semver::Version::parse(&raw.version).is_err() {
        return Err(bad("version is not a semantic version".to_owned()));
    }
    if raw.abi != abi {
        return Err(bad(format!("abi is not {abi}, which the component exports")));
    }
    let family: Family = raw.family.parse().map_err(|error| bad(format!("family: {error}")))?;
    let kinds = raw.kinds.into_iter().take(64).map(|(x402_version, scheme)| {
        let x402_version = X402Version::from_number(x402_version.into())
            .ok_or_else(|| bad(format!("kind of x402 version {x402_version}")))?;
        let scheme = bounded("scheme", scheme, 40)?;
        if reason::is_well_formed(&scheme.replace('-', "_")) {
            Ok(Kind { x402_version, scheme })
        } else {
            Err(bad("scheme is not of the form [a-z0-9-]{1,40}".to_owned()))
        }
    });
    let kinds = kinds.collect::<Result<Vec<_>, _>>()?;
    if kinds.is_empty() {
        return Err(bad("serves no kind".to_owned()));
    }
    if raw.rpc_methods.len() > 64 || raw.rpc_methods.iter().any(|method| method.len() > 64) {
        return Err(bad("more than 64 RPC methods, or one longer than 64 bytes".to_owned()));
    }
    Ok(Descriptor {
        name: raw.name,
        version: raw.version,
        abi: raw.abi,
        family,
        kinds,
        rpc_methods: raw.rpc_methods,
    })
}
