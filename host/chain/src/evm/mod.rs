//! EVM networks: attestation, probes, fees, nonce lanes, broadcast and tracking.

mod attest;
mod broadcast;
mod cost;
mod fees;
mod follow;
mod hex_value;
mod lane;
mod logs;
mod network;
mod opinion;
mod probe;
mod simulate;
mod track;
mod transfer;

pub use attest::AttestFailure;
pub use broadcast::{Broadcast, Refusal};
pub use fees::FeeQuote;
pub use follow::{Followed, Pending, Variant};
pub use lane::Place;
pub use logs::{Authorization, MAX_STANDING};
pub use network::{EvmNetwork, EvmSettings, NetworkState, Signed, SubmitError};
pub use probe::Probe;
pub use simulate::SimulateError;
pub use track::Tracked;
pub use transfer::ExpectedTransfer;
