//! Every refusal that a guest of this repository can make has a case.

use std::{collections::BTreeSet, fs, path::Path};

use facilitator_protocol::{Family, reason};
use serde_json::Value;

use crate::repository::cases_of;

/// Names of the constants of `reason` in Rust text, up to its tests.
fn named(source: &str) -> impl Iterator<Item = &str> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    code.split("reason::").skip(1).map(|rest| {
        let end = rest.find(|c: char| c != '_' && !c.is_ascii_uppercase() && !c.is_ascii_digit());
        &rest[..end.unwrap_or(rest.len())]
    })
}

/// The code that a constant of `reason` stands for.
fn code(name: &str) -> &'static str {
    let source = include_str!("../../../../host/protocol/src/reason.rs");
    let line = source.lines().find_map(|line| line.trim().strip_prefix(&format!("{name} = \"")));
    let text = line.and_then(|rest| rest.strip_suffix("\";")).unwrap_or_else(|| panic!("no reason {name}"));
    reason::ALL.iter().find(|code| **code == text).unwrap_or_else(|| panic!("{text} is not in ALL"))
}

/// Codes in the sources of a guest and of what reads its requests.
fn codes_of(guest: &str) -> BTreeSet<&'static str> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = vec![repository.join("guests/sdk/src/request.rs")];
    let sources = fs::read_dir(repository.join("guests").join(guest).join("src")).unwrap();
    files.extend(sources.map(|entry| entry.unwrap().path()));
    let mut codes = BTreeSet::new();
    for file in files {
        let source = fs::read_to_string(file).unwrap();
        codes.extend(named(&source).filter(|name| !name.is_empty()).map(code));
    }
    codes
}

#[test]
fn every_refusal_of_the_evm_guest_has_a_case() {
    let codes = codes_of("evm");
    assert!(codes.contains(reason::EVM_GAS_LIMIT_OVER_CAP) && codes.len() > 20, "{codes:?}");
    let mut expected = BTreeSet::new();
    for case in cases_of(Family::Evm) {
        let text = fs::read_to_string(case.join("expect.json")).unwrap();
        let expect: Value = serde_json::from_str(&text).unwrap();
        let reason = expect.pointer("/invalid/reason").or_else(|| expect.pointer("/failed/reason"));
        expected.extend(reason.map(|reason| reason.as_str().unwrap().to_owned()));
    }
    let without: Vec<_> = codes.iter().filter(|code| !expected.contains(**code)).collect();
    assert!(without.is_empty(), "no case expects {without:?}");
}
