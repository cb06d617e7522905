//! The directories of a build are no part of a guest.
//!
//! Panic messages hold paths of sources, so the same sources would give other bytes in another directory or
//! for another user. rustc writes a fixed name in place of each directory that a build reads from.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::{Error, compile::ask};

/// Directories and what is written in their place, in the order in which rustc takes them: of two that
/// fit, the later wins, so the deeper ones come later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping(Vec<(PathBuf, String)>);

impl Mapping {
    /// What a build of `workspace` reads from now. Cargo makes the directory of a registry when it first
    /// takes a crate from it, so this can be another mapping after a build than before.
    pub(crate) fn of(workspace: &Path, cargo_home: &Path, outside: &[PathBuf]) -> Result<Self, Error> {
        let mut mapped = vec![
            (cargo_home.to_path_buf(), "/cargo".to_owned()),
            (workspace.to_path_buf(), "/source".to_owned()),
            standard_library(workspace)?,
        ];
        // A registry's directory is named by where its crates were fetched from, such as a mirror.
        if let Ok(registries) = fs::read_dir(cargo_home.join("registry").join("src")) {
            mapped.extend(registries.flatten().map(|registry| (registry.path(), "/crates".to_owned())));
        }
        mapped.extend(outside.iter().map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            (path.clone(), format!("/outside/{name}"))
        }));
        Ok(Self::ordered(mapped))
    }

    fn ordered(mut mapped: Vec<(PathBuf, String)>) -> Self {
        mapped.sort_by(|(a, _), (b, _)| (a.components().count(), a).cmp(&(b.components().count(), b)));
        Self(mapped)
    }

    /// For rustc.
    pub(crate) fn flags(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
    }
}

/// Where the toolchain has the sources of the standard library (component `rust-src`), rustc names these
/// instead of the place that they were built from: they get the name that they have without.
fn standard_library(directory: &Path) -> Result<(PathBuf, String), Error> {
    let sysroot = PathBuf::from(ask(directory, "rustc", &["--print", "sysroot"])?.trim());
    let version = ask(directory, "rustc", &["-vV"])?;
    let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: ")).unwrap_or("unknown");
    Ok((sysroot.join("lib/rustlib/src/rust"), format!("/rustc/{commit}")))
}

/// Where cargo, run in `directory`, keeps what it fetched.
pub(crate) fn cargo_home(directory: &Path) -> Result<PathBuf, Error> {
    match env::var_os("CARGO_HOME").filter(|home| !home.is_empty()) {
        Some(home) => Ok(directory.join(home)),
        None => env::home_dir().map(|home| home.join(".cargo")).ok_or_else(|| Error::Answer {
            program: "the environment",
            message: "neither CARGO_HOME nor a home directory".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deeper_directory_comes_later_and_wins() {
        let pairs = [("/a/b/workspace/.cargo", "/cargo"), ("/z", "/outside"), ("/a/b/workspace", "/source")];
        let mapping = Mapping::ordered(pairs.map(|(from, to)| (from.into(), to.to_owned())).into());
        let flags: Vec<String> = mapping.flags().collect();
        let flag = |from, to| format!("--remap-path-prefix={from}={to}");
        assert_eq!(
            flags,
            [
                flag("/z", "/outside"),
                flag("/a/b/workspace", "/source"),
                flag("/a/b/workspace/.cargo", "/cargo")
            ]
        );
    }
}
