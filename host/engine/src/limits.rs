//! What a guest may use, and how many may run.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use crate::BreakerSettings;

/// Bounds of one guest call.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// CPU time, counted in epochs of [`Limits::EPOCH`]; waiting for RPC does not count.
    pub cpu: Duration,
    /// Wall time including RPC waits and the wait for a free instance.
    pub wall: Duration,
    /// Linear memory, bytes, of all memories together.
    pub memory_bytes: usize,
    /// Elements of all tables together.
    pub table_elements: usize,
    /// Core module instances, memories and tables of which the component may consist.
    pub core_instances: u32,
    /// See `core_instances`.
    pub memories: u32,
    /// See `core_instances`.
    pub tables: u32,
    /// Handles of component model resources at once.
    pub handles: usize,
    /// Bytes that one host call may copy out of the guest.
    pub hostcall_bytes: usize,
    /// RPC requests, each member of a batch counted.
    pub rpc_calls: u32,
    /// Bytes of RPC parameters and answers.
    pub rpc_bytes: usize,
    /// Bytes of log text, with a charge for each line; what is over is dropped, not an error.
    pub log_bytes: usize,
}

impl Limits {
    /// Length of an epoch: the resolution of the CPU bound, and how long a guest may hold a thread.
    pub const EPOCH: Duration = Duration::from_millis(5);

    /// Bounds of a call of a guest under virtual WASI, which carries an interpreter and a C library with
    /// it: more CPU time, memory and parts, and the same wall time, RPC and log volume.
    #[must_use]
    pub fn virtual_wasi() -> Self {
        Self {
            cpu: Duration::from_secs(1),
            memory_bytes: 128 << 20,
            table_elements: 200_000,
            core_instances: 64,
            memories: 8,
            tables: 32,
            ..Self::default()
        }
    }

    /// CPU bound in epochs. An epoch that ends while the guest waits for RPC counts once when it
    /// goes on, so each RPC call that is allowed adds one.
    pub(crate) fn cpu_epochs(&self) -> u64 {
        let epochs = self.cpu.as_millis().div_ceil(Self::EPOCH.as_millis());
        u64::try_from(epochs).unwrap_or(u64::MAX).saturating_add(u64::from(self.rpc_calls))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu: Duration::from_millis(100),
            wall: Duration::from_secs(12),
            memory_bytes: 16 << 20,
            table_elements: 10_000,
            // A component made by wit-component holds a main module and two small shims.
            core_instances: 8,
            memories: 1,
            tables: 4,
            handles: 1000,
            hostcall_bytes: 1 << 20,
            rpc_calls: 16,
            rpc_bytes: 1 << 20,
            log_bytes: 8 << 10,
        }
    }
}

/// How the engine is set up.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Bounds of each call.
    pub limits: Limits,
    /// Guest calls at once; more wait. Each reserves 4 GiB of address space, not of memory.
    pub concurrent_calls: u32,
    /// Bounds of each call of a guest under virtual WASI.
    pub wasi_limits: Limits,
    /// Calls at once of guests under virtual WASI; more wait. Each may take all of its memory bound.
    pub wasi_concurrent_calls: u32,
    /// Private directory for precompiled components; none compiles at each start.
    pub cache_dir: Option<PathBuf>,
    /// RPC methods that guests may ask for at all.
    pub rpc_methods: BTreeSet<String>,
    /// When a guest that faults is taken out of service.
    pub breaker: BreakerSettings,
}

impl EngineConfig {
    /// Methods that read and cannot change anything, of all families.
    pub const READ_METHODS: &'static [&'static str] = &[
        // EVM
        "eth_call",
        "eth_estimateGas",
        "eth_getBalance",
        "eth_getCode",
        "eth_getTransactionReceipt",
        // Solana; `getTransaction` and `simulateTransaction` are Stellar's too
        "getAccountInfo",
        "getLatestBlockhash",
        "getMultipleAccounts",
        "getSignatureStatuses",
        "getTransaction",
        "simulateTransaction",
        // NEAR
        "block",
        "gas_price",
        "query",
        "tx",
        // Stellar
        "getLatestLedger",
        "getLedgerEntries",
    ];
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            concurrent_calls: 480,
            wasi_limits: Limits::virtual_wasi(),
            wasi_concurrent_calls: 8,
            cache_dir: None,
            rpc_methods: Self::READ_METHODS.iter().map(|&method| method.to_owned()).collect(),
            breaker: BreakerSettings::default(),
        }
    }
}
