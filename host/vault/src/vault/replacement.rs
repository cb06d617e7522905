//! Signatures about transactions that are under way: the same again with higher fees, or nothing in its
//! place.
//!
//! Neither moves anything that the policy did not approve. A replacement changes the fees alone, and takes
//! the signature on what it replaces as the proof of approval: the bytes come from a store, which is not
//! trusted. A cancellation is built here, from the account to itself.

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_primitives::{Address, TxKind};
use facilitator_protocol::Caip2;

use super::Vault;
use crate::{
    EvmEnvelope, EvmFees, EvmPolicy, FeeReservation, SignError, SignedTransaction, envelope, policy,
    signer::EvmSigner,
};

impl Vault {
    /// Signs again what this vault signed before, with higher fees and nothing else changed. Caps, budgets
    /// and the kill switch are those of now. `signed` are the bytes as [`sign_evm`](Self::sign_evm),
    /// [`cancel_evm`](Self::cancel_evm) or this gave them. The same arguments give the same bytes.
    ///
    /// At most one of the two transactions can land, as they use the same nonce; so `fee`, which is
    /// reserved for the one replaced, is raised to what the new one can cost. None leaves the budgets out
    /// of it: that is for a transaction whose fee is not reserved here.
    ///
    /// # Errors
    /// [`SignError`], counted if it is a rule; nothing was signed and `fee` is as it was then. It stays
    /// raised if it is the signature itself that failed, which is no rule.
    pub fn replace_evm(
        &self,
        network: &Caip2,
        signed: &[u8],
        fees: EvmFees,
        fee: Option<&mut FeeReservation>,
    ) -> Result<SignedTransaction, SignError> {
        self.replace(network, signed, fees, fee).inspect_err(|error| self.count(error))
    }

    fn replace(
        &self,
        network: &Caip2,
        signed: &[u8],
        fees: EvmFees,
        fee: Option<&mut FeeReservation>,
    ) -> Result<SignedTransaction, SignError> {
        let served = self.served(network)?;
        // Held still until the signature is made.
        let _alive = served.alive()?;
        let (replaced, signer) = self.signed_here(&served.policy, signed)?;
        check_replaces(&replaced, fees)?;
        envelope::check_fees(&served.policy, fees)?;
        let transaction = TxEip1559 {
            max_fee_per_gas: fees.max_fee_per_gas,
            max_priority_fee_per_gas: fees.max_priority_fee_per_gas,
            ..replaced
        };
        if let Some(fee) = fee {
            fee.raise(envelope::worst_fee(&transaction))?;
        }
        self.sign_counted(signer, transaction)
    }

    /// Signs a transaction that does nothing but use up a nonce, so that those behind it can go on: of no
    /// value and without data, from the signer to itself. Caps, the network's budget and the kill switch
    /// are those of now; there is no payee or payer whose budget it could count for.
    ///
    /// Where a payment is cancelled that is under way, its own [`FeeReservation`] goes on until it is known
    /// which of the two landed.
    ///
    /// # Errors
    /// [`SignError`], counted if it is a rule; nothing was signed and nothing is reserved then.
    pub fn cancel_evm(
        &self,
        network: &Caip2,
        envelope: EvmEnvelope,
    ) -> Result<(SignedTransaction, FeeReservation), SignError> {
        self.cancel(network, &envelope).inspect_err(|error| self.count(error))
    }

    fn cancel(
        &self,
        network: &Caip2,
        envelope: &EvmEnvelope,
    ) -> Result<(SignedTransaction, FeeReservation), SignError> {
        let served = self.served(network)?;
        // Held still until the signature is made.
        let _alive = served.alive()?;
        let signer = self.signer(&served.policy, envelope.signer)?;
        let transaction = envelope::build_cancellation(&served.policy, envelope)?;
        let fee = served.fees.reserve_own(envelope::worst_fee(&transaction))?;
        self.sign_reserved(signer, transaction, fee)
    }

    /// Reads a transaction that one of our keys of the policy's network has signed, of a kind that this
    /// vault signs, with the gas that it allows now. An operator may use the same key elsewhere: a
    /// signature of ours alone does not say that a policy approved what it is on.
    fn signed_here(&self, policy: &EvmPolicy, bytes: &[u8]) -> Result<(TxEip1559, &EvmSigner), SignError> {
        let other = |found| SignError::ReplacedNotOurs { network: policy.network.clone(), found };
        let signed = envelope::decode(bytes, policy.chain_id)
            .ok_or_else(|| other("bytes that are no EIP-1559 transaction of it"))?;
        let transaction = signed.tx();
        let account = signed
            .signature()
            .recover_address_from_prehash(&transaction.signature_hash())
            .map_err(|_| other("a signature that is none"))?;
        let signer = self
            .signer(policy, account.into_array())
            .map_err(|_| other("the signature of an account that is none of ours"))?;
        if !transaction.value.is_zero() || !transaction.access_list.is_empty() {
            return Err(other("a value or an access list"));
        }
        let gas_cap = match transaction.to {
            TxKind::Call(to) if to == account && transaction.input.is_empty() => {
                envelope::cancellation_gas_cap(policy)
            }
            TxKind::Call(to) if is_transfer(policy, to, &transaction.input) => policy.max_gas,
            TxKind::Call(_) | TxKind::Create => return Err(other("neither a transfer nor a cancellation")),
        };
        envelope::check_gas(transaction.gas_limit, gas_cap)?;
        Ok((transaction.clone(), signer))
    }
}

/// Whether a call is a payer's transfer of an asset that is listed now. The functions that the operator
/// allows may have become fewer since it was signed; it is under way all the same.
fn is_transfer(policy: &EvmPolicy, to: Address, data: &[u8]) -> bool {
    policy.assets.contains(&to.into_array()) && policy::evm::sponsored(data).is_some()
}

/// [`rule::REPLACEMENT_FEE`](crate::rule::REPLACEMENT_FEE).
fn check_replaces(replaced: &TxEip1559, fees: EvmFees) -> Result<(), SignError> {
    let least = EvmFees {
        max_fee_per_gas: replaced.max_fee_per_gas,
        max_priority_fee_per_gas: replaced.max_priority_fee_per_gas,
    }
    .bumped();
    for (what, found, least) in [
        ("fee", fees.max_fee_per_gas, least.max_fee_per_gas),
        ("tip", fees.max_priority_fee_per_gas, least.max_priority_fee_per_gas),
    ] {
        if found < least {
            return Err(SignError::ReplacementFee { what, found, least });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
