//! The x402 wire protocol, versions 1 and 2: what clients of a facilitator send and receive, and the
//! few types that host crates and guests share.
//!
//! Pure: no I/O, no runtime, no chain's SDK. It builds for WASM, because guests parse the same
//! requirements as the host does.
//!
//! Source: x402 specification v1 and v2, section 5 (types) and section 7 (facilitator interface).

pub mod amount;
pub mod confirmation;
pub mod descriptor;
pub mod intent;
pub mod json;
pub mod network;
pub mod payload;
pub mod payment_identifier;
pub mod reason;
pub mod request;
pub mod requirements;
pub mod response;
pub mod settings;
pub mod verdict;
pub mod version;

pub use amount::AtomicAmount;
pub use confirmation::{Confirmation, Observation};
pub use descriptor::{Descriptor, Kind};
pub use intent::{EvmCall, Intent};
pub use network::{Caip2, Family};
pub use payload::PaymentPayload;
pub use payment_identifier::PaymentIdentifier;
pub use request::{FacilitatorRequest, MalformedRequest};
pub use requirements::PaymentRequirements;
pub use response::{SettleResponse, SupportedKind, SupportedResponse, VerifyResponse};
pub use settings::GuestSettings;
pub use verdict::{Invalid, Phase, Valid, Verdict};
pub use version::X402Version;
