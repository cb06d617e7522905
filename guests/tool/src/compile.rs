//! From a crate to a core module, by cargo: the same sources give the same bytes, whatever directory they,
//! the build or cargo's own files lie in.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    Error,
    paths::{Mapping, cargo_home},
    project::PROFILE,
};

/// Target of guests: no WASI, so that a module imports our own interfaces only.
pub const TARGET: &str = "wasm32-unknown-unknown";
/// An eighth of the linker's default. The stack lies below data and heap, so that all of what a call
/// touches is close together, within what the host keeps resident between calls.
const STACK_BYTES: u32 = 128 << 10;

/// One run of cargo.
#[derive(Clone, Debug)]
pub struct Compilation {
    /// Where `Cargo.lock` is.
    pub workspace: PathBuf,
    /// What is built.
    pub packages: Vec<String>,
    /// Where to.
    pub target_directory: PathBuf,
    /// Crates outside of the workspace that are taken by path.
    pub outside: Vec<PathBuf>,
    /// Where cargo keeps what it fetched, if not in its usual place.
    pub cargo_home: Option<PathBuf>,
    /// Fails where `Cargo.lock` would have to change.
    pub locked: bool,
    /// Fails where something would have to be fetched.
    pub offline: bool,
}

impl Compilation {
    /// Builds the modules; cargo's output goes to stderr. Gives the directory that they are in.
    ///
    /// # Errors
    /// [`Error::MissingTarget`] says what to run; [`Error::Build`] when cargo has said what is wrong.
    pub fn run(&self) -> Result<PathBuf, Error> {
        check_target(&self.workspace)?;
        let mapping = self.mapping()?;
        self.cargo(&mapping)?;
        // The first crate that was ever taken from a registry made a directory that was not mapped.
        let after = self.mapping()?;
        if after != mapping {
            self.cargo(&after)?;
        }
        Ok(self.target_directory.join(TARGET).join(PROFILE))
    }

    fn mapping(&self) -> Result<Mapping, Error> {
        let cargo_home = match &self.cargo_home {
            Some(home) => home.clone(),
            None => cargo_home(&self.workspace)?,
        };
        Mapping::of(&self.workspace, &cargo_home, &self.outside)
    }

    fn cargo(&self, mapping: &Mapping) -> Result<(), Error> {
        let flags: Vec<String> =
            mapping.flags().chain([format!("-Clink-arg=-zstack-size={STACK_BYTES}")]).collect();
        let mut cargo = command(&self.workspace, "cargo");
        cargo
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
            .env("CARGO_INCREMENTAL", "0")
            .args(["build", "--lib", "--profile", PROFILE, "--target", TARGET, "--target-dir"])
            .arg(&self.target_directory)
            .args(self.packages.iter().flat_map(|package| ["--package", package]));
        for (name, _) in env::vars_os().filter(|(name, _)| sets_our_profile(name)) {
            cargo.env_remove(name);
        }
        if let Some(home) = &self.cargo_home {
            cargo.env("CARGO_HOME", home);
        }
        for (wanted, flag) in [(self.locked, "--locked"), (self.offline, "--offline")] {
            if wanted {
                cargo.arg(flag);
            }
        }
        let status =
            cargo.status().map_err(|source| Error::Program { program: "cargo".to_owned(), source })?;
        if status.success() { Ok(()) } else { Err(Error::Build) }
    }
}

/// The manifest alone says how a guest is built: the environment would not be there the next time.
fn sets_our_profile(name: &OsString) -> bool {
    name.to_string_lossy().starts_with("CARGO_PROFILE_GUEST_")
}

fn check_target(directory: &Path) -> Result<(), Error> {
    let libraries = answer(directory, "rustc", &["--print", "target-libdir", "--target", TARGET])?;
    match libraries {
        Some(libraries) if Path::new(libraries.trim()).is_dir() => Ok(()),
        _ => Err(Error::MissingTarget { target: TARGET }),
    }
}

/// `cargo` or `rustc`, in the directory whose toolchain counts.
fn command(directory: &Path, program: &str) -> Command {
    let chosen = env::var_os(program.to_ascii_uppercase()).filter(|chosen| !chosen.is_empty());
    let mut command = Command::new(chosen.unwrap_or_else(|| program.into()));
    command.current_dir(directory);
    command
}

/// What a program prints, or nothing if it fails; it says why on stderr.
pub(crate) fn answer(directory: &Path, program: &str, arguments: &[&str]) -> Result<Option<String>, Error> {
    let output = command(directory, program)
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| Error::Program { program: program.to_owned(), source })?;
    Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// As [`answer`], of a program that does not fail.
pub(crate) fn ask(directory: &Path, program: &'static str, arguments: &[&str]) -> Result<String, Error> {
    answer(directory, program, arguments)?
        .ok_or_else(|| Error::Answer { program, message: format!("it failed at {}", arguments.join(" ")) })
}
