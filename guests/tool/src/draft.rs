//! A directory that is there with all of its files, or as it was before.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use crate::Error;

/// A directory that is being filled. What was written goes away with it, unless it is kept.
pub(crate) struct Draft<'a> {
    directory: &'a Path,
    /// Whether the directory itself is ours; else it was there, and empty.
    made: bool,
    /// What was made directly in it.
    entries: BTreeSet<PathBuf>,
    kept: bool,
}

impl<'a> Draft<'a> {
    /// Makes the directory, or takes one that is empty.
    ///
    /// # Errors
    /// [`Error::NotEmpty`]; [`Error::File`], also where the directory above is missing.
    pub(crate) fn new(directory: &'a Path) -> Result<Self, Error> {
        let made = match fs::create_dir(directory) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let mut entries = fs::read_dir(directory).map_err(Error::file("read", directory))?;
                if entries.next().is_some() {
                    return Err(Error::NotEmpty(directory.to_path_buf()));
                }
                false
            }
            Err(error) => return Err(Error::file("create", directory)(error)),
        };
        Ok(Self { directory, made, entries: BTreeSet::new(), kept: false })
    }

    /// Writes a new file at a path in the directory.
    pub(crate) fn write(&mut self, path: &Path, text: &str) -> Result<(), Error> {
        let full = self.directory.join(path);
        if let Some(first) = path.components().next() {
            let entry = self.directory.join(first);
            // What is there and not ours came after the check: it is neither overwritten nor removed.
            if !self.entries.contains(&entry) && fs::symlink_metadata(&entry).is_ok() {
                return Err(Error::NotEmpty(self.directory.to_path_buf()));
            }
            self.entries.insert(entry);
        }
        if let Some(parent) = full.parent() {
            fs::create_dir_all(parent).map_err(Error::file("create", parent))?;
        }
        fs::write(&full, text).map_err(Error::file("write", &full))
    }

    /// The directory is complete.
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // Nobody is left to tell what cannot be removed; the error that led here is being told.
        for entry in &self.entries {
            let _ = if entry.is_dir() { fs::remove_dir_all(entry) } else { fs::remove_file(entry) };
        }
        if self.made {
            let _ = fs::remove_dir(self.directory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn what_is_not_kept_leaves_no_trace() {
        let parent = tempfile::tempdir().unwrap();
        let fresh = parent.path().join("fresh");
        let mut draft = Draft::new(&fresh).unwrap();
        draft.write(Path::new("a/b/c"), "text").unwrap();
        draft.write(Path::new("a/d"), "text").unwrap();
        draft.write(Path::new("e"), "text").unwrap();
        assert_eq!(names(&fresh).len(), 2);
        // A file cannot be below another.
        assert!(draft.write(Path::new("e/f"), "text").is_err());
        drop(draft);
        assert!(!fresh.exists());
    }

    #[test]
    fn a_directory_that_was_there_is_emptied_again_and_not_removed() {
        let parent = tempfile::tempdir().unwrap();
        let mut draft = Draft::new(parent.path()).unwrap();
        draft.write(Path::new("a"), "text").unwrap();
        fs::write(parent.path().join("of somebody else"), "").unwrap();
        assert!(matches!(draft.write(Path::new("of somebody else"), "text"), Err(Error::NotEmpty(_))));
        drop(draft);
        assert_eq!(names(parent.path()), ["of somebody else"]);
    }

    #[test]
    fn what_is_kept_stays() {
        let parent = tempfile::tempdir().unwrap();
        let mut draft = Draft::new(parent.path()).unwrap();
        draft.write(Path::new("a"), "text").unwrap();
        draft.keep();
        assert_eq!(names(parent.path()), ["a"]);
        assert!(matches!(Draft::new(parent.path()), Err(Error::NotEmpty(_))));
        assert!(Draft::new(&parent.path().join("missing/below")).is_err());
        assert!(Draft::new(&parent.path().join("a")).is_err(), "a file");
    }
}
