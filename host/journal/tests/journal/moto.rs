//! A DynamoDB to try the journal on: moto, in memory, on a loopback port of its own.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use facilitator_journal::{
    DynamoJournal, Journal,
    dynamodb::{Limits, TableName},
};

use crate::conformance::Store;

/// As long as the machine likes: it may do other things.
pub(crate) const PATIENT: Limits =
    Limits { attempt: Duration::from_secs(60), attempts: 2, operation: Duration::from_secs(120) };
/// How long finished settlements are kept here.
pub(crate) const RETENTION: Duration = Duration::from_secs(1_000_000);

/// One for all tests of a process. It ends when the pipe to its stdin closes, at the latest with this process.
static MOTO: LazyLock<Moto> = LazyLock::new(Moto::start);

struct Moto {
    endpoint: String,
    _child: Child,
}

impl Moto {
    fn start() -> Self {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/devnet/aws");
        let python = directory.join(".venv/bin/python");
        assert!(python.exists(), "moto is not installed: run scripts/install-moto.sh");
        let mut child = Command::new(python)
            .arg(directory.join("moto.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let endpoint = line.split('"').nth(3).expect("a line {\"endpoint\": \"…\"}").to_owned();
        Self { endpoint, _child: child }
    }
}

/// The way to a store at `endpoint`, with keys that open nothing.
pub(crate) fn config(endpoint: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "id", "secret", None, None, "test",
        )))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

/// A table that no other test has.
pub(crate) struct Table {
    pub(crate) config: SdkConfig,
    pub(crate) name: TableName,
}

impl Table {
    /// Its name alone: it is not there yet.
    pub(crate) fn named() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("journal-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        Self { config: config(&MOTO.endpoint), name: name.parse().unwrap() }
    }

    pub(crate) async fn made() -> Self {
        let table = Self::named();
        table.open().create_table().await.unwrap();
        table
    }

    pub(crate) fn open(&self) -> DynamoJournal {
        DynamoJournal::with_config(&self.config, self.name.clone(), RETENTION, PATIENT)
    }
}

impl Store for Table {
    async fn journal(&self) -> Arc<dyn Journal> {
        Arc::new(self.open())
    }
}
