//! From bytes to a guest: what is told of a component before it is compiled, and what is compiled only
//! once.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod support;

use std::{fs, path::Path};

use facilitator_engine::{Engine, EngineConfig, LoadError, LoadOptions, Wasi};
use facilitator_protocol::Family;
use sha2::{Digest, Sha256};
use support::TextGuest;

const REFUSED: LoadOptions = LoadOptions { family: None, wasi: Wasi::Refused };
const VIRTUAL: LoadOptions = LoadOptions { family: None, wasi: Wasi::Virtual };

fn engine(cache: Option<&Path>) -> Engine {
    let config =
        EngineConfig { concurrent_calls: 2, cache_dir: cache.map(Path::to_owned), ..EngineConfig::default() };
    Engine::new(config).expect("the engine starts")
}

/// A guest that prints, so that it imports WASI.
fn printing() -> Vec<u8> {
    TextGuest {
        other_wit: include_str!("support/wasi.wit"),
        world: "import wasi:cli/stdout@0.2.3;",
        imports: r#"(import "wasi:cli/stdout@0.2.3" "get-stdout" (func $stdout (result i32)))
            (import "x402:scheme/clock@0.1.0" "now-ms" (func $now (result i64)))"#,
        verify: "(block (result i64) (drop (call $stdout)) (call $now))",
        ..TextGuest::new()
    }
    .component()
}

/// A guest of which there are many.
fn numbered(number: usize) -> Vec<u8> {
    let verify = format!("(i64.const {number})");
    TextGuest { verify: &verify, ..TextGuest::new() }.component()
}

#[test]
fn an_inspection_tells_what_a_component_is() {
    let bytes = printing();
    let inspection = Engine::inspect(&bytes).expect("a component");
    assert_eq!(inspection.size_bytes, bytes.len());
    assert_eq!(inspection.sha256, hex::encode(Sha256::digest(&bytes)));
    assert_eq!(inspection.abi.as_deref(), Some("0.1.0"));
    assert_eq!(inspection.exports, ["x402:scheme/scheme@0.1.0"]);
    for import in ["wasi:io/streams@0.2.3", "wasi:cli/stdout@0.2.3"] {
        assert!(inspection.wasi.iter().any(|name| name == import), "{import}: {:?}", inspection.wasi);
    }
    assert!(inspection.wasi.iter().all(|name| name.starts_with("wasi:")), "{:?}", inspection.wasi);
    assert!(inspection.imports.iter().any(|name| name == "x402:scheme/clock@0.1.0"));
    assert!(inspection.check(Wasi::Virtual).is_ok());
    assert!(matches!(inspection.check(Wasi::Refused), Err(LoadError::WasiNotGranted(_))));
}

#[tokio::test]
async fn an_inspection_says_what_the_loader_says() {
    let engine = engine(None);
    let text = |text: &str| wat::parse_str(text).expect("text format");
    for (bytes, accepted) in [
        (printing(), [false, true]),
        (numbered(1), [true, true]),
        (text("(component)"), [false, false]),
        (text(r#"(component (import "env" (instance)))"#), [false, false]),
        (
            text(r#"(component (instance $i) (export "x402:scheme/scheme@7.0.0" (instance $i)))"#),
            [false, false],
        ),
        // The names of what is nested are not the component's own.
        (text(r#"(component (component (import "env" (func))) (component (component)))"#), [false, false]),
        (text("(module)"), [false, false]),
        (b"\0asm".to_vec(), [false, false]),
        (vec![0; (32 << 20) + 1], [false, false]),
    ] {
        for (options, accepted) in [REFUSED, VIRTUAL].into_iter().zip(accepted) {
            let inspected = Engine::inspect(&bytes).and_then(|inspection| inspection.check(options.wasi));
            let loaded = engine.load_with(options, bytes.clone()).await;
            match (inspected, loaded) {
                (Ok(()), Ok(_)) => assert!(accepted),
                (Err(LoadError::TooLarge { .. }), Err(LoadError::TooLarge { .. })) => assert!(!accepted),
                (Err(inspected), Err(loaded)) => {
                    assert!(!accepted);
                    assert_eq!(inspected.to_string(), loaded.to_string());
                }
                (inspected, loaded) => panic!("{inspected:?} but {loaded:?}"),
            }
        }
    }
}

#[test]
fn an_inspection_takes_any_bytes() {
    let whole = printing();
    // Cut between two sections it is a component still, of fewer parts.
    for length in (0..whole.len() / 2).step_by(31) {
        let cut = Engine::inspect(&whole[..length]).and_then(|cut| cut.check(Wasi::Virtual));
        assert!(cut.is_err(), "{length}");
    }
    let (mut broken, mut count) = (0, 0);
    for (at, mask) in (0..whole.len()).step_by(13).zip([0x01, 0x80, 0xff].into_iter().cycle()) {
        let mut bytes = whole.clone();
        bytes[at] ^= mask;
        broken += usize::from(Engine::inspect(&bytes).is_err());
        count += 1;
    }
    assert!(broken > 0 && broken < count, "names and data may change, structure may not");
}

fn artifacts(cache: &Path) -> Vec<String> {
    let entries = fs::read_dir(cache).expect("cache");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("entry").file_name().into_string().expect("a name")).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_swap_back_compiles_nothing_until_many_others_were_loaded() {
    let directory = tempfile::tempdir().expect("a directory");
    let cache = directory.path().join("cache");
    let engine = engine(Some(&cache));
    let compiled = |number| {
        let (engine, cache) = (engine.clone(), cache.clone());
        async move {
            // Without what is on disk only memory can spare the compilation, which writes to disk.
            for name in artifacts(&cache) {
                fs::remove_file(cache.join(name)).expect("the artifact goes");
            }
            engine.load(Family::Evm, numbered(number)).await.expect("a guest");
            !artifacts(&cache).is_empty()
        }
    };
    assert!(compiled(0).await);
    assert!(compiled(1).await);
    assert!(!compiled(0).await, "it is in memory");
    for other in 2..4 {
        assert!(compiled(other).await);
    }
    assert!(!compiled(0).await, "three are kept");
    assert!(compiled(1).await, "the one unused for longest went");
}

#[tokio::test]
async fn what_is_compiled_for_one_grant_is_not_used_for_the_other() {
    let directory = tempfile::tempdir().expect("a directory");
    let cache = directory.path().join("cache");
    for _ in 0..2 {
        let engine = engine(Some(&cache));
        engine.load_with(REFUSED, numbered(0)).await.expect("a guest");
        engine.load_with(VIRTUAL, numbered(0)).await.expect("a guest");
        engine.load_with(VIRTUAL, printing()).await.expect("a guest");
        let names = artifacts(&cache);
        assert_eq!(names.len(), 3, "{names:?}");
        assert_eq!(names.iter().filter(|name| name.ends_with("-wasi-refused.cwasm")).count(), 1);
        assert!(matches!(engine.load_with(REFUSED, printing()).await, Err(LoadError::WasiNotGranted(_))));
    }
}

/// Two parts with a memory each, one of which hands the other a string: for that, wasmtime makes a module
/// that sees both memories.
const PARTS_THAT_TALK: &str = r#"(component
    (component $listener
        (core module $code
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0))
            (func (export "hear") (param i32 i32)))
        (core instance $inner (instantiate $code))
        (func (export "hear") (param "words" string)
            (canon lift (core func $inner "hear") (memory (core memory $inner "memory")) (realloc (core func $inner "realloc")))))
    (component $speaker
        (import "hear" (func $hear (param "words" string)))
        (core module $words (memory (export "memory") 1))
        (core instance $words (instantiate $words))
        (core func $lowered (canon lower (func $hear) (memory (core memory $words "memory"))))
        (core module $code
            (import "" "hear" (func $hear (param i32 i32)))
            (func (export "speak") (call $hear (i32.const 0) (i32.const 0))))
        (core instance $inner (instantiate $code (with "" (instance (export "hear" (func $lowered))))))
        (func (export "speak") (canon lift (core func $inner "speak"))))
    (instance $listener (instantiate $listener))
    (instance $speaker (instantiate $speaker (with "hear" (func $listener "hear"))))
    (instance $scheme (export "speak" (func $speaker "speak")))
    (export "x402:scheme/scheme@0.1.0" (instance $scheme)))"#;

#[tokio::test]
async fn parts_of_a_component_that_talk_get_a_refusal_with_its_cause() {
    let bytes = wat::parse_str(PARTS_THAT_TALK).expect("the text is a component");
    for options in [REFUSED, VIRTUAL] {
        let refused = engine(None).load_with(options, bytes.clone()).await.expect_err("it is no guest");
        assert!(matches!(refused, LoadError::Invalid(_) | LoadError::Mismatch { .. }), "{refused:?}");
    }
}
