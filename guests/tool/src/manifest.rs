//! The manifests of a new guest, made of the repository's own: what is built with other versions, lints or
//! profile is not what was tested here.

use std::{collections::BTreeSet, fmt::Write as _};

use facilitator_protocol::Family;
use toml::{Table, Value};

use crate::{Error, embedded, name::GuestName, project::PROFILE};

/// Crates that the SDK is made of, as members of a workspace.
const SDK_MEMBERS: [&str; 2] = ["guests/sdk", "host/protocol"];

/// The repository's manifest.
pub(crate) struct Repository(Table);

impl Repository {
    pub(crate) fn read() -> Result<Self, Error> {
        toml::from_str(embedded::file("Cargo.toml")).map(Self).map_err(|error| incomplete(&error.to_string()))
    }

    /// The manifest of a guest whose SDK lies in `sdk`, a path seen from it.
    pub(crate) fn guest(&self, name: &GuestName, family: Family, sdk: &str) -> Result<String, Error> {
        let path = |member: &str| quoted(&format!("{sdk}/{member}"));
        let (guest_sdk, protocol) = (path("guests/sdk"), path("host/protocol"));
        let mut text = format!(
            "[package]\nname = {}\ndescription = \"x402 payments on {family}, as a component for the facilitator\"\n\
             version = \"0.1.0\"\n",
            quoted(name.as_str())
        );
        for key in ["edition", "rust-version"] {
            push(&mut text, key, self.get(&["workspace", "package", key])?);
        }
        text += "publish = false\n\n\
                 # The component is made of the cdylib; the rlib is for tests.\n\
                 [lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n\n[dependencies]\n";
        let _ = writeln!(text, "guest-sdk = {{ path = {guest_sdk} }}");
        let _ = writeln!(text, "facilitator-protocol = {{ path = {protocol} }}");
        for dependency in dependencies(family) {
            push(&mut text, dependency, self.get(&["workspace", "dependencies", dependency])?);
        }
        text += "\n[dev-dependencies]\n";
        let _ = writeln!(text, "guest-sdk = {{ path = {guest_sdk}, features = [\"double\"] }}");
        text += "\n# A workspace of its own, wherever it lies.\n[workspace]\n";
        push(&mut text, "resolver", self.get(&["workspace", "resolver"])?);
        text += "exclude = [\"vendor\"]\n";
        for tool in ["rust", "clippy"] {
            self.section(&mut text, &format!("lints.{tool}"), &["workspace", "lints", tool])?;
        }
        text += "\n# What `facilitator guest build` builds with.";
        self.section(&mut text, &format!("profile.{PROFILE}"), &["profile", PROFILE])?;
        Ok(text)
    }

    /// The manifest of the workspace that the SDK's crates lie in.
    pub(crate) fn sdk(&self) -> Result<String, Error> {
        let members = SDK_MEMBERS.map(quoted).join(", ");
        let mut text = format!(
            "# The guest SDK, as it came with facilitator {}.\n[workspace]\nmembers = [{members}]\n",
            env!("CARGO_PKG_VERSION")
        );
        push(&mut text, "resolver", self.get(&["workspace", "resolver"])?);
        self.section(&mut text, "workspace.package", &["workspace", "package"])?;
        text += "\n[workspace.dependencies]\n";
        for dependency in sdk_dependencies()? {
            push(&mut text, &dependency, self.get(&["workspace", "dependencies", &dependency])?);
        }
        for tool in ["rust", "clippy"] {
            self.section(&mut text, &format!("workspace.lints.{tool}"), &["workspace", "lints", tool])?;
        }
        Ok(text)
    }

    fn section(&self, text: &mut String, title: &str, path: &[&str]) -> Result<(), Error> {
        let _ = writeln!(text, "\n[{title}]");
        let table = self.get(path)?.as_table().ok_or_else(|| incomplete(title))?;
        table.iter().for_each(|(key, value)| push(text, key, value));
        Ok(())
    }

    fn get(&self, path: &[&str]) -> Result<&Value, Error> {
        let (first, rest) = path.split_first().ok_or_else(|| incomplete("an empty path"))?;
        let found = rest.iter().try_fold(self.0.get(*first), |value, key| Some(value?.get(key)));
        found.flatten().ok_or_else(|| incomplete(&path.join(".")))
    }
}

/// What a guest of a family uses beside the SDK.
const fn dependencies(family: Family) -> [&'static str; 3] {
    match family {
        Family::Evm => ["alloy-primitives", "serde", "serde_json"],
        Family::Svm | Family::Near | Family::Stellar => ["base64", "serde", "serde_json"],
    }
}

/// What the SDK's crates take from their workspace.
fn sdk_dependencies() -> Result<BTreeSet<String>, Error> {
    let mut names = BTreeSet::new();
    for member in SDK_MEMBERS {
        let manifest: Table = toml::from_str(embedded::file(&format!("sdk/{member}/Cargo.toml")))
            .map_err(|error| incomplete(&error.to_string()))?;
        let targets = manifest.get("target").and_then(Value::as_table).into_iter();
        let targets = targets.flat_map(|targets| targets.values().filter_map(Value::as_table));
        for part in [&manifest].into_iter().chain(targets) {
            let tables = ["dependencies", "dev-dependencies"].into_iter().filter_map(|kind| part.get(kind));
            for (name, value) in tables.filter_map(Value::as_table).flatten() {
                if value.get("workspace").is_some() {
                    names.insert(name.clone());
                }
            }
        }
    }
    Ok(names)
}

fn push(text: &mut String, key: &str, value: &Value) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{key} = {value}");
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn incomplete(message: &str) -> Error {
    Error::Answer { program: "the manifest in this binary", message: message.to_owned() }
}
