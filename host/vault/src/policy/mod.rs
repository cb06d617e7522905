//! The second lock: what an intent would do, derived by the host, against what the requirements ask.
//!
//! Denied by default: what no rule allows by name is refused. Host decoders are small and share no code
//! with guests, so that one mistake does not open both locks.

pub mod evm;
mod refusals;
pub mod rule;

use std::fmt;

use facilitator_protocol::Caip2;

use crate::budget::Sponsored;
pub use evm::{EvmPolicy, EvmSelector, UnknownSelector};
pub(crate) use refusals::Refusals;

/// A rule that does not hold. The guest said yes: in a healthy system this happens only when the operator
/// has just stopped the network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {message}")]
pub struct PolicyRefusal {
    /// Name of the rule, one of [`rule`].
    pub rule: &'static str,
    /// Expected and found values, bounded, without secrets.
    pub message: String,
}

impl PolicyRefusal {
    pub(crate) fn new(rule: &'static str, message: impl Into<String>) -> Self {
        Self { rule, message: message.into() }
    }

    /// Whether it is the operator who stopped the network, and nobody's fault.
    #[must_use]
    pub fn is_stop(&self) -> bool {
        self.rule == rule::NETWORK_KILLED
    }
}

/// An intent for which every rule holds. Only a policy makes one.
#[derive(PartialEq, Eq)]
pub struct Approved<T> {
    intent: T,
    network: Caip2,
    chain_id: u64,
    sponsored: Sponsored,
}

impl<T> Approved<T> {
    /// Private to policies: what they did not check cannot be signed.
    fn new(intent: T, network: Caip2, chain_id: u64, sponsored: Sponsored) -> Self {
        Self { intent, network, chain_id, sponsored }
    }

    /// For whom the network fee is paid, as the policy decoded it.
    pub(crate) const fn sponsored(&self) -> Sponsored {
        self.sponsored
    }

    /// What was approved.
    #[must_use]
    pub fn intent(&self) -> &T {
        &self.intent
    }

    /// Network that it was approved for.
    #[must_use]
    pub fn network(&self) -> &Caip2 {
        &self.network
    }

    /// Chain id (EIP-155) that it was approved for.
    #[must_use]
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }
}

impl<T> fmt::Debug for Approved<T> {
    /// Without the intent: calldata carries the payer's signature.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Approved").field("network", &self.network).finish_non_exhaustive()
    }
}
