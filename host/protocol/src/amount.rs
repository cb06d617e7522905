//! Amounts in a token's atomic units.

use core::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Digits of 2^256 - 1, the largest amount that any family here can hold.
const MAX_DIGITS: usize = 78;

/// A non-negative whole number of atomic units, canonical decimal text (no sign, no leading zero).
///
/// Text, because the families differ in width (u64 on Solana, u128 on NEAR, i128 on Stellar, u256 on
/// EVM) and the wire has text. Families parse it into their own width and refuse what does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AtomicAmount(Box<str>);

/// Text that is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an amount in atomic units as a decimal string without sign, point or exponent")]
pub struct NotAnAmount;

impl AtomicAmount {
    /// The decimal text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the amount is zero, which no payment may be.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        &*self.0 == "0"
    }
}

impl FromStr for AtomicAmount {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotAnAmount);
        }
        let significant = text.trim_start_matches('0');
        match significant.len() {
            0 => Ok(Self("0".into())),
            1..=MAX_DIGITS if text.len() <= MAX_DIGITS => Ok(Self(significant.into())),
            _ => Err(NotAnAmount),
        }
    }
}

impl PartialOrd for AtomicAmount {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for AtomicAmount {
    /// Numeric order: canonical text of more digits is larger.
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl fmt::Display for AtomicAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for AtomicAmount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AtomicAmount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AmountVisitor;
        impl de::Visitor<'_> for AmountVisitor {
            type Value = AtomicAmount;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount in atomic units as a decimal string")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<AtomicAmount, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(AmountVisitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_what_is_no_whole_number() {
        for text in ["", " 1", "1 ", "+1", "-1", "1.0", "1e3", "0x10", "١", "1_000"] {
            assert_eq!(text.parse::<AtomicAmount>(), Err(NotAnAmount), "{text:?}");
        }
        assert_eq!("9".repeat(79).parse::<AtomicAmount>(), Err(NotAnAmount));
    }

    #[test]
    fn leading_zeros_do_not_make_another_amount() {
        assert_eq!("0010".parse::<AtomicAmount>(), "10".parse());
        assert!("000".parse::<AtomicAmount>().is_ok_and(|amount| amount.is_zero()));
    }

    proptest! {
        #[test]
        fn orders_as_numbers_do(a in any::<u128>(), b in any::<u128>()) {
            let (x, y): (AtomicAmount, AtomicAmount) =
                (a.to_string().parse().unwrap(), b.to_string().parse().unwrap());
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
        }
    }
}
