//! The bounds of one call, counted down, and the host state that carries them.

use std::{collections::BTreeSet, sync::Arc};

use wasmtime::ResourceLimiter;

use crate::{CallPorts, Exhausted, Limits, LogLevel, log::CallLog, wasi::WasiCall};

/// Bytes that are charged for an RPC call beside its text, so that empty calls are not free.
const RPC_CALL_OVERHEAD_BYTES: usize = 64;

/// What a running instance can reach, and how much of it is left.
pub(crate) struct HostState {
    pub(crate) ports: CallPorts,
    /// Methods that the descriptor named and the operator permits.
    pub(crate) granted: Arc<BTreeSet<String>>,
    pub(crate) now_ms: u64,
    pub(crate) log: CallLog,
    pub(crate) wasi: WasiCall,
    limits: Limits,
    cpu_epochs_left: u64,
    rpc_calls_left: u32,
    rpc_bytes_left: usize,
    memory_bytes: usize,
    table_elements: usize,
}

impl HostState {
    pub(crate) fn new(ports: CallPorts, granted: Arc<BTreeSet<String>>, limits: Limits) -> Self {
        let now_ms = ports.clock.now_ms();
        Self {
            log: CallLog::new(Arc::clone(&ports.log), limits.log_bytes),
            wasi: WasiCall::new(now_ms),
            ports,
            granted,
            now_ms,
            limits,
            cpu_epochs_left: limits.cpu_epochs(),
            rpc_calls_left: limits.rpc_calls,
            rpc_bytes_left: limits.rpc_bytes,
            memory_bytes: 0,
            table_elements: 0,
        }
    }

    /// Another epoch of CPU time has passed.
    pub(crate) fn charge_epoch(&mut self) -> Result<(), Exhausted> {
        self.cpu_epochs_left = self.cpu_epochs_left.checked_sub(1).ok_or(Exhausted::Cpu)?;
        Ok(())
    }

    /// One RPC request with `bytes` of parameters.
    pub(crate) fn charge_rpc_call(&mut self, bytes: usize) -> Result<(), Exhausted> {
        self.rpc_calls_left = self.rpc_calls_left.checked_sub(1).ok_or(Exhausted::Rpc)?;
        self.charge_rpc_bytes(bytes.saturating_add(RPC_CALL_OVERHEAD_BYTES))
    }

    /// `bytes` of an RPC answer.
    pub(crate) fn charge_rpc_bytes(&mut self, bytes: usize) -> Result<(), Exhausted> {
        self.rpc_bytes_left = self.rpc_bytes_left.checked_sub(bytes).ok_or(Exhausted::Rpc)?;
        Ok(())
    }

    /// Writes as much of `message` as the log budget still allows.
    pub(crate) fn log(&self, level: LogLevel, message: &str) {
        self.log.write(level, message);
    }
}

/// Adds a growth to what all memories, or all tables, have together.
fn grow(total: &mut usize, current: usize, desired: usize, limit: usize) -> wasmtime::Result<bool> {
    let grown = total.saturating_add(desired.saturating_sub(current));
    if grown > limit {
        return Err(Exhausted::Memory.into());
    }
    *total = grown;
    Ok(true)
}

fn number(bound: u32) -> usize {
    usize::try_from(bound).unwrap_or(usize::MAX)
}

impl ResourceLimiter for HostState {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        grow(&mut self.memory_bytes, current, desired, self.limits.memory_bytes)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        grow(&mut self.table_elements, current, desired, self.limits.table_elements)
    }

    fn instances(&self) -> usize {
        number(self.limits.core_instances)
    }

    fn memories(&self) -> usize {
        number(self.limits.memories)
    }

    fn tables(&self) -> usize {
        number(self.limits.tables)
    }
}
