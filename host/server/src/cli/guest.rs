//! `facilitator guest …`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Subcommand;
use facilitator_server::guests::lock::Grant;
use harness::cli::WasiGrant;

use super::{
    admin_client::{AdminClient, Running},
    guest_file, guest_table,
};

/// What can be done with guests.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Write a small working guest crate.
    New(guest_tool::new::Arguments),
    /// Build a guest crate as a component.
    Build(guest_tool::build::Arguments),
    /// Run a component on recorded cases, or record new ones.
    Test(harness::cli::Arguments),
    /// Enter a component in guests.lock: name, version, ABI and SHA-256.
    ///
    /// In production mode a facilitator loads what is pinned and nothing else. Look at what you pin:
    /// `facilitator guest inspect FILE`.
    Pin {
        /// Component, in the guests directory.
        file: PathBuf,
        /// Lock file [default: guests.lock beside the component]
        #[arg(long, value_name = "FILE", env = "FACILITATOR_GUESTS_LOCK")]
        lock: Option<PathBuf>,
        /// What it is granted of WASI: `virtual` gives it no files, no environment and no sockets.
        #[arg(long, value_name = "GRANT", default_value = "refused")]
        wasi: WasiGrant,
    },
    /// Show the guests of a running facilitator: generation, since when, calls, faults, durations.
    List {
        #[command(flatten)]
        running: Running,
        /// JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Show what a component is, or everything that is known of a guest in a running facilitator.
    Inspect {
        /// A component file, or the name of a guest.
        guest: String,
        #[command(flatten)]
        running: Running,
        /// JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Have a running facilitator read its guests directory again.
    Reload {
        #[command(flatten)]
        running: Running,
        /// Take up components that were rolled back from, too.
        #[arg(long)]
        force: bool,
    },
    /// Have a running facilitator go back to the generation of a guest before the one in use.
    Rollback {
        /// Name of the guest.
        guest: String,
        #[command(flatten)]
        running: Running,
    },
}

/// Runs the command.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::New(arguments) => guest_tool::new::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Build(arguments) => guest_tool::build::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Test(arguments) => harness::cli::run(arguments),
        other => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(ask(other)).map(|()| ExitCode::SUCCESS)
        }
    }
}

async fn ask(command: Command) -> anyhow::Result<()> {
    match command {
        Command::New(_) | Command::Build(_) | Command::Test(_) => Ok(()),
        Command::Pin { file, lock, wasi } => {
            let grant = match wasi {
                WasiGrant::Refused => Grant::None,
                WasiGrant::Virtual => Grant::Virtual,
            };
            guest_file::pin(&file, lock, grant).await
        }
        Command::List { running, json } => {
            let guests = AdminClient::new(&running)?.guests().await?;
            show(json, &guests, guest_table::list)
        }
        Command::Inspect { guest, running, json } => {
            let path = PathBuf::from(&guest);
            if path.extension().is_some_and(|extension| extension == "wasm") || path.is_file() {
                let inspected = guest_file::inspect(&path).await?;
                return show(json, &inspected, guest_table::properties);
            }
            let guests = AdminClient::new(&running)?.guests().await?;
            let in_use = guests.get("inUse").and_then(|guests| guests.as_array());
            let found =
                in_use.into_iter().flatten().find(|found| found.get("guest") == Some(&guest.clone().into()));
            let found =
                found.with_context(|| format!("no guest is named {guest}, and there is no such file"))?;
            show(json, found, guest_table::properties)
        }
        Command::Reload { running, force } => {
            let path = if force { "/admin/guests/reload?force=true" } else { "/admin/guests/reload" };
            let report = AdminClient::new(&running)?.post(path).await?;
            print(&guest_table::report(&report))
        }
        Command::Rollback { guest, running } => {
            let report = AdminClient::new(&running)?.rollback(&guest).await?;
            print(&guest_table::report(&report))
        }
    }
}

fn show(json: bool, value: &serde_json::Value, text: fn(&serde_json::Value) -> String) -> anyhow::Result<()> {
    if json { print(&format!("{value:#}\n")) } else { print(&text(value)) }
}

/// Written and not printed: a reader that goes away early, such as `head`, is no fault.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
