//! The table as this journal uses it: conditional writes, transactions, and strongly consistent reads.
//!
//! A write that its condition refused is an answer here, not an error: whoever asked reads the record and
//! tells why. A write that met another transaction on the same item is tried again, a bounded number of times.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, CancellationReason, ReturnValue},
};

use tokio::sync::Mutex;

use super::{
    fault::Fault,
    table::TableName,
    write::{Action, Item, Key, Write, names},
};
use crate::{JournalError, sqlite::Clock};

/// How often a write is tried that meets others on the same item. One of those gets through each time.
const MAX_TRIES: usize = 8;
/// Wait before the second try; doubled before each further one, 1.3 s in all.
const FIRST_WAIT: Duration = Duration::from_millis(10);

/// What came of several writes, of which all were made or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// All.
    All,
    /// None: for each write, whether its condition did not hold.
    None(Vec<bool>),
}

/// One table, and what this process needs beside it.
pub(super) struct Store {
    pub(super) client: Client,
    pub(super) table: TableName,
    /// How long what is finished is kept.
    pub(super) retention: Duration,
    pub(super) clock: Clock,
    /// Held while a number is taken out of those given back.
    pub(super) reserving: Mutex<()>,
}

/// What a query looks for: items of one partition, in the order of their sort keys.
#[derive(Default)]
pub(super) struct Query {
    /// Index, if it is not the table itself; an index is read as it was a moment ago.
    pub(super) index: Option<&'static str>,
    /// Condition on the keys.
    pub(super) keys: &'static str,
    /// Further condition, on what the keys found.
    pub(super) filter: Option<&'static str>,
    /// Attributes that are read; all by default.
    pub(super) attributes: Option<&'static str>,
    /// Values of `:name`s.
    pub(super) values: Item,
    /// Most items that one answer holds.
    pub(super) limit: Option<usize>,
    /// Where the last answer ended.
    pub(super) after: Option<Item>,
}

impl Store {
    /// Unix milliseconds.
    pub(super) fn now_ms(&self) -> u64 {
        (self.clock)().min(i64::MAX as u64)
    }

    /// When that is forgotten which is finished now, Unix seconds.
    pub(super) fn expiry(&self) -> u64 {
        (self.now_ms() / 1000).saturating_add(self.retention.as_secs())
    }

    /// The item, as it is now.
    pub(super) async fn get(&self, key: Key) -> Result<Option<Item>, JournalError> {
        let answer = self
            .client
            .get_item()
            .table_name(self.table.as_str())
            .set_key(Some(key.into_item()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| Fault::of("GetItem", &error))?;
        Ok(answer.item)
    }

    /// One write, and of an update the attributes that `returned` asks for. None if its condition did not
    /// hold.
    pub(super) async fn write(
        &self,
        write: &Write,
        returned: ReturnValue,
    ) -> Result<Option<Item>, JournalError> {
        let mut wait = FIRST_WAIT;
        for _ in 0..MAX_TRIES {
            match self.try_write(write, &returned).await? {
                Tried::Done(item) => return Ok(Some(item)),
                Tried::Refused => return Ok(None),
                Tried::Met => tokio::time::sleep(wait).await,
            }
            wait *= 2;
        }
        Err(Fault::Contended { operation: write.operation(), rounds: MAX_TRIES }.into())
    }

    async fn try_write(&self, write: &Write, returned: &ReturnValue) -> Result<Tried, Fault> {
        let condition = write.condition().map(str::to_owned);
        let (names, values) = (write.names(), write.values());
        match write.action() {
            Action::Put(item) => {
                let sent =
                    self.client.put_item().table_name(self.table.as_str()).set_item(Some(item.clone()));
                let sent = sent.set_condition_expression(condition).set_expression_attribute_names(names);
                tried("PutItem", sent.set_expression_attribute_values(values).send().await.map(|_| None))
            }
            Action::Update(key, expression) => {
                let sent = self.client.update_item().table_name(self.table.as_str());
                let sent = sent.set_key(Some(key.clone().into_item())).update_expression(expression);
                let sent = sent.set_condition_expression(condition).set_expression_attribute_names(names);
                let sent = sent.set_expression_attribute_values(values).return_values(returned.clone());
                tried("UpdateItem", sent.send().await.map(|answer| answer.attributes))
            }
            Action::Delete(key) => {
                let sent = self.client.delete_item().table_name(self.table.as_str());
                let sent = sent.set_key(Some(key.clone().into_item())).set_condition_expression(condition);
                let sent = sent.set_expression_attribute_names(names).set_expression_attribute_values(values);
                tried("DeleteItem", sent.send().await.map(|_| None))
            }
        }
    }

    /// Several writes, all or none. The SDK gives them one token, with which a repeated request is answered as
    /// the first was: an answer that was lost on the way does not make the writes refuse themselves.
    pub(super) async fn write_all(&self, writes: Vec<Write>) -> Result<Written, JournalError> {
        const OPERATION: &str = "TransactWriteItems";
        let mut items = Vec::with_capacity(writes.len());
        for write in writes {
            items.push(write.into_transaction(self.table.as_str()).map_err(Fault::from)?);
        }
        let mut wait = FIRST_WAIT;
        for _ in 0..MAX_TRIES {
            let sent = self.client.transact_write_items().set_transact_items(Some(items.clone()));
            let error = match sent.send().await {
                Ok(_) => return Ok(Written::All),
                Err(error) => error,
            };
            match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    let reasons = cancelled.cancellation_reasons();
                    let refused: Vec<bool> =
                        reasons.iter().map(|reason| code(reason) == "ConditionalCheckFailed").collect();
                    if refused.contains(&true) {
                        return Ok(Written::None(refused));
                    }
                    if !reasons.iter().all(|reason| may_be_tried_again(code(reason))) {
                        let told: Vec<&str> = reasons.iter().map(code).collect();
                        let message = format!("cancelled for {}", told.join(", "));
                        let code = "TransactionCanceledException".to_owned();
                        return Err(Fault::Refused { operation: OPERATION, code, message }.into());
                    }
                }
                _ => return Err(Fault::of(OPERATION, &error).into()),
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        Err(Fault::Contended { operation: OPERATION, rounds: MAX_TRIES }.into())
    }

    /// One answer to a query, at most a megabyte of items, and where the next one begins.
    pub(super) async fn query(&self, query: Query) -> Result<(Vec<Item>, Option<Item>), JournalError> {
        let expressions = [Some(query.keys), query.filter, query.attributes];
        let answer = self
            .client
            .query()
            .table_name(self.table.as_str())
            .set_index_name(query.index.map(str::to_owned))
            .consistent_read(query.index.is_none())
            .key_condition_expression(query.keys)
            .set_filter_expression(query.filter.map(str::to_owned))
            .set_projection_expression(query.attributes.map(str::to_owned))
            .set_expression_attribute_names(names(expressions.into_iter().flatten()))
            .set_expression_attribute_values(Some(query.values))
            .set_limit(query.limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)))
            .set_exclusive_start_key(query.after)
            .send()
            .await
            .map_err(|error| Fault::of("Query", &error))?;
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key))
    }

    /// Those of at most a hundred items that are there, as they are now, in no order.
    pub(super) async fn get_all(&self, keys: Vec<Key>) -> Result<Vec<Item>, JournalError> {
        const OPERATION: &str = "BatchGetItem";
        let rounds = keys.len();
        let mut left: Vec<Item> = keys.into_iter().map(Key::into_item).collect();
        let mut found = Vec::with_capacity(left.len());
        // An answer holds 16 MB; what does not fit in is asked for again, and each answer holds something.
        for _ in 0..rounds {
            if left.is_empty() {
                break;
            }
            let wanted = aws_sdk_dynamodb::types::KeysAndAttributes::builder();
            let wanted = wanted.set_keys(Some(left)).consistent_read(true).build().map_err(Fault::from)?;
            let sent = self.client.batch_get_item().request_items(self.table.as_str(), wanted);
            let answer = sent.send().await.map_err(|error| Fault::of(OPERATION, &error))?;
            found.extend(answer.responses.unwrap_or_default().into_values().flatten());
            let unprocessed = answer.unprocessed_keys.unwrap_or_default();
            left = unprocessed.into_values().flat_map(|wanted| wanted.keys).collect();
        }
        if left.is_empty() {
            Ok(found)
        } else {
            Err(Fault::Contended { operation: OPERATION, rounds }.into())
        }
    }
}

enum Tried {
    Done(Item),
    Refused,
    /// Another transaction holds the item.
    Met,
}

fn tried<E, R>(
    operation: &'static str,
    answer: Result<Option<HashMap<String, AttributeValue>>, SdkError<E, R>>,
) -> Result<Tried, Fault>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let error = match answer {
        Ok(item) => return Ok(Tried::Done(item.unwrap_or_default())),
        Err(error) => error,
    };
    match error.as_service_error().and_then(ProvideErrorMetadata::code) {
        Some("ConditionalCheckFailedException") => Ok(Tried::Refused),
        Some("TransactionConflictException") => Ok(Tried::Met),
        _ => Err(Fault::of(operation, &error)),
    }
}

fn code(reason: &CancellationReason) -> &str {
    reason.code().unwrap_or("None")
}

/// Whether a transaction that was cancelled for this may succeed if it is asked for again.
fn may_be_tried_again(code: &str) -> bool {
    matches!(code, "None" | "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
}
