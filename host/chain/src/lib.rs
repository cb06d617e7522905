//! Everything that talks to a chain: the RPC gateway and, per family, envelopes, broadcast, tracking.
//!
//! This crate holds no key (the vault signs), decides no payment (guests do) and knows no HTTP route.
//! An endpoint's URL may carry a key: it never leaves [`rpc`], only its host name does.

pub mod evm;
pub mod registry;
pub mod rpc;
