//! Tasks of the workspace that cargo does not know.
//!
//! `cargo run -p xtask -- guests` builds the guests as components.

mod component;
mod guests;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Tasks of the workspace that cargo does not know")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build every guest as a WebAssembly component; print name, size and SHA-256 of each.
    Guests {
        /// Where the components go [default: guests/ in the target directory]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Guests { out } => guests::build(out.as_deref()),
    }
}
