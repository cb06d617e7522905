//! The files of a case: read within bounds, written so that an interruption leaves the old content.
//!
//! A symbolic link is not followed: a case is the content of its directory, and whoever may write there
//! must not make the server read something else.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

/// What the host asks.
pub const REQUEST: CaseFile = CaseFile { name: "request.json", max_bytes: 1 << 20 };
/// The round trips. A guest may have 1 MiB of them; escapes make the text longer.
pub const RPC: CaseFile = CaseFile { name: "rpc.jsonl", max_bytes: 8 << 20 };
/// The time of the call.
pub const CLOCK: CaseFile = CaseFile { name: "clock", max_bytes: 64 };
/// The whole answer.
pub const EXPECT: CaseFile = CaseFile { name: "expect.json", max_bytes: 1 << 20 };

/// Every file of a case.
pub const ALL: [CaseFile; 4] = [REQUEST, RPC, CLOCK, EXPECT];

/// One of the files of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaseFile {
    /// Its name in the directory.
    pub name: &'static str,
    /// The largest that is read.
    pub max_bytes: u64,
}

/// A case that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {message}")]
pub struct Broken {
    /// File of the case.
    pub file: &'static str,
    /// What is wrong with it.
    pub message: String,
}

impl CaseFile {
    /// That this file says something that it must not.
    pub(crate) fn broken(self, message: impl ToString) -> Broken {
        Broken { file: self.name, message: message.to_string() }
    }

    /// Its text in `directory`.
    ///
    /// # Errors
    /// [`Broken`].
    pub(crate) fn read(self, directory: &Path) -> Result<String, Broken> {
        self.read_if_there(directory)?.ok_or_else(|| self.broken("no such file"))
    }

    /// Its text in `directory`; `None` when there is no such file.
    ///
    /// # Errors
    /// [`Broken`].
    pub(crate) fn read_if_there(self, directory: &Path) -> Result<Option<String>, Broken> {
        match read(&directory.join(self.name), self.max_bytes) {
            Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| self.broken("expected UTF-8 text")),
            Err(Unreadable::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(unreadable) => Err(self.broken(unreadable)),
        }
    }
}

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("a symbolic link, which is not followed")]
    Link,
    #[error("not a regular file")]
    NotAFile,
    #[error("has more than {limit} bytes, which are the most that are read")]
    TooLarge { limit: u64 },
}

/// The content of the regular file at `path`, of at most `max_bytes`.
pub(crate) fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, Unreadable> {
    // Before it is opened: opening a pipe waits for a writer.
    let kind = fs::symlink_metadata(path)?.file_type();
    if kind.is_symlink() {
        return Err(Unreadable::Link);
    }
    if !kind.is_file() {
        return Err(Unreadable::NotAFile);
    }
    read_named(path, max_bytes)
}

/// The content of whatever somebody named at `path`, of at most `max_bytes`: a link or a pipe too.
pub(crate) fn read_named(path: &Path, max_bytes: u64) -> Result<Vec<u8>, Unreadable> {
    let mut bytes = Vec::new();
    File::open(path)?.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    match u64::try_from(bytes.len()) {
        Ok(found) if found <= max_bytes => Ok(bytes),
        _ => Err(Unreadable::TooLarge { limit: max_bytes }),
    }
}

/// New content of a file, written beside it and not in its place yet.
pub(crate) struct Staged {
    file: NamedTempFile,
    target: PathBuf,
}

impl Staged {
    /// Writes `text` beside `target`.
    ///
    /// # Errors
    /// When it cannot be written; then nothing is left of it.
    pub(crate) fn write(target: &Path, text: &str) -> io::Result<Self> {
        let directory = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".new-");
        // As any other file is made; temporary ones would be readable by their owner only.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(directory)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        Ok(Self { file, target: target.to_owned() })
    }

    /// Puts it in its place, in one step.
    ///
    /// # Errors
    /// When it cannot be; the old content stays.
    pub(crate) fn commit(self) -> io::Result<()> {
        self.file.persist(&self.target).map(drop).map_err(|error| error.error)
    }
}

/// Replaces the content of `target` in one step.
pub(crate) fn replace(target: &Path, text: &str) -> io::Result<()> {
    Staged::write(target, text)?.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_regular_files_within_their_bound() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(CLOCK.name);
        let broken = || CLOCK.read(directory.path()).unwrap_err().to_string();
        assert_eq!(broken(), "clock: no such file");
        replace(&path, &"1".repeat(64)).unwrap();
        assert_eq!(CLOCK.read(directory.path()).unwrap().len(), 64);
        replace(&path, &"1".repeat(65)).unwrap();
        assert_eq!(broken(), "clock: has more than 64 bytes, which are the most that are read");
        fs::write(&path, b"\xff").unwrap();
        assert_eq!(broken(), "clock: expected UTF-8 text");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(broken(), "clock: not a regular file");
    }

    #[cfg(unix)]
    #[test]
    fn follows_no_link_and_writes_files_for_everybody() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let directory = tempfile::tempdir().unwrap();
        symlink("/etc/hostname", directory.path().join("clock")).unwrap();
        assert_eq!(
            CLOCK.read(directory.path()).unwrap_err().to_string(),
            "clock: a symbolic link, which is not followed"
        );
        let (ours, plain) = (directory.path().join("ours"), directory.path().join("plain"));
        replace(&ours, "x").unwrap();
        fs::write(&plain, "x").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3, "nothing temporary is left");
    }
}
