//! A new guest crate where it is built once and found again by the next run.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use facilitator_engine::Wasi;
use facilitator_protocol::Family;
use guest_tool::{
    build::{self, Built},
    new,
};
use harness::SelfTest;
use tokio::time::{Duration, Instant};

/// Time for all cases of one guest.
const CASES_LIMIT: Duration = Duration::from_secs(120);

/// A guest crate. All of them lie in the same directory, one after the other, so that what they depend on
/// is built once: the directory is part of what cargo tells rustc.
pub(crate) struct NewGuest {
    pub(crate) directory: PathBuf,
    name: String,
    /// Held while the directory is this guest's.
    _turn: File,
}

impl NewGuest {
    pub(crate) fn write(family: Family) -> Self {
        let room = Path::new(env!("CARGO_TARGET_TMPDIR")).join("new-guests");
        fs::create_dir_all(&room).unwrap();
        let turn = File::create(room.join("lock")).unwrap();
        turn.lock().unwrap();
        let directory = room.join("guest");
        if directory.exists() {
            fs::remove_dir_all(&directory).unwrap();
        }
        let name = format!("my-{family}");
        let arguments =
            new::Arguments { name: name.parse().unwrap(), family, path: Some(directory.clone()), sdk: None };
        assert_eq!(new::create(&arguments).unwrap(), directory);
        Self { directory, name, _turn: turn }
    }

    /// `facilitator guest build`, from what the repository's own lock file has fetched already.
    pub(crate) fn build(&self) -> Built {
        let built = build::build(&build::Arguments {
            path: Some(self.directory.clone()),
            out: None,
            target_dir: Some(target_directory()),
            locked: false,
            offline: true,
        });
        let built = built.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(built.path, self.directory.join(format!("{}.wasm", self.name)));
        built
    }

    /// Runs cargo in the crate.
    pub(crate) fn cargo(&self, arguments: &[&str]) {
        let output = Command::new(env!("CARGO"))
            .args(arguments)
            .current_dir(&self.directory)
            .env("CARGO_TARGET_DIR", target_directory())
            .env("CARGO_NET_OFFLINE", "true")
            // As the dependencies of this repository are built; nobody debugs these.
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "cargo {arguments:?}\n{}", String::from_utf8_lossy(&text));
    }
}

/// The one that these tests are built in, where macros are found that are built already.
fn target_directory() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_path_buf()
}

/// Loads a component as the host does, and runs cases on it.
pub(crate) async fn self_test(component: &Path, cases: &Path) -> SelfTest {
    let engine = harness::engine(4, None).unwrap();
    let guest = harness::load(&engine, component, Wasi::Refused).await.unwrap();
    harness::self_test(&guest, cases, Instant::now() + CASES_LIMIT).await.unwrap()
}
