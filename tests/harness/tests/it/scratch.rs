//! A directory of cases for one test, and the command run on it.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use facilitator_protocol::Family;
use tempfile::TempDir;

use crate::repository::{cases_root, component};

/// Copies of the EVM guest's cases.
pub(crate) struct Scratch {
    directory: TempDir,
}

/// How the command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The content of every file below a directory.
pub(crate) type Tree = BTreeMap<PathBuf, Vec<u8>>;

impl Scratch {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(below)
    }

    /// Copies the case `rule` to `to`.
    pub(crate) fn copy(&self, rule: &str, to: impl AsRef<Path>) -> PathBuf {
        let target = self.path(to);
        copy_case(&cases_root().join("evm").join(rule), &target);
        target
    }

    /// Replaces text in a file, which has to be there.
    pub(crate) fn edit(&self, file: impl AsRef<Path>, from: &str, to: &str) {
        let path = self.path(file);
        let old = fs::read_to_string(&path).unwrap();
        assert!(old.contains(from), "{}: {old}", path.display());
        fs::write(&path, old.replace(from, to)).unwrap();
    }

    pub(crate) fn write(&self, file: impl AsRef<Path>, text: &str) {
        fs::write(self.path(file), text).unwrap();
    }

    pub(crate) fn read(&self, file: impl AsRef<Path>) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    /// What is in the directory now.
    pub(crate) fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        let mut left = vec![self.directory.path().to_owned()];
        while let Some(directory) = left.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    left.push(path);
                } else {
                    tree.insert(path.clone(), fs::read(&path).unwrap());
                }
            }
        }
        tree
    }

    /// The command on the EVM guest, in the directory.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
        command.arg(component(Family::Evm)).args(arguments).current_dir(self.directory.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the command.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ended {
        run(&mut self.command(arguments))
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

impl Ended {
    /// The output without the time in its last line.
    pub(crate) fn told(&self) -> &str {
        assert!(self.err.is_empty(), "{}", self.err);
        self.out.rsplit_once(" (").unwrap_or_else(|| panic!("{self:?}")).0
    }
}

pub(crate) fn copy_case(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in ["request.json", "rpc.jsonl", "clock", "expect.json"] {
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
}
