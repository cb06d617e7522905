//! Two versions side by side, and what happens to a guest of neither.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use facilitator_protocol::{AtomicAmount, Family, Phase, Verdict, X402Version};
use sha2::{Digest, Sha256};

use crate::{
    CallPorts, Clock, Engine, EngineConfig, Entropy, GuestRequest, LoadError, LogLevel, LogSink, RpcAnswer,
    RpcCall, RpcPort, RpcUnavailable,
};

#[path = "../../tests/support/mod.rs"]
mod support;

use support::TextGuest;

const NOW_MS: u64 = 1_700_000_000_123;

#[derive(Default)]
struct Host {
    logged: Mutex<Vec<(LogLevel, String)>>,
}

#[async_trait]
impl RpcPort for Host {
    async fn round_trip(&self, _: Vec<RpcCall>) -> Result<Vec<RpcAnswer>, RpcUnavailable> {
        Err(RpcUnavailable("no network in this test".to_owned()))
    }
}

impl Clock for Host {
    fn now_ms(&self) -> u64 {
        NOW_MS
    }
}

impl Entropy for Host {
    fn seed(&self) -> [u8; 32] {
        [7; 32]
    }
}

impl LogSink for Host {
    fn write(&self, level: LogLevel, message: &str) {
        self.logged.lock().expect("no panic before").push((level, message.to_owned()));
    }
}

fn ports(host: &Arc<Host>) -> CallPorts {
    let network = "eip155:84532".parse().expect("a network");
    CallPorts { network, rpc: host.clone(), clock: host.clone(), entropy: host.clone(), log: host.clone() }
}

fn request() -> GuestRequest {
    GuestRequest {
        x402_version: X402Version::V2,
        scheme: "exact".to_owned(),
        network: "eip155:84532".parse().expect("a network"),
        payload: "{}".to_owned(),
        requirements: "{}".to_owned(),
        settings: "{}".into(),
    }
}

fn engine() -> Engine {
    let config = EngineConfig { concurrent_calls: 4, ..EngineConfig::default() };
    Engine::new(config).expect("the engine starts")
}

/// Of the test version; says what it was given: the `now-ms` of the new record.
fn newer<'a>() -> TextGuest<'a> {
    TextGuest {
        abi: "0.2.0-test",
        wit: "src/abi/v0_2_test",
        name: "newer",
        verify: "(local.get 7)",
        others: "",
        ..TextGuest::new()
    }
}

#[tokio::test]
async fn a_guest_of_an_older_version_answers_beside_one_of_a_newer() {
    let engine = engine();
    let older = TextGuest { name: "older", verify: "(i64.const 77)", ..TextGuest::new() };
    let older = engine.load(Family::Evm, older.component()).await.expect("a guest of 0.1.0");
    let newer = engine.load(Family::Evm, newer().component()).await.expect("a guest of the test version");
    assert_eq!(older.descriptor().abi, "0.1.0");
    assert_eq!(newer.descriptor().abi, "0.2.0-test");

    for (guest, name, expires_at, warnings) in [
        (&older, "older", 77, vec![]),
        (&newer, "newer", NOW_MS, vec![(LogLevel::Warn, "from the newer shape".to_owned())]),
        (&older, "older", 77, vec![]),
    ] {
        let host = Arc::new(Host::default());
        let verdict = guest.verify(ports(&host), &request(), Phase::Settle).await.expect("an answer");
        let Verdict::Valid(valid) = verdict else { panic!("{name}: {verdict:?}") };
        assert_eq!((valid.payer.as_str(), valid.expires_at), (name, expires_at));
        assert_eq!(valid.amount, "1".parse::<AtomicAmount>().expect("an amount"));
        assert_eq!(*host.logged.lock().expect("no panic before"), warnings, "{name}");
    }
}

#[tokio::test]
async fn a_guest_of_an_unknown_version_is_told_which_are_known() {
    let text = r#"(component (instance $i) (export "x402:scheme/scheme@0.9.0" (instance $i)))"#;
    let bytes = wat::parse_str(text).expect("text format");
    let error = engine().load(Family::Evm, bytes).await.expect_err("nobody speaks 0.9.0");
    assert!(matches!(&error, LoadError::UnknownAbi { found, known }
        if found == "0.9.0" && *known == ["0.2.0-test", "0.1.0"]));
    assert_eq!(
        error.to_string(),
        "component is built for ABI version 0.9.0, this host speaks 0.2.0-test, 0.1.0"
    );
}

#[tokio::test]
async fn a_guest_must_import_what_it_exports() {
    for (export, import, forbidden) in [
        ("0.1.0", "0.1.0", false),
        ("0.1.0", "0.2.0-test", true),
        ("0.2.0-test", "0.1.0", true),
        ("0.2.0-test", "0.2.0-test", false),
        // Compatible by semantic versioning, and still another.
        ("0.1.0", "0.1.1", true),
    ] {
        let text = format!(
            r#"(component
                (import "x402:scheme/log@{import}" (instance))
                (instance $i)
                (export "x402:scheme/scheme@{export}" (instance $i)))"#
        );
        let bytes = wat::parse_str(&text).expect("text format");
        match engine().load(Family::Evm, bytes).await.expect_err("no guest") {
            LoadError::ForbiddenImport(name) => {
                assert!(forbidden, "{export} with {import}");
                assert_eq!(name, format!("x402:scheme/log@{import}"));
            }
            // Right so far; the scheme is empty.
            LoadError::Mismatch { interface, .. } => {
                assert!(!forbidden, "{export} with {import}");
                assert_eq!(interface, format!("x402:scheme/scheme@{export}"));
            }
            other => panic!("{export} with {import}: {other}"),
        }
    }
}

#[test]
fn the_versions_are_listed_newest_first() {
    assert_eq!(super::versions().collect::<Vec<_>>(), ["0.2.0-test", "0.1.0"]);
    for abi in super::VERSIONS {
        assert_eq!(abi.export, format!("{}/scheme@{}", abi.package, abi.version));
    }
}

#[test]
fn released_wit_never_changes() {
    let released = [(
        "0.1.0",
        include_bytes!("../../../../wit/0.1.0/scheme.wit").as_slice(),
        "83a4391edd6d89b274f0108bb6d7d8a9ea1cbdf145eacce2bcd90e6618def6b4",
    )];
    for (version, text, pinned) in released {
        assert_eq!(hex::encode(Sha256::digest(text)), pinned, "wit/{version}/scheme.wit");
        assert!(super::versions().any(|known| known == version), "{version} is spoken for ever");
    }
    let folders = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit")).expect("wit");
    assert_eq!(folders.count(), released.len(), "each released version is pinned here");
}
