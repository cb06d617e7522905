//! `guests.lock`: which components the operator has decided to run.
//!
//! ```toml
//! version = 1
//! [[guest]]
//! name = "evm"        # as its descriptor says
//! file = "evm.wasm"   # in the guests directory
//! family = "evm"
//! version = "0.1.0"
//! abi = "0.1.0"
//! sha256 = "…"
//! wasi = "virtual"    # only where it is granted
//! ```
//!
//! The file decides what code runs beside the keys: keep it where only the operator writes.

use std::{fs, io::Read as _, path::Path};

use facilitator_engine::{Guest, Wasi};
use facilitator_protocol::Family;
use serde::{Deserialize, Serialize};

/// Version of the format.
const FORMAT: u32 = 1;
/// Largest file, bytes, and most guests in it.
const MAX_BYTES: u64 = 256 << 10;
const MAX_PINS: usize = 64;

/// The file as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    version: u32,
    /// One entry per guest.
    #[serde(rename = "guest", default)]
    pub pins: Vec<Pin>,
}

impl Default for Lock {
    fn default() -> Self {
        Self { version: FORMAT, pins: Vec::new() }
    }
}

/// What one guest must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Name in its descriptor.
    pub name: String,
    /// File in the guests directory, without a path.
    pub file: String,
    /// Chain family.
    pub family: Family,
    /// Version in its descriptor, semver.
    pub version: String,
    /// WIT version in its descriptor.
    pub abi: String,
    /// Digest of the component, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// What it is granted of WASI.
    #[serde(default, skip_serializing_if = "Grant::is_none")]
    pub wasi: Grant,
}

/// A grant of WASI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grant {
    /// A component that imports WASI is refused.
    #[default]
    None,
    /// The virtual WASI, which gives nothing.
    Virtual,
}

impl Grant {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

impl From<Grant> for Wasi {
    fn from(grant: Grant) -> Self {
        match grant {
            Grant::None => Self::Refused,
            Grant::Virtual => Self::Virtual,
        }
    }
}

/// The lock file is not usable.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It cannot be read or written.
    #[error("guests.lock: {0}")]
    Io(#[from] std::io::Error),
    /// Larger than a lock file may be.
    #[error("guests.lock: more than {MAX_BYTES} bytes")]
    TooLarge,
    /// No TOML of the expected shape.
    #[error("guests.lock: {0}")]
    Malformed(String),
    /// An entry is not usable.
    #[error("guests.lock, guest {name:?}: {expected}")]
    Entry {
        /// Name in the entry.
        name: String,
        /// What was expected.
        expected: &'static str,
    },
}

impl Lock {
    /// Reads the file; one that is not there pins nothing.
    ///
    /// # Errors
    /// [`LockError`].
    pub fn read(path: &Path) -> Result<Self, LockError> {
        let file = match fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error.into()),
        };
        let mut text = String::new();
        if file.take(MAX_BYTES + 1).read_to_string(&mut text)? as u64 > MAX_BYTES {
            return Err(LockError::TooLarge);
        }
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, LockError> {
        let lock: Self = toml::from_str(text)
            .map_err(|error| LockError::Malformed(error.to_string().trim_end().to_owned()))?;
        if lock.version != FORMAT {
            let message = format!("version: expected {FORMAT}, found {}", lock.version);
            return Err(LockError::Malformed(message));
        }
        if lock.pins.len() > MAX_PINS {
            return Err(LockError::Malformed(format!("more than {MAX_PINS} guests")));
        }
        for (at, pin) in lock.pins.iter().enumerate() {
            pin.check()?;
            let earlier = lock.pins.iter().take(at);
            if earlier.into_iter().any(|other| other.name == pin.name || other.file == pin.file) {
                return Err(pin.entry("its name and its file stand in one entry only"));
            }
        }
        Ok(lock)
    }

    /// The pin of a file.
    #[must_use]
    pub fn pin_of(&self, file: &str) -> Option<&Pin> {
        self.pins.iter().find(|pin| pin.file == file)
    }

    /// Enters a guest in place of what has its name or its file, in the order of names.
    pub fn put(&mut self, pin: Pin) {
        self.pins.retain(|other| other.name != pin.name && other.file != pin.file);
        self.pins.push(pin);
        self.pins.sort_by(|a, b| a.name.cmp(&b.name));
    }

    /// Writes the file; whoever reads it sees the old one or the new one.
    ///
    /// # Errors
    /// [`LockError`]; the old file is still there then.
    pub fn write(&self, path: &Path) -> Result<(), LockError> {
        let text = toml::to_string(self).map_err(|error| LockError::Malformed(error.to_string()))?;
        Self::parse(&text)?;
        let temporary = path.with_extension("lock.new");
        fs::write(&temporary, text)?;
        Ok(fs::rename(&temporary, path)?)
    }
}

impl Pin {
    /// The pin of a loaded guest in a file.
    #[must_use]
    pub fn of(guest: &Guest, file: &str, wasi: Grant) -> Self {
        let descriptor = guest.descriptor();
        Self {
            name: descriptor.name.clone(),
            file: file.to_owned(),
            family: descriptor.family,
            version: descriptor.version.clone(),
            abi: descriptor.abi.clone(),
            sha256: guest.sha256().to_owned(),
            wasi,
        }
    }

    fn check(&self) -> Result<(), LockError> {
        let is_digest = self.sha256.len() == 64
            && self.sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_digest {
            return Err(self.entry("sha256: expected 64 lower-case hexadecimal digits"));
        }
        let is_plain = Path::new(&self.file).file_name().is_some_and(|name| name == self.file.as_str());
        if !is_plain || !self.file.ends_with(".wasm") {
            return Err(self.entry("file: expected a name such as evm.wasm, without a path"));
        }
        Ok(())
    }

    fn entry(&self, expected: &'static str) -> LockError {
        LockError::Entry { name: self.name.chars().take(60).collect(), expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(name: &str) -> Pin {
        Pin {
            name: name.to_owned(),
            file: format!("{name}.wasm"),
            family: Family::Evm,
            version: "0.1.0".to_owned(),
            abi: "0.1.0".to_owned(),
            sha256: "ab".repeat(32),
            wasi: Grant::None,
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("guests.lock");
        assert_eq!(Lock::read(&path).unwrap(), Lock::default(), "no file pins nothing");
        let mut lock = Lock::default();
        lock.put(pin("b"));
        lock.put(Pin { wasi: Grant::Virtual, ..pin("a") });
        lock.put(Pin { version: "0.2.0".to_owned(), ..pin("b") });
        lock.write(&path).unwrap();
        assert_eq!(Lock::read(&path).unwrap(), lock);
        assert_eq!(lock.pins.iter().map(|pin| pin.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches("wasi").count(), 1, "only where it is granted: {text}");
    }

    #[test]
    fn an_entry_that_is_not_whole_is_refused_by_name() {
        let good = toml::to_string(&Lock { version: 1, pins: vec![pin("evm")] }).unwrap();
        assert!(Lock::parse(&good).is_ok());
        for (from, to, expected) in [
            ("version = 1\n", "version = 2\n", "expected 1, found 2"),
            ("abab", "ABab", "64 lower-case"),
            ("evm.wasm", "../evm.wasm", "without a path"),
            ("evm.wasm", "evm.so", "without a path"),
            ("family = \"evm\"", "family = \"btc\"", "line"),
            ("abi = ", "abbi = ", "unknown field"),
        ] {
            let error = Lock::parse(&good.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(expected), "{to}: {error}");
        }
        let twice = toml::to_string(&Lock { version: 1, pins: vec![pin("evm"), pin("evm")] }).unwrap();
        assert!(Lock::parse(&twice).unwrap_err().to_string().contains("one entry only"));
    }

    #[test]
    fn a_huge_file_is_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("guests.lock");
        fs::write(&path, vec![b'#'; (256 << 10) + 1]).unwrap();
        assert!(matches!(Lock::read(&path), Err(LockError::TooLarge)));
    }
}
