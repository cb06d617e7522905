//! The `facilitator` server: configuration, wiring, HTTP, and the flow of a payment through the parts.
//!
//! This crate decides nothing about a payment itself: guests judge, the vault's policy judges again, the
//! journal makes things happen once, chains send and follow. Only `http::error` knows HTTP status codes.

pub mod app;
pub mod config;
pub mod flow;
pub mod guests;
pub mod http;
pub mod journal;
pub mod lanes;
pub mod lease;
pub mod logging;
pub mod networks;
pub mod ports;
pub mod serve;
