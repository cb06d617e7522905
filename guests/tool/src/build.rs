//! `facilitator guest build`: a guest crate, made a component.

use std::{
    fs,
    io::{Write as _, stdout},
    path::{Path, PathBuf, absolute},
};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use crate::{Error, Project, compile::Compilation, component};

/// Build a guest crate as a component, and print its name, size, SHA-256 and path.
///
/// The same sources give the same bytes, in whatever directory they lie.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Directory of the guest crate [default: the current one]
    #[arg(value_name = "PATH")]
    pub path: Option<PathBuf>,
    /// Where the component goes [default: NAME.wasm in the directory of the crate]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Where cargo builds [default: as cargo says]
    #[arg(long, value_name = "DIR")]
    pub target_dir: Option<PathBuf>,
    /// Fail where Cargo.lock would have to change
    #[arg(long)]
    pub locked: bool,
    /// Fail where a crate would have to be fetched
    #[arg(long)]
    pub offline: bool,
}

/// A component on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// Name of the package.
    pub name: String,
    /// Size of the component.
    pub bytes: usize,
    /// Digest of the component, hex: what `guests.lock` pins.
    pub sha256: String,
    /// Where it is.
    pub path: PathBuf,
}

impl std::fmt::Display for Built {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, bytes, sha256, path } = self;
        write!(f, "{name:<10} {bytes:>8} bytes  sha256 {sha256}  {}", path.display())
    }
}

/// Builds a guest and prints one line on stdout: name, size, sha256 and path. Cargo's output goes to stderr.
///
/// # Errors
/// What went wrong, for people.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    writeln!(stdout(), "{}", build(arguments)?).context("cannot write to stdout")
}

/// As [`run`], without a word.
///
/// # Errors
/// [`Error`].
pub fn build(arguments: &Arguments) -> Result<Built, Error> {
    let project = Project::find(arguments.path.as_deref().unwrap_or(Path::new(".")))?;
    let modules = Compilation {
        workspace: project.workspace,
        packages: vec![project.package.clone()],
        target_directory: match &arguments.target_dir {
            Some(directory) => absolute(directory).map_err(Error::file("find", directory))?,
            None => project.target_directory,
        },
        outside: project.outside,
        cargo_home: None,
        locked: arguments.locked,
        offline: arguments.offline,
    }
    .run()?;
    let path =
        arguments.out.clone().unwrap_or_else(|| project.directory.join(format!("{}.wasm", project.package)));
    componentize(&project.package, &modules.join(&project.module), &path)
}

/// Makes the module in a file a component in another.
///
/// # Errors
/// [`Error`].
pub fn componentize(name: &str, module: &Path, path: &Path) -> Result<Built, Error> {
    let module = fs::read(module).map_err(Error::file("read", module))?;
    let component = component::encode(&module)?;
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(Error::file("create", directory))?;
    }
    replace(path, &component).map_err(Error::file("write", path))?;
    Ok(Built {
        name: name.to_owned(),
        bytes: component.len(),
        sha256: hex::encode(Sha256::digest(&component)),
        path: path.to_path_buf(),
    })
}

/// Whoever watches the file sees the old guest or the new one, never half of it.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let new = path.with_extension("wasm.new");
    fs::write(&new, bytes)?;
    fs::rename(&new, path)
}
