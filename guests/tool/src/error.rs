//! Why a guest crate could not be written or built. Each message says what to do about it.

use std::{io, path::PathBuf};

/// What ends a command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or directory could not be read or written.
    #[error("cannot {what} {}: {source}", path.display())]
    File {
        /// `read`, `write`, …
        what: &'static str,
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A program that this one needs is not there.
    #[error("cannot run {program}: {source}; Rust is installed as https://rustup.rs tells")]
    Program {
        /// `cargo` or `rustc`.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// A program answered something else than it always does.
    #[error("{program} answered what cannot be read: {message}")]
    Answer {
        /// `cargo metadata`, …
        program: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The Rust target of guests is missing; rustc itself only says that it cannot find `core`.
    #[error("the Rust target {target} is not installed: run `rustup target add {target}`")]
    MissingTarget {
        /// The target.
        target: &'static str,
    },
    /// Cargo finds no crate, and has said why.
    #[error("there is no crate that can be built in {}", .0.display())]
    NoCrate(PathBuf),
    /// The manifest is that of a workspace and of no guest.
    #[error("{} is a workspace; name the directory of one guest: {}", directory.display(), listed(members))]
    Workspace {
        /// Where the manifest lies.
        directory: PathBuf,
        /// Directories of its members that are guests.
        members: Vec<PathBuf>,
    },
    /// The crate gives no module.
    #[error("{package} is no guest: its Cargo.toml has to say [lib] crate-type = [\"cdylib\", \"rlib\"]")]
    NoModule {
        /// The package.
        package: String,
    },
    /// The workspace does not say how guests are built.
    #[error(
        "{} has no profile `guest`: add\n\n[profile.guest]\ninherits = \"release\"\nopt-level = 3\nlto = \"fat\"\n\
         codegen-units = 1\npanic = \"abort\"\nstrip = true\n", manifest.display()
    )]
    NoProfile {
        /// The manifest at the root.
        manifest: PathBuf,
    },
    /// A directory that is to become a crate holds something.
    #[error("{} is there and not empty", .0.display())]
    NotEmpty(PathBuf),
    /// A path that cannot stand in a manifest.
    #[error("{} is not UTF-8", .0.display())]
    NoText(PathBuf),
    /// A directory is no checkout of the facilitator.
    #[error("{} is no checkout of the facilitator: there is no {missing} in it", path.display())]
    NoCheckout {
        /// The directory.
        path: PathBuf,
        /// What it lacks.
        missing: &'static str,
    },
    /// Cargo could not build the crate, and has said why.
    #[error("the crate does not build")]
    Build,
    /// The module or component is none that a host would take.
    #[error(transparent)]
    Component(#[from] ComponentError),
}

/// Why a module is no guest.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// The encoder refused it.
    #[error("the module cannot be made a component: {0}")]
    Encode(String),
    /// It imports what guests may not import.
    #[error("the component imports {import}, and guests may import {allowed} only")]
    Import {
        /// The import.
        import: String,
        /// What is allowed.
        allowed: String,
    },
    /// It does not export what guests export.
    #[error("the component does not export {expected}: is `guest_sdk::export_scheme!` missing?")]
    Export {
        /// The export that is missing.
        expected: &'static str,
    },
}

impl Error {
    /// For `map_err`: `what` could not be done to `path`.
    pub(crate) fn file(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }
}

fn listed(members: &[PathBuf]) -> String {
    if members.is_empty() {
        return "it has none".to_owned();
    }
    members.iter().map(|member| member.display().to_string()).collect::<Vec<_>>().join(", ")
}
