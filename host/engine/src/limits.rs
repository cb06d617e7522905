//! What a guest may use, and how many may run.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

/// Bounds of one guest call.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// CPU time, counted in epochs of [`Limits::EPOCH`]; waiting for RPC does not count.
    pub cpu: Duration,
    /// Wall time including RPC waits and the wait for a free instance.
    pub wall: Duration,
    /// Linear memory, bytes.
    pub memory_bytes: usize,
    /// Elements of a table.
    pub table_elements: usize,
    /// Bytes that one host call may copy out of the guest.
    pub hostcall_bytes: usize,
    /// RPC requests, each member of a batch counted.
    pub rpc_calls: u32,
    /// Bytes of RPC parameters and answers.
    pub rpc_bytes: usize,
    /// Bytes of log text; what is over is dropped, not an error.
    pub log_bytes: usize,
}

impl Limits {
    /// Length of an epoch: the resolution of the CPU bound, and how long a guest may hold a thread.
    pub const EPOCH: Duration = Duration::from_millis(5);

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
    /// Private directory for precompiled components; none compiles at each start.
    pub cache_dir: Option<PathBuf>,
    /// RPC methods that guests may ask for at all.
    pub rpc_methods: BTreeSet<String>,
}

impl EngineConfig {
    /// Methods that read and cannot change anything, of all families.
    pub const READ_METHODS: &'static [&'static str] =
        &["eth_call", "eth_estimateGas", "eth_getBalance", "eth_getCode", "eth_getTransactionReceipt"];
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            concurrent_calls: 480,
            cache_dir: None,
            rpc_methods: Self::READ_METHODS.iter().map(|&method| method.to_owned()).collect(),
        }
    }
}
