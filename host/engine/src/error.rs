//! What can go wrong, told apart by what the caller can do about it.

use std::path::PathBuf;

use facilitator_protocol::Family;

/// The engine could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The WASM runtime refused its configuration.
    #[error("the WASM runtime could not be set up: {0}")]
    Runtime(String),
    /// The cache directory cannot be used.
    #[error("guest cache {path}: {message}")]
    Cache {
        /// Directory.
        path: PathBuf,
        /// Why not.
        message: String,
    },
    /// The thread that counts epochs or the one that compiles could not be started.
    #[error("a thread of the engine could not be started")]
    Thread(#[source] std::io::Error),
}

/// A component is not a guest that this host runs. The generation before it stays.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Larger than a guest may be.
    #[error("component has {found} bytes, at most {limit} are accepted")]
    TooLarge {
        /// Its size.
        found: usize,
        /// The bound.
        limit: usize,
    },
    /// Not a component, or not valid.
    #[error("not a valid component: {0}")]
    Invalid(String),
    /// It wants something that no guest gets.
    #[error("component imports {0}, which is not on the allow-list")]
    ForbiddenImport(String),
    /// It wants WASI, and has not been granted it.
    #[error(
        "component imports {0}: WASI is refused, unless the operator grants this guest `wasi = \"virtual\"`"
    )]
    WasiNotGranted(String),
    /// It does not export the scheme interface of a known ABI.
    #[error("component does not export {expected}: {detail}")]
    MissingExport {
        /// The interface.
        expected: &'static str,
        /// What the runtime says.
        detail: String,
    },
    /// It was built for a version of the ABI that this host does not speak.
    #[error("component is built for ABI version {found}, this host speaks {}", known.join(", "))]
    UnknownAbi {
        /// The version of the scheme interface that it exports.
        found: String,
        /// Every version that would do, newest first.
        known: Vec<&'static str>,
    },
    /// What it imports or exports has the right names and the wrong types.
    #[error("component does not fit {interface}: {detail}")]
    Mismatch {
        /// The scheme interface of its version.
        interface: &'static str,
        /// What the runtime says.
        detail: String,
    },
    /// Its description of itself is not acceptable.
    #[error("descriptor: {0}")]
    Descriptor(String),
    /// It serves another family than the one it is loaded for.
    #[error("guest is of family {found}, expected {expected}")]
    WrongFamily {
        /// What the descriptor says.
        found: Family,
        /// What was asked for.
        expected: Family,
    },
    /// It needs an RPC method that is not permitted.
    #[error("guest needs RPC method {0:?}, which is not permitted")]
    MethodNotPermitted(String),
    /// It failed while it described itself.
    #[error("describe failed: {0}")]
    Describe(#[source] CallError),
    /// Too many components wait for compilation; try again.
    #[error("{waiting} components wait for compilation already")]
    Busy {
        /// The bound of the queue.
        waiting: usize,
    },
    /// The task that loads or compiles it died.
    #[error("the task that loads the component ended early")]
    Interrupted,
}

/// Which bound a guest call ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exhausted {
    /// CPU time.
    #[error("CPU time")]
    Cpu,
    /// Wall time.
    #[error("wall time")]
    Wall,
    /// Linear memory or tables.
    #[error("memory")]
    Memory,
    /// Bytes copied in one host call.
    #[error("host call bytes")]
    HostCall,
    /// RPC calls or bytes.
    #[error("RPC")]
    Rpc,
    /// Stack depth.
    #[error("stack")]
    Stack,
}

/// A guest's own account of why it came to no verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuestFault {
    /// The chain could not be asked; try again.
    #[error("upstream: {0}")]
    Upstream(String),
    /// It does not serve this.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// Its own fault.
    #[error("internal: {0}")]
    Internal(String),
}

/// A guest call came to no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The guest said so itself.
    #[error("guest: {0}")]
    Guest(#[from] GuestFault),
    /// It used up a budget: its fault, the request is answered as our bug.
    #[error("guest used up its {0} budget")]
    Exhausted(Exhausted),
    /// It trapped.
    #[error("guest trapped: {0}")]
    Trap(String),
    /// It answered with something that the ABI forbids.
    #[error("guest answered out of contract: {0}")]
    BadAnswer(String),
    /// All instances were busy for the whole wall time.
    #[error("no free guest instance")]
    Busy,
}

impl CallError {
    /// Whether the guest itself is to blame. Wall time is not counted: it passes while a chain does not
    /// answer.
    #[must_use]
    pub const fn is_guests_fault(&self) -> bool {
        match self {
            Self::Trap(_) | Self::BadAnswer(_) => true,
            Self::Exhausted(exhausted) => !matches!(exhausted, Exhausted::Wall),
            Self::Guest(_) | Self::Busy => false,
        }
    }
}

impl From<Exhausted> for CallError {
    fn from(exhausted: Exhausted) -> Self {
        Self::Exhausted(exhausted)
    }
}
