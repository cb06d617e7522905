//! What names a payment, and what tells two requests for it apart.

use std::{fmt, str::FromStr, sync::Arc};

/// Longest identifier, bytes.
const MAX_BYTES: usize = 256;

/// Text that cannot name a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to {MAX_BYTES} printable ASCII characters without spaces")]
pub struct NotAnIdentifier;

macro_rules! identifier {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAnIdentifier;

            fn from_str(text: &str) -> Result<Self, NotAnIdentifier> {
                let is_good =
                    (1..=MAX_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
                if is_good { Ok(Self(text.into())) } else { Err(NotAnIdentifier) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

identifier! {
    /// What makes two payloads the same payment, however they are encoded. Unique in the whole journal,
    /// so it names the network too.
    PaymentId
}

identifier! {
    /// What makes two requests for one payment the same request: a digest of the requirements.
    Fingerprint
}

identifier! {
    /// What finds a settlement before its payment is verified again: a digest of the payload with its
    /// signature, so that whoever merely knows of a payment is not told that it paid.
    PayloadDigest
}

identifier! {
    /// What a client calls a request: a digest of its name for it and of whom the request pays, so that two
    /// clients with the same idea do not meet.
    IdempotencyKey
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_bounded_printable_ascii() {
        for good in ["a", "eip155:1/0xA/0xb#7", &"x".repeat(MAX_BYTES)] {
            assert_eq!(good.parse::<PaymentId>().unwrap().as_str(), good);
        }
        for bad in ["", " ", "a b", "a\n", "a\0", "é", "\u{7f}", &"x".repeat(MAX_BYTES + 1)] {
            assert_eq!(bad.parse::<PaymentId>(), Err(NotAnIdentifier), "{bad:?}");
            assert_eq!(bad.parse::<Fingerprint>(), Err(NotAnIdentifier), "{bad:?}");
            assert_eq!(bad.parse::<PayloadDigest>(), Err(NotAnIdentifier), "{bad:?}");
        }
    }
}
