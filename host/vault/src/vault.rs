//! Keys and policies together: approve an intent, then sign what was approved.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use facilitator_protocol::{Caip2, EvmCall, Intent, PaymentRequirements, Valid};

use crate::{
    Approved, EvmEnvelope, EvmKeys, EvmPolicy, PolicyRefusal, Scope, SignError, SignedTransaction, envelope,
    policy::evm::MIN_GAS, rule,
};

/// Policies that do not make sense, found at start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// Two policies for one network.
    #[error("{network} has two signing policies")]
    DuplicateNetwork {
        /// The network.
        network: Caip2,
    },
    /// The network's name and its chain id differ: we would sign for another chain.
    #[error("{network} does not have the chain id {chain_id}")]
    ChainId {
        /// The network.
        network: Caip2,
        /// The id that was given for it.
        chain_id: u64,
    },
    /// No transaction could ever be approved.
    #[error("{network}: expected a gas cap of at least {MIN_GAS}, found {max_gas}")]
    GasCap {
        /// The network.
        network: Caip2,
        /// The cap that was given for it.
        max_gas: u64,
    },
}

/// Signers per scope and policies per network.
#[derive(Debug)]
pub struct Vault {
    keys: EvmKeys,
    evm: BTreeMap<Caip2, EvmPolicy>,
    signatures: AtomicU64,
}

impl Vault {
    /// A vault that signs on the networks of `policies` and on no other.
    ///
    /// # Errors
    /// [`VaultError`] if a policy contradicts itself or another.
    pub fn new(keys: EvmKeys, policies: Vec<EvmPolicy>) -> Result<Self, VaultError> {
        let mut evm = BTreeMap::new();
        for policy in policies {
            let network = policy.network.clone();
            if network.as_str() != format!("eip155:{}", policy.chain_id) {
                return Err(VaultError::ChainId { network, chain_id: policy.chain_id });
            }
            if policy.max_gas < MIN_GAS {
                return Err(VaultError::GasCap { network, max_gas: policy.max_gas });
            }
            if evm.insert(network.clone(), policy).is_some() {
                return Err(VaultError::DuplicateNetwork { network });
            }
        }
        Ok(Self { keys, evm, signatures: AtomicU64::new(0) })
    }

    /// Accounts that sign on a network, in the order in which their keys were given; none on a network
    /// without a policy.
    #[must_use]
    pub fn signers(&self, network: &Caip2) -> Vec<[u8; 20]> {
        self.evm.get(network).map_or_else(Vec::new, |policy| self.keys.addresses(policy.scope))
    }

    /// Decides whether an intent may be signed for a payment, of which the guest claims `claims`. Signs
    /// nothing.
    ///
    /// # Errors
    /// [`PolicyRefusal`] with the first rule that does not hold.
    pub fn approve(
        &self,
        network: &Caip2,
        intent: Intent,
        requirements: &PaymentRequirements,
        claims: &Valid,
    ) -> Result<Approved<EvmCall>, PolicyRefusal> {
        let policy = self.evm.get(network).ok_or_else(|| {
            PolicyRefusal::new(rule::NETWORK_LISTED, format!("there is no signing policy for {network}"))
        })?;
        match intent {
            Intent::EvmCall(call) => policy.approve(call, requirements, claims, &self.accounts()),
            other @ (Intent::SvmCosign { .. }
            | Intent::NearDelegate { .. }
            | Intent::StellarInvoke { .. }) => Err(PolicyRefusal::new(
                rule::INTENT_SHAPE,
                format!("expected evm-call on {network}, found {}", other.shape()),
            )),
        }
    }

    /// Builds the transaction of an approved call and signs it. The caps are those of now, not of the
    /// time of approval. The same arguments give the same bytes.
    ///
    /// # Errors
    /// [`SignError`]; nothing was signed then.
    pub fn sign_evm(
        &self,
        approved: &Approved<EvmCall>,
        envelope: EvmEnvelope,
    ) -> Result<SignedTransaction, SignError> {
        let network = approved.network();
        let policy = self
            .evm
            .get(network)
            .filter(|policy| policy.chain_id == approved.chain_id() && policy.check_alive().is_ok())
            .ok_or_else(|| SignError::NetworkNotServed { network: network.clone() })?;
        let signer =
            self.keys.of(policy.scope).iter().find(|signer| signer.address() == envelope.signer).ok_or_else(
                || SignError::ForeignSigner { signer: envelope.signer, network: network.clone() },
            )?;
        let transaction = envelope::build(approved, policy, &envelope)?;
        self.signatures.fetch_add(1, Ordering::Relaxed);
        let signed = signer.sign(transaction).map_err(SignError::Signer)?;
        Ok(SignedTransaction::new(&signed, envelope.signer))
    }

    /// How many signatures were made, or at least begun, since start.
    #[must_use]
    pub fn signatures_made(&self) -> u64 {
        self.signatures.load(Ordering::Relaxed)
    }

    /// All accounts of the facilitator, of both scopes.
    fn accounts(&self) -> Vec<[u8; 20]> {
        [Scope::Mainnet, Scope::Testnet].into_iter().flat_map(|scope| self.keys.addresses(scope)).collect()
    }
}

#[cfg(test)]
mod tests;
