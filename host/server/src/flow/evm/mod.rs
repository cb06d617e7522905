//! The EVM family's part of a settlement: what is signed, and how it is followed.

mod follow;
mod front_run;
mod ready;
mod replace;
mod settle;
mod simulated;

pub(super) use facilitator_chain::evm::Pending;
pub(super) use follow::follow_to_end;
pub(super) use settle::{begin, taken_up};
pub(super) use simulated::Simulated;
