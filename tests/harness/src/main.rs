//! `facilitator guest test`, alone: `cargo run -p harness -- GUEST.wasm CASES`.

use std::process::ExitCode;

use clap::Parser;
use harness::cli::{Arguments, run};

#[derive(Parser)]
#[command(name = "harness", arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    arguments: Arguments,
}

fn main() -> anyhow::Result<ExitCode> {
    run(Cli::parse().arguments)
}
