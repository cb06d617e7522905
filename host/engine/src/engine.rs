//! The way from bytes to a guest.

use std::{collections::BTreeSet, sync::Arc};

use facilitator_protocol::Family;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use wasmtime::component::Component;

use crate::{
    BreakerSettings, CallPorts, EngineConfig, EngineError, Guest, Inspection, LoadError, LoadOptions, Wasi,
    cache::Cache, compile::Compiler, epochs::EpochThread, guest::GuestParts, health::Health, recent::Recent,
    runtime::Runtime,
};

/// Loads guests. One per process; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    own: Arc<Runtime>,
    virtual_wasi: Arc<Runtime>,
    artifacts: Arc<Artifacts>,
    compiler: Compiler,
    breaker: BreakerSettings,
    tripped: Arc<Notify>,
    rpc_methods: BTreeSet<String>,
    epochs: Arc<EpochThread>,
}

/// Compiled components: the last few in memory, all on disk.
struct Artifacts {
    recent: Recent,
    cache: Option<Cache>,
}

impl Engine {
    /// Sets the runtimes up.
    ///
    /// # Errors
    /// [`EngineError`] if a runtime, the cache directory or a thread cannot be had.
    pub fn new(config: EngineConfig) -> Result<Self, EngineError> {
        let runtime =
            |wasi| Runtime::new(&config, wasi).map_err(|error| EngineError::Runtime(error.to_string()));
        let (own, virtual_wasi) = (runtime(Wasi::Refused)?, runtime(Wasi::Virtual)?);
        let cache = config.cache_dir.as_deref().map(Cache::open).transpose()?;
        Ok(Self {
            inner: Arc::new(Inner {
                epochs: Arc::new(EpochThread::start(vec![own.wasm.clone(), virtual_wasi.wasm.clone()])?),
                compiler: Compiler::start()?,
                own: Arc::new(own),
                virtual_wasi: Arc::new(virtual_wasi),
                artifacts: Arc::new(Artifacts { recent: Recent::default(), cache }),
                breaker: config.breaker,
                tripped: Arc::default(),
                rpc_methods: config.rpc_methods,
            }),
        })
    }

    /// Reads what a component is without compiling or running any of it. Takes any bytes.
    ///
    /// # Errors
    /// [`LoadError::TooLarge`] and [`LoadError::Invalid`]; whether a valid component would be loaded is
    /// told by [`Inspection::check`].
    pub fn inspect(bytes: &[u8]) -> Result<Inspection, LoadError> {
        Inspection::of(bytes)
    }

    /// Loads a guest of `family` that gets no WASI, see [`Self::load_with`].
    ///
    /// # Errors
    /// [`LoadError`] says what the component lacks; nothing else has changed.
    pub async fn load(&self, family: Family, bytes: Vec<u8>) -> Result<Guest, LoadError> {
        self.load_with(LoadOptions { family: Some(family), wasi: Wasi::Refused }, bytes).await
    }

    /// Loads a guest from the bytes of a component: checks imports, exports and descriptor. What was
    /// loaded before is at hand at once; anything else is compiled on a thread of low priority, so that
    /// requests go on meanwhile.
    ///
    /// # Errors
    /// [`LoadError`] says what the component lacks; nothing else has changed.
    pub async fn load_with(&self, options: LoadOptions, bytes: Vec<u8>) -> Result<Guest, LoadError> {
        let limit = options.wasi.max_component_bytes();
        if bytes.len() > limit {
            return Err(LoadError::TooLarge { found: bytes.len(), limit });
        }
        let runtime = match options.wasi {
            Wasi::Refused => &self.inner.own,
            Wasi::Virtual => &self.inner.virtual_wasi,
        };
        let (component, sha256) = self.component(runtime, bytes).await?;
        let linking = Arc::clone(runtime);
        let abi = blocking(move || linking.linkers.bind(&component)).await??;
        let mut parts = GuestParts {
            wasm: runtime.wasm.clone(),
            wasi: runtime.wasi,
            abi,
            sha256,
            limits: runtime.limits,
            free_instances: Arc::clone(&runtime.free_instances),
            granted: Arc::new(BTreeSet::new()),
            _epochs: Arc::clone(&self.inner.epochs),
        };
        let descriptor = parts.describe(CallPorts::closed()).await.map_err(LoadError::Describe)?;
        if let Some(expected) = options.family
            && descriptor.family != expected
        {
            return Err(LoadError::WrongFamily { found: descriptor.family, expected });
        }
        for method in &descriptor.rpc_methods {
            if !self.inner.rpc_methods.contains(method) {
                return Err(LoadError::MethodNotPermitted(method.clone()));
            }
        }
        parts.granted = Arc::new(descriptor.rpc_methods.iter().cloned().collect());
        let health = Health::new(self.inner.breaker);
        Ok(Guest::new(parts, descriptor, health, Arc::clone(&self.inner.tripped)))
    }

    /// Waits until the breaker of some guest trips. Trips while nobody waits are told to the next who does.
    pub async fn tripped(&self) {
        self.inner.tripped.notified().await;
    }

    /// The compiled component and its digest.
    async fn component(
        &self,
        runtime: &Arc<Runtime>,
        bytes: Vec<u8>,
    ) -> Result<(Component, String), LoadError> {
        let (artifacts, of) = (Arc::clone(&self.inner.artifacts), Arc::clone(runtime));
        let (bytes, sha256, found) = blocking(move || {
            let sha256 = hex::encode(Sha256::digest(&bytes));
            let found = artifacts.find(&of, &sha256);
            (bytes, sha256, found)
        })
        .await?;
        if let Some(component) = found {
            return Ok((component, sha256));
        }
        let (artifacts, of) = (Arc::clone(&self.inner.artifacts), Arc::clone(runtime));
        let digest = sha256.clone();
        let component = self.inner.compiler.run(move || artifacts.compile(&of, &digest, &bytes)).await??;
        Ok((component, sha256))
    }
}

/// Runs what takes milliseconds of CPU or reads a file away from the requests' threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, LoadError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| LoadError::Interrupted)
}

impl Artifacts {
    fn find(&self, runtime: &Runtime, sha256: &str) -> Option<Component> {
        if let Some(component) = self.recent.get(runtime.wasi, sha256) {
            return Some(component);
        }
        let component = self.cache.as_ref()?.get(&runtime.wasm, runtime.wasi, sha256)?;
        self.recent.put(runtime.wasi, sha256, &component);
        Some(component)
    }

    fn compile(&self, runtime: &Runtime, sha256: &str, bytes: &[u8]) -> Result<Component, LoadError> {
        // The same component may have been compiled while this one waited for its turn.
        if let Some(component) = self.recent.get(runtime.wasi, sha256) {
            return Ok(component);
        }
        // Compilation takes long and what is refused needs none.
        Inspection::of(bytes)?.check(runtime.wasi)?;
        let component = Component::from_binary(&runtime.wasm, bytes)
            .map_err(|error| LoadError::Invalid(format!("{error:#}").chars().take(500).collect()))?;
        if let Some(cache) = &self.cache {
            cache.put(&component, runtime.wasi, sha256);
        }
        self.recent.put(runtime.wasi, sha256, &component);
        Ok(component)
    }
}
