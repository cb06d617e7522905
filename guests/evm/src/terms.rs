//! What has to be paid: the requirements, as far as this scheme understands them, and whether the
//! client accepted the same.

use alloy_primitives::{Address, U256};
use facilitator_protocol::{Caip2, Invalid, PaymentRequirements, X402Version, payload::Chosen, reason};
use guest_sdk::{GuestError, Request, request::shown};
use serde_json::Value;

use crate::{
    encoding,
    refusal::{Stop, refuse},
};

/// The scheme's name on the wire.
pub(crate) const SCHEME: &str = "exact";
const NAMESPACE: &str = "eip155";
const TRANSFER_METHOD: &str = "assetTransferMethod";
const EIP3009: &str = "eip3009";

/// What has to be paid.
#[derive(Clone, Debug)]
pub(crate) struct Terms<'a> {
    pub(crate) chain_id: u64,
    pub(crate) asset: Address,
    pub(crate) pay_to: Address,
    pub(crate) amount: U256,
    /// EIP-712 domain of the asset, as the resource server states it.
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
}

impl<'a> Terms<'a> {
    /// Checks the requirements in the order of the scheme specification.
    pub(crate) fn read(request: &'a Request) -> Result<Self, Stop> {
        let requirements = &request.requirements;
        let chain_id = chain_id(&request.network)?;
        check_scheme(request)?;
        check_network(request)?;
        let (asset, pay_to) = check_accepted(request)?;
        let amount = check_amount(request)?;
        check_transfer_method(requirements)?;
        check_asset(request, asset)?;
        let (name, version) = check_domain(requirements)?;
        Ok(Self { chain_id, asset, pay_to, amount, name, version })
    }
}

/// The reference of an `eip155` network is its chain id, which the signature binds.
fn chain_id(network: &Caip2) -> Result<u64, GuestError> {
    let reference = network.reference();
    reference
        .parse()
        .ok()
        .filter(|id: &u64| network.namespace() == NAMESPACE && id.to_string() == reference)
        .ok_or_else(|| GuestError::Unsupported(format!("network {network}, expected eip155:<chain id>")))
}

/// Scheme of the payload, the requirements and the route are one.
///
/// Source: x402 v1 and v2 section 6.1 (`exact`), 9 (`invalid_scheme`).
fn check_scheme(request: &Request) -> Result<(), Stop> {
    if request.scheme != SCHEME {
        let message = format!("scheme {}, expected {SCHEME}", shown(&request.scheme));
        return Err(GuestError::Unsupported(message).into());
    }
    let chosen = match &request.payload.chosen {
        Chosen::Named { scheme, .. } => scheme,
        Chosen::Accepted(accepted) => &accepted.scheme,
    };
    for (whose, scheme) in [("paymentRequirements", &request.requirements.scheme), ("paymentPayload", chosen)]
    {
        if scheme != SCHEME {
            let message = format!("scheme of {whose}: expected {SCHEME}, found {}", shown(scheme));
            return Err(refuse(reason::INVALID_SCHEME, message).into());
        }
    }
    Ok(())
}

/// Network of the payload, the requirements and the route are one: by name in v1, by CAIP-2 in v2.
///
/// Source: x402 exact/EVM, phase 2 item 4.
fn check_network(request: &Request) -> Result<(), Invalid> {
    let expected = match request.version {
        X402Version::V1 => request.settings.network_name.as_str(),
        X402Version::V2 => request.network.as_str(),
    };
    let chosen = match &request.payload.chosen {
        Chosen::Named { network, .. } => network,
        Chosen::Accepted(accepted) => &accepted.network,
    };
    for (whose, network) in
        [("paymentRequirements", &request.requirements.network), ("paymentPayload", chosen)]
    {
        if network != expected {
            let message = format!("network of {whose}: expected {expected}, found {}", shown(network));
            return Err(refuse(reason::NETWORK_MISMATCH, message));
        }
    }
    Ok(())
}

/// What the v2 client accepted is what the resource server asks: amount, asset, payTo, and how the
/// asset moves. Addresses are equal when their bytes are. Gives asset and payTo.
///
/// Source: x402 v2 section 5.2 (`accepted`).
fn check_accepted(request: &Request) -> Result<(Address, Address), Invalid> {
    let requirements = &request.requirements;
    let asset = named_address("paymentRequirements.asset", &requirements.asset)?;
    let pay_to = named_address("paymentRequirements.payTo", &requirements.pay_to)?;
    if pay_to.is_zero() {
        return Err(terms_refused("payTo: expected an account, found the zero address"));
    }
    let Chosen::Accepted(accepted) = &request.payload.chosen else {
        return Ok((asset, pay_to));
    };
    if accepted.amount != requirements.amount {
        return Err(terms_refused(format!(
            "accepted.amount: expected {}, found {}",
            requirements.amount, accepted.amount
        )));
    }
    for (field, expected, found) in
        [("accepted.asset", asset, &accepted.asset), ("accepted.payTo", pay_to, &accepted.pay_to)]
    {
        let found = named_address(field, found)?;
        if found != expected {
            return Err(terms_refused(format!("{field}: expected {expected}, found {found}")));
        }
    }
    if transfer_method(accepted) != transfer_method(requirements) {
        return Err(terms_refused(format!("accepted.extra.{TRANSFER_METHOD} differs from the requirements")));
    }
    Ok((asset, pay_to))
}

fn named_address(field: &str, text: &str) -> Result<Address, Invalid> {
    encoding::address(text).ok_or_else(|| {
        terms_refused(format!("{field}: expected 0x and 40 hex digits, found {}", shown(text)))
    })
}

fn terms_refused(message: impl Into<String>) -> Invalid {
    refuse(reason::INVALID_PAYMENT_REQUIREMENTS, message)
}

/// A payment of nothing, or of less than it is worth to settle, is refused before it costs anything.
fn check_amount(request: &Request) -> Result<U256, Invalid> {
    let amount = &request.requirements.amount;
    if amount.is_zero() {
        return Err(terms_refused("amount: expected more than zero"));
    }
    let floor = &request.settings.min_amount;
    if amount < floor {
        return Err(terms_refused(format!("amount: expected at least {floor}, found {amount}")));
    }
    encoding::uint256(amount).ok_or_else(|| terms_refused("amount: expected at most a uint256"))
}

/// The asset moves by EIP-3009, which is also what no method means.
///
/// Source: x402 exact/EVM, section 1 (`extra.assetTransferMethod`).
fn check_transfer_method(requirements: &PaymentRequirements) -> Result<(), Invalid> {
    match transfer_method(requirements) {
        None => Ok(()),
        Some(Value::String(method)) if method == EIP3009 => Ok(()),
        Some(other) => Err(refuse(
            reason::UNSUPPORTED_SCHEME,
            format!("{TRANSFER_METHOD}: expected {EIP3009}, found {}", shown(&other.to_string())),
        )),
    }
}

fn transfer_method(requirements: &PaymentRequirements) -> Option<&Value> {
    requirements.extra.get(TRANSFER_METHOD).filter(|method| !method.is_null())
}

/// Only assets that the operator lists: a simulation of a stranger's token proves nothing.
fn check_asset(request: &Request, asset: Address) -> Result<(), Invalid> {
    let listed = |text: &str| encoding::address(text) == Some(asset);
    if request.settings.assets.iter().any(|facts| listed(&facts.address)) {
        Ok(())
    } else {
        let message = format!("asset {asset} is not allowed on {}", request.network);
        Err(refuse(reason::ASSET_NOT_ALLOWED, message))
    }
}

/// Name and version of the token's EIP-712 domain are there; whether they are the token's own shows
/// when the transfer is simulated.
///
/// Source: x402 exact/EVM, section 1 (`extra.name`, `extra.version`: required).
fn check_domain(requirements: &PaymentRequirements) -> Result<(&str, &str), Invalid> {
    let text = |key: &str| {
        requirements.extra_text(key).ok_or_else(|| {
            let message = format!("paymentRequirements.extra.{key}: expected a non-empty string");
            refuse(reason::EVM_MISSING_EIP712_DOMAIN, message)
        })
    };
    Ok((text("name")?, text("version")?))
}
