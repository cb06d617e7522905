//! Finds case directories below the paths that somebody named.
//!
//! A directory that holds one of a case's files is a case, so that one which lacks a file is told and not
//! passed over. Symbolic links below a named path are not followed: the walk ends, and stays in its tree.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use crate::files;

/// How much is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Most cases.
    pub cases: usize,
    /// Most directories below each other.
    pub depth: usize,
    /// Most entries of directories, of cases or not.
    pub entries: usize,
}

impl Bounds {
    /// For somebody who waits for it.
    pub const COMMAND: Self = Self { cases: 10_000, depth: 8, entries: 200_000 };
    /// For a server that wants to go on.
    pub const SELF_TEST: Self = Self { cases: 1_000, depth: 4, entries: 20_000 };
}

/// Why cases cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// A directory cannot be listed.
    #[error("{}: {error}", path.display())]
    Unreadable {
        /// The directory.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// None is there.
    #[error("no case in {}: a case is a directory with request.json, rpc.jsonl, clock and expect.json", path.display())]
    None {
        /// Where.
        path: PathBuf,
    },
    /// Too many cases.
    #[error("more than {0} cases")]
    TooManyCases(usize),
    /// Too many entries.
    #[error("more than {0} files and directories, which are the most that are looked at")]
    TooManyEntries(usize),
    /// Too deep.
    #[error("{}: more than {limit} directories below the one that was named", path.display())]
    TooDeep {
        /// The directory.
        path: PathBuf,
        /// The bound.
        limit: usize,
    },
}

/// Every case at or below `roots`, each once, in the order of their paths.
///
/// # Errors
/// [`FindError`]; a root without a case is one.
pub fn cases(roots: &[PathBuf], bounds: Bounds) -> Result<Vec<PathBuf>, FindError> {
    let mut found = Found { bounds, entries: 0, seen: BTreeSet::new(), cases: BTreeSet::new() };
    for root in roots {
        let unreadable = |error| FindError::Unreadable { path: root.clone(), error };
        // A named path may be a link.
        let metadata = fs::metadata(root).map_err(unreadable)?;
        if !metadata.is_dir() {
            return Err(unreadable(io::ErrorKind::NotADirectory.into()));
        }
        if !found.visit(root)? {
            return Err(FindError::None { path: root.clone() });
        }
    }
    Ok(found.cases.into_iter().collect())
}

struct Found {
    bounds: Bounds,
    entries: usize,
    /// Canonical paths of the cases: roots may overlap.
    seen: BTreeSet<PathBuf>,
    /// As they were reached.
    cases: BTreeSet<PathBuf>,
}

impl Found {
    /// Walks the tree below `root`; whether there is any case, new or not.
    fn visit(&mut self, root: &Path) -> Result<bool, FindError> {
        let mut any = false;
        let mut left = vec![(root.to_owned(), 0_usize)];
        while let Some((directory, depth)) = left.pop() {
            let Listed { is_case, directories } = self.list(&directory)?;
            if is_case {
                any = true;
                self.add(directory)?;
                continue;
            }
            if depth >= self.bounds.depth && !directories.is_empty() {
                return Err(FindError::TooDeep { path: directory, limit: self.bounds.depth });
            }
            left.extend(directories.into_iter().map(|directory| (directory, depth + 1)));
        }
        Ok(any)
    }

    fn list(&mut self, directory: &Path) -> Result<Listed, FindError> {
        let unreadable = |error| FindError::Unreadable { path: directory.to_owned(), error };
        let mut listed = Listed { is_case: false, directories: Vec::new() };
        for entry in fs::read_dir(directory).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            self.entries += 1;
            if self.entries > self.bounds.entries {
                return Err(FindError::TooManyEntries(self.bounds.entries));
            }
            let (name, kind) = (entry.file_name(), entry.file_type().map_err(unreadable)?);
            if kind.is_dir() && !is_passed_over(&name.to_string_lossy()) {
                listed.directories.push(entry.path());
            } else if !kind.is_dir() && files::ALL.iter().any(|file| name == file.name) {
                listed.is_case = true;
            }
        }
        Ok(listed)
    }

    fn add(&mut self, directory: PathBuf) -> Result<(), FindError> {
        let canonical = fs::canonicalize(&directory)
            .map_err(|error| FindError::Unreadable { path: directory.clone(), error })?;
        if self.seen.insert(canonical) {
            if self.seen.len() > self.bounds.cases {
                return Err(FindError::TooManyCases(self.bounds.cases));
            }
            self.cases.insert(directory);
        }
        Ok(())
    }
}

struct Listed {
    is_case: bool,
    directories: Vec<PathBuf>,
}

/// What tools leave beside cases.
fn is_passed_over(name: &str) -> bool {
    name.starts_with('.') || name == "node_modules"
}
