//! `facilitator journal …`.

use std::path::PathBuf;

use anyhow::bail;
use clap::Subcommand;
use facilitator_journal::{
    DynamoJournal,
    dynamodb::{Created, TableName},
};
use facilitator_server::config::{JournalStore, Settings};

use super::print;

/// What can be done with the store of settlements.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make the DynamoDB table of the journal, unless it is there.
    ///
    /// Region and credentials come from the environment, as for every AWS tool; AWS_ENDPOINT_URL leads elsewhere.
    CreateTable {
        /// Name of the table [default: that of FACILITATOR_JOURNAL=dynamodb:TABLE]
        #[arg(long, value_name = "NAME")]
        table: Option<TableName>,
        /// Configuration file (TOML), if it names the table.
        #[arg(long, value_name = "FILE", env = "FACILITATOR_CONFIG")]
        config: Option<PathBuf>,
    },
}

/// Runs the command.
pub(crate) fn run(command: Command, lookup: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<()> {
    let Command::CreateTable { table, config } = command;
    let table = match table {
        Some(table) => table,
        None => match Settings::load(config.as_deref(), lookup)?.journal.store {
            JournalStore::DynamoDb(table) => table,
            JournalStore::Sqlite(_) => {
                bail!(
                    "the journal is in an SQLite file: expected FACILITATOR_JOURNAL=dynamodb:TABLE or --table NAME"
                )
            }
        },
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(create_table(table))
}

async fn create_table(table: TableName) -> anyhow::Result<()> {
    // Making a table does not ask how long settlements are kept: that is written with each of them.
    let journal = DynamoJournal::connect(table.clone(), std::time::Duration::ZERO).await;
    match journal.create_table().await? {
        Created::New => {
            print(&format!("made table {table}: on demand, keys pk and sk, index unsealed, expiry by ttl\n"))
        }
        Created::Existing => print(&format!("table {table} is there, and is a journal\n")),
    }
}
