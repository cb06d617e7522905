//! The cases that come with a guest, run on it before it is let in. Prints nothing, and ends in time.

use std::path::{Path, PathBuf};

use facilitator_engine::Guest;
use tokio::time::{Instant, timeout_at};

use crate::{
    case::{Case, Failure},
    find::{self, Bounds, FindError},
    play::{Played, replay},
    report::{failure_lines, printable},
};

/// Most failing cases that are told.
const MAX_TOLD: usize = 20;
/// Longest reason that is told of each.
const MAX_REASON_CHARACTERS: usize = 1_000;

/// What a self-test found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelfTest {
    /// Cases that pass.
    pub passed: usize,
    /// Cases that do not, or cannot be read.
    pub failed: usize,
    /// The first of those, in the order of their names.
    pub failures: Vec<FailedCase>,
}

/// A case that does not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedCase {
    /// Its directory below that of the cases.
    pub name: String,
    /// What was expected and found, over several lines; harmless to print.
    pub reason: String,
}

impl SelfTest {
    /// Whether every case passes.
    #[must_use]
    pub const fn is_passed(&self) -> bool {
        self.failed == 0
    }
}

/// A self-test that came to no result.
#[derive(Debug, thiserror::Error)]
pub enum SelfTestError {
    /// The cases cannot be found.
    #[error(transparent)]
    Find(#[from] FindError),
    /// The time was over.
    #[error("self-test: out of time after {done} of {cases} cases")]
    OutOfTime {
        /// Cases that had ended.
        done: usize,
        /// All of them.
        cases: usize,
    },
    /// The task that reads files died.
    #[error("self-test: the task that reads the cases ended early")]
    Interrupted,
}

/// Runs every case below `cases_dir` on `guest`, one after the other, so that requests hardly notice.
/// At most [`Bounds::SELF_TEST`] of them, each of bounded size.
///
/// # Errors
/// [`SelfTestError`]; a directory without a case is one. A case that fails or is broken is none: it is
/// counted in [`SelfTest::failed`].
pub async fn self_test(
    guest: &Guest,
    cases_dir: &Path,
    deadline: Instant,
) -> Result<SelfTest, SelfTestError> {
    let root = cases_dir.to_owned();
    let finding = off_the_path(move || find::cases(&[root], Bounds::SELF_TEST));
    let out_of_time = |done, cases| SelfTestError::OutOfTime { done, cases };
    let found = timeout_at(deadline, finding).await.map_err(|_| out_of_time(0, 0))?;
    let cases = found??;
    let total = cases.len();
    let mut result = SelfTest { passed: 0, failed: 0, failures: Vec::new() };
    for (done, directory) in cases.into_iter().enumerate() {
        let name = printable(&directory.strip_prefix(cases_dir).unwrap_or(&directory).to_string_lossy());
        // A case that never waits would end before anybody looked at the time.
        if Instant::now() >= deadline {
            return Err(out_of_time(done, total));
        }
        let judged = timeout_at(deadline, judge(guest, directory));
        match judged.await.map_err(|_| out_of_time(done, total))?? {
            Ok(()) => result.passed += 1,
            Err(failure) => {
                result.failed += 1;
                if result.failures.len() < MAX_TOLD {
                    result.failures.push(FailedCase { name, reason: reason(&failure) });
                }
            }
        }
    }
    Ok(result)
}

async fn judge(guest: &Guest, directory: PathBuf) -> Result<Result<(), Failure>, SelfTestError> {
    let case = match off_the_path(move || Case::read(&directory)).await? {
        Ok(case) => case,
        Err(broken) => return Ok(Err(broken.into())),
    };
    let Played { found, .. } = replay(guest, &case).await;
    Ok(found.and_then(|found| case.compare(found)))
}

/// Reads files on a thread that serves no requests.
async fn off_the_path<T: Send + 'static>(
    read: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SelfTestError> {
    tokio::task::spawn_blocking(read).await.map_err(|_| SelfTestError::Interrupted)
}

fn reason(failure: &Failure) -> String {
    failure_lines(failure).join("\n").chars().take(MAX_REASON_CHARACTERS).collect()
}
