//! The command line: what each command takes, and how it shows what it found.

mod admin_client;
mod guest;
mod guest_file;
mod guest_table;
mod journal;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub(crate) use guest::{print, run as run_guest};
pub(crate) use journal::run as run_journal;

/// x402 facilitator: verifies payments and settles them on chain.
#[derive(Parser)]
#[command(name = "facilitator", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serve /verify, /settle and /supported over HTTP.
    ///
    /// Works without a file when the environment holds a key and an RPC endpoint, for example
    /// PORT=8402 RPC_URL_BASE_SEPOLIA=https://… EVM_PRIVATE_KEY_TESTNET=0x… facilitator serve
    Serve {
        /// Configuration file (TOML); the environment overrides it.
        #[arg(long, value_name = "FILE", env = "FACILITATOR_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Check the configuration and print what would be served, without keys or connections.
    Check {
        /// Configuration file (TOML); the environment overrides it.
        #[arg(long, value_name = "FILE", env = "FACILITATOR_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Write, build, test, pin and swap guests: the components that say what a payment means.
    ///
    /// new, build, test and pin work on files; list, inspect, reload and rollback ask a running
    /// facilitator. docs/GUESTS.md leads from nothing to a swapped guest.
    #[command(subcommand)]
    Guest(guest::Command),
    /// Make the store of settlements.
    #[command(subcommand)]
    Journal(journal::Command),
}
