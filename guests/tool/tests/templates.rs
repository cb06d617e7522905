//! What `facilitator guest new` writes, used as its reader uses it: built, loaded, run on its cases, tested
//! natively, checked by clippy and rustfmt.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on panics, in its helpers too")]

mod support;

use std::{collections::BTreeSet, fs, path::Path};

use facilitator_protocol::Family;
use support::{NewGuest, self_test};

async fn works(family: Family) -> NewGuest {
    let guest = NewGuest::write(family);
    let built = guest.build();
    let tested = self_test(&built.path, &guest.directory.join("cases")).await;
    assert!(tested.is_passed(), "{:#?}", tested.failures);
    let written = fs::read_dir(guest.directory.join("cases")).unwrap();
    assert_eq!(tested.passed, written.filter(|entry| entry.as_ref().unwrap().path().is_dir()).count());
    guest.cargo(&["fmt", "--check"]);
    guest.cargo(&["clippy", "--all-targets", "--", "--deny", "warnings"]);
    guest
}

#[tokio::test]
async fn a_guest_for_evm_works() {
    let guest = works(Family::Evm).await;
    guest.cargo(&["test"]);
    assert_locked_as_here(&guest.directory.join("Cargo.lock"));
}

#[tokio::test]
async fn a_guest_for_svm_works() {
    works(Family::Svm).await;
}

#[tokio::test]
async fn a_guest_for_near_works() {
    works(Family::Near).await;
}

#[tokio::test]
async fn a_guest_for_stellar_works() {
    works(Family::Stellar).await;
}

/// The first build takes the versions that are tested here, and no other.
fn assert_locked_as_here(lock: &Path) {
    let found = locked(&fs::read_to_string(lock).unwrap());
    let here = locked(include_str!("../../../Cargo.lock"));
    assert!(found.len() > 50, "{} crates are locked", found.len());
    let others: Vec<_> = found.difference(&here).collect();
    assert!(others.is_empty(), "{others:?}");
}

/// Name, version and checksum of each crate of a registry.
fn locked(lock: &str) -> BTreeSet<[String; 3]> {
    let lock: toml::Table = toml::from_str(lock).unwrap();
    let packages = lock.get("package").unwrap().as_array().unwrap();
    let text = |package: &toml::Value, key| package.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    packages
        .iter()
        .filter_map(|package| {
            Some([text(package, "name")?, text(package, "version")?, text(package, "checksum")?])
        })
        .collect()
}
