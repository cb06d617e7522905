//! The guest crate that a command is about, as cargo sees it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{Error, compile};

/// Profile that guests are built with.
pub(crate) const PROFILE: &str = "guest";

/// A crate that can be built as a guest.
#[derive(Clone, Debug)]
pub struct Project {
    /// Name of the package.
    pub package: String,
    /// What cargo calls the module, `<name>.wasm`.
    pub module: String,
    /// Where its manifest is.
    pub directory: PathBuf,
    /// Where `Cargo.lock` is.
    pub workspace: PathBuf,
    /// Where cargo builds, unless it is told otherwise.
    pub target_directory: PathBuf,
    /// Crates outside of the workspace that this one takes by path.
    pub outside: Vec<PathBuf>,
}

/// What is read of `cargo metadata --no-deps`.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

#[derive(Deserialize)]
struct Dependency {
    #[serde(default)]
    path: Option<PathBuf>,
}

impl Package {
    /// Cargo names the file as rustc names the crate.
    fn module(&self) -> Option<String> {
        let target =
            self.targets.iter().find(|target| target.crate_types.iter().any(|kind| kind == "cdylib"));
        target.map(|target| format!("{}.wasm", target.name.replace('-', "_")))
    }

    fn directory(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }
}

impl Project {
    /// The crate in `path`, or the one that `path` lies in; a workspace without a package of its own will
    /// do if one of its members is a guest.
    ///
    /// # Errors
    /// [`Error`]; what cargo says of a manifest goes to stderr.
    pub fn find(path: &Path) -> Result<Self, Error> {
        let found = fs::canonicalize(path).map_err(Error::file("find", path))?;
        let directory = if found.is_dir() { found } else { found.parent().unwrap_or(&found).to_path_buf() };
        let no_crate = || Error::NoCrate(path.to_path_buf());
        let manifest =
            compile::answer(&directory, "cargo", &["locate-project", "--message-format", "plain"])?
                .ok_or_else(no_crate)?;
        let manifest = PathBuf::from(manifest.trim());
        let text = compile::answer(&directory, "cargo", &["metadata", "--no-deps", "--format-version", "1"])?
            .ok_or_else(no_crate)?;
        let metadata: Metadata = serde_json::from_str(&text)
            .map_err(|error| Error::Answer { program: "cargo metadata", message: error.to_string() })?;
        let package = choose(&metadata.packages, &manifest)?;
        let module = package.module().ok_or_else(|| Error::NoModule { package: package.name.clone() })?;
        check_profile(&metadata.workspace_root.join("Cargo.toml"))?;
        let outside = package.dependencies.iter().filter_map(|dependency| dependency.path.clone());
        Ok(Self {
            package: package.name.clone(),
            module,
            directory: package.directory().to_path_buf(),
            outside: outside.filter(|path| !path.starts_with(&metadata.workspace_root)).collect(),
            workspace: metadata.workspace_root,
            target_directory: metadata.target_directory,
        })
    }
}

fn choose<'a>(packages: &'a [Package], manifest: &Path) -> Result<&'a Package, Error> {
    if let Some(package) = packages.iter().find(|package| package.manifest_path == manifest) {
        return Ok(package);
    }
    let guests: Vec<&Package> = packages.iter().filter(|package| package.module().is_some()).collect();
    if let [only] = guests.as_slice() {
        return Ok(only);
    }
    Err(Error::Workspace {
        directory: manifest.parent().unwrap_or(manifest).to_path_buf(),
        members: guests.iter().map(|package| package.directory().to_path_buf()).collect(),
    })
}

/// Cargo would only say that there is no such profile.
fn check_profile(manifest: &Path) -> Result<(), Error> {
    let text = fs::read_to_string(manifest).map_err(Error::file("read", manifest))?;
    let table: toml::Table = toml::from_str(&text)
        .map_err(|error| Error::Answer { program: "Cargo.toml", message: error.to_string() })?;
    match table.get("profile").and_then(|profiles| profiles.get(PROFILE)) {
        Some(_) => Ok(()),
        None => Err(Error::NoProfile { manifest: manifest.to_path_buf() }),
    }
}
