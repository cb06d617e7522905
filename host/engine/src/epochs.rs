//! The thread that counts epochs, so that a guest that computes for ever is stopped.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use crate::{EngineError, Limits};

/// Runs until it is dropped; the engine and each guest hold it.
pub(crate) struct EpochThread {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl EpochThread {
    /// Counts the epochs of all `runtimes`.
    pub(crate) fn start(runtimes: Vec<wasmtime::Engine>) -> Result<Self, EngineError> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("guest-epochs".to_owned())
            .spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    std::thread::sleep(Limits::EPOCH);
                    for runtime in &runtimes {
                        runtime.increment_epoch();
                    }
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
