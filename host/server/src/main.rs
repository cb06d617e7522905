//! Command line of the facilitator.

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use facilitator_server::{config::Settings, logging, serve};

/// x402 facilitator: verifies payments and settles them on chain.
#[derive(Parser)]
#[command(name = "facilitator", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
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
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("facilitator: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    let lookup = |name: &str| std::env::var(name).ok();
    match command {
        Command::Serve { config } => {
            let settings = Settings::load(config.as_deref(), &lookup)?;
            logging::start(&settings.log)?;
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(serve::run(settings, &lookup))
        }
        Command::Check { config } => {
            let settings = Settings::load(config.as_deref(), &lookup)?;
            // Written and not printed: a reader that goes away early, such as `head`, is no fault.
            match std::io::stdout().write_all(settings.summary().as_bytes()) {
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
                _ => Ok(()),
            }
        }
    }
}
