//! EVM networks: attestation, fees, nonce lanes, broadcast and tracking.

mod attest;
mod broadcast;
mod fees;
mod hex_value;
mod lane;
mod network;
mod track;

pub use attest::AttestFailure;
pub use broadcast::{Broadcast, Refusal};
pub use fees::FeeQuote;
pub use network::{EvmNetwork, EvmSettings, Followed, NetworkState, Pending, Signed, SubmitError};
pub use track::Tracked;
