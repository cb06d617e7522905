//! The name of a guest: of its crate, of its component and in its descriptor.

use std::{fmt, str::FromStr};

/// `[a-z][a-z0-9-]{0,39}`, and no word that Rust or a crate below a guest has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestName(String);

/// Text that is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAName {
    /// It has another form.
    #[error("expected 1 to 40 characters of a-z, 0-9 and -, the first of them a letter")]
    Form,
    /// It means something else already.
    #[error("the name is taken, by Rust or by a crate that guests are made of")]
    Taken,
}

/// Longest name that a descriptor may give.
const MAX_LENGTH: usize = 40;
/// Crates that a guest sees, under the names that Rust knows them by.
const CRATES: [&str; 11] = [
    "alloc",
    "alloy_primitives",
    "base64",
    "core",
    "facilitator_protocol",
    "guest_sdk",
    "proc_macro",
    "serde",
    "serde_json",
    "std",
    "test",
];
/// Words that cannot name a crate.
const KEYWORDS: &str = "abstract as async await become box break const continue crate do dyn else enum extern \
                        false final fn for gen if impl in let loop macro match mod move mut override priv pub ref \
                        return self static struct super trait true try type typeof unsafe unsized use virtual \
                        where while yield";

impl GuestName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GuestName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        match text.as_bytes() {
            [b'a'..=b'z', rest @ ..] if rest.len() < MAX_LENGTH && rest.iter().copied().all(is_inner) => {}
            _ => return Err(NotAName::Form),
        }
        let in_rust = text.replace('-', "_");
        if CRATES.contains(&in_rust.as_str()) || KEYWORDS.split_whitespace().any(|word| word == in_rust) {
            return Err(NotAName::Taken);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for GuestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_at_their_bounds() {
        let longest = "a".repeat(40);
        for good in ["a", "evm", "my-guest-2", "a-", longest.as_str()] {
            assert_eq!(good.parse().map(|name: GuestName| name.to_string()), Ok(good.to_owned()));
        }
        let too_long = "a".repeat(41);
        for bad in ["", "-a", "2a", "A", "a_b", "a.b", "a/b", "../a", "a b", "ä", "a\n", too_long.as_str()] {
            assert_eq!(bad.parse::<GuestName>(), Err(NotAName::Form), "{bad:?}");
        }
    }

    #[test]
    fn taken_names_are_refused() {
        for bad in ["match", "gen", "core", "serde-json", "guest-sdk", "facilitator-protocol"] {
            assert_eq!(bad.parse::<GuestName>(), Err(NotAName::Taken), "{bad}");
        }
    }
}
