//! JSON that stays as it was written.

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

/// JSON text. What a node answered reaches the guest with the digits of its numbers and the order of its
/// keys; two texts are equal when they mean the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JsonText(Box<RawValue>);

impl JsonText {
    /// Takes `text` as it is.
    ///
    /// # Errors
    /// When it is no JSON.
    pub fn new(text: String) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text).map(Self)
    }

    /// The text.
    #[must_use]
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// What it means; `None` when it is nested too deeply to be read.
    #[must_use]
    pub fn value(&self) -> Option<Value> {
        serde_json::from_str(self.get()).ok()
    }
}

impl From<&Value> for JsonText {
    fn from(value: &Value) -> Self {
        // The text of a value is JSON, and so is `null`.
        Self(RawValue::from_string(value.to_string()).unwrap_or_else(|_| RawValue::NULL.to_owned()))
    }
}

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get() || self.value().is_some_and(|value| Some(value) == other.value())
    }
}

impl core::fmt::Display for JsonText {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.get())
    }
}
