//! The second lock: what an intent would do, derived by the host, against what the requirements ask.
//!
//! Denied by default: what no rule allows by name is refused. Host decoders are small and share no code
//! with guests, so that one mistake does not open both locks.

pub mod evm;

use std::fmt;

use facilitator_protocol::Caip2;

pub use evm::EvmPolicy;

/// Names of the rules, as they stand in refusals, logs and alerts. Stable.
pub mod rule {
    /// The operator has settings for the network. Without caps, nothing is signed.
    pub const NETWORK_LISTED: &str = "network_listed";
    /// The operator has not stopped settlements on the network.
    pub const NETWORK_KILLED: &str = "network_killed";
    /// The intent is of the network's family. A guest of one family cannot reach another's keys.
    pub const INTENT_SHAPE: &str = "intent_shape";
    /// The scheme is one whose meaning the rules know: `exact`, where the amount is paid in full.
    pub const SCHEME_LISTED: &str = "scheme_listed";
    /// Requirements that name a network by CAIP-2 name this one.
    pub const NETWORK_IS_REQUIRED: &str = "network_is_required";
    /// The host itself can read asset, payee and amount of the requirements. What it cannot read it
    /// cannot compare.
    pub const REQUIREMENTS_READABLE: &str = "requirements_readable";
    /// The contract that is called is an asset that the operator allows: a token may do anything when it
    /// is called, so only known ones are.
    pub const ASSET_LISTED: &str = "asset_listed";
    /// The contract that is called is the asset that the requirements ask for.
    pub const ASSET_IS_REQUIRED: &str = "asset_is_required";
    /// The function is one that moves the payer's tokens by the payer's signature (EIP-3009), and can do
    /// nothing with ours: `transfer` or `approve` would spend what the signer holds.
    pub const SELECTOR_LISTED: &str = "selector_listed";
    /// Decoding and encoding again gives the same bytes: no trailing bytes, no dirty padding, no
    /// overlapping or far offsets. What we read is what every contract reads.
    pub const CALLDATA_CANONICAL: &str = "calldata_canonical";
    /// The payer's signature is no longer than any wallet's: calldata is gas that we pay for.
    pub const SIGNATURE_LENGTH: &str = "signature_length";
    /// The tokens go to `payTo`.
    pub const RECIPIENT: &str = "recipient";
    /// The value moved is the amount required, to the unit, and more than nothing.
    pub const AMOUNT: &str = "amount";
    /// The tokens come from none of our own accounts.
    pub const PAYER_NOT_OURS: &str = "payer_not_ours";
    /// What the guest says of the payment is what the calldata says: who pays, what makes it this payment,
    /// until when it can land. The journal and every answer rest on these words.
    pub const GUEST_CLAIMS: &str = "guest_claims";
    /// The gas asked for is under the operator's cap and enough for a transaction at all.
    pub const GAS_CEILING: &str = "gas_ceiling";
}

/// A rule that does not hold. The guest said yes: in a healthy system this never happens.
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
}

/// An intent for which every rule holds. Only a policy makes one.
#[derive(PartialEq, Eq)]
pub struct Approved<T> {
    intent: T,
    network: Caip2,
    chain_id: u64,
}

impl<T> Approved<T> {
    /// Private to policies: what they did not check cannot be signed.
    fn new(intent: T, network: Caip2, chain_id: u64) -> Self {
        Self { intent, network, chain_id }
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
