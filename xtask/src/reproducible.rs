//! Shows that a guest's bytes follow from its sources alone.
//!
//! The guests are built twice: from copies of the tree in directories of different names and depths, into
//! different target directories, and with `CARGO_HOME` in different places. Whatever of that got into a
//! component would make the two differ.

use std::{
    env,
    fs::{self, File, TryLockError},
    io::{Write as _, stdout},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use guest_tool::build::Built;

use crate::{guests, tree};

/// Where the copies go, in the target directory; nothing of it stays.
const DIRECTORY: &str = "reproducible";
/// What of `CARGO_HOME` a build reads, and nothing that authenticates anybody.
const CARGO_FILES: [&str; 4] = ["registry", "git", "config.toml", "config"];

/// Builds twice, compares, and prints a table.
pub(crate) fn check() -> Result<()> {
    let target_directory = guests::target_directory()?;
    fs::create_dir_all(&target_directory)?;
    let lock = File::create(target_directory.join("reproducible.lock"))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => bail!("another check runs in {}", target_directory.display()),
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    let room = Room::new(target_directory.join(DIRECTORY))?;
    let first = build_copy(&room.0.join("a"), false)?;
    let second = build_copy(&room.0.join("second/in-a-deeper-directory"), true)?;
    compare(&first, &second)
}

/// A directory that is gone when the check is over, however it ends.
struct Room(PathBuf);

impl Room {
    fn new(path: PathBuf) -> Result<Self> {
        if path.exists() {
            fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // What cannot be removed now is removed before the next check.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn build_copy(directory: &Path, own_cargo_home: bool) -> Result<Vec<Built>> {
    let workspace = directory.join("tree");
    tree::copy(&guests::workspace()?, &workspace)?;
    let cargo_home = own_cargo_home.then(|| linked_cargo_home(&directory.join("cargo-home"))).transpose()?;
    let target_directory = directory.join("build");
    let built = guests::build_in(
        &workspace,
        &target_directory,
        cargo_home.as_deref(),
        &directory.join("components"),
    )?;
    // The largest part by far; the second build needs the room.
    fs::remove_dir_all(&target_directory)?;
    Ok(built)
}

/// The files of the real `CARGO_HOME` under another name, so that nothing is fetched again.
fn linked_cargo_home(at: &Path) -> Result<PathBuf> {
    let real = match env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => env::home_dir().context("neither CARGO_HOME nor a home directory")?.join(".cargo"),
    };
    fs::create_dir_all(at)?;
    for name in CARGO_FILES {
        let from = real.join(name);
        if from.exists() {
            symlink(&from, at.join(name))?;
        }
    }
    Ok(at.to_path_buf())
}

fn compare(first: &[Built], second: &[Built]) -> Result<()> {
    ensure!(first.len() == second.len(), "one build gave {} guests, the other {}", first.len(), second.len());
    let mut differing = Vec::new();
    let mut out = stdout();
    writeln!(out, "{:<10} {:>8}  {:<64}  second build", "guest", "bytes", "sha256")?;
    for (first, second) in first.iter().zip(second) {
        let same = (&first.name, &first.sha256) == (&second.name, &second.sha256);
        let verdict = if same { "the same" } else { &second.sha256 };
        writeln!(out, "{:<10} {:>8}  {}  {verdict}", first.name, first.bytes, first.sha256)?;
        if !same {
            differing.push(first.name.as_str());
        }
    }
    ensure!(differing.is_empty(), "not reproducible: {}", differing.join(", "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(name: &str, sha256: &str) -> Built {
        Built { name: name.to_owned(), bytes: 1, sha256: sha256.to_owned(), path: PathBuf::new() }
    }

    #[test]
    fn one_guest_that_differs_fails_the_check() {
        let first = [built("a", "1"), built("b", "2")];
        assert!(compare(&first, &first).is_ok());
        let error = compare(&first, &[built("a", "1"), built("b", "3")]).unwrap_err();
        assert_eq!(error.to_string(), "not reproducible: b");
        assert!(compare(&first, &first[..1]).is_err());
    }

    #[test]
    fn the_room_is_gone_afterwards() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("room");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("left from before"), "").unwrap();
        let room = Room::new(path.clone()).unwrap();
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
        drop(room);
        assert!(!path.exists());
    }
}
