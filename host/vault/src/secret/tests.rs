//! Which text is keys, which is refused, and that refusals tell nothing of it.

use super::*;
use crate::testing::{MAINNET_KEY, TESTNET_KEYS, assert_shows_no_key};

fn read(variables: &[(&str, &str)]) -> Result<EvmKeys, SecretError> {
    EvmKeys::from_lookup(&|name| {
        variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn keys_are_read_per_scope_with_a_fallback() {
    let keys = read(&[("EVM_PRIVATE_KEY_TESTNET", TESTNET_KEYS), ("EVM_PRIVATE_KEY", MAINNET_KEY)]).unwrap();
    assert_eq!(keys.addresses(Scope::Testnet).len(), 2);
    assert_eq!(keys.addresses(Scope::Mainnet).len(), 1);
    let own = read(&[("EVM_PRIVATE_KEY_MAINNET", MAINNET_KEY)]).unwrap();
    assert_eq!(own.addresses(Scope::Mainnet), keys.addresses(Scope::Mainnet));
    assert!(own.addresses(Scope::Testnet).is_empty(), "a mainnet key is no testnet key");
}

#[test]
fn an_empty_variable_counts_as_none() {
    for empty in ["", " ", "\n"] {
        let keys = read(&[("EVM_PRIVATE_KEY_TESTNET", empty), ("EVM_PRIVATE_KEY", MAINNET_KEY)]).unwrap();
        assert_eq!(keys.addresses(Scope::Testnet), keys.addresses(Scope::Mainnet));
        assert_eq!(keys.addresses(Scope::Testnet).len(), 1);
    }
    assert!(read(&[]).unwrap().addresses(Scope::Mainnet).is_empty());
}

#[test]
fn the_address_is_that_of_the_key() {
    // Private key 1 is the curve's generator: its address is known everywhere.
    let one = format!(" 0x{}1\n", "0".repeat(63));
    let keys = read(&[("EVM_PRIVATE_KEY", &one)]).unwrap();
    assert_eq!(hex::encode(keys.addresses(Scope::Mainnet)[0]), "7e5f4552091a69125d5dfcb7b8c2659029395bdf");
}

#[test]
fn what_is_no_key_is_refused_by_name_and_position() {
    let hex = |name: &str, position| SecretError::NotHex { name: name.to_owned(), position };
    let not_a_key = |position| SecretError::NotAKey { name: "EVM_PRIVATE_KEY".to_owned(), position };
    let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    for (value, expected) in [
        ("zz", hex("EVM_PRIVATE_KEY", 1)),
        (&MAINNET_KEY[1..], hex("EVM_PRIVATE_KEY", 1)),
        (&format!("{MAINNET_KEY}00"), hex("EVM_PRIVATE_KEY", 1)),
        (&format!("0x0x{MAINNET_KEY}"), hex("EVM_PRIVATE_KEY", 1)),
        (&format!("\"{MAINNET_KEY}\""), hex("EVM_PRIVATE_KEY", 1)),
        (&format!("{MAINNET_KEY},"), hex("EVM_PRIVATE_KEY", 2)),
        (&format!("{MAINNET_KEY},,{MAINNET_KEY}"), hex("EVM_PRIVATE_KEY", 2)),
        (&format!("{TESTNET_KEYS},{}x", &MAINNET_KEY[1..]), hex("EVM_PRIVATE_KEY", 3)),
        (&"0".repeat(64), not_a_key(1)),
        (&format!("{MAINNET_KEY},{order}"), not_a_key(2)),
    ] {
        let error = read(&[("EVM_PRIVATE_KEY", value)]).unwrap_err();
        assert_eq!(error, expected);
        assert!(error.to_string().contains("EVM_PRIVATE_KEY"));
        assert_shows_no_key(&format!("{error} {error:?}"));
    }
    // A variable that would not be used is checked too: its owner believes in it.
    let unused = [
        ("EVM_PRIVATE_KEY_MAINNET", MAINNET_KEY),
        ("EVM_PRIVATE_KEY_TESTNET", TESTNET_KEYS),
        ("EVM_PRIVATE_KEY", "zz"),
    ];
    assert_eq!(read(&unused).unwrap_err(), hex("EVM_PRIVATE_KEY", 1));
}

#[test]
fn a_key_given_twice_is_refused() {
    let name = "EVM_PRIVATE_KEY_TESTNET";
    for again in [MAINNET_KEY.to_owned(), format!("0x{}", MAINNET_KEY.to_uppercase())] {
        let error = read(&[(name, &format!("{MAINNET_KEY},{TESTNET_KEYS},{again}"))]).unwrap_err();
        assert_eq!(error, SecretError::Duplicate { name: name.to_owned(), first: 1, position: 4 });
        assert_shows_no_key(&format!("{error} {error:?}"));
    }
}

#[test]
fn the_number_of_keys_is_bounded() {
    let keys = |count: usize| (1..=count).map(|n| format!("{n:064x}")).collect::<Vec<_>>().join(",");
    assert_eq!(read(&[("EVM_PRIVATE_KEY", &keys(64))]).unwrap().addresses(Scope::Mainnet).len(), 64);
    assert!(matches!(read(&[("EVM_PRIVATE_KEY", &keys(65))]), Err(SecretError::TooMany { .. })));
}

#[test]
fn a_secret_shows_its_name_alone() {
    let secret = Secret { name: "EVM_PRIVATE_KEY".to_owned(), value: Zeroizing::new(MAINNET_KEY.to_owned()) };
    let shown = format!("{secret:?} {:?}", signers(&secret).unwrap());
    assert!(shown.contains("EVM_PRIVATE_KEY"));
    assert_shows_no_key(&shown);
}
