//! Writes on a condition, alone or several of them all or none.
//!
//! Expressions name attributes as `#attribute` and values as `:value`. The names stand for themselves: a `#` is
//! there because DynamoDB reserves half of the words that one would like to use.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    error::BuildError,
    primitives::Blob,
    types::{AttributeValue, Delete, Put, TransactWriteItem, Update},
};

/// Attributes and their values.
pub(super) type Item = HashMap<String, AttributeValue>;

/// What names an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// Attribute `pk`.
    pub(super) partition: String,
    /// Attribute `sk`.
    pub(super) sort: String,
}

impl Key {
    pub(super) fn new(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self { partition: partition.into(), sort: sort.into() }
    }

    pub(super) fn into_item(self) -> Item {
        Item::from([
            ("pk".to_owned(), AttributeValue::S(self.partition)),
            ("sk".to_owned(), AttributeValue::S(self.sort)),
        ])
    }
}

/// What is done to an item.
pub(super) enum Action {
    Put(Item),
    Update(Key, String),
    Delete(Key),
}

/// An action and its condition.
pub(super) struct Write {
    action: Action,
    condition: Option<String>,
    values: Item,
}

impl Write {
    fn of(action: Action) -> Self {
        Self { action, condition: None, values: Item::new() }
    }

    /// An item in place of what has its key.
    pub(super) fn put(
        key: Key,
        attributes: impl IntoIterator<Item = (&'static str, AttributeValue)>,
    ) -> Self {
        let mut item = key.into_item();
        item.extend(attributes.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Self::of(Action::Put(item))
    }

    /// Changes to an item, which is made if it is not there.
    pub(super) fn update(key: Key, expression: impl Into<String>) -> Self {
        Self::of(Action::Update(key, expression.into()))
    }

    pub(super) fn delete(key: Key) -> Self {
        Self::of(Action::Delete(key))
    }

    /// On this condition.
    pub(super) fn when(mut self, condition: impl Into<String>) -> Self {
        self.condition = Some(condition.into());
        self
    }

    /// With this for `:name`.
    pub(super) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(format!(":{name}"), value);
        self
    }

    pub(super) const fn action(&self) -> &Action {
        &self.action
    }

    pub(super) const fn operation(&self) -> &'static str {
        match self.action {
            Action::Put(_) => "PutItem",
            Action::Update(..) => "UpdateItem",
            Action::Delete(_) => "DeleteItem",
        }
    }

    pub(super) fn condition(&self) -> Option<&str> {
        self.condition.as_deref()
    }

    /// None, and not an empty map, if there are none: DynamoDB refuses that.
    pub(super) fn values(&self) -> Option<Item> {
        Some(self.values.clone()).filter(|values| !values.is_empty())
    }

    pub(super) fn names(&self) -> Option<HashMap<String, String>> {
        let expression = match &self.action {
            Action::Update(_, expression) => Some(expression.as_str()),
            Action::Put(_) | Action::Delete(_) => None,
        };
        names(expression.into_iter().chain(self.condition()))
    }

    pub(super) fn into_transaction(self, table: &str) -> Result<TransactWriteItem, BuildError> {
        let (names, values) = (self.names(), self.values());
        let part = TransactWriteItem::builder();
        Ok(match self.action {
            Action::Put(item) => {
                let put = Put::builder().table_name(table).set_item(Some(item));
                let put = put.set_condition_expression(self.condition).set_expression_attribute_names(names);
                part.put(put.set_expression_attribute_values(values).build()?)
            }
            Action::Update(key, expression) => {
                let update = Update::builder().table_name(table).set_key(Some(key.into_item()));
                let update = update.update_expression(expression).set_condition_expression(self.condition);
                let update = update.set_expression_attribute_names(names);
                part.update(update.set_expression_attribute_values(values).build()?)
            }
            Action::Delete(key) => {
                let delete = Delete::builder().table_name(table).set_key(Some(key.into_item()));
                let delete = delete.set_condition_expression(self.condition);
                let delete = delete.set_expression_attribute_names(names);
                part.delete(delete.set_expression_attribute_values(values).build()?)
            }
        }
        .build())
    }
}

/// The attributes that expressions name, none if they name none.
pub(super) fn names<'a>(expressions: impl IntoIterator<Item = &'a str>) -> Option<HashMap<String, String>> {
    let mut names = HashMap::new();
    for expression in expressions {
        for after in expression.split('#').skip(1) {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            let (name, _) = after.split_at(end);
            names.insert(format!("#{name}"), name.to_owned());
        }
    }
    Some(names).filter(|names| !names.is_empty())
}

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn bytes(value: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_themselves() {
        let found = names(["SET #a_1 = :x, #b=:y", "attribute_not_exists(#c) OR #a_1 < :z", "size(#d)<:n"]);
        let mut found: Vec<_> = found.unwrap().into_iter().collect();
        found.sort();
        let expected = ["a_1", "b", "c", "d"].map(|name| (format!("#{name}"), name.to_owned()));
        assert_eq!(found, expected);
        assert_eq!(names([":x", ""]), None);
    }
}
