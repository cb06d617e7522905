//! Runs a guest on recorded cases: the same guest behind another host.
//!
//! A case is a directory `tests/cases/<family>/<rule>` of four files:
//!
//! | file | content |
//! |---|---|
//! | `request.json` | what the host asks: `call`, and what that call takes |
//! | `rpc.jsonl` | the round trips that the guest makes, in order, one a line |
//! | `clock` | the time of the call, Unix milliseconds |
//! | `expect.json` | the whole answer |
//!
//! Replay is strict: an RPC call that was not recorded fails, and so does a recorded one that was not
//! made. Each case runs twice, natively with the SDK's double and as a component in the engine, and
//! both have to give the same answer. No server and no network take part.

pub mod answer;
pub mod case;
pub mod component;
pub mod native;

use std::path::{Path, PathBuf};

use crate::{case::Case, component::Components};

/// Why a case fails.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The case itself cannot be read.
    #[error("{file}: {message}")]
    Case {
        /// File of the case.
        file: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The guest cannot be loaded.
    #[error("guest: {0}")]
    Guest(String),
    /// The guest trapped or ran into a bound.
    #[error("the guest ended without an answer: {0}")]
    Ended(String),
    /// The guest did something else than the case says.
    #[error("as {how}: {what}")]
    Differs {
        /// Natively or as a component.
        how: &'static str,
        /// Expected against found.
        what: String,
    },
}

/// Runs the case in `directory` natively and as a component.
///
/// # Errors
/// [`Failure`] tells expected and found.
pub async fn check(components: &Components, directory: &Path) -> Result<(), Failure> {
    let case = Case::read(directory)?;
    let native = native::run(&case)?;
    case.compare("native code", native)?;
    let component = components.run(&case).await?;
    case.compare("component", component)
}

/// Where the families' cases are.
#[must_use]
pub fn cases_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases")
}

/// Every case directory of a family, in the order of names.
///
/// # Errors
/// When a directory cannot be read, or none is there.
pub fn cases_of(family: facilitator_protocol::Family) -> Result<Vec<PathBuf>, std::io::Error> {
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(cases_root().join(family.as_str()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            cases.push(entry.path());
        }
    }
    if cases.is_empty() {
        return Err(std::io::Error::other(format!("no cases of family {family}")));
    }
    cases.sort();
    Ok(cases)
}
