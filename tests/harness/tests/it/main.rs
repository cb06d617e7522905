//! One binary, because each has to link the engine: this repository's guests on their cases, and the
//! command on cases that are good, bad and broken.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on panics, in its helpers too"
)]

mod cases;
mod command;
mod coverage;
mod hostile_input;
mod junit;
mod node;
mod record;
mod repository;
mod scratch;
mod self_test;
mod structure;
mod update;
