//! The table itself: its name, its shape, and how it is made.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use aws_sdk_dynamodb::{
    client::Waiters,
    error::ProvideErrorMetadata,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
        ProjectionType, ScalarAttributeType, TableDescription, TimeToLiveSpecification, TimeToLiveStatus,
    },
};

use super::{fault::Fault, keys, store::Store};
use crate::JournalError;

/// How long a table may take to be made.
const MAKING: Duration = Duration::from_secs(120);

/// The name of a table, as DynamoDB allows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName(Arc<str>);

/// Text that names no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a table name: 3 to 255 letters, digits, '_', '-' or '.'")]
pub struct NotATableName;

impl TableName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TableName {
    type Err = NotATableName;

    fn from_str(text: &str) -> Result<Self, NotATableName> {
        let is_good = (3..=255).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        if is_good { Ok(Self(text.into())) } else { Err(NotATableName) }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What came of asking for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It was made.
    New,
    /// It was there, in the right shape.
    Existing,
}

/// Attributes that are keys, and their types.
const ATTRIBUTES: [(&str, ScalarAttributeType); 4] = [
    ("pk", ScalarAttributeType::S),
    ("sk", ScalarAttributeType::S),
    ("owner", ScalarAttributeType::N),
    ("unsealed", ScalarAttributeType::S),
];
/// Keys of the table.
const KEYS: [&str; 2] = ["pk", "sk"];
/// Keys of the index.
const INDEX_KEYS: [&str; 2] = ["owner", "unsealed"];
/// The attribute after whose time an item is forgotten.
const TTL: &str = "ttl";

/// Makes the table, unless it is there, with its index and its expiry.
pub(super) async fn create(store: &Store) -> Result<Created, JournalError> {
    let created = request_table(store).await?;
    // One that is there may be in the making: by somebody else, or by a request whose answer was lost.
    let wait = store.client.wait_until_table_exists().table_name(store.table.as_str()).wait(MAKING);
    wait.await.map_err(|_| Fault::TimedOut { operation: "CreateTable" })?;
    check_shape(store).await?;
    if expiry_attribute(store).await?.is_none() {
        let expiry = TimeToLiveSpecification::builder().enabled(true).attribute_name(TTL).build();
        let sent = store.client.update_time_to_live().table_name(store.table.as_str());
        let sent = sent.time_to_live_specification(expiry.map_err(Fault::from)?).send().await;
        sent.map_err(|error| Fault::of("UpdateTimeToLive", &error))?;
    }
    check_expiry(store).await?;
    Ok(created)
}

async fn request_table(store: &Store) -> Result<Created, JournalError> {
    let definitions = ATTRIBUTES
        .map(|(name, kind)| AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build());
    // Keys only: a settlement is written to the index when it is claimed and when it is sealed, and by no
    // move between.
    let index = GlobalSecondaryIndex::builder()
        .index_name(keys::UNSEALED)
        .set_key_schema(Some(schema(INDEX_KEYS)?))
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()
        .map_err(Fault::from)?;
    let sent = store
        .client
        .create_table()
        .table_name(store.table.as_str())
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(
            definitions.into_iter().collect::<Result<_, _>>().map_err(Fault::from)?,
        ))
        .set_key_schema(Some(schema(KEYS)?))
        .global_secondary_indexes(index)
        .send()
        .await;
    match sent {
        Ok(_) => Ok(Created::New),
        Err(error) => match error.as_service_error().and_then(ProvideErrorMetadata::code) {
            Some("ResourceInUseException") => Ok(Created::Existing),
            _ => Err(Fault::of("CreateTable", &error).into()),
        },
    }
}

fn schema([hash, range]: [&str; 2]) -> Result<Vec<KeySchemaElement>, Fault> {
    let element = |name, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    Ok(vec![element(hash, KeyType::Hash)?, element(range, KeyType::Range)?])
}

/// Whether the table is there and of the right shape, its expiry included.
pub(super) async fn check(store: &Store) -> Result<(), JournalError> {
    check_shape(store).await?;
    check_expiry(store).await
}

async fn check_expiry(store: &Store) -> Result<(), JournalError> {
    match expiry_attribute(store).await? {
        Some(attribute) if attribute == TTL => Ok(()),
        Some(other) => Err(wrong(store, format!("expiry by {TTL}"), format!("expiry by {other}"))),
        None => Err(wrong(store, format!("expiry by {TTL}"), "no expiry".to_owned())),
    }
}

async fn check_shape(store: &Store) -> Result<(), JournalError> {
    let answer = store.client.describe_table().table_name(store.table.as_str()).send().await;
    let answer =
        answer.map_err(|error| match error.as_service_error().and_then(ProvideErrorMetadata::code) {
            Some("ResourceNotFoundException") => JournalError::NoTable { table: store.table.to_string() },
            _ => Fault::of("DescribeTable", &error).into(),
        })?;
    let found = answer.table.unwrap_or_else(|| TableDescription::builder().build());
    let types = |name: &str| {
        let definition = found.attribute_definitions().iter().find(|defined| defined.attribute_name == name);
        definition.map_or("?", |defined| defined.attribute_type.as_str()).to_owned()
    };
    let told = |schema: &[KeySchemaElement]| {
        let keys = schema.iter().map(|key| {
            format!("{} {} ({})", key.key_type.as_str(), key.attribute_name, types(&key.attribute_name))
        });
        keys.collect::<Vec<_>>().join(", ")
    };
    let expected = "HASH pk (S), RANGE sk (S)";
    let keys = told(found.key_schema());
    if keys != expected {
        return Err(wrong(store, format!("keys {expected}"), format!("keys {keys}")));
    }
    let expected = format!("index {} with HASH owner (N), RANGE unsealed (S)", keys::UNSEALED);
    let indexes = found.global_secondary_indexes();
    let Some(index) = indexes.iter().find(|index| index.index_name() == Some(keys::UNSEALED)) else {
        return Err(wrong(store, expected, "no such index".to_owned()));
    };
    let keys = format!("index {} with {}", keys::UNSEALED, told(index.key_schema()));
    if keys == expected { Ok(()) } else { Err(wrong(store, expected, keys)) }
}

/// The attribute by which items expire, if they do or soon will.
async fn expiry_attribute(store: &Store) -> Result<Option<String>, JournalError> {
    let answer = store.client.describe_time_to_live().table_name(store.table.as_str()).send().await;
    let answer = answer.map_err(|error| Fault::of("DescribeTimeToLive", &error))?;
    let enabled = [TimeToLiveStatus::Enabled, TimeToLiveStatus::Enabling];
    Ok(answer
        .time_to_live_description
        .filter(|found| found.time_to_live_status.as_ref().is_some_and(|status| enabled.contains(status)))
        .and_then(|found| found.attribute_name))
}

fn wrong(store: &Store, expected: String, found: String) -> JournalError {
    JournalError::WrongTable { table: store.table.to_string(), expected, found }
}
