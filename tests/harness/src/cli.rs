//! The command line: `facilitator guest test`.

use std::{
    convert::Infallible,
    fmt,
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    str::FromStr,
    sync::Arc,
    thread,
    time::Instant,
};

use anyhow::{Context as _, bail};
use clap::Args;
use facilitator_engine::Wasi;

use crate::{
    files,
    find::{self, Bounds},
    load,
    record::{self, RecordError, Recording},
    report::{self, Counts, Progress, Style, Tone},
    suite::{self, Options, Outcome},
};

/// Cases are not right.
const FAILED: u8 = 1;
/// The command, a case or the guest is not right.
const UNUSABLE: u8 = 2;

/// Run a guest component on recorded cases, without network, keys or server.
///
/// A case is a directory of four files: request.json (what the host asks), rpc.jsonl (the round trips that
/// the guest makes), clock (the time, Unix milliseconds) and expect.json (the whole answer). Replay is
/// strict: an RPC call that was not recorded fails, and so does a recorded one that is not made.
///
/// Exit status: 0 if all cases pass, 1 if some fail, 2 if the command, the guest or a case is broken.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The component file.
    #[arg(value_name = "GUEST.wasm")]
    pub guest: PathBuf,
    /// Case directories, or directories that contain them.
    ///
    /// Default: the first that is there of GUEST.cases and `cases` beside the component, and `cases` here.
    #[arg(value_name = "CASES")]
    pub cases: Vec<PathBuf>,
    /// What the guest is granted of WASI: `virtual` gives it no files, no environment and no sockets.
    #[arg(long, value_name = "GRANT", default_value = "refused")]
    pub wasi: WasiGrant,
    /// Cases at once; default: one for each core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// Only the cases whose path contains TEXT.
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Start no other case after the first that fails.
    #[arg(long)]
    pub fail_fast: bool,
    /// Tell the cases that pass too, with what the guest logged.
    #[arg(long, short)]
    pub verbose: bool,
    /// Write the result as JUnit XML to FILE.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write the guest's answer into expect.json of the cases that expect another, or have none yet.
    ///
    /// rpc.jsonl is never touched: a case whose RPC calls differ is not updated and has to be recorded again.
    #[arg(long)]
    pub update: bool,
    /// Make or renew one case from a live node.
    ///
    /// CASES is its directory. Runs the guest on request.json, answers its RPC calls from the node, and
    /// writes rpc.jsonl, clock and expect.json, after a strict replay has shown that the recording passes.
    #[arg(long, requires = "rpc", conflicts_with_all = ["update", "filter", "fail_fast", "junit", "jobs"])]
    pub record: bool,
    /// The node, JSON-RPC over HTTP. The URL is neither recorded nor shown.
    #[arg(long, value_name = "URL", requires = "record")]
    pub rpc: Option<HiddenUrl>,
    /// File that becomes request.json of the recorded case.
    #[arg(long, value_name = "FILE", requires = "record")]
    pub request: Option<PathBuf>,
    /// Time of the recorded case, Unix milliseconds; default: that of the case, or else the present.
    #[arg(long, value_name = "MS", requires = "record")]
    pub now: Option<u64>,
    /// Record that no endpoint answers where the node does not, instead of giving up.
    #[arg(long, requires = "record")]
    pub accept_unavailable: bool,
}

const EXAMPLES: &str = "\
Examples:
  All cases beside the component, in ./cases:
    facilitator guest test my_guest.wasm
  Some of them, with a report for CI:
    facilitator guest test my_guest.wasm cases --filter rejects --junit report.xml
  Take what the guest answers now as right, then read the difference:
    facilitator guest test my_guest.wasm --update && git diff cases
  A new case from a live node:
    facilitator guest test my_guest.wasm --record --rpc \"$RPC_URL\" --request ask.json cases/accepts_plain";

/// `--wasi`.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum WasiGrant {
    /// A component that imports WASI is refused.
    #[default]
    Refused,
    /// The virtual WASI, which gives nothing.
    Virtual,
}

impl From<WasiGrant> for Wasi {
    fn from(grant: WasiGrant) -> Self {
        match grant {
            WasiGrant::Refused => Self::Refused,
            WasiGrant::Virtual => Self::Virtual,
        }
    }
}

/// A URL as it was given. Often it holds a key, so it is never shown.
#[derive(Clone)]
pub struct HiddenUrl(String);

impl FromStr for HiddenUrl {
    type Err = Infallible;
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for HiddenUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HiddenUrl")
    }
}

/// Does what the arguments say, and tells it on stdout and stderr; all that is expected to go wrong is an
/// exit code. Makes a runtime of its own, so it must not be called inside one.
///
/// # Errors
/// When stdout cannot be written.
pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Ok(unusable(&error.into())),
    };
    let done = runtime
        .block_on(async { if arguments.record { record(arguments).await } else { test(arguments).await } });
    match done {
        Ok(Done { text, code }) => {
            write_out(&text)?;
            Ok(ExitCode::from(code))
        }
        Err(error) => Ok(unusable(&error)),
    }
}

struct Done {
    text: String,
    code: u8,
}

async fn test(arguments: Arguments) -> anyhow::Result<Done> {
    let Arguments { guest, cases, wasi, jobs, filter, fail_fast, verbose, junit, update, .. } = arguments;
    let cases = chosen(&guest, cases, filter.as_deref())?;
    let jobs = jobs.map_or_else(|| thread::available_parallelism().map_or(1, usize::from), usize::from);
    let engine = load::engine(u32::try_from(jobs)?, None)?;
    let guest = Arc::new(load::load(&engine, &guest, wasi.into()).await?);

    let start = Instant::now();
    let mut progress = Progress::of(cases.len());
    let options = Options { jobs, fail_fast, update };
    let outcomes = suite::run(&guest, cases, options, |outcome| progress.step(outcome)).await;
    progress.end();
    let took = start.elapsed();

    if let Some(path) = junit {
        let xml = report::junit(guest.descriptor(), &outcomes, took).context("--junit")?;
        files::replace(&path, &xml).with_context(|| format!("--junit {}", path.display()))?;
    }
    let style = Style::of(io::stdout().is_terminal());
    let mut text: String =
        outcomes.iter().map(|outcome: &Outcome| report::case(outcome, verbose, update, style)).collect();
    let counts = Counts::of(&outcomes);
    text += &report::summary(guest.descriptor(), counts, took, style);
    let code = match counts {
        Counts { broken: 1.., .. } => UNUSABLE,
        Counts { failed: 1.., .. } => FAILED,
        _ => 0,
    };
    Ok(Done { text, code })
}

/// The case directories that are meant.
fn chosen(guest: &Path, named: Vec<PathBuf>, filter: Option<&str>) -> anyhow::Result<Vec<PathBuf>> {
    let roots = if named.is_empty() { vec![default_root(guest)?] } else { named };
    let mut cases = find::cases(&roots, Bounds::COMMAND)?;
    if let Some(filter) = filter {
        cases.retain(|case| case.to_string_lossy().contains(filter));
        if cases.is_empty() {
            bail!("--filter: no case's path contains {filter:?}");
        }
    }
    Ok(cases)
}

/// Where cases are if nobody says; the first is where a server looks for those that a guest ships.
fn default_root(guest: &Path) -> anyhow::Result<PathBuf> {
    let places = [guest.with_extension("cases"), guest.with_file_name("cases"), PathBuf::from("cases")];
    let [shipped, beside, _] = places.each_ref().map(|path| path.display().to_string());
    places
        .into_iter()
        .find(|path| path.is_dir())
        .with_context(|| format!("no CASES given, and there is no directory {shipped}, {beside} or cases"))
}

async fn record(arguments: Arguments) -> anyhow::Result<Done> {
    let Arguments { guest, cases, wasi, rpc, request, now, accept_unavailable, .. } = arguments;
    let [directory] = cases.as_slice() else {
        bail!("--record: expected one case directory, found {}", cases.len());
    };
    let node = rpc.map(|url| url.0).unwrap_or_default().parse().context("--rpc")?;
    let engine = load::engine(1, Some(record::WALL))?;
    let guest = load::load(&engine, &guest, wasi.into()).await?;
    let recording =
        Recording { directory: directory.clone(), node, request, now_ms: now, accept_unavailable };
    let recorded = match record::record(&guest, recording).await {
        Ok(recorded) => recorded,
        Err(RecordError::Guest { failure, log }) => {
            bail!(
                "{}",
                [failure.to_string()]
                    .into_iter()
                    .chain(report::log_lines(&log))
                    .collect::<Vec<_>>()
                    .join("\n")
            )
        }
        Err(error) => return Err(error.into()),
    };
    let style = Style::of(io::stdout().is_terminal());
    Ok(Done { text: report::recorded(directory, &recorded, style), code: 0 })
}

fn unusable(error: &anyhow::Error) -> ExitCode {
    let style = Style::of(io::stderr().is_terminal());
    let text: Vec<String> = format!("{error:#}").lines().map(report::printable).collect();
    // There is nowhere else to tell it.
    let _ = writeln!(io::stderr(), "{} {}", style.paint(Tone::Bad, "error:"), text.join("\n"));
    ExitCode::from(UNUSABLE)
}

/// Written and not printed: a reader that goes away early, such as `head`, is no fault.
fn write_out(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}
