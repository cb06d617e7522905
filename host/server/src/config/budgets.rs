//! Budgets in the file: decimal text of the native token, read exactly.

use std::fmt;

use facilitator_protocol::Family;
use facilitator_vault::{Budget, Budgets, Limit};
use serde::{Deserialize, Deserializer, de};

/// `[networks.<name>.budgets]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BudgetsFile {
    network: Option<BudgetFile>,
    pay_to: Option<BudgetFile>,
    payer: Option<BudgetFile>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetFile {
    hour: Option<Native>,
    day: Option<Native>,
}

/// A value that must be text. Another one is kept as such, so that the error can name its key.
#[derive(Clone, Debug)]
enum Native {
    Text(String),
    NotText,
}

impl<'de> Deserialize<'de> for Native {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyScalar;
        impl de::Visitor<'_> for AnyScalar {
            type Value = Native;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal string")
            }
            fn visit_str<E>(self, text: &str) -> Result<Native, E> {
                Ok(Native::Text(text.to_owned()))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Native, E> {
                Ok(Native::NotText)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Native, E> {
                Ok(Native::NotText)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Native, E> {
                Ok(Native::NotText)
            }
        }
        deserializer.deserialize_any(AnyScalar)
    }
}

/// A key below `budgets`, and what was expected of it.
type Unusable = (String, String);

/// Budgets with the defaults for what is not set, where a transaction costs at most `worst_fee`.
pub(super) fn read(file: BudgetsFile, worst_fee: u128, family: Family) -> Result<Budgets, Unusable> {
    let defaults = Budgets::of_worst_fee(worst_fee);
    let decimals = native_decimals(family);
    Ok(Budgets {
        network: budget("network", file.network, defaults.network, decimals)?,
        pay_to: budget("pay_to", file.pay_to, defaults.pay_to, decimals)?,
        payer: budget("payer", file.payer, defaults.payer, decimals)?,
    })
}

/// An hour that is set brings the day that belongs to it.
fn budget(
    name: &str,
    file: Option<BudgetFile>,
    default: Budget,
    decimals: usize,
) -> Result<Budget, Unusable> {
    let BudgetFile { hour, day } = file.unwrap_or_default();
    let read = |field: &str, native: Option<Native>| {
        let read = native.map(|native| limit(&native, decimals)).transpose();
        read.map_err(|expected| (format!("{name}.{field}"), expected))
    };
    let default = match read("hour", hour)? {
        None => default,
        Some(Limit::AtMost(hour)) => Budget::of_hour(hour),
        Some(Limit::Unlimited) => Budget { hour: Limit::Unlimited, ..default },
    };
    Ok(Budget { day: read("day", day)?.unwrap_or(default.day), ..default })
}

/// Decimal places of the token that pays for transactions.
const fn native_decimals(family: Family) -> usize {
    match family {
        Family::Evm => 18,
        Family::Svm => 9,
        Family::Near => 24,
        Family::Stellar => 7,
    }
}

fn limit(native: &Native, decimals: usize) -> Result<Limit, String> {
    let amount = match native {
        Native::Text(text) if text == "unlimited" => return Ok(Limit::Unlimited),
        Native::Text(text) => smallest_units(text, decimals),
        Native::NotText => None,
    };
    match amount {
        Some(0) => Err("expected more than \"0\"; kill_switch = true stops a network".to_owned()),
        Some(amount) => Ok(Limit::AtMost(amount)),
        None => Err(format!(
            "expected the native token as a decimal string such as \"0.5\", at most {decimals} decimal \
             places, or \"unlimited\""
        )),
    }
}

/// `0.5` of a token with 18 decimal places as 500000000000000000: digits, at most one point between
/// digits, no more places than there are; no sign, exponent or separator.
fn smallest_units(text: &str, decimals: usize) -> Option<u128> {
    let (whole, places) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let are_digits = [whole, places].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    if whole.is_empty() || !are_digits || places.len() > decimals {
        return None;
    }
    format!("{whole}{places:0<decimals$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_native_token_is_read_to_the_last_digit() {
        for (text, units) in [
            ("0.5", 500_000_000_000_000_000),
            ("1", 1_000_000_000_000_000_000),
            ("1.0", 1_000_000_000_000_000_000),
            ("0.000000000000000001", 1),
            ("0.100000000000000001", 100_000_000_000_000_001),
            ("123456789.987654321", 123_456_789_987_654_321_000_000_000),
            ("0", 0),
        ] {
            assert_eq!(smallest_units(text, 18), Some(units), "{text}");
        }
        assert_eq!(smallest_units("340282366920938463464", 18), None, "more than 128 bits");
        assert_eq!(smallest_units("0.5", 7), Some(5_000_000));
    }

    #[test]
    fn what_is_no_plain_decimal_is_refused() {
        for text in [
            "",
            ".",
            ".5",
            "5.",
            "1.2.3",
            "-1",
            "+1",
            "1e18",
            "0x10",
            "1_000",
            "1,5",
            " 1",
            "1 ",
            "١",
            "NaN",
            "inf",
            "Unlimited",
            "0.0000000000000000001",
            "1 ETH",
        ] {
            assert_eq!(smallest_units(text, 18), None, "{text:?}");
        }
        assert_eq!(smallest_units(&"9".repeat(100_000), 18), None);
    }

    fn budgets(toml: &str) -> Result<Budgets, (String, String)> {
        read(toml::from_str(toml).unwrap(), 1_000, Family::Evm)
    }

    #[test]
    fn what_is_not_set_has_a_default() {
        assert_eq!(budgets(""), Ok(Budgets::of_worst_fee(1_000)));
        let eth = 10_u128.pow(18);
        let set = budgets("network = { hour = \"2\" }\npayer = { day = \"3\" }").unwrap();
        assert_eq!(set.network, Budget { hour: Limit::AtMost(2 * eth), day: Limit::AtMost(16 * eth) });
        assert_eq!(set.payer, Budget { hour: Limit::AtMost(10_000), day: Limit::AtMost(3 * eth) });
        assert_eq!(set.pay_to, Budgets::of_worst_fee(1_000).pay_to);
    }

    #[test]
    fn nothing_is_unlimited_that_was_not_said_to_be() {
        let set = budgets("payer = { hour = \"unlimited\" }").unwrap();
        assert_eq!(set.payer, Budget { hour: Limit::Unlimited, day: Limit::AtMost(80_000) });
        let set = budgets("payer = { hour = \"unlimited\", day = \"unlimited\" }").unwrap();
        assert_eq!(set.payer, Budget::UNLIMITED);
    }

    #[test]
    fn errors_name_the_key_and_what_was_expected() {
        for value in ["0.5", "5", "true", "\"1e3\"", "\"0.0\"", "nan"] {
            for key in ["network.hour", "pay_to.day", "payer.hour"] {
                let (found, expected) = budgets(&format!("{key} = {value}")).unwrap_err();
                assert_eq!(found, key);
                assert!(expected.starts_with("expected "), "{expected}");
            }
        }
        assert!(toml::from_str::<BudgetsFile>("payer = { week = \"1\" }").is_err());
        assert!(toml::from_str::<BudgetsFile>("payers = { hour = \"1\" }").is_err());
    }
}
