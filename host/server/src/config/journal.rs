//! Where settlements are recorded, and for how long.

use std::{fmt, path::PathBuf, time::Duration};

use facilitator_journal::dynamodb::TableName;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{ConfigError, environment::Lookup};

/// Days that finished settlements are kept, unless the operator says otherwise.
const RETENTION_DAYS: u64 = 30;

/// The journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalSettings {
    /// Where it is.
    pub store: JournalStore,
    /// How long finished settlements are kept.
    pub retention: Duration,
}

/// Where a journal is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalStore {
    /// In an SQLite file, for the processes of one machine.
    Sqlite(PathBuf),
    /// In a DynamoDB table, for any number of machines.
    DynamoDb(TableName),
}

impl fmt::Display for JournalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::DynamoDb(table) => write!(f, "dynamodb:{table}"),
        }
    }
}

/// `journal = "sqlite:PATH"`, or the same as `store` of `[journal]`.
#[derive(Debug, Default)]
pub(super) struct JournalFile {
    store: Option<String>,
    retention_days: Option<u64>,
}

impl<'de> Deserialize<'de> for JournalFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrTable)
    }
}

struct TextOrTable;

impl<'de> Visitor<'de> for TextOrTable {
    type Value = JournalFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sqlite:PATH, dynamodb:TABLE, or a table with store and retention_days")
    }

    fn visit_str<E>(self, text: &str) -> Result<JournalFile, E> {
        Ok(JournalFile { store: Some(text.to_owned()), retention_days: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<JournalFile, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            store: Option<String>,
            retention_days: Option<u64>,
        }
        let Table { store, retention_days } = Table::deserialize(MapAccessDeserializer::new(map))?;
        Ok(JournalFile { store, retention_days })
    }
}

impl JournalSettings {
    /// The environment over the file; a file in `default` if neither says where.
    pub(super) fn new(file: JournalFile, lookup: Lookup<'_>, default: PathBuf) -> Result<Self, ConfigError> {
        const KEY: &str = "FACILITATOR_JOURNAL";
        let store = match lookup(KEY).or(file.store) {
            None => JournalStore::Sqlite(default),
            Some(text) => match text.split_once(':') {
                Some(("sqlite", path)) if !path.is_empty() => JournalStore::Sqlite(path.into()),
                Some(("dynamodb", table)) => JournalStore::DynamoDb(
                    table.parse().map_err(|why| ConfigError::value(KEY, format!("dynamodb:TABLE: {why}")))?,
                ),
                _ => return Err(ConfigError::value(KEY, "expected sqlite:PATH or dynamodb:TABLE")),
            },
        };
        let days = file.retention_days.unwrap_or(RETENTION_DAYS);
        if !(1..=3_650).contains(&days) {
            return Err(ConfigError::value("journal.retention_days", "expected 1 to 3650"));
        }
        Ok(Self { store, retention: Duration::from_secs(days * 24 * 60 * 60) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn read(toml: &str, variable: Option<&str>) -> Result<JournalSettings, String> {
        #[derive(Deserialize)]
        struct File {
            #[serde(default)]
            journal: JournalFile,
        }
        let file: File = toml::from_str(toml).map_err(|error| error.message().to_owned())?;
        let lookup = |_: &str| variable.map(str::to_owned);
        JournalSettings::new(file.journal, &lookup, "default".into()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_store_is_a_text_or_in_a_table_and_the_environment_wins() {
        let sqlite = |path: &str| JournalStore::Sqlite(path.into());
        let dynamodb = |table: &str| JournalStore::DynamoDb(table.parse().unwrap());
        for (toml, variable, store, retention) in [
            ("", None, sqlite("default"), 30 * DAY),
            ("journal = 'sqlite:a:b'", None, sqlite("a:b"), 30 * DAY),
            ("journal = 'dynamodb:prod.journal'", None, dynamodb("prod.journal"), 30 * DAY),
            ("journal = 'sqlite:a'", Some("dynamodb:table"), dynamodb("table"), 30 * DAY),
            ("[journal]\nretention_days = 7", None, sqlite("default"), 7 * DAY),
            ("[journal]\nstore = 'dynamodb:table'\nretention_days = 1", None, dynamodb("table"), DAY),
            ("[journal]\nretention_days = 7", Some("dynamodb:table"), dynamodb("table"), 7 * DAY),
        ] {
            let settings = read(toml, variable).unwrap();
            assert_eq!(settings, JournalSettings { store, retention }, "{toml}");
        }
    }

    #[test]
    fn what_is_no_store_is_refused_with_what_was_expected() {
        for (toml, expected) in [
            ("journal = 'sqlite:'", "FACILITATOR_JOURNAL: expected sqlite:PATH or dynamodb:TABLE"),
            ("journal = 'postgres:x'", "FACILITATOR_JOURNAL: expected sqlite:PATH or dynamodb:TABLE"),
            ("journal = 'dynamodb:a/b'", "FACILITATOR_JOURNAL: dynamodb:TABLE: expected a table name"),
            ("journal = 7", "expected sqlite:PATH, dynamodb:TABLE, or a table"),
            ("[journal]\nretention_days = 0", "journal.retention_days: expected 1 to 3650"),
            ("[journal]\nretain = 1", "unknown field `retain`"),
        ] {
            let refused = read(toml, None).unwrap_err();
            assert!(refused.contains(expected), "{refused}");
        }
    }
}
