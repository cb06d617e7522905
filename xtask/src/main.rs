//! Tasks of the workspace that cargo does not know.
//!
//! `cargo run -p xtask -- guests` builds the guests as components; with `--check` it shows that they are
//! reproducible.

mod guests;
mod reproducible;
mod tree;

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
        #[arg(long, value_name = "DIR", conflicts_with = "check")]
        out: Option<PathBuf>,
        /// Build from two copies of the tree in different directories instead, and compare the bytes
        #[arg(long)]
        check: bool,
    },
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Guests { check: true, .. } => reproducible::check(),
        Task::Guests { out, .. } => guests::build(out.as_deref()),
    }
}
