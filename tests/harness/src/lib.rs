//! Runs a guest on recorded cases: the same guest behind another host. Behind `facilitator guest test`.
//!
//! A case is a directory of four files; `tests/cases/README.md` tells their format.
//!
//! | file | content |
//! |---|---|
//! | `request.json` | what the host asks: `call`, and what that call takes |
//! | `rpc.jsonl` | the round trips that the guest makes, in order, one a line |
//! | `clock` | the time of the call, Unix milliseconds |
//! | `expect.json` | the whole answer |
//!
//! Replay is strict: an RPC call that was not recorded fails, and so does a recorded one that was not
//! made. No server, no key and, but for [`record`], no network takes part. What is read is a stranger's:
//! directories, files and what the guest says have bounds, and are made harmless before they are printed.
//!
//! This crate knows no guest. Those of this repository run on their cases in its tests, as components and
//! natively ([`native`]).

pub mod answer;
pub mod ask;
pub mod case;
pub mod cli;
mod difference;
pub mod files;
pub mod find;
mod format;
mod load;
pub mod native;
mod play;
pub mod record;
mod report;
mod self_test;
mod suite;

pub use load::{ComponentError, engine, load};
pub use play::{LogLine, Played, replay};
pub use self_test::{FailedCase, SelfTest, SelfTestError, self_test};
