//! Many cases on one guest, side by side.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use facilitator_engine::Guest;
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    case::{Case, Failure},
    files::{self, EXPECT},
    play::{LogLine, Played, replay},
};

/// How the cases are run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Cases at once, at least one.
    pub(crate) jobs: usize,
    /// Starts no other case after the first that fails.
    pub(crate) fail_fast: bool,
    /// Writes the guest's answer into the cases that expect another.
    pub(crate) update: bool,
}

/// What became of a case.
#[derive(Debug)]
pub(crate) enum Verdict {
    Passed,
    /// It expected something else, or nothing yet; now it expects what the guest answered.
    Updated(Failure),
    Failed(Failure),
    /// A case before it had failed.
    NotRun,
}

/// A case that was looked at.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) directory: PathBuf,
    pub(crate) verdict: Verdict,
    pub(crate) log: Vec<LogLine>,
    pub(crate) duration: Duration,
}

/// Runs the cases; `done` hears of each as it ends. The outcomes are in the order of the cases.
pub(crate) async fn run(
    guest: &Arc<Guest>,
    cases: Vec<PathBuf>,
    options: Options,
    mut done: impl FnMut(&Outcome),
) -> Vec<Outcome> {
    let cases: Arc<[PathBuf]> = cases.into();
    let stopped = Arc::new(AtomicBool::new(false));
    let next = Arc::new(AtomicUsize::new(0));
    let jobs = options.jobs.clamp(1, cases.len().max(1));
    let (sender, mut results) = mpsc::channel(jobs);
    let mut workers = JoinSet::new();
    for _ in 0..jobs {
        let (guest, cases, sender) = (Arc::clone(guest), Arc::clone(&cases), sender.clone());
        let (stopped, next) = (Arc::clone(&stopped), Arc::clone(&next));
        workers.spawn(async move {
            while !stopped.load(Ordering::Relaxed) {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(directory) = cases.get(index) else { break };
                let outcome = run_case(&guest, directory, options.update).await;
                if options.fail_fast && matches!(outcome.verdict, Verdict::Failed(_)) {
                    stopped.store(true, Ordering::Relaxed);
                }
                if sender.send((index, outcome)).await.is_err() {
                    break;
                }
            }
        });
    }
    drop(sender);
    let mut outcomes: Vec<Option<Outcome>> = Vec::new();
    outcomes.resize_with(cases.len(), || None);
    while let Some((index, outcome)) = results.recv().await {
        done(&outcome);
        if let Some(place) = outcomes.get_mut(index) {
            *place = Some(outcome);
        }
    }
    let missing = |directory: &PathBuf| Outcome {
        directory: directory.clone(),
        verdict: if stopped.load(Ordering::Relaxed) {
            Verdict::NotRun
        } else {
            Verdict::Failed(Failure::Ended("its run panicked".to_owned()))
        },
        log: Vec::new(),
        duration: Duration::ZERO,
    };
    outcomes
        .into_iter()
        .zip(cases.iter())
        .map(|(outcome, at)| outcome.unwrap_or_else(|| missing(at)))
        .collect()
}

async fn run_case(guest: &Guest, directory: &Path, update: bool) -> Outcome {
    let start = Instant::now();
    let (verdict, log) = judge(guest, directory, update).await;
    Outcome { directory: directory.to_owned(), verdict, log, duration: start.elapsed() }
}

async fn judge(guest: &Guest, directory: &Path, update: bool) -> (Verdict, Vec<LogLine>) {
    let case = match Case::read(directory) {
        Ok(case) => case,
        Err(broken) => return (Verdict::Failed(broken.into()), Vec::new()),
    };
    let Played { found, log } = replay(guest, &case).await;
    let found = match found {
        Ok(found) => found,
        Err(failure) => return (Verdict::Failed(failure), log),
    };
    let answer = found.answer.clone();
    let verdict = match case.compare(found) {
        Ok(()) => Verdict::Passed,
        Err(failure) if update && is_about_the_answer(&case, &failure) => {
            match files::replace(&directory.join(EXPECT.name), &answer.text()) {
                Ok(()) => Verdict::Updated(failure),
                Err(error) => Verdict::Failed(EXPECT.broken(format!("cannot be written: {error}")).into()),
            }
        }
        Err(failure) => Verdict::Failed(failure),
    };
    (verdict, log)
}

/// Whether the calls were the recorded ones, so that only `expect.json` is wrong, or not there yet.
fn is_about_the_answer(case: &Case, failure: &Failure) -> bool {
    match failure {
        Failure::Answer { .. } => true,
        Failure::Broken(broken) => case.expect.is_none() && broken.file == EXPECT.name,
        Failure::Calls(_) | Failure::Ended(_) => false,
    }
}
