//! The invariants that the dependency tree can show: who may run WASM, who may sign, who knows whom.

#![expect(clippy::expect_used, reason = "a test that cannot run cargo has failed")]

use std::{collections::BTreeSet, process::Command};

/// Crates that hold private keys or make signatures with them.
const SIGNING: &[&str] = &["alloy-signer", "alloy-signer-local", "k256"];
/// The workspace's host crates, in the order in which they may know each other.
const HOST: &[&str] = &[
    "facilitator-protocol",
    "facilitator-engine",
    "facilitator-vault",
    "facilitator-journal",
    "facilitator-chain",
    "facilitator-server",
];

/// Names of everything that `package` depends on, itself included, tests and build tools left out.
fn dependencies(package: &str) -> BTreeSet<String> {
    tree(&["--package", package])
}

fn tree(arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("cargo prints UTF-8");
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// Workspace crates that depend on `package` directly.
fn direct_dependents(package: &str) -> BTreeSet<String> {
    let mut names = tree(&["--workspace", "--invert", package, "--depth", "1"]);
    names.remove(package);
    names
}

#[test]
fn only_the_engine_uses_wasmtime() {
    let wasi = ["wasmtime-wasi", "wasmtime-wasi-io"].map(str::to_owned);
    for package in ["wasmtime", "wasmtime-wasi", "wasmtime-wasi-io"] {
        let mut ours: BTreeSet<String> = direct_dependents(package);
        ours.retain(|name| !wasi.contains(name));
        assert_eq!(ours, BTreeSet::from(["facilitator-engine".to_owned()]), "{package}");
    }
    for package in
        ["facilitator-protocol", "facilitator-vault", "facilitator-journal", "guest-sdk", "guest-evm"]
    {
        assert!(!dependencies(package).contains("wasmtime"), "{package}");
    }
}

#[test]
fn only_the_vault_depends_on_signing_crates() {
    assert_eq!(
        direct_dependents("alloy-signer-local"),
        BTreeSet::from(["facilitator-vault".to_owned()]),
        "who holds keys"
    );
    for package in
        ["facilitator-protocol", "facilitator-engine", "facilitator-journal", "guest-sdk", "guest-evm"]
    {
        let dependencies = dependencies(package);
        for signing in SIGNING {
            assert!(!dependencies.contains(*signing), "{package} depends on {signing}");
        }
    }
    let vault = dependencies("facilitator-vault");
    assert!(SIGNING.iter().all(|signing| vault.contains(*signing)), "the check would find them");
}

#[test]
fn only_the_journal_talks_to_dynamodb() {
    assert_eq!(
        direct_dependents("aws-sdk-dynamodb"),
        BTreeSet::from(["facilitator-journal".to_owned()]),
        "who writes records"
    );
    // One TLS stack, by ring, under AWS too.
    for tls in ["aws-lc-rs", "native-tls", "openssl-sys"] {
        assert!(!dependencies("facilitator-journal").contains(tls), "{tls}");
    }
}

#[test]
fn host_crates_know_only_those_before_them() {
    for (at, package) in HOST.iter().enumerate() {
        let dependencies = dependencies(package);
        for later in &HOST[at + 1..] {
            assert!(!dependencies.contains(*later), "{package} depends on {later}");
        }
    }
    // Siblings that must not know each other.
    assert!(!dependencies("facilitator-vault").contains("facilitator-engine"));
    assert!(!dependencies("facilitator-journal").contains("facilitator-vault"));
}

#[test]
fn guests_know_the_sdk_and_the_protocol_and_no_other_part_of_the_host() {
    for package in ["guest-sdk", "guest-evm"] {
        let host: Vec<String> =
            dependencies(package).into_iter().filter(|name| name.starts_with("facilitator-")).collect();
        assert_eq!(host, ["facilitator-protocol"], "{package}");
    }
}
