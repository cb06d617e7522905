//! What the engine does with components that are broken or hostile: each is contained, told apart by a
//! typed error, and leaves the engine able to load and run the next.
//!
//! The components are made from a few lines of text format, so that each attack stands here in full.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    time::{Duration, Instant},
};

use facilitator_engine::{CallError, Engine, EngineConfig, Exhausted, Limits, LoadError};
use facilitator_protocol::Family;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A component of the scheme world whose `describe` does `attack`.
fn component(globals: &str, attack: &str) -> Vec<u8> {
    let interface = "x402:scheme/scheme@0.1.0";
    let eleven = "i32 ".repeat(11);
    let text = format!(
        r#"(module
            (memory (export "memory") 1)
            (table $t 1 1000000 funcref)
            {globals}
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
            (func (export "{interface}#describe") (result i32) {attack} (i32.const 0))
            (func (export "{interface}#supported") (param i32 i32 i32 i32) (result i32) unreachable)
            (func (export "{interface}#verify") (param {eleven} i32) (result i32) unreachable)
            (func (export "{interface}#prepare") (param i32) (result i32) unreachable)
            (func (export "{interface}#confirm") (param {eleven} i32 i32 i32 i32) (result i32) unreachable)
        )"#
    );
    let mut module = wat::parse_str(&text).expect("the text is a module");
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit/0.1.0");
    let (package, _) = resolve.push_dir(&wit).expect("the WIT package parses");
    let world = resolve.select_world(&[package], Some("scheme-guest")).expect("the world is there");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("metadata embeds");
    ComponentEncoder::default().module(&module).expect("module").encode().expect("component")
}

fn engine(cache: Option<&Path>) -> Engine {
    let limits = Limits { cpu: Duration::from_millis(50), wall: Duration::from_secs(5), ..Limits::default() };
    let config = EngineConfig {
        limits,
        concurrent_calls: 8,
        cache_dir: cache.map(Path::to_owned),
        ..EngineConfig::default()
    };
    Engine::new(config).expect("the engine starts")
}

async fn refusal(engine: &Engine, bytes: Vec<u8>) -> LoadError {
    engine.load(Family::Evm, bytes).await.expect_err("this is no guest")
}

/// The call error of a guest that fails in `describe`.
async fn describe_error(engine: &Engine, globals: &str, attack: &str) -> CallError {
    match refusal(engine, component(globals, attack)).await {
        LoadError::Describe(error) => error,
        other => panic!("expected a failing describe, found {other}"),
    }
}

#[tokio::test]
async fn bytes_that_are_no_component_are_refused() {
    let engine = engine(None);
    for bytes in [Vec::new(), b"\0asm\x01\0\0\0".to_vec(), b"#!/bin/sh".to_vec(), vec![0; 4096]] {
        assert!(matches!(refusal(&engine, bytes).await, LoadError::Invalid(_)));
    }
    let huge = vec![0; (16 << 20) + 1];
    assert!(matches!(refusal(&engine, huge).await, LoadError::TooLarge { .. }));
}

#[tokio::test]
async fn a_truncated_component_is_refused_at_any_length() {
    let engine = engine(None);
    let whole = component("", "nop");
    for length in (8..whole.len()).step_by(whole.len() / 16) {
        let error = refusal(&engine, whole[..length].to_vec()).await;
        assert!(
            matches!(error, LoadError::Invalid(_) | LoadError::MissingExport { .. }),
            "{length}: {error}"
        );
    }
}

#[tokio::test]
async fn an_import_that_is_not_on_the_list_is_refused() {
    let engine = engine(None);
    for import in ["x402:scheme/vault@0.1.0", "wasix:cli/environment@0.2.3", "env"] {
        let text = format!(r#"(component (import "{import}" (instance)))"#);
        let Ok(bytes) = wat::parse_str(&text) else { continue };
        match refusal(&engine, bytes).await {
            LoadError::ForbiddenImport(name) => assert_eq!(name, import),
            other => panic!("{import}: {other}"),
        }
    }
}

#[tokio::test]
async fn a_component_without_the_scheme_interface_is_refused() {
    let bytes = wat::parse_str("(component)").expect("text format");
    assert!(matches!(refusal(&engine(None), bytes).await, LoadError::MissingExport { .. }));
}

#[tokio::test]
async fn an_endless_loop_is_stopped_by_the_cpu_budget_while_others_run() {
    let engine = engine(None);
    let started = Instant::now();
    let attack = tokio::spawn({
        let engine = engine.clone();
        async move { describe_error(&engine, "", "(loop (br 0))").await }
    });
    // The loop yields at each epoch, so this task goes on meanwhile.
    tokio::time::sleep(Duration::from_millis(1)).await;
    let error = attack.await.expect("the task ends");
    assert!(matches!(error, CallError::Exhausted(Exhausted::Cpu)), "{error}");
    assert!(started.elapsed() < Duration::from_secs(4), "stopped by CPU time, not by the wall clock");
}

#[tokio::test]
async fn each_way_to_exhaust_the_host_has_its_own_error() {
    let engine = engine(None);
    let memory = describe_error(&engine, "", "(drop (memory.grow (i32.const 1000)))").await;
    assert!(matches!(memory, CallError::Exhausted(Exhausted::Memory)), "{memory}");

    let table =
        describe_error(&engine, "", "(drop (table.grow $t (ref.null func) (i32.const 900000)))").await;
    assert!(matches!(table, CallError::Exhausted(Exhausted::Memory)), "{table}");

    let stack = describe_error(&engine, "(func $deep (call $deep))", "(call $deep)").await;
    assert!(matches!(stack, CallError::Exhausted(Exhausted::Stack)), "{stack}");

    let trap = describe_error(&engine, "", "unreachable").await;
    assert!(matches!(trap, CallError::Trap(_)), "{trap}");

    let out_of_bounds = describe_error(&engine, "", "(drop (i32.load (i32.const -4)))").await;
    assert!(matches!(out_of_bounds, CallError::Trap(_)), "{out_of_bounds}");
}

#[tokio::test]
async fn an_answer_that_claims_to_be_huge_or_is_no_text_is_contained() {
    let engine = engine(None);
    // The record at 0: the name's pointer and length.
    let huge = "(i32.store (i32.const 4) (i32.const 0x7fffffff))";
    let error = describe_error(&engine, "", huge).await;
    assert!(matches!(error, CallError::Trap(_) | CallError::Exhausted(Exhausted::HostCall)), "{error}");

    let bad_utf8 = "(i32.store8 (i32.const 64) (i32.const 0xff))
        (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 1))";
    let error = describe_error(&engine, "", bad_utf8).await;
    assert!(matches!(error, CallError::Trap(_)), "{error}");
}

#[tokio::test]
async fn a_descriptor_out_of_contract_is_refused() {
    // All fields empty.
    let error = describe_error(&engine(None), "", "nop").await;
    assert!(matches!(error, CallError::BadAnswer(_)), "{error}");
}

#[tokio::test]
async fn the_engine_goes_on_after_many_attacks() {
    let engine = engine(None);
    for _ in 0..50 {
        describe_error(&engine, "", "unreachable").await;
        describe_error(&engine, "", "(drop (memory.grow (i32.const 1000)))").await;
    }
    let error = describe_error(&engine, "", "nop").await;
    assert!(matches!(error, CallError::BadAnswer(_)), "every instance was given back: {error}");
}

#[tokio::test]
async fn the_cache_is_private_and_a_damaged_artifact_is_compiled_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let cache = directory.path().join("cache");
    describe_error(&engine(Some(&cache)), "", "nop").await;
    let mode = fs::metadata(&cache).expect("the cache is there").permissions().mode() & 0o777;
    assert_eq!(mode, 0o700);

    let artifacts: Vec<_> =
        fs::read_dir(&cache).expect("cache").map(|entry| entry.expect("entry").path()).collect();
    assert_eq!(artifacts.len(), 1);
    let artifact = &artifacts[0];
    assert_eq!(fs::metadata(artifact).expect("artifact").permissions().mode() & 0o777, 0o600);
    let mut bytes = fs::read(artifact).expect("artifact");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(artifact, &bytes).expect("damage it");
    // Another engine: the first has it in memory still.
    let error = describe_error(&engine(Some(&cache)), "", "nop").await;
    assert!(matches!(error, CallError::BadAnswer(_)), "{error}");
    assert!(fs::read(artifact).expect("artifact") != bytes, "replaced by a good one");
}

#[test]
fn a_cache_that_others_can_read_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
    let config = EngineConfig { cache_dir: Some(directory.path().to_owned()), ..EngineConfig::default() };
    let error = Engine::new(config).err().expect("refused").to_string();
    assert!(error.contains("755") && error.contains("chmod 700"), "{error}");
}
