//! Makes a case, or renews one, from a live node.
//!
//! Nothing is written before the recording has been replayed strictly with the same answer. Then each
//! file is written beside its place, and all are moved there at the end: a recording that is interrupted
//! leaves the old case as it was. No part of the node's URL that may be a key is written anywhere.

mod node;
mod port;
mod url;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use facilitator_engine::Guest;

pub use node::NoAnswer;
pub use url::{NodeUrl, NotANodeUrl};

use crate::{
    answer::Answer,
    case::{Case, Failure, read_clock},
    files::{self, Broken, CLOCK, CaseFile, EXPECT, REQUEST, RPC, Staged},
    play::{LogLine, ask, replay},
};
use node::Node;
use port::RecordingPort;

/// Wall time of a guest call while a node is asked for real.
pub(crate) const WALL: Duration = Duration::from_secs(120);

/// What is to be recorded.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The case directory; made if it is not there.
    pub directory: PathBuf,
    /// The node.
    pub node: NodeUrl,
    /// File that becomes `request.json`; without one the directory has to hold it.
    pub request: Option<PathBuf>,
    /// Unix milliseconds; else those of the case, else now.
    pub now_ms: Option<u64>,
    /// Records a round trip without an answer as such, instead of giving up.
    pub accept_unavailable: bool,
}

/// A case that has been recorded.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Number of round trips.
    pub round_trips: usize,
    /// What the guest answered.
    pub answer: Answer,
    /// What it logged.
    pub log: Vec<LogLine>,
}

/// Why nothing was recorded. The case is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Nobody said what is to be asked.
    #[error("{}: no such file; {HOW_TO_ASK}", path.display())]
    NoRequest {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file that is to become `request.json` cannot be read.
    #[error("{}: {message}", path.display())]
    RequestFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        message: String,
    },
    /// A file of the case is broken.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The clock of this machine stands before 1970.
    #[error("this machine's clock stands before 1970; tell a time with --now")]
    Clock,
    /// The node did not answer.
    #[error("{host} did not answer (--accept-unavailable records it so)")]
    NoAnswer {
        /// Its host name.
        host: String,
        /// What was wrong.
        source: NoAnswer,
    },
    /// The guest came to no answer.
    #[error("{failure}")]
    Guest {
        /// Why.
        failure: Failure,
        /// What it logged.
        log: Vec<LogLine>,
    },
    /// The node told a part of its own URL.
    #[error("a part of the node's URL would stand in {file}: it may be a key, so nothing was recorded")]
    HoldsUrl {
        /// The file.
        file: &'static str,
    },
    /// The guest does not do the same twice.
    #[error("the recording does not pass: on the same round trips the guest did something else")]
    Replay(#[source] Failure),
    /// A file cannot be written.
    #[error("{}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

const HOW_TO_ASK: &str = r#"copy one in with --request FILE, or write what the host asks the guest, such as
  {
    "call": "verify",
    "phase": "verify",
    "x402Version": 2,
    "scheme": "exact",
    "network": "eip155:84532",
    "payload": { "x402Version": 2, "accepted": { … }, "payload": { … } },
    "requirements": { … },
    "settings": { … }
  }"#;

/// Asks the guest, and the node for it, and writes the case.
///
/// # Errors
/// [`RecordError`]; then nothing has been written.
pub async fn record(guest: &Guest, recording: Recording) -> Result<Recorded, RecordError> {
    let Recording { directory, node, request, now_ms, accept_unavailable } = recording;
    let request = request_text(&directory, request.as_deref())?;
    let clock = format!("{}\n", time(&directory, now_ms)?);
    let question = Case::from_texts(&request, "", &clock, None)?;

    let host = node.to_string();
    let no_answer = |source| RecordError::NoAnswer { host: host.clone(), source };
    let node = Node::new(node).map_err(no_answer)?;
    let port = Arc::new(RecordingPort::new(node, accept_unavailable));
    let (answer, log) = ask(guest, &question.ask, question.now_ms, port.clone()).await;
    let exchanges = port.recorded().map_err(no_answer)?;
    let log: Vec<LogLine> = log.into_iter().map(|(level, text)| (level, port.url().redact(&text))).collect();
    let answer = match answer {
        Ok(answer) => answer,
        Err(Failure::Broken(broken)) => return Err(broken.into()),
        Err(failure) => return Err(RecordError::Guest { failure, log }),
    };
    let mut rpc = String::new();
    for exchange in &exchanges {
        rpc += &exchange.to_line().map_err(|error| RPC.broken(error))?;
        rpc.push('\n');
    }
    let expect = answer.text();
    for (file, text) in [(RPC, &rpc), (EXPECT, &expect)] {
        if port.url().is_in(text) {
            return Err(RecordError::HoldsUrl { file: file.name });
        }
    }

    let case = Case::from_texts(&request, &rpc, &clock, Some(&expect))?;
    let proof = replay(guest, &case).await.found.and_then(|found| case.compare(found));
    proof.map_err(RecordError::Replay)?;
    write(&directory, &[(REQUEST, &request), (CLOCK, &clock), (RPC, &rpc), (EXPECT, &expect)])?;
    Ok(Recorded { round_trips: exchanges.len(), answer, log })
}

fn request_text(directory: &Path, file: Option<&Path>) -> Result<String, RecordError> {
    let Some(path) = file else {
        return REQUEST
            .read_if_there(directory)?
            .ok_or_else(|| RecordError::NoRequest { path: directory.join(REQUEST.name) });
    };
    let unreadable = |message: String| RecordError::RequestFile { path: path.to_owned(), message };
    let bytes = files::read_named(path, REQUEST.max_bytes).map_err(|error| unreadable(error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| unreadable("expected UTF-8 text".to_owned()))
}

fn time(directory: &Path, told: Option<u64>) -> Result<u64, RecordError> {
    if let Some(now_ms) = told {
        return Ok(now_ms);
    }
    if let Some(text) = CLOCK.read_if_there(directory)? {
        return Ok(read_clock(&text)?);
    }
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(|_| RecordError::Clock)?;
    u64::try_from(since.as_millis()).map_err(|_| RecordError::Clock)
}

/// Writes what has changed, all of it beside its place before anything is moved there.
fn write(directory: &Path, files: &[(CaseFile, &String)]) -> Result<(), RecordError> {
    let failed = |path: &Path, source| RecordError::Write { path: path.to_owned(), source };
    fs::create_dir_all(directory).map_err(|error| failed(directory, error))?;
    let mut staged = Vec::new();
    for (file, text) in files {
        let path = directory.join(file.name);
        let is_same = matches!(file.read_if_there(directory), Ok(Some(old)) if old == **text);
        if !is_same {
            let new = Staged::write(&path, text).map_err(|error| failed(&path, error))?;
            staged.push((path, new));
        }
    }
    for (path, new) in staged {
        new.commit().map_err(|error| failed(&path, error))?;
    }
    Ok(())
}
