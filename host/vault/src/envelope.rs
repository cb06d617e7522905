//! The transaction around an approved call: what the chain side asks for, and what comes out.

use std::fmt;

use alloy_consensus::{Signed, TxEip1559, TxEnvelope};
use alloy_eips::{
    eip2718::{Decodable2718, Encodable2718},
    eip2930::AccessList,
};
use alloy_primitives::{Address, TxKind, U256};
use facilitator_protocol::{Caip2, EvmCall};

use crate::{
    Approved, BudgetRefusal, EvmFees, EvmPolicy,
    budget::Sponsored,
    policy::{self, evm::MIN_GAS},
    rule,
};

/// Most gas that a cancellation may be given. Alone it needs 21,000; a rollup that charges in gas for the
/// data on its parent chain needs more.
const MAX_CANCELLATION_GAS: u64 = 100_000;

/// What an EIP-1559 transaction needs beside the approved call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvmEnvelope {
    /// Account of the facilitator that signs.
    pub signer: [u8; 20],
    /// Its nonce.
    pub nonce: u64,
    /// Gas limit.
    pub gas_limit: u64,
    /// Most that is paid per gas, wei.
    pub max_fee_per_gas: u128,
    /// Tip per gas, wei.
    pub max_priority_fee_per_gas: u128,
}

/// A transaction ready to be broadcast.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedTransaction {
    /// Its hash.
    pub hash: [u8; 32],
    /// Its EIP-2718 bytes, for `eth_sendRawTransaction`.
    pub bytes: Vec<u8>,
    /// Account that signed it.
    pub signer: [u8; 20],
}

/// Why an approved call was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The network is not, or no longer, one that is signed for.
    #[error("nothing is signed on {network}")]
    NetworkNotServed {
        /// The network.
        network: Caip2,
    },
    /// The operator has stopped the network.
    #[error("settlements on {network} are stopped")]
    NetworkKilled {
        /// The network.
        network: Caip2,
    },
    /// The account is none of ours on this network.
    #[error("{} does not sign on {network}", Address::from(*signer))]
    ForeignSigner {
        /// The account.
        signer: [u8; 20],
        /// The network.
        network: Caip2,
    },
    /// The gas limit is over what was approved, over the cap, or too low for any transaction.
    #[error("expected a gas limit from {MIN_GAS} to {cap}, found {found}")]
    GasLimit {
        /// What was asked for.
        found: u64,
        /// The lower of ceiling and cap.
        cap: u64,
    },
    /// The fee is over the cap: try again when gas is cheaper.
    #[error("expected at most {cap} wei per gas, found {found}")]
    FeeOverCap {
        /// What was asked for, wei per gas.
        found: u128,
        /// The cap, wei per gas.
        cap: u128,
    },
    /// The tip is over the cap or over the fee itself, which no node accepts (EIP-1559).
    #[error("expected a tip of at most {cap} wei per gas, found {found}")]
    TipOverCap {
        /// What was asked for, wei per gas.
        found: u128,
        /// The lower of cap and fee, wei per gas.
        cap: u128,
    },
    /// The account has no nonce left (EIP-2681).
    #[error("the nonce is out of range")]
    Nonce,
    /// What is to be replaced is nothing that this vault signed on the network.
    #[error("expected a transaction that was signed here for {network}, found {found}")]
    ReplacedNotOurs {
        /// The network.
        network: Caip2,
        /// What it is instead.
        found: &'static str,
    },
    /// No node would take the replacement.
    #[error("expected a {what} of at least {least} wei per gas, 1.125 times the one replaced, found {found}")]
    ReplacementFee {
        /// Which of the two, `fee` or `tip`.
        what: &'static str,
        /// What was asked for, wei per gas.
        found: u128,
        /// The least that replaces, wei per gas.
        least: u128,
    },
    /// The fee could go over a budget.
    #[error(transparent)]
    Budget(#[from] BudgetRefusal),
    /// The signature could not be made.
    #[error("signing failed")]
    Signer(#[source] alloy_signer::Error),
}

impl SignError {
    /// Name of the rule that does not hold, one of [`rule`]; none if it is no rule that failed.
    #[must_use]
    pub const fn rule(&self) -> Option<&'static str> {
        Some(match self {
            Self::NetworkNotServed { .. } => rule::NETWORK_LISTED,
            Self::NetworkKilled { .. } => rule::NETWORK_KILLED,
            Self::ForeignSigner { .. } => rule::SIGNER_OURS,
            Self::GasLimit { .. } => rule::GAS_LIMIT,
            Self::FeeOverCap { .. } => rule::FEE_CAP,
            Self::TipOverCap { .. } => rule::TIP_CAP,
            Self::Nonce => rule::NONCE_RANGE,
            Self::ReplacedNotOurs { .. } => rule::REPLACED_NOT_OURS,
            Self::ReplacementFee { .. } => rule::REPLACEMENT_FEE,
            Self::Budget(refusal) => refusal.rule,
            Self::Signer(_) => return None,
        })
    }
}

/// Most that a transaction can cost by its own terms, wei. On a rollup the fee for its data on the parent
/// chain comes on top, which no field of a transaction bounds.
pub(crate) fn worst_fee(transaction: &TxEip1559) -> u128 {
    u128::from(transaction.gas_limit).saturating_mul(transaction.max_fee_per_gas)
}

/// What a transaction that was signed earlier can cost, and for whom that is paid, where its calldata
/// tells. None if the bytes are no EIP-1559 transaction of the chain.
pub(crate) fn read_signed(bytes: &[u8], chain_id: u64) -> Option<(u128, Option<Sponsored>)> {
    let signed = decode(bytes, chain_id)?;
    Some((worst_fee(signed.tx()), policy::evm::sponsored(&signed.tx().input)))
}

/// The EIP-1559 transaction of the chain that the whole of `bytes` is. Who signed it is not asked.
pub(crate) fn decode(bytes: &[u8], chain_id: u64) -> Option<Signed<TxEip1559>> {
    let mut rest = bytes;
    let TxEnvelope::Eip1559(signed) = TxEnvelope::decode_2718(&mut rest).ok()? else { return None };
    (rest.is_empty() && signed.tx().chain_id == chain_id).then_some(signed)
}

/// The transaction of an approved call, if the envelope is under every cap.
pub(crate) fn build(
    approved: &Approved<EvmCall>,
    policy: &EvmPolicy,
    envelope: &EvmEnvelope,
) -> Result<TxEip1559, SignError> {
    let call = approved.intent();
    check_gas(envelope.gas_limit, call.gas_ceiling.min(policy.max_gas))?;
    transaction(policy, envelope, call.to, call.data.clone())
}

/// The transaction that does nothing but use up a nonce: from the signer to itself, of no value, without
/// data; if the envelope is under every cap.
pub(crate) fn build_cancellation(policy: &EvmPolicy, envelope: &EvmEnvelope) -> Result<TxEip1559, SignError> {
    check_gas(envelope.gas_limit, cancellation_gas_cap(policy))?;
    transaction(policy, envelope, envelope.signer, Vec::new())
}

/// Most gas that a transaction without data may be given: rollups charge for their data in gas.
pub(crate) fn cancellation_gas_cap(policy: &EvmPolicy) -> u64 {
    policy.max_gas.min(MAX_CANCELLATION_GAS)
}

fn transaction(
    policy: &EvmPolicy,
    envelope: &EvmEnvelope,
    to: [u8; 20],
    data: Vec<u8>,
) -> Result<TxEip1559, SignError> {
    let EvmEnvelope { nonce, gas_limit, max_fee_per_gas, max_priority_fee_per_gas, .. } = *envelope;
    check_fees(policy, EvmFees { max_fee_per_gas, max_priority_fee_per_gas })?;
    if nonce == u64::MAX {
        return Err(SignError::Nonce);
    }
    Ok(TxEip1559 {
        chain_id: policy.chain_id,
        nonce,
        gas_limit,
        max_fee_per_gas,
        max_priority_fee_per_gas,
        to: TxKind::Call(to.into()),
        value: U256::ZERO,
        access_list: AccessList::default(),
        input: data.into(),
    })
}

/// [`rule::GAS_LIMIT`].
pub(crate) fn check_gas(found: u64, cap: u64) -> Result<(), SignError> {
    if (MIN_GAS..=cap).contains(&found) { Ok(()) } else { Err(SignError::GasLimit { found, cap }) }
}

/// [`rule::FEE_CAP`], [`rule::TIP_CAP`].
pub(crate) fn check_fees(policy: &EvmPolicy, fees: EvmFees) -> Result<(), SignError> {
    let EvmFees { max_fee_per_gas: fee, max_priority_fee_per_gas: tip } = fees;
    if fee > policy.max_fee_per_gas_wei {
        return Err(SignError::FeeOverCap { found: fee, cap: policy.max_fee_per_gas_wei });
    }
    let cap = policy.max_priority_fee_per_gas_wei.min(fee);
    if tip > cap { Err(SignError::TipOverCap { found: tip, cap }) } else { Ok(()) }
}

impl SignedTransaction {
    pub(crate) fn new(signed: &Signed<TxEip1559>, signer: [u8; 20]) -> Self {
        Self { hash: signed.hash().0, bytes: signed.encoded_2718(), signer }
    }
}

impl fmt::Debug for SignedTransaction {
    /// Without the bytes: whoever reads them can send them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedTransaction")
            .field("hash", &hex::encode(self.hash))
            .field("signer", &Address::from(self.signer))
            .finish_non_exhaustive()
    }
}
