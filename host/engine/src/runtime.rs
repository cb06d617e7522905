//! The two WASM runtimes and their settings: one for our own guests, tight and fast, and one with more
//! room for guests under virtual WASI. They share the clock of epochs and nothing else, so that a guest
//! of the second kind cannot take an instance from the first.

use std::sync::Arc;

use tokio::sync::Semaphore;
use wasmtime::{Config, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::{EngineConfig, Limits, Wasi, abi::Linkers};

/// One runtime with what its guests share.
pub(crate) struct Runtime {
    pub(crate) wasi: Wasi,
    pub(crate) wasm: wasmtime::Engine,
    pub(crate) linkers: Linkers,
    pub(crate) limits: Limits,
    pub(crate) free_instances: Arc<Semaphore>,
}

impl Runtime {
    /// For guests of the given kind.
    pub(crate) fn new(config: &EngineConfig, wasi: Wasi) -> wasmtime::Result<Self> {
        let (settings, limits, concurrent_calls) = match wasi {
            Wasi::Refused => (pooled(config), config.limits, config.concurrent_calls),
            Wasi::Virtual => (on_demand(), config.wasi_limits, config.wasi_concurrent_calls),
        };
        let wasm = wasmtime::Engine::new(&settings)?;
        let permits = usize::try_from(concurrent_calls).unwrap_or(Semaphore::MAX_PERMITS);
        Ok(Self {
            wasi,
            linkers: Linkers::new(&wasm, wasi)?,
            limits,
            free_instances: Arc::new(Semaphore::new(permits)),
            wasm,
        })
    }
}

/// What both have in common.
fn common() -> Config {
    let mut wasm = Config::new();
    wasm.cranelift_opt_level(OptLevel::Speed)
        .epoch_interruption(true)
        .concurrency_support(false)
        .memory_reservation(4 << 30)
        .memory_guard_size(32 << 20)
        .wasm_component_model(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        // wasmtime itself makes modules of two memories where one part of a component calls another, and
        // panics if they are not allowed. How many a guest may have, its limits say.
        .wasm_multi_memory(true);
    wasm
}

/// Warm slots of guests that no call is in.
const UNUSED_WARM_SLOTS: u32 = 8;

/// Settings that were measured for many short calls; `docs/ARCHITECTURE.md` has the figures.
fn pooled(config: &EngineConfig) -> Config {
    let slots = config.concurrent_calls.saturating_add(32);
    let limits = &config.limits;
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(limits.core_instances))
        .total_memories(slots.saturating_mul(limits.memories))
        .total_tables(slots.saturating_mul(limits.tables))
        .total_stacks(slots)
        .max_core_instances_per_component(limits.core_instances)
        .max_memories_per_component(limits.memories)
        .max_tables_per_component(limits.tables)
        .max_memory_size(limits.memory_bytes)
        .table_elements(limits.table_elements)
        // All that a usual call touches. Faulting pages in again and changing their protection, with a
        // TLB flush on every core, would cost more than the call itself: measured, 500 against 300 us of
        // CPU for a whole verification.
        .linear_memory_keep_resident(512 << 10)
        .table_keep_resident(4 << 10)
        // Of slots that no call is in, so many may be of one guest before one of another is taken over
        // instead of a new one. Calls of one guest find its slots again however many they are; this bounds
        // what guests of before keep resident.
        .max_unused_warm_slots(UNUSED_WARM_SLOTS);
    let mut wasm = common();
    wasm.allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .max_wasm_stack(512 << 10)
        .async_stack_size(1 << 20);
    wasm
}

/// Settings for few, large guests: nothing is held for them between calls. An interpreter nests deeper
/// than our own code.
fn on_demand() -> Config {
    let mut wasm = common();
    wasm.allocation_strategy(InstanceAllocationStrategy::OnDemand)
        .max_wasm_stack(1 << 20)
        .async_stack_size(2 << 20);
    wasm
}
