//! Command line of the facilitator.

mod cli;

use std::process::ExitCode;

use clap::Parser;
use facilitator_server::{config::Settings, logging, serve};

use cli::{Cli, Command};

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("facilitator: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    let lookup = |name: &str| std::env::var(name).ok();
    match command {
        Command::Serve { config } => {
            let settings = Settings::load(config.as_deref(), &lookup)?;
            logging::start(&settings.log)?;
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(serve::run(settings, &lookup)).map(|()| ExitCode::SUCCESS)
        }
        Command::Check { config } => {
            let settings = Settings::load(config.as_deref(), &lookup)?;
            cli::print(&settings.summary()).map(|()| ExitCode::SUCCESS)
        }
        Command::Guest(command) => cli::run_guest(command),
        Command::Journal(command) => cli::run_journal(command, &lookup).map(|()| ExitCode::SUCCESS),
    }
}
