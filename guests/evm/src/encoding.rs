//! Strict readings of the texts that strangers send: `0x` hex of an exact length, decimal uint256.

use core::{fmt, marker::PhantomData};

use alloy_primitives::{Address, B256, U256, hex};
use facilitator_protocol::AtomicAmount;
use serde::{Deserialize, Deserializer, de};

/// Longest signature that is looked at: contract wallets nest, but 4 KiB is beyond any of them.
pub(crate) const MAX_SIGNATURE_BYTES: usize = 4096;

/// `0x` and hex digits of whole bytes, at most `max_bytes` of them.
pub(crate) fn bytes(text: &str, max_bytes: usize) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?;
    // Checked here because the decoder would take a second `0x` for a prefix.
    if digits.len() > max_bytes.saturating_mul(2) || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    hex::decode(digits).ok()
}

/// `0x` and exactly 40 hex digits, in any case: wallets and servers disagree on EIP-55, and a checksum
/// protects who types an address, not who compares two.
pub(crate) fn address(text: &str) -> Option<Address> {
    Address::try_from(bytes(text, 20)?.as_slice()).ok()
}

/// `0x` and exactly 64 hex digits.
pub(crate) fn word(text: &str) -> Option<B256> {
    B256::try_from(bytes(text, 32)?.as_slice()).ok()
}

/// A JSON-RPC quantity.
pub(crate) fn quantity(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x").filter(|digits| !digits.starts_with('+'))?;
    u64::from_str_radix(digits, 16).ok()
}

/// The amount, if it fits a uint256.
pub(crate) fn uint256(amount: &AtomicAmount) -> Option<U256> {
    U256::from_str_radix(amount.as_str(), 10).ok()
}

fn decimal(text: &str) -> Option<U256> {
    uint256(&text.parse().ok()?)
}

struct Text<T> {
    read: fn(&str) -> Option<T>,
    expected: &'static str,
}

impl<T> de::Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.read)(text).ok_or_else(|| E::custom(format_args!("expected {}", self.expected)))
    }
}

pub(crate) fn de_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
    deserializer.deserialize_str(Text { read: address, expected: "an address, 0x and 40 hex digits" })
}

pub(crate) fn de_word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<B256, D::Error> {
    deserializer.deserialize_str(Text { read: word, expected: "32 bytes, 0x and 64 hex digits" })
}

pub(crate) fn de_uint256<'de, D: Deserializer<'de>>(deserializer: D) -> Result<U256, D::Error> {
    deserializer.deserialize_str(Text { read: decimal, expected: "a uint256 as a decimal string" })
}

pub(crate) fn de_signature<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    deserializer.deserialize_str(Text {
        read: |text| bytes(text, MAX_SIGNATURE_BYTES),
        expected: "a signature, 0x and hex digits of at most 4096 bytes",
    })
}

/// A JSON object. Derived code would read a list as well, its members in the order of the fields.
pub(crate) fn de_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    deserializer.deserialize_map(Object(PhantomData))
}

struct Object<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Object<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, entries: A) -> Result<T, A::Error> {
        T::deserialize(de::value::MapAccessDeserializer::new(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_only_at_its_exact_length() {
        let good = format!("0x{}", "aB".repeat(20));
        assert_eq!(address(&good), Some(Address::repeat_byte(0xab)));
        for bad in [
            "ab".repeat(20),
            format!("0X{}", "ab".repeat(20)),
            format!("0x0x{}", "ab".repeat(19)),
            format!("0x{}", "ab".repeat(19)),
            format!("0x{}", "ab".repeat(21)),
            format!("0x{}g", "a".repeat(39)),
            format!(" 0x{}", "ab".repeat(20)),
            "0x".to_owned(),
        ] {
            assert_eq!(address(&bad), None, "{bad}");
        }
        assert_eq!(bytes("0xabc", 2), None);
        assert_eq!(bytes("0xabcdef", 2), None);
        assert_eq!(bytes("0x", 2), Some(vec![]));
    }

    #[test]
    fn decimals_end_at_uint256() {
        assert_eq!(decimal(&U256::MAX.to_string()), Some(U256::MAX));
        let beyond = "115792089237316195423570985008687907853269984665640564039457584007913129639936";
        for bad in [beyond, "1_0", "-1", "0x1", "1.0", ""] {
            assert_eq!(decimal(bad), None, "{bad}");
        }
    }

    #[test]
    fn quantities_are_unsigned() {
        assert_eq!(quantity("0x5208"), Some(21_000));
        for bad in ["5208", "0x", "0x+1", "0x-1", "0x10000000000000000"] {
            assert_eq!(quantity(bad), None, "{bad}");
        }
    }
}
