//! Precompiled components on disk.
//!
//! Such an artifact is machine code that the process will run, so only files that this host wrote are
//! loaded: from a directory of mode 0700 that belongs to this user, under a name made of the guest's
//! sha256, the engine's settings and the guest's grant, with the artifact's own sha256 in front. A file
//! that does not check is compiled again and replaced.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::Write,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use wasmtime::component::Component;

use crate::{EngineError, Wasi};

const DIGEST_BYTES: usize = 32;

/// A private directory of compiled components.
pub(crate) struct Cache {
    dir: PathBuf,
}

impl Cache {
    /// Opens or makes the directory.
    pub(crate) fn open(dir: &Path) -> Result<Self, EngineError> {
        let refuse = |message: String| EngineError::Cache { path: dir.to_owned(), message };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|error| refuse(error.to_string()))?;
        let metadata = fs::symlink_metadata(dir).map_err(|error| refuse(error.to_string()))?;
        if !metadata.is_dir() {
            return Err(refuse("is not a directory".to_owned()));
        }
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(refuse(format!("mode is {mode:03o}; others must have no access (chmod 700)")));
        }
        // A file that we create belongs to us: compare owners without asking for our user id.
        let probe = dir.join(format!(".probe-{}", std::process::id()));
        let ours = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&probe)
            .and_then(|file| file.metadata())
            .map(|metadata| metadata.uid());
        let removed = fs::remove_file(&probe);
        let ours = ours.map_err(|error| refuse(error.to_string()))?;
        removed.map_err(|error| refuse(error.to_string()))?;
        if ours != metadata.uid() {
            return Err(refuse("belongs to another user".to_owned()));
        }
        Ok(Self { dir: dir.to_owned() })
    }

    fn path(&self, engine: &wasmtime::Engine, wasi: Wasi, wasm_sha256: &str) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let wasi = wasi.as_str();
        self.dir.join(format!("{wasm_sha256}-{:016x}-wasi-{wasi}.cwasm", hasher.finish()))
    }

    /// The component, if an intact artifact of this engine is there.
    pub(crate) fn get(&self, engine: &wasmtime::Engine, wasi: Wasi, wasm_sha256: &str) -> Option<Component> {
        let stored = fs::read(self.path(engine, wasi, wasm_sha256)).ok()?;
        let (digest, artifact) = stored.split_at_checked(DIGEST_BYTES)?;
        if digest[..] != Sha256::digest(artifact)[..] {
            tracing::warn!(event = "guest_cache_damaged", sha256 = wasm_sha256);
            return None;
        }
        #[expect(
            unsafe_code,
            reason = "the artifact was written by `put` into a directory that only we can write"
        )]
        // SAFETY: `deserialize` needs bytes that `Component::serialize` made. `open` has checked that no
        // other user can write here, and the digest that the file is whole; wasmtime checks its version
        // and settings itself.
        let component = unsafe { Component::deserialize(engine, artifact) };
        component.ok()
    }

    /// Stores the compiled component. A failure costs a compilation at the next start, nothing else.
    pub(crate) fn put(&self, component: &Component, wasi: Wasi, wasm_sha256: &str) {
        let stored = || -> Result<(), String> {
            let artifact = component.serialize().map_err(|error| error.to_string())?;
            let path = self.path(component.engine(), wasi, wasm_sha256);
            let temporary = path.with_extension(format!("tmp-{}", std::process::id()));
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&temporary)
                .map_err(|error| error.to_string())?;
            file.write_all(&Sha256::digest(&artifact)).map_err(|error| error.to_string())?;
            file.write_all(&artifact).map_err(|error| error.to_string())?;
            fs::rename(&temporary, &path).map_err(|error| error.to_string())
        };
        if let Err(error) = stored() {
            tracing::warn!(event = "guest_cache_write_failed", error);
        }
    }
}
