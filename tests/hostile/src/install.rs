//! Putting a guest into the running server as an operator does, and the shipped one back: the one place that
//! knows how.

use std::{fs, path::PathBuf};

use anyhow::Context;
use facilitator_protocol::Family;
use facilitator_server::{
    app::App,
    guests::{
        DirectoryError, Refusal, ReloadError, Trigger,
        lock::{Grant, Lock, Pin},
    },
};
use sha2::{Digest, Sha256};

/// The file that attacks are written to.
const FILE: &str = "evm.wasm";

/// A guest that serves now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Digest of the component, hex.
    pub sha256: String,
}

/// Loads guests for a server, from its guests directory.
///
/// The digest and the family of each are pinned, what it says of itself is not: in dev mode that is a
/// warning, so that a descriptor that lies meets the server's other checks.
pub struct Installer {
    directory: PathBuf,
}

impl Installer {
    /// An installer for a server in dev mode with this guests directory.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Has a component serve what it says it serves, of the EVM family.
    ///
    /// # Errors
    /// The server's own refusal; then the guest of before goes on.
    pub async fn install(&self, app: &App, bytes: Vec<u8>) -> anyhow::Result<Result<Installed, Refusal>> {
        let sha256 = hex::encode(Sha256::digest(&bytes));
        fs::write(self.directory.join(FILE), bytes).context("the component is written")?;
        self.load(app, sha256).await
    }

    /// The same with a file of so many zeros, which takes no memory here.
    ///
    /// # Errors
    /// The server's own refusal.
    pub async fn install_zeros(&self, app: &App, bytes: usize) -> anyhow::Result<Result<Installed, Refusal>> {
        let file = fs::File::create(self.directory.join(FILE)).context("the component is written")?;
        file.set_len(bytes as u64)?;
        self.load(app, "00".repeat(32)).await
    }

    async fn load(&self, app: &App, sha256: String) -> anyhow::Result<Result<Installed, Refusal>> {
        let mut lock = Lock::default();
        lock.put(Pin {
            name: "evm".to_owned(),
            file: FILE.to_owned(),
            family: Family::Evm,
            version: "0.1.0".to_owned(),
            abi: "0.1.0".to_owned(),
            sha256: sha256.clone(),
            wasi: Grant::None,
        });
        lock.write(&self.directory.join("guests.lock"))?;
        match app.guests.reload(Trigger::Admin, false).await {
            Ok(_) => Ok(Ok(Installed { sha256 })),
            Err(ReloadError::Directory(DirectoryError::Refused { refusal, .. })) => Ok(Err(refusal)),
            Err(other) => Err(other.into()),
        }
    }

    /// Has the shipped guests serve again.
    ///
    /// # Errors
    /// If the server does not take them back.
    pub async fn restore(&self, app: &App) -> anyhow::Result<()> {
        for file in [FILE, "guests.lock"] {
            let path = self.directory.join(file);
            if path.exists() {
                fs::remove_file(path)?;
            }
        }
        app.guests.reload(Trigger::Admin, false).await?;
        Ok(())
    }
}
