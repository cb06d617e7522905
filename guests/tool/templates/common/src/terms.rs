//! What has to be paid, and whether the client accepted exactly that.
//!
//! Everything here is text that two strangers wrote, the client and the resource server. What differs in
//! anything is refused, and what is meaningless too.

use facilitator_protocol::{Invalid, X402Version, payload::Chosen, reason};
use guest_sdk::{GuestError, Request, request::shown};

use crate::refusal::{Stop, refuse};

/// The scheme that this guest serves.
pub(crate) const SCHEME: &str = "exact";

/// Route, client and resource server mean the same payment, and it is one that may be made here.
///
/// Source: x402 v1 section 6.1; x402 v2 section 5.2 (`accepted`).
pub(crate) fn check(request: &Request) -> Result<(), Stop> {
    if request.scheme != SCHEME {
        // The host routes by what `describe` says: this is its fault and no refusal.
        return Err(GuestError::Unsupported(format!("scheme {}", shown(&request.scheme))).into());
    }
    check_chosen(request)?;
    check_amount(request)?;
    check_asset(request)?;
    Ok(())
}

/// v1 names a network, v2 gives its CAIP-2 identifier. In v2 the client repeats what it accepted.
fn check_chosen(request: &Request) -> Result<(), Invalid> {
    let required = &request.requirements;
    let network = match request.version {
        X402Version::V1 => request.settings.network_name.as_str(),
        X402Version::V2 => request.network.as_str(),
    };
    let (scheme_of_client, network_of_client) = match &request.payload.chosen {
        Chosen::Named { scheme, network } => (scheme, network),
        Chosen::Accepted(accepted) => (&accepted.scheme, &accepted.network),
    };
    for (whose, scheme, found) in [
        ("paymentRequirements", &required.scheme, &required.network),
        ("paymentPayload", scheme_of_client, network_of_client),
    ] {
        same(reason::INVALID_SCHEME, &format!("scheme of {whose}"), SCHEME, scheme)?;
        same(reason::NETWORK_MISMATCH, &format!("network of {whose}"), network, found)?;
    }
    let Chosen::Accepted(accepted) = &request.payload.chosen else { return Ok(()) };
    for (field, expected, found) in [
        ("accepted.amount", required.amount.as_str(), accepted.amount.as_str()),
        ("accepted.asset", &required.asset, &accepted.asset),
        ("accepted.payTo", &required.pay_to, &accepted.pay_to),
    ] {
        same(reason::INVALID_PAYMENT_REQUIREMENTS, field, expected, found)?;
    }
    if accepted.extra == required.extra {
        Ok(())
    } else {
        Err(refuse(reason::INVALID_PAYMENT_REQUIREMENTS, "accepted.extra differs from the requirements"))
    }
}

/// A payment of nothing, or of less than it is worth to settle, is refused before it costs anything.
fn check_amount(request: &Request) -> Result<(), Invalid> {
    let (amount, floor) = (&request.requirements.amount, &request.settings.min_amount);
    if amount.is_zero() || amount < floor {
        let message = format!("amount: expected at least {floor} and more than zero, found {amount}");
        return Err(refuse(reason::INVALID_PAYMENT_REQUIREMENTS, message));
    }
    Ok(())
}

/// Only assets that the operator lists: what the chain says of a stranger's token proves nothing.
fn check_asset(request: &Request) -> Result<(), Invalid> {
    let asset = &request.requirements.asset;
    if request.settings.assets.iter().any(|listed| crate::is_same_account(&listed.address, asset)) {
        Ok(())
    } else {
        let message = format!("asset {} is not allowed on {}", shown(asset), request.network);
        Err(refuse(reason::ASSET_NOT_ALLOWED, message))
    }
}

fn same(reason: &str, field: &str, expected: &str, found: &str) -> Result<(), Invalid> {
    if expected == found {
        return Ok(());
    }
    Err(refuse(reason, format!("{field}: expected {}, found {}", shown(expected), shown(found))))
}
