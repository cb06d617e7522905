//! The operator's directory of components, held against `guests.lock`.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use facilitator_engine::{Guest, LoadError, Wasi};
use facilitator_protocol::Family;
use sha2::{Digest, Sha256};

use super::lock::{Lock, LockError, Pin};
use crate::config::{GuestsMode, GuestsSettings};

/// Most components of a directory.
const MAX_FILES: usize = 64;

/// A component that may be loaded.
pub(super) struct Candidate {
    /// Name of the file.
    pub(super) file: String,
    pub(super) bytes: Vec<u8>,
    /// Digest of `bytes`, hex.
    pub(super) sha256: String,
    pin: Option<Pin>,
}

/// Why a directory's guests are not used. Those in use stay.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// It cannot be read.
    #[error("guests directory {}: {source}", path.display())]
    Unreadable {
        /// Directory or file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// More components than a directory may hold.
    #[error("guests directory {}: more than {MAX_FILES} components", path.display())]
    TooMany {
        /// Directory.
        path: PathBuf,
    },
    /// The lock is not usable.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A file is not what it should be.
    #[error("{file}: {refusal}")]
    Refused {
        /// Its name.
        file: String,
        /// Why.
        refusal: Refusal,
    },
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Larger than a component may be.
    #[error("more than {limit} bytes")]
    TooLarge {
        /// The bound, which depends on what is granted.
        limit: usize,
    },
    /// Nobody has decided to run it.
    #[error("is not pinned in guests.lock; `facilitator guest pin` enters it")]
    Unpinned,
    /// It is not what was pinned.
    #[error("{what}: guests.lock says {pinned}, found {found}")]
    Mismatch {
        /// What differs.
        what: &'static str,
        /// The pin's.
        pinned: String,
        /// The file's.
        found: String,
    },
    /// It is pinned, and not there.
    #[error("is pinned in guests.lock, and not in the directory")]
    Missing,
    /// The engine does not take it.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It fails cases that ship beside it.
    #[error("self-test: {0}")]
    SelfTest(String),
}

/// Reads the directory. What is wrong is an error in production mode and a warning in dev mode.
pub(super) fn read(settings: &GuestsSettings, dir: &Path) -> Result<Vec<Candidate>, DirectoryError> {
    let lock_path = settings.lock.clone().unwrap_or_else(|| dir.join("guests.lock"));
    let lock = Lock::read(&lock_path)?;
    let names = component_names(dir)?;
    for pin in &lock.pins {
        if !names.contains(&pin.file) {
            refuse_or_warn(settings.mode, &pin.file, Refusal::Missing)?;
        }
    }
    names.into_iter().map(|file| candidate(settings.mode, dir, file, &lock)).collect()
}

/// Names of the components in the directory, in order.
fn component_names(dir: &Path) -> Result<Vec<String>, DirectoryError> {
    let unreadable = |source| DirectoryError::Unreadable { path: dir.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        // A name that is no UTF-8 cannot stand in the lock.
        let Some(name) = name.to_str().filter(|name| name.ends_with(".wasm") && !name.starts_with('.'))
        else {
            continue;
        };
        if names.len() == MAX_FILES {
            return Err(DirectoryError::TooMany { path: dir.to_owned() });
        }
        names.push(name.to_owned());
    }
    names.sort();
    Ok(names)
}

/// Reads one component. It is read once: what is hashed here is what is loaded.
fn candidate(mode: GuestsMode, dir: &Path, file: String, lock: &Lock) -> Result<Candidate, DirectoryError> {
    let pin = lock.pin_of(&file).cloned();
    let limit = granted(pin.as_ref()).max_component_bytes();
    let path = dir.join(&file);
    let bytes = match read_at_most(&path, limit) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err(DirectoryError::Refused { file, refusal: Refusal::TooLarge { limit } }),
        Err(source) => return Err(DirectoryError::Unreadable { path, source }),
    };
    let sha256 = hex::encode(Sha256::digest(&bytes));
    match &pin {
        None => refuse_or_warn(mode, &file, Refusal::Unpinned)?,
        Some(pin) => {
            equal("sha256", &pin.sha256, &sha256).or_else(|refusal| refuse_or_warn(mode, &file, refusal))?
        }
    }
    Ok(Candidate { file, bytes, sha256, pin })
}

/// The content of a file; none if it is larger, and then hardly anything of it is read.
fn read_at_most(path: &Path, limit: usize) -> std::io::Result<Option<Vec<u8>>> {
    let file = fs::File::open(path)?;
    let is_larger = |bytes: u64| usize::try_from(bytes).map_or(true, |bytes| bytes > limit);
    let expected = file.metadata()?.len();
    if is_larger(expected) {
        return Ok(None);
    }
    // It may grow while it is read.
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or_default());
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes).filter(|bytes| bytes.len() <= limit))
}

fn granted(pin: Option<&Pin>) -> Wasi {
    pin.map_or(Wasi::Refused, |pin| pin.wasi.into())
}

impl Candidate {
    /// What is granted of WASI: nothing without a pin that says so, in dev mode either.
    pub(super) fn wasi(&self) -> Wasi {
        granted(self.pin.as_ref())
    }

    /// The family that it has to be of, if that is pinned.
    pub(super) fn family(&self) -> Option<Family> {
        self.pin.as_ref().map(|pin| pin.family)
    }

    /// Holds what the loaded guest says of itself against the pin.
    pub(super) fn check_descriptor(&self, mode: GuestsMode, guest: &Guest) -> Result<(), DirectoryError> {
        let Some(pin) = &self.pin else { return Ok(()) };
        let descriptor = guest.descriptor();
        equal("name", &pin.name, &descriptor.name)
            .and_then(|()| equal("version", &pin.version, &descriptor.version))
            .and_then(|()| equal("abi", &pin.abi, &descriptor.abi))
            .or_else(|refusal| refuse_or_warn(mode, &self.file, refusal))
    }

    /// An error about this file.
    pub(super) fn refused(&self, refusal: impl Into<Refusal>) -> DirectoryError {
        DirectoryError::Refused { file: self.file.clone(), refusal: refusal.into() }
    }
}

fn equal(what: &'static str, pinned: &str, found: &str) -> Result<(), Refusal> {
    if pinned == found {
        return Ok(());
    }
    Err(Refusal::Mismatch { what, pinned: pinned.to_owned(), found: found.to_owned() })
}

fn refuse_or_warn(mode: GuestsMode, file: &str, refusal: Refusal) -> Result<(), DirectoryError> {
    match mode {
        GuestsMode::Production => Err(DirectoryError::Refused { file: file.to_owned(), refusal }),
        GuestsMode::Dev => {
            tracing::warn!(event = "guest_not_as_pinned", file, reason = %refusal);
            Ok(())
        }
    }
}
