//! Private keys, and the policy that decides what they sign.
//!
//! The only crate that touches keys. It takes an intent, which is a guest's claim, decodes it with a
//! decoder of its own, compares it with the payment requirements, and signs an envelope that it builds
//! itself. There is no way to have a digest or foreign bytes signed. It knows nothing of guests, RPC,
//! nonces' whereabouts or fees' levels: it only holds them under its caps, and their sums under budgets.

pub mod budget;
mod clock;
pub mod envelope;
pub mod fees;
mod kill_switch;
pub mod policy;
pub mod secret;
mod signer;
#[cfg(test)]
mod testing;
mod vault;

pub use budget::{Budget, BudgetRefusal, Budgets, FeeReservation, Fees, Limit};
pub use clock::{MonotonicClock, ProcessClock};
pub use envelope::{EvmEnvelope, SignError, SignedTransaction};
pub use fees::{EvmFees, EvmTransactionTerms, read_evm};
pub use policy::{Approved, EvmPolicy, EvmSelector, PolicyRefusal, UnknownSelector, rule};
pub use secret::{EvmKeys, KeySlot, Scope, SecretError, SecretSource};
pub use vault::{UnknownNetwork, Vault, VaultError};
