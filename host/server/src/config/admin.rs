//! The token of the admin API.

use std::fmt;

use sha2::{Digest, Sha256};

use super::{ConfigError, environment::Lookup};

/// Shortest token, characters: one that cannot be guessed.
const MIN_CHARS: usize = 16;
const VARIABLE: &str = "FACILITATOR_ADMIN_TOKEN";

/// Digest of the admin token. The token itself is not kept, and comparing digests tells nothing about it
/// by the time it takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AdminToken([u8; 32]);

impl AdminToken {
    /// The token of the environment; without one there is no admin API.
    pub(super) fn from_lookup(lookup: Lookup<'_>) -> Result<Option<Self>, ConfigError> {
        match lookup(VARIABLE) {
            None => Ok(None),
            Some(token) if token.trim().chars().count() >= MIN_CHARS => Ok(Some(Self::of(token.trim()))),
            Some(_) => Err(ConfigError::value(VARIABLE, format!("expected at least {MIN_CHARS} characters"))),
        }
    }

    fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Whether this is the token.
    #[must_use]
    pub fn admits(&self, token: &str) -> bool {
        *self == Self::of(token)
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_token_is_refused_and_not_repeated() {
        let error = AdminToken::from_lookup(&|_| Some("hunter2".to_owned())).unwrap_err().to_string();
        assert!(error.starts_with(VARIABLE) && !error.contains("hunter2"), "{error}");
        assert!(AdminToken::from_lookup(&|_| None).unwrap().is_none());
    }

    #[test]
    fn only_the_token_is_admitted_and_nothing_shows_it() {
        let token =
            AdminToken::from_lookup(&|_| Some(" correct horse battery\n".to_owned())).unwrap().unwrap();
        assert!(token.admits("correct horse battery"));
        for other in ["", "correct horse batterz", "correct horse battery "] {
            assert!(!token.admits(other), "{other:?}");
        }
        assert_eq!(format!("{token:?}"), "AdminToken");
    }
}
