//! The WASM runtime: its settings, its clock of epochs, and the way from bytes to a guest.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use facilitator_protocol::Family;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use wasmtime::{Config, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, component::Component};

use crate::{
    CallPorts, EngineConfig, EngineError, Guest, Limits, LoadError,
    abi::{Abi, Linkers},
    cache::Cache,
    guest::GuestParts,
};

/// Largest component that is accepted.
const MAX_COMPONENT_BYTES: usize = 16 << 20;

/// Loads guests. One per process; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    wasm: wasmtime::Engine,
    linkers: Linkers,
    cache: Option<Cache>,
    limits: Limits,
    rpc_methods: BTreeSet<String>,
    free_instances: Arc<Semaphore>,
    _epochs: EpochThread,
}

impl Engine {
    /// Sets the runtime up.
    ///
    /// # Errors
    /// [`EngineError`] if the runtime, the cache directory or the epoch thread cannot be had.
    pub fn new(config: EngineConfig) -> Result<Self, EngineError> {
        let runtime = |error: wasmtime::Error| EngineError::Runtime(error.to_string());
        let wasm = wasmtime::Engine::new(&runtime_config(&config)).map_err(runtime)?;
        let cache = config.cache_dir.as_deref().map(Cache::open).transpose()?;
        let permits = usize::try_from(config.concurrent_calls).unwrap_or(Semaphore::MAX_PERMITS);
        Ok(Self {
            inner: Arc::new(Inner {
                linkers: Linkers::new(&wasm).map_err(runtime)?,
                cache,
                limits: config.limits,
                rpc_methods: config.rpc_methods,
                free_instances: Arc::new(Semaphore::new(permits)),
                _epochs: EpochThread::start(wasm.clone())?,
                wasm,
            }),
        })
    }

    /// Loads a guest of `family` from the bytes of a component: checks imports, exports and descriptor.
    /// Compiles on a blocking thread, so that requests go on meanwhile.
    ///
    /// # Errors
    /// [`LoadError`] says what the component lacks; nothing else has changed.
    pub async fn load(&self, family: Family, bytes: Vec<u8>) -> Result<Guest, LoadError> {
        if bytes.len() > MAX_COMPONENT_BYTES {
            return Err(LoadError::TooLarge { found: bytes.len(), limit: MAX_COMPONENT_BYTES });
        }
        let inner = Arc::clone(&self.inner);
        let (abi, sha256) = tokio::task::spawn_blocking(move || inner.compile(&bytes))
            .await
            .map_err(|_| LoadError::Interrupted)??;
        let mut parts = GuestParts {
            wasm: self.inner.wasm.clone(),
            abi,
            sha256,
            limits: self.inner.limits,
            free_instances: Arc::clone(&self.inner.free_instances),
            granted: Arc::new(BTreeSet::new()),
        };
        let descriptor = parts.describe(CallPorts::closed()).await.map_err(LoadError::Describe)?;
        if descriptor.family != family {
            return Err(LoadError::WrongFamily { found: descriptor.family, expected: family });
        }
        for method in &descriptor.rpc_methods {
            if !self.inner.rpc_methods.contains(method) {
                return Err(LoadError::MethodNotPermitted(method.clone()));
            }
        }
        parts.granted = Arc::new(descriptor.rpc_methods.iter().cloned().collect());
        Ok(Guest::new(parts, descriptor))
    }
}

impl Inner {
    fn compile(&self, bytes: &[u8]) -> Result<(Box<dyn Abi>, String), LoadError> {
        let sha256 = hex::encode(Sha256::digest(bytes));
        let cached = self.cache.as_ref().and_then(|cache| cache.get(&self.wasm, &sha256));
        let component = match cached {
            Some(component) => component,
            None => {
                let component = Component::from_binary(&self.wasm, bytes)
                    .map_err(|error| LoadError::Invalid(format!("{error:#}")))?;
                if let Some(cache) = &self.cache {
                    cache.put(&component, &sha256);
                }
                component
            }
        };
        Ok((self.linkers.bind(&component)?, sha256))
    }
}

/// Settings that were measured for many short calls; `docs/ARCHITECTURE.md` has the figures.
fn runtime_config(config: &EngineConfig) -> Config {
    // A component made by wit-component holds a main module and two small shims.
    const CORE_INSTANCES: u32 = 8;
    const TABLES: u32 = 4;
    let slots = config.concurrent_calls.saturating_add(32);
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(CORE_INSTANCES))
        .total_memories(slots)
        .total_tables(slots.saturating_mul(TABLES))
        .total_stacks(slots)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(1)
        .max_tables_per_component(TABLES)
        .max_memory_size(config.limits.memory_bytes)
        .table_elements(config.limits.table_elements)
        // All that a usual call touches. Faulting pages in again and changing their protection, with a
        // TLB flush on every core, would cost more than the call itself: measured, 500 against 300 us of
        // CPU for a whole verification.
        .linear_memory_keep_resident(512 << 10)
        .table_keep_resident(4 << 10);
    let mut wasm = Config::new();
    wasm.allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .cranelift_opt_level(OptLevel::Speed)
        .epoch_interruption(true)
        .concurrency_support(false)
        .memory_reservation(4 << 30)
        .memory_guard_size(32 << 20)
        .max_wasm_stack(512 << 10)
        .async_stack_size(1 << 20)
        .wasm_component_model(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false);
    wasm
}

/// Counts the engine's epochs, so that a guest that computes for ever is stopped.
struct EpochThread {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl EpochThread {
    fn start(wasm: wasmtime::Engine) -> Result<Self, EngineError> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("guest-epochs".to_owned())
            .spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    std::thread::sleep(Limits::EPOCH);
                    wasm.increment_epoch();
                }
            })
            .map_err(EngineError::Thread)?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for EpochThread {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(event = "epoch_thread_panicked");
        }
    }
}
