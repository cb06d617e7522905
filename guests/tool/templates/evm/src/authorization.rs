//! What the payer signed, and whether it is the payment that is asked for.
//!
//! Source: x402 `exact` on EVM, section 1 (payload) and phase 2 (verification); EIP-3009.

use alloy_primitives::{Address, B256, U256, hex, keccak256};
use facilitator_protocol::{AtomicAmount, Invalid, reason};
use guest_sdk::{GuestError, Host, Request};
use serde_json::Value;

use crate::{
    fields,
    refusal::{Stop, refuse},
};

/// A payment, read. Whether it is good is not known yet.
#[derive(Debug)]
pub(crate) struct Payment {
    /// From the route: the signature binds it.
    pub(crate) chain_id: u64,
    pub(crate) asset: Address,
    /// Name and version of the asset's EIP-712 domain, as the resource server states them. A wrong one
    /// shows when the transfer is simulated.
    pub(crate) domain: (String, String),
    pub(crate) from: Address,
    pub(crate) to: Address,
    pub(crate) value: U256,
    /// Unix seconds; the token demands a block after it.
    pub(crate) valid_after: U256,
    /// Unix seconds; the token demands a block before it.
    pub(crate) valid_before: U256,
    /// Chosen by the payer, used once; no counter.
    pub(crate) nonce: B256,
    /// r and s.
    pub(crate) rs: [u8; 64],
    pub(crate) v: u8,
}

impl Payment {
    pub(crate) fn read(request: &Request) -> Result<Self, Stop> {
        let requirements = &request.requirements;
        let chain_id = chain_id(request)?;
        let domain = |key: &str| {
            requirements.extra_text(key).map(str::to_owned).ok_or_else(|| {
                let message = format!("paymentRequirements.extra.{key}: expected a non-empty string");
                refuse(reason::EVM_MISSING_EIP712_DOMAIN, message)
            })
        };
        let asset =
            address(&requirements.asset).ok_or_else(|| terms_refused("asset: expected an address"))?;
        let [signature, authorization] =
            fields::read(request.payload.payload.get(), "payload", ["signature", "authorization"])?;
        let names = ["from", "to", "value", "validAfter", "validBefore", "nonce"];
        let [from, to, value, valid_after, valid_before, nonce] =
            fields::take(authorization, "payload.authorization", names)?;
        let account = |field: &Value, name| fields::text(field, name, "0x and 40 hex digits", address);
        let number = |field: &Value, name| fields::text(field, name, "a uint256, decimal", uint256);
        let [rs @ .., v] =
            fields::text(&signature, "payload.signature", "0x and 130 hex digits", bytes::<65>)?;
        Ok(Self {
            chain_id,
            asset,
            domain: (domain("name")?, domain("version")?),
            from: account(&from, "payload.authorization.from")?,
            to: account(&to, "payload.authorization.to")?,
            value: number(&value, "payload.authorization.value")?,
            valid_after: number(&valid_after, "payload.authorization.validAfter")?,
            valid_before: number(&valid_before, "payload.authorization.validBefore")?,
            nonce: fields::text(&nonce, "payload.authorization.nonce", "0x and 64 hex digits", bytes)?.into(),
            rs,
            v,
        })
    }

    /// Exactly the amount, to the payee and nobody else, from somebody else than the payee and us.
    pub(crate) fn check_terms(&self, request: &Request) -> Result<(), Invalid> {
        let pay_to = address(&request.requirements.pay_to)
            .filter(|pay_to| !pay_to.is_zero())
            .ok_or_else(|| terms_refused("payTo: expected an address"))?;
        if self.to != pay_to {
            let message = format!("authorization.to: expected {pay_to}, found {}", self.to);
            return Err(refuse(reason::EVM_RECIPIENT_MISMATCH, message));
        }
        let ours = request.settings.signers.iter().any(|signer| address(signer) == Some(self.from));
        if self.from == self.to || ours {
            return Err(refuse(reason::INVALID_PAYLOAD, "authorization.from: the payee or one of us"));
        }
        let amount = request.requirements.amount.as_str();
        if uint256(amount) != Some(self.value) {
            let message = format!("authorization.value: expected {amount}, found {}", self.value);
            return Err(refuse(reason::EVM_VALUE_MISMATCH, message));
        }
        Ok(())
    }

    /// Valid now, and long enough for a transaction to land. The token demands
    /// `validAfter < block time < validBefore` (EIP-3009), both strictly.
    pub(crate) fn check_window(&self, now: u64, min_validity_seconds: u64) -> Result<(), Invalid> {
        if self.valid_after >= U256::from(now) {
            let message = format!("validAfter: expected less than {now}, found {}", self.valid_after);
            return Err(refuse(reason::EVM_VALID_AFTER, message));
        }
        let earliest = now.saturating_add(min_validity_seconds);
        if self.valid_before < U256::from(earliest) {
            let message = format!("validBefore: expected at least {earliest}, found {}", self.valid_before);
            return Err(refuse(reason::EVM_VALID_BEFORE, message));
        }
        Ok(())
    }

    /// The payer's key signed exactly this. Of a signature's forms only the canonical one counts, which
    /// tokens demand too: v of 27 or 28, and a low s, which the host sees to.
    pub(crate) fn check_signature(&self, host: &dyn Host) -> Result<(), Invalid> {
        let flaw = |message: &str| refuse(reason::EVM_SIGNATURE, format!("signature: {message}"));
        let recovery_id = match self.v {
            27 => 0,
            28 => 1,
            _ => return Err(flaw("expected v of 27 or 28")),
        };
        let key = host
            .secp256k1_recover(&self.digest().0, &self.rs, recovery_id)
            .ok_or_else(|| flaw("no key can be recovered from it"))?;
        let signer = Address::from_word(keccak256(key));
        if signer == self.from {
            Ok(())
        } else {
            Err(flaw(&format!("expected that of {}, found {signer}", self.from)))
        }
    }

    /// What makes two payloads the same payment: a token knows an authorization by payer and nonce,
    /// whatever signature it came with. The host's policy derives the same text from the calldata.
    pub(crate) fn id(&self) -> String {
        let Self { chain_id, asset, from, nonce, .. } = self;
        format!("eip155:{chain_id}:{asset:#x}:{from:#x}:{nonce:#x}")
    }
}

/// The reference of an `eip155` network is its chain id.
fn chain_id(request: &Request) -> Result<u64, GuestError> {
    let (namespace, reference) = (request.network.namespace(), request.network.reference());
    reference
        .parse()
        .ok()
        .filter(|id: &u64| namespace == "eip155" && id.to_string() == reference)
        .ok_or_else(|| GuestError::Unsupported(format!("network {}", request.network)))
}

fn terms_refused(message: &str) -> Invalid {
    refuse(reason::INVALID_PAYMENT_REQUIREMENTS, message)
}

/// `0x` and 40 hex digits.
pub(crate) fn address(text: &str) -> Option<Address> {
    bytes::<20>(text).map(Address::from)
}

/// `0x` and the hex digits of exactly N bytes.
pub(crate) fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.strip_prefix("0x")?;
    // The length first: the decoder would take a second `0x` for a prefix.
    if digits.len() != N * 2 { None } else { hex::decode(digits).ok()?.try_into().ok() }
}

fn uint256(text: &str) -> Option<U256> {
    let amount: AtomicAmount = text.parse().ok()?;
    U256::from_str_radix(amount.as_str(), 10).ok()
}
