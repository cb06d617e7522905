//! A copy of the sources that cargo reads, without what was built or installed beside them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

/// What lies at the root and is read by a build. Members of the workspace lie below the directories.
const PARTS: [&str; 8] =
    ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "wit", "host", "guests", "tests", "xtask"];
/// What is made in a checkout, and the recordings that no build reads. Hidden files are left out too.
const LEFT_OUT: [&str; 6] = ["target", "node_modules", "data", "out", "cases", "corpus"];
/// Most that a copy may hold: the sources are a tenth of it, so more is something that does not belong.
const MAX_BYTES: u64 = 64 << 20;

/// Copies the workspace at `from` to `to`, which is made.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    let mut bytes_left = MAX_BYTES;
    let mut left: Vec<(PathBuf, PathBuf)> =
        PARTS.iter().map(|part| (from.join(part), to.join(part))).collect();
    while let Some((from, to)) = left.pop() {
        let context = || format!("cannot copy {}", from.display());
        let kind = fs::symlink_metadata(&from).with_context(context)?.file_type();
        if kind.is_dir() {
            fs::create_dir(&to).with_context(context)?;
            for entry in fs::read_dir(&from).with_context(context)? {
                let name = entry.with_context(context)?.file_name();
                if !is_left_out(&name.to_string_lossy()) {
                    left.push((from.join(&name), to.join(&name)));
                }
            }
        } else {
            ensure!(kind.is_file(), "{} is neither a file nor a directory", from.display());
            let copied = fs::copy(&from, &to).with_context(context)?;
            bytes_left = bytes_left.checked_sub(copied).with_context(|| {
                format!("more than {MAX_BYTES} bytes of sources; the last is {}", from.display())
            })?;
        }
    }
    Ok(())
}

fn is_left_out(name: &str) -> bool {
    name.starts_with('.') || LEFT_OUT.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_copied_and_builds_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("deeper/to"));
        for part in PARTS {
            if part.starts_with("Cargo") || part.ends_with(".toml") {
                fs::create_dir_all(&from).unwrap();
                fs::write(from.join(part), part).unwrap();
            } else {
                fs::create_dir_all(from.join(part).join("member/target/debug")).unwrap();
                fs::write(from.join(part).join("member/lib.rs"), part).unwrap();
            }
        }
        copy(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("wit/member/lib.rs")).unwrap(), "wit");
        assert_eq!(fs::read_to_string(to.join("Cargo.lock")).unwrap(), "Cargo.lock");
        assert!(!to.join("host/member/target").exists());
    }

    #[test]
    fn a_link_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let from = directory.path().join("from");
        fs::create_dir(&from).unwrap();
        for part in PARTS {
            std::os::unix::fs::symlink("/nowhere", from.join(part)).unwrap();
        }
        assert!(copy(&from, &directory.path().join("to")).is_err());
    }
}
