//! Guests that attack the host.
//!
//! Each attack is a component. It is loaded into the real server, which serves HTTP on a loopback port and
//! talks to a node of this crate's own; then a client asks. What is shown of each attack: what the host
//! answers, how many signatures were made and transactions sent, and that a payment through the shipped guest
//! is verified and settled right after.
//!
//! `make hostile` prints the table; the tests of this crate assert the same, group by group.

#![expect(clippy::missing_errors_doc, reason = "every error is a sentence for whoever reads the failed test")]

pub mod accounts;
pub mod attack;
pub mod catalogue;
pub mod component;
pub mod facilitator;
pub mod install;
pub mod logs;
pub mod memory;
pub mod node;
pub mod payment;
pub mod ports;
pub mod report;
pub mod run;
