//! The files of a new guest crate, by their paths in it.

use std::path::{Path, PathBuf};

use facilitator_protocol::Family;

use crate::{Error, embedded, manifest::Repository, name::GuestName};

/// Where a new guest takes the SDK from.
#[derive(Clone, Debug)]
pub(crate) enum Sdk {
    /// From the binary: it is written beside the guest's own sources.
    Vendored,
    /// From a checkout of the facilitator, by absolute path.
    Checkout(PathBuf),
}

/// Directory of the crate that the vendored SDK lies in.
const VENDOR: &str = "vendor";

/// All files, in no order that means anything.
pub(crate) fn files(name: &GuestName, family: Family, sdk: &Sdk) -> Result<Vec<(PathBuf, String)>, Error> {
    let repository = Repository::read()?;
    let sdk_place = match sdk {
        Sdk::Vendored => VENDOR.to_owned(),
        Sdk::Checkout(path) => text(path)?.to_owned(),
    };
    let fill = |text: &str| {
        text.replace("{{name}}", name.as_str())
            .replace("{{family}}", family.as_str())
            .replace("{{sdk}}", &sdk_place)
    };
    let templates = ["common", family.as_str()].map(|part| format!("templates/{part}"));
    let mut files: Vec<(PathBuf, String)> = templates
        .iter()
        .flat_map(|part| embedded::below(part))
        // A file of that name in the templates would be one for this repository.
        .map(|(path, text)| (if path == "gitignore" { ".gitignore" } else { path }.into(), fill(text)))
        .collect();
    for file in ["clippy.toml", "rustfmt.toml", "Cargo.lock"] {
        files.push((file.into(), embedded::file(file).to_owned()));
    }
    files.push(("Cargo.toml".into(), repository.guest(name, family, &sdk_place)?));
    if matches!(sdk, Sdk::Vendored) {
        let vendor = Path::new(VENDOR);
        files.extend(embedded::below("sdk").map(|(path, text)| (vendor.join(path), text.to_owned())));
        files.push((vendor.join("Cargo.toml"), repository.sdk()?));
        files.push((vendor.join("LICENSE"), embedded::file("LICENSE").to_owned()));
    }
    Ok(files)
}

/// Manifests are UTF-8.
fn text(path: &Path) -> Result<&str, Error> {
    path.to_str().ok_or_else(|| Error::NoText(path.to_path_buf()))
}
