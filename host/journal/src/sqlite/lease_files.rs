//! Files by which the operating system tells whether a process lives.
//!
//! Each lease has a file beside the journal, `<journal>.lease-<number>`, on which its process holds an
//! advisory lock. The lock goes with the process, however that ends, so whoever can get it knows that the
//! lease is over. A file that is not there says the same: a journal that was restored from a backup has none,
//! and the fence of the records protects them from a process whose file somebody deleted.
//!
//! Locks belong to an open file, not to a process: two journals in one process are two processes here.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{JournalError, Owner};

/// The files of one journal.
#[derive(Clone, Debug)]
pub(super) struct LeaseFiles {
    journal: Arc<Path>,
}

/// A lease file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("lease file {}", path.display())]
pub(super) struct LeaseFileError {
    path: PathBuf,
    source: io::Error,
}

impl From<LeaseFileError> for JournalError {
    fn from(error: LeaseFileError) -> Self {
        Self::Storage(Arc::new(error))
    }
}

impl LeaseFiles {
    /// `journal` must be there: all its processes have to find the same files, by whatever name they opened it.
    pub(super) fn beside(journal: &Path) -> io::Result<Self> {
        Ok(Self { journal: journal.canonicalize()?.into() })
    }

    /// Creates and locks the file of a lease that nobody can see yet. The lock lasts as long as the value.
    pub(super) fn hold(&self, owner: Owner) -> Result<File, LeaseFileError> {
        let path = self.path(owner);
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let locked = options.open(&path).and_then(|file| {
            file.try_lock()?;
            Ok(file)
        });
        locked.map_err(|source| LeaseFileError { path, source })
    }

    /// Whether the process of a lease lives.
    ///
    /// Asks for a shared lock, so that several who ask at once do not take each other for the process.
    pub(super) fn is_held(&self, owner: Owner) -> Result<bool, LeaseFileError> {
        let path = self.path(owner);
        let held = match File::open(&path) {
            Ok(file) => match file.try_lock_shared() {
                Ok(()) => Ok(false),
                Err(TryLockError::WouldBlock) => Ok(true),
                Err(TryLockError::Error(error)) => Err(error),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        };
        held.map_err(|source| LeaseFileError { path, source })
    }

    /// Deletes the files of leases that have ended. One that cannot be deleted is only in the way.
    pub(super) fn remove(&self, ended: &[Owner]) {
        for owner in ended {
            let _ = std::fs::remove_file(self.path(*owner));
        }
    }

    fn path(&self, owner: Owner) -> PathBuf {
        let mut path = self.journal.as_os_str().to_owned();
        path.push(format!(".lease-{owner}"));
        path.into()
    }
}
