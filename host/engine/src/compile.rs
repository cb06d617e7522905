//! The threads that compile: one component at a time, its functions side by side, at a low priority, so that
//! requests get what processor they need meanwhile.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
};

use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::oneshot;

use crate::{EngineError, LoadError};

/// What is added to the nice value of the threads. On a machine at rest it changes nothing; where requests keep
/// all cores busy, a compilation gets about a tenth of them.
const NICENESS: i32 = 10;

/// Most threads of one compilation.
const MAX_THREADS: usize = 4;

/// Compilations that may wait for the one under way, each with its bytes in memory.
const MAX_WAITING: usize = 8;

type Job = Box<dyn FnOnce() + Send>;

/// The thread's queue. The thread ends after its current job once this is dropped; nobody waits for it.
pub(crate) struct Compiler {
    jobs: SyncSender<Job>,
}

impl Compiler {
    pub(crate) fn start() -> Result<Self, EngineError> {
        let (jobs, queue) = sync_channel(MAX_WAITING);
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|number| format!("guest-compile-{number}"))
            .start_handler(|_| lower_priority())
            .build()
            .map_err(|error| EngineError::Thread(std::io::Error::other(error)))?;
        std::thread::Builder::new()
            .name("guest-compile".to_owned())
            .spawn(move || work(&queue, &pool))
            .map_err(EngineError::Thread)?;
        Ok(Self { jobs })
    }

    /// Runs `work` when its turn has come. It is left out if the caller has gone away by then.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, LoadError> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(move || {
            if !reply.is_closed() {
                // The caller may go away meanwhile.
                drop(reply.send(work()));
            }
        });
        self.jobs.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => LoadError::Busy { waiting: MAX_WAITING },
            TrySendError::Disconnected(_) => LoadError::Interrupted,
        })?;
        answer.await.map_err(|_| LoadError::Interrupted)
    }
}

/// Of the calling thread: on Linux each has a priority of its own.
fn lower_priority() {
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::warn!(event = "compile_priority_unchanged", %error);
    }
}

fn work(queue: &Receiver<Job>, pool: &ThreadPool) {
    while let Ok(job) = queue.recv() {
        // The caller is told by its answer, which is gone; the next component gets its turn.
        if catch_unwind(AssertUnwindSafe(|| pool.install(job))).is_err() {
            tracing::error!(event = "compile_panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test]
    async fn a_panic_ends_one_job_only() {
        let compiler = Compiler::start().expect("a thread");
        let ended = compiler
            .run(|| {
                if true {
                    panic!("on purpose")
                }
            })
            .await;
        assert!(matches!(ended, Err(LoadError::Interrupted)), "{ended:?}");
        assert_eq!(compiler.run(|| 1).await.expect("an answer"), 1);
    }

    #[tokio::test]
    async fn the_queue_is_bounded_and_leaves_out_what_nobody_waits_for() {
        let compiler = Compiler::start().expect("a thread");
        let (started, on_thread) = channel();
        let (release, held) = channel::<()>();
        let (ran, count) = channel();
        let first = compiler.run(move || {
            started.send(()).expect("the test waits");
            held.recv().expect("the test lets go");
        });
        let others = (0..MAX_WAITING).map(|number| {
            let ran = ran.clone();
            compiler.run(move || ran.send(number).expect("the test counts"))
        });
        let mut first = Box::pin(first);
        let mut others: Vec<_> = others.map(Box::pin).collect();
        // A first poll queues a job.
        let queued = |pending: bool| assert!(pending, "it waits");
        queued(poll_once(&mut first).await.is_none());
        on_thread.recv().expect("the first job runs");
        for other in &mut others {
            queued(poll_once(other).await.is_none());
        }
        let refused = compiler.run(|| ()).await;
        assert!(matches!(refused, Err(LoadError::Busy { waiting: MAX_WAITING })), "{refused:?}");
        let last = others.pop().expect("the last");
        drop(others);
        release.send(()).expect("the first job waits");
        first.await.expect("the first ends");
        last.await.expect("the last runs");
        drop(ran);
        assert_eq!(count.try_iter().collect::<Vec<_>>(), [MAX_WAITING - 1]);
    }

    async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = std::future::ready(()) => None,
        }
    }

    #[tokio::test]
    async fn it_runs_below_the_priority_of_others() {
        let compiler = Compiler::start().expect("a thread");
        let own = rustix::process::getpriority_process(None).expect("a priority");
        let thread = compiler.run(|| rustix::process::getpriority_process(None)).await;
        let thread = thread.expect("an answer").expect("a priority");
        assert_eq!(thread, (own + NICENESS).min(19));
    }
}
