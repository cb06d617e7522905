//! Prints what guests cost: size, time to load, and time of one verification, each call in an instance of
//! its own. `guest_calls CASE CALLS COMPONENT… [--virtual COMPONENT…]`
//!
//! CASE is a directory such as `tests/cases/evm/accepts_eoa_v2`; its recorded answers are given at once, so
//! what is measured is the guest and its host calls. Components after `--virtual` are granted virtual WASI.
//! CPU is that of the one thread on which the calls run, the host's share included.

use std::{
    error::Error,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use facilitator_engine::{
    CallPorts, Clock, Engine, EngineConfig, Entropy, Guest, GuestRequest, LoadOptions, LogLevel, LogSink,
    RemoteError, RpcAnswer, RpcCall, RpcPort, RpcUnavailable, Wasi,
};
use facilitator_protocol::{Caip2, Family, Phase, Verdict, X402Version};
use serde_json::Value;

/// Calls before those that count: pages and caches are warm then.
const WARM_UP_CALLS: usize = 20;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(case), Some(calls)) = (arguments.next(), arguments.next()) else {
        return Err("guest_calls CASE CALLS COMPONENT… [--virtual COMPONENT…]".into());
    };
    let case = Case::read(Path::new(&case))?;
    let calls: usize = calls.parse()?;
    if calls == 0 {
        return Err("CALLS: expected more than 0".into());
    }
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "| guest | component | load cold | load warm | p50 | p99 | CPU per call |")?;
    writeln!(stdout, "|---|---|---|---|---|---|---|")?;
    let mut virtual_wasi = false;
    for argument in arguments {
        if argument == "--virtual" {
            virtual_wasi = true;
        } else {
            let row = measure(&case, calls, &PathBuf::from(argument), virtual_wasi).await?;
            writeln!(stdout, "{row}")?;
            stdout.flush()?;
        }
    }
    Ok(())
}

/// One row of the table.
async fn measure(
    case: &Case,
    calls: usize,
    path: &Path,
    virtual_wasi: bool,
) -> Result<String, Box<dyn Error>> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let size = bytes.len();
    let cache = tempfile::tempdir()?;
    let (cold, _) = load(cache.path(), bytes.clone(), virtual_wasi).await?;
    let (warm, guest) = load(cache.path(), bytes, virtual_wasi).await?;

    for _ in 0..WARM_UP_CALLS {
        case.verify(&guest).await?;
    }
    let cpu_before = thread_cpu()?;
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls {
        let started = Instant::now();
        case.verify(&guest).await?;
        times.push(started.elapsed());
    }
    let cpu = thread_cpu()?.saturating_sub(cpu_before) / u32::try_from(calls)?;
    times.sort();
    let at = |percent: usize| times.get((calls - 1) * percent / 100).copied().unwrap_or_default();
    Ok(format!(
        "| {} | {size} bytes | {} ms | {} ms | {} us | {} us | {} us |",
        guest.descriptor().name,
        cold.as_millis(),
        warm.as_millis(),
        at(50).as_micros(),
        at(99).as_micros(),
        cpu.as_micros(),
    ))
}

/// Loads in an engine of its own, as a process that has just started does.
async fn load(cache: &Path, bytes: Vec<u8>, virtual_wasi: bool) -> Result<(Duration, Guest), Box<dyn Error>> {
    let engine =
        Engine::new(EngineConfig { cache_dir: Some(cache.join("cache")), ..EngineConfig::default() })?;
    let started = Instant::now();
    let wasi = if virtual_wasi { Wasi::Virtual } else { Wasi::Refused };
    let guest = engine.load_with(LoadOptions { family: Some(Family::Evm), wasi }, bytes).await?;
    Ok((started.elapsed(), guest))
}

/// CPU time of this thread.
fn thread_cpu() -> Result<Duration, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split_ascii_whitespace().next().ok_or("schedstat: expected three numbers")?;
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}

/// A verification and the answers of its node.
struct Case {
    request: GuestRequest,
    phase: Phase,
    now_ms: u64,
    answers: Arc<Vec<Vec<RpcAnswer>>>,
    is_valid: bool,
}

impl Case {
    fn read(directory: &Path) -> Result<Self, Box<dyn Error>> {
        let file = |name: &str| {
            fs::read_to_string(directory.join(name))
                .map_err(|error| format!("{}: {error}", directory.join(name).display()))
        };
        let asked: Value = serde_json::from_str(&file("request.json")?)?;
        let expected: Value = serde_json::from_str(&file("expect.json")?)?;
        if text(&asked, "call")? != "verify" {
            return Err("the case is no verification".into());
        }
        let version = asked.get("x402Version").and_then(Value::as_u64).unwrap_or_default();
        let json = |key: &str| asked.get(key).unwrap_or(&Value::Null).to_string();
        Ok(Self {
            request: GuestRequest {
                x402_version: X402Version::from_number(version).ok_or("x402Version: expected 1 or 2")?,
                scheme: text(&asked, "scheme")?.to_owned(),
                network: text(&asked, "network")?.parse()?,
                payload: json("payload"),
                requirements: json("requirements"),
                settings: json("settings").into(),
            },
            phase: if text(&asked, "phase")? == "settle" { Phase::Settle } else { Phase::Verify },
            now_ms: file("clock")?.trim().parse()?,
            answers: Arc::new(file("rpc.jsonl")?.lines().map(answers).collect::<Result<_, _>>()?),
            is_valid: expected.get("valid").is_some(),
        })
    }

    /// One call; its verdict has to be the case's.
    async fn verify(&self, guest: &Guest) -> Result<(), Box<dyn Error>> {
        let host = Arc::new(CannedHost {
            now_ms: self.now_ms,
            answers: Arc::clone(&self.answers),
            asked: AtomicUsize::new(0),
        });
        let network: Caip2 = self.request.network.clone();
        let (rpc, clock, entropy) = (host.clone(), host.clone(), host.clone());
        let ports = CallPorts { network, rpc, clock, entropy, log: host };
        let verdict = guest.verify(ports, &self.request, self.phase).await?;
        if matches!(verdict, Verdict::Valid(_)) == self.is_valid {
            Ok(())
        } else {
            Err(format!("not the case's verdict: {verdict:?}").into())
        }
    }
}

fn text<'a>(object: &'a Value, key: &str) -> Result<&'a str, String> {
    object.get(key).and_then(Value::as_str).ok_or_else(|| format!("{key}: expected a string"))
}

/// The answers of one recorded round trip.
fn answers(line: &str) -> Result<Vec<RpcAnswer>, Box<dyn Error>> {
    let exchange: Value = serde_json::from_str(line)?;
    let answers = exchange.get("answers").and_then(Value::as_array).ok_or("rpc.jsonl: expected answers")?;
    Ok(answers
        .iter()
        .map(|answer| match (answer.get("result"), answer.get("error")) {
            (Some(result), _) => Ok(result.to_string()),
            (None, error) => Err(RemoteError {
                code: error.and_then(|error| error.get("code")?.as_i64()).unwrap_or_default(),
                message: error
                    .and_then(|error| error.get("message")?.as_str())
                    .unwrap_or_default()
                    .to_owned(),
                data: error.and_then(|error| error.get("data")).map(Value::to_string),
            }),
        })
        .collect())
}

/// The host's side of one call.
struct CannedHost {
    now_ms: u64,
    answers: Arc<Vec<Vec<RpcAnswer>>>,
    asked: AtomicUsize,
}

#[async_trait]
impl RpcPort for CannedHost {
    async fn round_trip(&self, _: Vec<RpcCall>) -> Result<Vec<RpcAnswer>, RpcUnavailable> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        self.answers
            .get(number)
            .cloned()
            .ok_or_else(|| RpcUnavailable("the case has no more answers".to_owned()))
    }
}

impl Clock for CannedHost {
    fn now_ms(&self) -> u64 {
        self.now_ms
    }
}

impl Entropy for CannedHost {
    fn seed(&self) -> [u8; 32] {
        [7; 32]
    }
}

impl LogSink for CannedHost {
    /// Errors only: a guest that dies says why.
    fn write(&self, level: LogLevel, message: &str) {
        if level == LogLevel::Error {
            // Nobody is left to tell if this fails.
            let _ = writeln!(std::io::stderr(), "guest: {message}");
        }
    }
}
