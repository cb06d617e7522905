//! What the facilitator signs on EVM networks: a payer's own EIP-3009 transfer of a listed asset, to the
//! payee and of the amount that the requirements name. The transaction's value is always 0.

mod calldata;

use alloy_primitives::{Address, U256};
use facilitator_protocol::{AtomicAmount, Caip2, EvmCall, PaymentRequirements, Valid};

use super::{Approved, PolicyRefusal, rule};
use crate::{
    Scope,
    budget::{Budgets, Party, Sponsored},
};
use calldata::Transfer;
pub use calldata::{EvmSelector, UnknownSelector};

/// Gas that every transaction costs (EIP-2, `G_transaction`): a limit below it cannot be included.
pub(crate) const MIN_GAS: u64 = 21_000;

/// What the operator allows on one network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvmPolicy {
    /// The network, `eip155:<chain_id>`.
    pub network: Caip2,
    /// Its name in x402 version 1.
    pub name: String,
    /// Its chain id (EIP-155), under which transactions are signed.
    pub chain_id: u64,
    /// Whose keys sign on it.
    pub scope: Scope,
    /// Assets that may be called.
    pub assets: Vec<[u8; 20]>,
    /// Functions of them that may be called.
    pub selectors: Vec<EvmSelector>,
    /// Most gas that a transaction may be given.
    pub max_gas: u64,
    /// Most that a transaction may offer per gas, wei.
    pub max_fee_per_gas_wei: u128,
    /// Most that a transaction may tip per gas, wei.
    pub max_priority_fee_per_gas_wei: u128,
    /// Most that is spent on fees, wei.
    pub budgets: Budgets,
    /// Whether the operator has stopped settlements here, to begin with.
    pub killed: bool,
}

impl EvmPolicy {
    /// Approves a call if every rule holds; `claims` is what the guest says of the payment, `ours` are the
    /// accounts of the facilitator.
    pub(crate) fn approve(
        &self,
        call: EvmCall,
        requirements: &PaymentRequirements,
        claims: &Valid,
        ours: &[[u8; 20]],
    ) -> Result<Approved<EvmCall>, PolicyRefusal> {
        self.check_kind(requirements)?;
        let required = Required::read(requirements)?;
        self.check_asset(call.to, &required)?;
        let transfer = calldata::decode(&call.data, &self.selectors)?;
        check_transfer(&transfer, &required, ours)?;
        self.check_claims(&transfer, required.asset, claims)?;
        self.check_gas(call.gas_ceiling)?;
        Ok(Approved::new(call, self.network.clone(), self.chain_id, transfer.sponsored()))
    }

    /// [`rule::SCHEME_LISTED`], [`rule::NETWORK_IS_REQUIRED`].
    fn check_kind(&self, requirements: &PaymentRequirements) -> Result<(), PolicyRefusal> {
        hold(requirements.scheme == "exact", rule::SCHEME_LISTED, || "expected the scheme exact".to_owned())?;
        let is_here = [self.network.as_str(), &self.name].contains(&requirements.network.as_str());
        hold(is_here, rule::NETWORK_IS_REQUIRED, || {
            format!("expected requirements for {} or {}, found another network", self.network, self.name)
        })
    }

    /// [`rule::ASSET_LISTED`], [`rule::ASSET_IS_REQUIRED`].
    fn check_asset(&self, to: [u8; 20], required: &Required) -> Result<(), PolicyRefusal> {
        let to_address = Address::from(to);
        hold(self.assets.contains(&to), rule::ASSET_LISTED, || {
            format!("{to_address} is no allowed asset on {}", self.network)
        })?;
        hold(to_address == required.asset, rule::ASSET_IS_REQUIRED, || {
            format!("expected asset {}, found {to_address}", required.asset)
        })
    }

    /// [`rule::GUEST_CLAIMS`]. A token knows an authorization by payer and nonce (EIP-3009).
    fn check_claims(&self, transfer: &Transfer, asset: Address, claims: &Valid) -> Result<(), PolicyRefusal> {
        let Transfer { from, nonce, .. } = transfer;
        let id = format!("eip155:{}:{asset:#x}:{from:#x}:{nonce:#x}", self.chain_id);
        let differs = |what: &str| {
            PolicyRefusal::new(rule::GUEST_CLAIMS, format!("the guest's {what} is not that of the calldata"))
        };
        if claims.payment_id != id {
            return Err(differs("payment id"));
        }
        if address(&claims.payer) != Some(*from) {
            return Err(differs("payer"));
        }
        if amount(&claims.amount) != Some(transfer.value) {
            return Err(differs("amount"));
        }
        let expires_at: u64 = transfer.valid_before.saturating_to();
        if claims.expires_at == expires_at { Ok(()) } else { Err(differs("expiry")) }
    }

    /// [`rule::GAS_CEILING`].
    fn check_gas(&self, ceiling: u64) -> Result<(), PolicyRefusal> {
        hold((MIN_GAS..=self.max_gas).contains(&ceiling), rule::GAS_CEILING, || {
            format!("expected a gas ceiling from {MIN_GAS} to {}, found {ceiling}", self.max_gas)
        })
    }
}

impl Transfer {
    fn sponsored(&self) -> Sponsored {
        Sponsored { pay_to: Party::new(self.to.as_slice()), payer: Party::new(self.from.as_slice()) }
    }
}

/// For whom the fee of a call is paid that was approved earlier, perhaps by another policy. None if it is
/// no transfer.
pub(crate) fn sponsored(data: &[u8]) -> Option<Sponsored> {
    calldata::decode(data, &EvmSelector::ALL).ok().map(|transfer| transfer.sponsored())
}

/// What the requirements ask for, as the host reads them.
struct Required {
    asset: Address,
    pay_to: Address,
    amount: U256,
}

impl Required {
    fn read(requirements: &PaymentRequirements) -> Result<Self, PolicyRefusal> {
        let unreadable = |field: &str, expected: &str| {
            PolicyRefusal::new(rule::REQUIREMENTS_READABLE, format!("{field}: expected {expected}"))
        };
        let address =
            |field, text| address(text).ok_or_else(|| unreadable(field, "0x and 40 hexadecimal digits"));
        Ok(Self {
            asset: address("asset", &requirements.asset)?,
            pay_to: address("payTo", &requirements.pay_to)?,
            amount: amount(&requirements.amount).ok_or_else(|| unreadable("amount", "less than 2^256"))?,
        })
    }
}

/// [`rule::RECIPIENT`], [`rule::AMOUNT`], [`rule::PAYER_NOT_OURS`].
fn check_transfer(transfer: &Transfer, required: &Required, ours: &[[u8; 20]]) -> Result<(), PolicyRefusal> {
    hold(transfer.to == required.pay_to, rule::RECIPIENT, || {
        format!("expected payTo {}, found {}", required.pay_to, transfer.to)
    })?;
    hold(transfer.value == required.amount && !transfer.value.is_zero(), rule::AMOUNT, || {
        format!("expected {}, more than nothing, found {}", required.amount, transfer.value)
    })?;
    hold(!ours.contains(&transfer.from.into_array()), rule::PAYER_NOT_OURS, || {
        format!("{} is an account of the facilitator", transfer.from)
    })
}

fn hold(holds: bool, rule: &'static str, message: impl FnOnce() -> String) -> Result<(), PolicyRefusal> {
    if holds { Ok(()) } else { Err(PolicyRefusal::new(rule, message())) }
}

/// Upper and lower case are the same address; a checksum (EIP-55) is for people, not checked here.
fn address(text: &str) -> Option<Address> {
    let mut bytes = [0; 20];
    hex::decode_to_slice(text.strip_prefix("0x")?, &mut bytes).ok()?;
    Some(bytes.into())
}

fn amount(amount: &AtomicAmount) -> Option<U256> {
    U256::from_str_radix(amount.as_str(), 10).ok()
}

#[cfg(test)]
mod tests;
