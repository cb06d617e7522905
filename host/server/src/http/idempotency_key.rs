//! The header `Idempotency-Key`.
//!
//! Source: IETF draft-ietf-httpapi-idempotency-key-header, where the value is a string of structured fields
//! (RFC 9651, `"…"`). Most clients send it without quotes, so both are taken, and mean the same.

use axum::http::HeaderMap;

/// Name of the header.
const HEADER: &str = "idempotency-key";
/// Longest key, bytes.
const MAX_BYTES: usize = 255;

/// A header that holds no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Idempotency-Key: expected one string of 1 to {MAX_BYTES} visible ASCII characters")]
pub(super) struct NotAKey;

/// The key of a request, if it has one.
pub(super) fn read(headers: &HeaderMap) -> Result<Option<String>, NotAKey> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    // Which of two would count nobody could tell.
    if values.next().is_some() {
        return Err(NotAKey);
    }
    let text = value.to_str().map_err(|_| NotAKey)?.trim_ascii();
    let key = match text.strip_prefix('"') {
        Some(quoted) => unquoted(quoted)?,
        None => text.to_owned(),
    };
    let is_good = (1..=MAX_BYTES).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if is_good { Ok(Some(key)) } else { Err(NotAKey) }
}

/// What stands before the closing quote, which must end the text: a key has no parameters. Only a quote and a
/// backslash may be escaped.
fn unquoted(quoted: &str) -> Result<String, NotAKey> {
    let mut key = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' if characters.as_str().is_empty() => return Ok(key),
            '"' => return Err(NotAKey),
            '\\' => match characters.next() {
                Some(escaped @ ('"' | '\\')) => key.push(escaped),
                _ => return Err(NotAKey),
            },
            other => key.push(other),
        }
    }
    Err(NotAKey)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read_all(values: &[&[u8]]) -> Result<Option<String>, NotAKey> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_bytes(value).unwrap());
        }
        read(&headers)
    }
    fn read_one(value: &str) -> Result<Option<String>, NotAKey> {
        read_all(&[value.as_bytes()])
    }

    #[test]
    fn a_key_is_the_same_with_and_without_quotes() {
        assert_eq!(read_all(&[]), Ok(None));
        let longest = "x".repeat(MAX_BYTES);
        for (value, key) in [
            ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
            (r#""8e03978e-40d5-43dd-bc93-6894a57f9324""#, "8e03978e-40d5-43dd-bc93-6894a57f9324"),
            ("!", "!"),
            ("  ~  ", "~"),
            (r#""a\"b\\c""#, r#"a"b\c"#),
            (r"a\b", r"a\b"),
            (&longest, &longest),
            (&format!("\"{longest}\""), &longest),
        ] {
            assert_eq!(read_one(value).unwrap().as_deref(), Some(key), "{value}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let too_long = "x".repeat(MAX_BYTES + 1);
        for bad in [
            "",
            " ",
            "a b",
            "a\tb",
            "\"\"",
            "\"",
            "\"a",
            "\"a\"b",
            "\"a\";p=1",
            "\"a\", \"b\"",
            "\"a b\"",
            r#""a\""#,
            r#""a\b""#,
            &too_long,
            &format!("\"{too_long}\""),
        ] {
            assert_eq!(read_one(bad), Err(NotAKey), "{bad:?}");
        }
        assert_eq!(read_one("é"), Err(NotAKey));
        assert_eq!(read_all(&[b"\xff"]), Err(NotAKey));
        assert_eq!(read_all(&[b"a", b"a"]), Err(NotAKey), "twice");
    }
}
