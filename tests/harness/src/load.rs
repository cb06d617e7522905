//! A component file, loaded as the host loads it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use facilitator_engine::{Engine, EngineConfig, EngineError, Guest, Limits, LoadError, LoadOptions, Wasi};

use crate::files::{self, Unreadable};

/// Largest file that is read; the engine has a bound of its own.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// A guest that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// The file cannot be read.
    #[error("{}: {message}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        message: String,
    },
    /// It is no guest.
    #[error("{}", path.display())]
    Load {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: LoadError,
    },
    /// The runtime cannot be had.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// An engine with the bounds of production for as many calls at once; `wall` for its wall time, if another.
///
/// # Errors
/// [`ComponentError::Engine`].
pub fn engine(concurrent_calls: u32, wall: Option<Duration>) -> Result<Engine, ComponentError> {
    let defaults = Limits::default();
    let limits = Limits { wall: wall.unwrap_or(defaults.wall), ..defaults };
    Ok(Engine::new(EngineConfig { concurrent_calls, limits, ..EngineConfig::default() })?)
}

/// Loads the component at `path`; its family is the one that it says of itself.
///
/// # Errors
/// [`ComponentError`] names the file.
pub async fn load(engine: &Engine, path: &Path, wasi: Wasi) -> Result<Guest, ComponentError> {
    let unreadable =
        |error: Unreadable| ComponentError::Unreadable { path: path.to_owned(), message: error.to_string() };
    let bytes = files::read_named(path, MAX_FILE_BYTES).map_err(unreadable)?;
    let refused = |source| ComponentError::Load { path: path.to_owned(), source };
    engine.load_with(LoadOptions { family: None, wasi }, bytes).await.map_err(refused)
}
