//! Keys and policies together: approve an intent, then sign what was approved.

mod replacement;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use alloy_consensus::TxEip1559;
use facilitator_protocol::{Caip2, EvmCall, Intent, PaymentRequirements, Valid};

use crate::{
    Approved, EvmEnvelope, EvmKeys, EvmPolicy, FeeReservation, Fees, MonotonicClock, PolicyRefusal,
    ProcessClock, Scope, SignError, SignedTransaction,
    budget::{FeeBook, MAX_PARTIES},
    envelope,
    kill_switch::{Alive, KillSwitch},
    policy::{Refusals, evm::MIN_GAS},
    rule,
    signer::EvmSigner,
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

/// A network that the vault has no policy for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no signing policy for {network}")]
pub struct UnknownNetwork {
    /// The network.
    pub network: Caip2,
}

/// A network with its policy, and with what every family has: a stop and a budget.
#[derive(Debug)]
struct Served<P> {
    policy: P,
    kill_switch: KillSwitch,
    fees: Arc<FeeBook>,
}

impl Served<EvmPolicy> {
    /// Whether nothing stops signatures, held still as long as it is kept.
    fn alive(&self) -> Result<Alive<'_>, SignError> {
        let network = || self.policy.network.clone();
        self.kill_switch.alive().ok_or_else(|| SignError::NetworkKilled { network: network() })
    }
}

/// Signers per scope and policies per network.
#[derive(Debug)]
pub struct Vault {
    keys: EvmKeys,
    evm: BTreeMap<Caip2, Served<EvmPolicy>>,
    signatures: AtomicU64,
    refusals: Refusals,
}

impl Vault {
    /// A vault that signs on the networks of `policies` and on no other.
    ///
    /// # Errors
    /// [`VaultError`] if a policy contradicts itself or another.
    pub fn new(keys: EvmKeys, policies: Vec<EvmPolicy>) -> Result<Self, VaultError> {
        Self::with_clock(keys, policies, Arc::new(ProcessClock::start()))
    }

    /// The same with budgets by another clock.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_clock(
        keys: EvmKeys,
        policies: Vec<EvmPolicy>,
        clock: Arc<dyn MonotonicClock>,
    ) -> Result<Self, VaultError> {
        let mut evm = BTreeMap::new();
        for policy in policies {
            let network = policy.network.clone();
            if network.as_str() != format!("eip155:{}", policy.chain_id) {
                return Err(VaultError::ChainId { network, chain_id: policy.chain_id });
            }
            if policy.max_gas < MIN_GAS {
                return Err(VaultError::GasCap { network, max_gas: policy.max_gas });
            }
            let served = Served {
                kill_switch: KillSwitch::new(policy.killed),
                fees: Arc::new(FeeBook::new(policy.budgets, Arc::clone(&clock), MAX_PARTIES)),
                policy,
            };
            if evm.insert(network.clone(), served).is_some() {
                return Err(VaultError::DuplicateNetwork { network });
            }
        }
        Ok(Self { keys, evm, signatures: AtomicU64::new(0), refusals: Refusals::default() })
    }

    /// Accounts that sign on a network, in the order in which their keys were given; none on a network
    /// without a policy.
    #[must_use]
    pub fn signers(&self, network: &Caip2) -> Vec<[u8; 20]> {
        self.evm.get(network).map_or_else(Vec::new, |served| self.keys.addresses(served.policy.scope))
    }

    /// Decides whether an intent may be signed for a payment, of which the guest claims `claims`. Signs
    /// nothing.
    ///
    /// # Errors
    /// [`PolicyRefusal`] with the first rule that does not hold; it is counted.
    pub fn approve(
        &self,
        network: &Caip2,
        intent: Intent,
        requirements: &PaymentRequirements,
        claims: &Valid,
    ) -> Result<Approved<EvmCall>, PolicyRefusal> {
        self.decide(network, intent, requirements, claims)
            .inspect_err(|refused| self.refusals.count(refused.rule))
    }

    fn decide(
        &self,
        network: &Caip2,
        intent: Intent,
        requirements: &PaymentRequirements,
        claims: &Valid,
    ) -> Result<Approved<EvmCall>, PolicyRefusal> {
        let served = self.evm.get(network).ok_or_else(|| {
            PolicyRefusal::new(rule::NETWORK_LISTED, format!("there is no signing policy for {network}"))
        })?;
        if served.kill_switch.is_killed() {
            let message = format!("settlements on {network} are stopped");
            return Err(PolicyRefusal::new(rule::NETWORK_KILLED, message));
        }
        match intent {
            Intent::EvmCall(call) => served.policy.approve(call, requirements, claims, &self.accounts()),
            other @ (Intent::SvmCosign { .. }
            | Intent::NearDelegate { .. }
            | Intent::StellarInvoke { .. }) => Err(PolicyRefusal::new(
                rule::INTENT_SHAPE,
                format!("expected evm-call on {network}, found {}", other.shape()),
            )),
        }
    }

    /// Builds the transaction of an approved call, reserves the most that it can cost and signs it. Caps,
    /// budgets and the kill switch are those of now, not of the time of approval. The same arguments give
    /// the same bytes.
    ///
    /// The caller says what became of the transaction through the [`FeeReservation`].
    ///
    /// # Errors
    /// [`SignError`], counted if it is a rule; nothing was signed and nothing is reserved then.
    pub fn sign_evm(
        &self,
        approved: &Approved<EvmCall>,
        envelope: EvmEnvelope,
    ) -> Result<(SignedTransaction, FeeReservation), SignError> {
        self.sign(approved, &envelope).inspect_err(|error| self.count(error))
    }

    fn sign(
        &self,
        approved: &Approved<EvmCall>,
        envelope: &EvmEnvelope,
    ) -> Result<(SignedTransaction, FeeReservation), SignError> {
        let network = approved.network();
        let served = self.served(network)?;
        if served.policy.chain_id != approved.chain_id() {
            return Err(SignError::NetworkNotServed { network: network.clone() });
        }
        // Held still until the signature is made.
        let _alive = served.alive()?;
        let signer = self.signer(&served.policy, envelope.signer)?;
        let transaction = envelope::build(approved, &served.policy, envelope)?;
        let fee = served.fees.reserve(approved.sponsored(), envelope::worst_fee(&transaction))?;
        self.sign_reserved(signer, transaction, fee)
    }

    /// Signs what every rule was asked about and the fee is reserved for.
    fn sign_reserved(
        &self,
        signer: &EvmSigner,
        transaction: TxEip1559,
        fee: FeeReservation,
    ) -> Result<(SignedTransaction, FeeReservation), SignError> {
        match self.sign_counted(signer, transaction) {
            Ok(signed) => Ok((signed, fee)),
            Err(error) => {
                fee.release();
                Err(error)
            }
        }
    }

    fn sign_counted(
        &self,
        signer: &EvmSigner,
        transaction: TxEip1559,
    ) -> Result<SignedTransaction, SignError> {
        self.signatures.fetch_add(1, Ordering::Relaxed);
        let signed = signer.sign(transaction).map_err(SignError::Signer)?;
        Ok(SignedTransaction::new(&signed, signer.address()))
    }

    fn served(&self, network: &Caip2) -> Result<&Served<EvmPolicy>, SignError> {
        self.evm.get(network).ok_or_else(|| SignError::NetworkNotServed { network: network.clone() })
    }

    /// The key of an account, if it signs on the policy's network.
    fn signer(&self, policy: &EvmPolicy, account: [u8; 20]) -> Result<&EvmSigner, SignError> {
        let mut signers = self.keys.of(policy.scope).iter();
        signers
            .find(|signer| signer.address() == account)
            .ok_or_else(|| SignError::ForeignSigner { signer: account, network: policy.network.clone() })
    }

    fn count(&self, error: &SignError) {
        if let Some(rule) = error.rule() {
            self.refusals.count(rule);
        }
    }

    /// Reserves again, whatever the budgets say, what a transaction of an earlier run can cost that is
    /// still under way. `signed` are its bytes, as [`sign_evm`](Self::sign_evm) gave them.
    ///
    /// None on a network without a policy, or if the bytes are no transaction of it.
    #[must_use]
    pub fn hold_fee(&self, network: &Caip2, signed: &[u8]) -> Option<FeeReservation> {
        let Served { policy, fees, .. } = self.evm.get(network)?;
        let (worst_fee, sponsored) = envelope::read_signed(signed, policy.chain_id)?;
        Some(fees.hold(sponsored, worst_fee))
    }

    /// Stops signing on a network, or allows it again. When this has returned, nothing more is signed by
    /// what was decided before. What is signed already is not taken back.
    ///
    /// # Errors
    /// [`UnknownNetwork`] if there is no policy for it: nothing is signed there at all.
    pub fn set_killed(&self, network: &Caip2, killed: bool) -> Result<(), UnknownNetwork> {
        let served = self.evm.get(network).ok_or_else(|| UnknownNetwork { network: network.clone() })?;
        served.kill_switch.set(killed);
        Ok(())
    }

    /// Whether the operator has stopped a network. False for one without a policy, which needs no stop.
    #[must_use]
    pub fn is_killed(&self, network: &Caip2) -> bool {
        self.evm.get(network).is_some_and(|served| served.kill_switch.is_killed())
    }

    /// Fees of a network; none without a policy. For the operator: it tells how busy others are.
    #[must_use]
    pub fn fees(&self, network: &Caip2) -> Option<Fees> {
        self.evm.get(network).map(|served| served.fees.fees())
    }

    /// Counts a refusal by a rule that is asked outside, such as [`rule::SIMULATION`].
    pub fn count_refusal(&self, refused: &PolicyRefusal) {
        self.refusals.count(refused.rule);
    }

    /// How often each rule has refused since start: every rule of [`rule::ALL`], those that never did too.
    #[must_use]
    pub fn refusals(&self) -> BTreeMap<&'static str, u64> {
        self.refusals.counts()
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
