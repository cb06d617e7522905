//! Puts into the library what a new guest crate is made of: the templates, the sources of the SDK, and the
//! repository's own manifest and lock file, from which those of the new crate follow. Whoever has the
//! binary has all of it.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// Names under which files are found in the library, and where they are, seen from this crate.
const PARTS: [(&str, &str); 9] = [
    ("templates", "templates"),
    ("sdk/guests/sdk", "../sdk"),
    ("sdk/host/protocol", "../../host/protocol"),
    ("sdk/wit", "../../wit"),
    ("Cargo.toml", "../../Cargo.toml"),
    ("Cargo.lock", "../../Cargo.lock"),
    ("LICENSE", "../../LICENSE"),
    ("clippy.toml", "../../clippy.toml"),
    ("rustfmt.toml", "../../rustfmt.toml"),
];

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    let mut files = Vec::new();
    for (name, path) in PARTS {
        collect(name, &here.join(path), &mut files)?;
    }
    files.sort();
    let entries: String = files
        .iter()
        .map(|(name, path)| format!("    ({name:?}, include_str!({:?})),\n", path.display().to_string()))
        .collect();
    fs::write(out.join("embedded.rs"), format!("&[\n{entries}]\n"))
}

/// Every file at or below `path`, but for hidden ones and what a build left.
fn collect(name: &str, path: &Path, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", path.display());
    if !path.is_dir() {
        files.push((name.to_owned(), path.to_path_buf()));
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let file_name = entry.file_name().to_string_lossy().into_owned();
        if !file_name.starts_with('.') && file_name != "target" {
            collect(&format!("{name}/{file_name}"), &entry.path(), files)?;
        }
    }
    Ok(())
}
