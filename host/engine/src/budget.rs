//! The bounds of one call, counted down, and the host state that carries them.

use std::{collections::BTreeSet, sync::Arc};

use wasmtime::ResourceLimiter;

use crate::{CallPorts, Exhausted, Limits, LogLevel};

/// Bytes that are charged for an RPC call beside its text, so that empty calls are not free.
const RPC_CALL_OVERHEAD_BYTES: usize = 64;

/// What a running instance can reach, and how much of it is left.
pub(crate) struct HostState {
    pub(crate) ports: CallPorts,
    /// Methods that the descriptor named and the operator permits.
    pub(crate) granted: Arc<BTreeSet<String>>,
    pub(crate) now_ms: u64,
    limits: Limits,
    cpu_epochs_left: u64,
    rpc_calls_left: u32,
    rpc_bytes_left: usize,
    log_bytes_left: usize,
}

impl HostState {
    pub(crate) fn new(ports: CallPorts, granted: Arc<BTreeSet<String>>, limits: Limits) -> Self {
        let now_ms = ports.clock.now_ms();
        Self {
            ports,
            granted,
            now_ms,
            limits,
            cpu_epochs_left: limits.cpu_epochs(),
            rpc_calls_left: limits.rpc_calls,
            rpc_bytes_left: limits.rpc_bytes,
            log_bytes_left: limits.log_bytes,
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
    pub(crate) fn log(&mut self, level: LogLevel, message: &str) {
        let mut end = message.len().min(self.log_bytes_left);
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        self.log_bytes_left -= end;
        match message.get(..end) {
            Some(text) if !text.is_empty() => self.ports.log.write(level, text),
            _ => {}
        }
    }
}

impl ResourceLimiter for HostState {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.limits.memory_bytes { Err(Exhausted::Memory.into()) } else { Ok(true) }
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.limits.table_elements { Err(Exhausted::Memory.into()) } else { Ok(true) }
    }
}
