//! Any bytes as a component: read, and loaded if they can be. Whatever happens, it is an answer.

#![no_main]

use std::sync::LazyLock;

use facilitator_engine::{Engine, EngineConfig, LoadOptions, Wasi};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

struct Host {
    engine: Engine,
    runtime: Runtime,
}

static HOST: LazyLock<Host> = LazyLock::new(|| Host {
    engine: Engine::new(EngineConfig { concurrent_calls: 1, ..EngineConfig::default() }).expect("an engine"),
    runtime: Builder::new_current_thread().enable_time().build().expect("a runtime"),
});

fuzz_target!(|bytes: &[u8]| {
    let Host { engine, runtime } = &*HOST;
    let inspected = Engine::inspect(bytes);
    let options = LoadOptions { family: None, wasi: Wasi::Refused };
    let loaded = runtime.block_on(engine.load_with(options, bytes.to_vec()));
    assert!(inspected.is_ok() || loaded.is_err(), "what cannot be read is not loaded");
});
