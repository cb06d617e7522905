//! One payment: the terms and the authorization that is to meet them.

use alloy_primitives::{Address, B256, U256};
use facilitator_protocol::{Invalid, reason};
use guest_sdk::{GuestError, Request};

use crate::{
    authorization::{Authorization, SignedAuthorization},
    eip712::Domain,
    encoding,
    refusal::{Stop, refuse},
    terms::Terms,
};

/// A payment whose authorization meets the terms, as far as that can be read from the request alone.
/// Whether it is signed, in time and covered is not known yet.
#[derive(Clone, Debug)]
pub(crate) struct Payment<'a> {
    pub(crate) terms: Terms<'a>,
    pub(crate) authorization: Authorization,
    pub(crate) signature: Vec<u8>,
}

impl<'a> Payment<'a> {
    pub(crate) fn read(request: &'a Request) -> Result<Self, Stop> {
        let terms = Terms::read(request)?;
        let SignedAuthorization { signature, authorization } =
            SignedAuthorization::read(&request.payload.payload)?;
        check_recipient(&terms, &authorization)?;
        check_payer(&authorization, &own_accounts(&request.settings.signers)?)?;
        check_value(&terms, &authorization)?;
        Ok(Self { terms, authorization, signature })
    }

    /// The authorization is valid now and long enough for a transaction to land.
    ///
    /// The token demands `validAfter < block time < validBefore` (EIP-3009), both strictly. The reference
    /// implementations accept `validAfter == now`; the token would not.
    pub(crate) fn check_window(&self, now: u64, min_validity_seconds: u64) -> Result<(), Invalid> {
        let Authorization { valid_after, valid_before, .. } = &self.authorization;
        if *valid_after >= U256::from(now) {
            let message = format!("validAfter: expected less than {now}, found {valid_after}");
            return Err(refuse(reason::EVM_VALID_AFTER, message));
        }
        let earliest = now.saturating_add(min_validity_seconds);
        if *valid_before < U256::from(earliest) {
            let message = format!("validBefore: expected at least {earliest}, found {valid_before}");
            return Err(refuse(reason::EVM_VALID_BEFORE, message));
        }
        Ok(())
    }

    /// The 32 bytes that the payer signed.
    pub(crate) fn digest(&self) -> B256 {
        let domain = Domain {
            name: self.terms.name,
            version: self.terms.version,
            chain_id: self.terms.chain_id,
            verifying_contract: self.terms.asset,
        };
        domain.digest(&self.authorization)
    }

    /// A token knows an authorization by payer and nonce, whatever signature it came with.
    ///
    /// Source: EIP-3009 (`authorizationState`).
    pub(crate) fn id(&self) -> String {
        let Authorization { from, nonce, .. } = &self.authorization;
        format!("eip155:{}:{:#x}:{from:#x}:{nonce:#x}", self.terms.chain_id, self.terms.asset)
    }

    /// Unix seconds after which the token refuses the authorization.
    pub(crate) fn expires_at(&self) -> u64 {
        self.authorization.valid_before.saturating_to()
    }
}

/// The authorization pays `payTo` and nobody else.
///
/// Source: x402 exact/EVM, phase 2 item 3.
fn check_recipient(terms: &Terms<'_>, authorization: &Authorization) -> Result<(), Invalid> {
    if authorization.to == terms.pay_to {
        Ok(())
    } else {
        let message = format!("authorization.to: expected {}, found {}", terms.pay_to, authorization.to);
        Err(refuse(reason::EVM_RECIPIENT_MISMATCH, message))
    }
}

/// The payer is somebody else than the payee, to whom nothing would move, and than ourselves, whose
/// money no client may spend.
fn check_payer(authorization: &Authorization, own_accounts: &[Address]) -> Result<(), Invalid> {
    if authorization.from == authorization.to {
        return Err(refuse(reason::INVALID_PAYLOAD, "authorization: payer and payee are the same account"));
    }
    if own_accounts.contains(&authorization.from) {
        return Err(refuse(reason::INVALID_PAYLOAD, "authorization.from: an account of the facilitator"));
    }
    Ok(())
}

/// Exactly the amount: more would take what nobody asked for, less is no payment.
///
/// Source: x402 exact/EVM, phase 2 item 3; x402 scheme `exact`.
fn check_value(terms: &Terms<'_>, authorization: &Authorization) -> Result<(), Invalid> {
    if authorization.value == terms.amount {
        Ok(())
    } else {
        let message =
            format!("authorization.value: expected {}, found {}", terms.amount, authorization.value);
        Err(refuse(reason::EVM_VALUE_MISMATCH, message))
    }
}

fn own_accounts(signers: &[String]) -> Result<Vec<Address>, GuestError> {
    signers
        .iter()
        .map(|signer| {
            encoding::address(signer)
                .ok_or_else(|| GuestError::Internal("settings.signers: expected addresses".to_owned()))
        })
        .collect()
}
