//! Where two JSON values part: only the places that differ, each with what was expected and what was found.

use serde_json::Value;

/// Most places that are told.
const MAX_PLACES: usize = 40;

/// A place in which two values differ.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    /// Way to it, such as `valid.amount` or `requests[0].params[1]`; empty for the whole.
    pub(crate) path: String,
    /// What was expected there; `None` if nothing.
    pub(crate) expected: Option<Value>,
    /// What was found there; `None` if nothing.
    pub(crate) found: Option<Value>,
}

/// The places in which two values differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Places {
    /// The first of them.
    pub(crate) first: Vec<Place>,
    /// How many more there are.
    pub(crate) more: usize,
}

impl Places {
    /// Compares two values. A value was read with a bound on its depth, so this ends.
    pub(crate) fn of(expected: &Value, found: &Value) -> Self {
        let mut places = Self::default();
        places.compare(String::new(), Some(expected), Some(found));
        places
    }

    fn compare(&mut self, path: String, expected: Option<&Value>, found: Option<&Value>) {
        match (expected, found) {
            (Some(expected), Some(found)) if expected == found => {}
            (Some(Value::Object(expected)), Some(Value::Object(found))) => {
                for (key, value) in expected {
                    self.compare(member(&path, key), Some(value), found.get(key));
                }
                for (key, value) in found.iter().filter(|(key, _)| !expected.contains_key(*key)) {
                    self.compare(member(&path, key), None, Some(value));
                }
            }
            (Some(Value::Array(expected)), Some(Value::Array(found))) => {
                for index in 0..expected.len().max(found.len()) {
                    self.compare(format!("{path}[{index}]"), expected.get(index), found.get(index));
                }
            }
            _ if self.first.len() >= MAX_PLACES => self.more += 1,
            _ => self.first.push(Place { path, expected: expected.cloned(), found: found.cloned() }),
        }
    }
}

fn member(path: &str, key: &str) -> String {
    let is_plain = !key.is_empty() && key.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
    match (is_plain, path.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{path}.{key}"),
        (false, _) => format!("{path}[{}]", Value::from(key)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(expected: &Value, found: &Value) -> Vec<String> {
        Places::of(expected, found).first.into_iter().map(|place| place.path).collect()
    }

    #[test]
    fn tells_only_the_places_that_differ() {
        let expected = json!({"valid": {"payer": "a", "amount": "1", "a b": 1}, "list": [1, {"x": 1}, 3]});
        let found = json!({"valid": {"payer": "a", "amount": "2", "a b": 2}, "list": [1, {"x": 2}]});
        assert_eq!(paths(&expected, &found), ["list[1].x", "list[2]", "valid[\"a b\"]", "valid.amount"]);
        assert_eq!(paths(&expected, &expected), Vec::<String>::new());
        assert_eq!(paths(&json!(1), &json!(2)), [""]);
    }

    #[test]
    fn another_kind_of_answer_is_one_thing_less_and_one_more() {
        let places = Places::of(&json!({"valid": {"carry": ""}}), &json!({"invalid": {"reason": "x"}}));
        let told: Vec<_> =
            places.first.iter().map(|p| (&*p.path, p.expected.is_some(), p.found.is_some())).collect();
        assert_eq!(told, [("valid", true, false), ("invalid", false, true)]);
    }

    #[test]
    fn more_places_than_anybody_reads_are_counted() {
        let places = Places::of(&json!(vec![0; 100]), &json!(vec![1; 100]));
        assert_eq!((places.first.len(), places.more), (MAX_PLACES, 60));
    }
}
