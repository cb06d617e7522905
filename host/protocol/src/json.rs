//! Strictness that a JSON parser does not have by itself: bounded depth, bounded objects, no key twice.
//!
//! Two parsers that read a duplicate key differently would judge different payments, so a request
//! that has one is refused before anybody interprets it.

use std::{borrow::Cow, fmt};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Most levels of arrays and objects in a request.
pub const MAX_DEPTH: usize = 32;
/// Most keys in one object; bounds the search for duplicates.
pub const MAX_KEYS: usize = 256;

/// Checks that `text` is one JSON value within the bounds, without a duplicate key or a NUL in a string.
///
/// # Errors
/// The parser's message with line and column.
pub fn check_strict(text: &str) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Walk { depth_left: MAX_DEPTH }.deserialize(&mut deserializer)?;
    deserializer.end()
}

/// Reads the object in `text`; the error says where it is wrong. An array is no object, though serde takes
/// its items for fields in order: two readers could take them for different ones. Paths are followed only if reading fails, which makes a good
/// request several times cheaper to read.
pub(crate) fn read<'de, T: de::Deserialize<'de>>(
    text: &'de str,
) -> Result<T, serde_path_to_error::Error<serde_json::Error>> {
    if !text.trim_start().starts_with('{') {
        let mut json = serde_json::Deserializer::from_str(text);
        serde_path_to_error::deserialize::<_, serde_json::Map<String, serde_json::Value>>(&mut json)?;
    }
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text))
}

#[derive(Clone, Copy)]
struct Walk {
    depth_left: usize,
}

impl Walk {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        let depth_left = self
            .depth_left
            .checked_sub(1)
            .ok_or_else(|| E::custom(format_args!("more than {MAX_DEPTH} levels of nesting")))?;
        Ok(Self { depth_left })
    }
}

fn without_nul<E: de::Error>(text: &str) -> Result<(), E> {
    if text.contains('\0') { Err(E::custom("NUL character in a string")) } else { Ok(()) }
}

impl<'de> DeserializeSeed<'de> for Walk {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        without_nul(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut seen: Vec<Cow<'de, str>> = Vec::with_capacity(8);
        while let Some(key) = entries.next_key_seed(Key)? {
            without_nul(&key)?;
            if seen.contains(&key) {
                let shown: String = key.chars().take(40).collect();
                return Err(de::Error::custom(format_args!("duplicate key {shown:?}")));
            }
            if seen.len() == MAX_KEYS {
                return Err(de::Error::custom(format_args!("more than {MAX_KEYS} keys in one object")));
            }
            seen.push(key);
            entries.next_value_seed(inner)?;
        }
        Ok(())
    }
}

/// An object's key, borrowed where it has no escapes.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        check_strict(text).map_or_else(|error| error.to_string(), |()| "accepted".to_owned())
    }

    #[test]
    fn duplicates_are_found_at_any_level_and_through_escapes() {
        assert!(refusal(r#"{"a":1,"a":2}"#).contains("duplicate key"));
        assert!(refusal(r#"{"x":[{"a":1,"\u0061":2}]}"#).contains("duplicate key"));
        assert_eq!(refusal(r#"{"x":{"a":1},"y":{"a":1}}"#), "accepted");
    }

    #[test]
    fn depth_is_bounded_on_both_sides_of_the_bound() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(refusal(&nested(MAX_DEPTH)), "accepted");
        assert!(refusal(&nested(MAX_DEPTH + 1)).contains("levels of nesting"));
        assert!(refusal(&"[".repeat(100_000)).contains("levels of nesting"));
    }

    #[test]
    fn keys_are_bounded_on_both_sides_of_the_bound() {
        let object = |keys: usize| {
            let body: Vec<String> = (0..keys).map(|key| format!("\"k{key}\":0")).collect();
            format!("{{{}}}", body.join(","))
        };
        assert_eq!(refusal(&object(MAX_KEYS)), "accepted");
        assert!(refusal(&object(MAX_KEYS + 1)).contains("keys in one object"));
    }

    #[test]
    fn hostile_text_is_refused() {
        for text in ["", "{", "{}x", r#""\ud800""#, "\"a\\u0000b\"", "1e999", "NaN", "{'a':1}", "[1,]"] {
            assert_ne!(refusal(text), "accepted", "{text:?}");
        }
    }
}
