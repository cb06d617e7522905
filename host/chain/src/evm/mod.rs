//! EVM networks: attestation, fees, nonce lanes, broadcast and tracking.

mod attest;
mod broadcast;
mod cost;
mod fees;
mod follow;
mod hex_value;
mod lane;
mod network;
mod simulate;
mod track;
mod transfer;

pub use attest::AttestFailure;
pub use broadcast::{Broadcast, Refusal};
pub use fees::FeeQuote;
pub use follow::{Followed, Pending};
pub use lane::HeldNonce;
pub use network::{EvmNetwork, EvmSettings, NetworkState, Signed, SubmitError};
pub use simulate::SimulateError;
pub use track::Tracked;
pub use transfer::ExpectedTransfer;
