//! What a guest costs: loading it with cold and warm caches, idle and with every core busy, and calls.
//!
//! `cargo run --release --package facilitator-engine --example guest_cost -- GUEST.wasm [--wasi]`

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a program for measuring")]

use std::{
    env, fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use facilitator_engine::{
    CallPorts, Clock, Engine, EngineConfig, Entropy, Guest, LoadOptions, LogLevel, LogSink, RpcAnswer,
    RpcCall, RpcPort, RpcUnavailable, Wasi,
};

const LOADS: usize = 20;
const CALLS: usize = 2000;
/// CPU time of what a busy thread calls a request.
const REQUEST: Duration = Duration::from_micros(300);

struct Nothing;

#[async_trait]
impl RpcPort for Nothing {
    async fn round_trip(&self, _: Vec<RpcCall>) -> Result<Vec<RpcAnswer>, RpcUnavailable> {
        Err(RpcUnavailable("no network".to_owned()))
    }
}

impl Clock for Nothing {
    fn now_ms(&self) -> u64 {
        1_700_000_000_000
    }
}

impl Entropy for Nothing {
    fn seed(&self) -> [u8; 32] {
        [0; 32]
    }
}

impl LogSink for Nothing {
    fn write(&self, _: LogLevel, _: &str) {}
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let path = arguments.first().expect("usage: guest_cost GUEST.wasm [--wasi]");
    let wasi =
        if arguments.iter().any(|argument| argument == "--wasi") { Wasi::Virtual } else { Wasi::Refused };
    let bytes = fs::read(path).expect("the guest can be read");
    let options = LoadOptions { family: None, wasi };
    println!("{path}: {} bytes, wasi {}", bytes.len(), wasi.as_str());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().expect("a runtime");

    let started = Instant::now();
    let inspection = Engine::inspect(&bytes).expect("a component");
    println!("inspect            {:>9.2?}, {} imports", started.elapsed(), inspection.imports.len());

    let loads = |note: &str| {
        let cpu = cpu_time();
        let mut took: Vec<Duration> =
            (0..LOADS).map(|_| load(&runtime, &engine(), options, &bytes).0).collect();
        let cpu = (cpu_time() - cpu) / LOADS as f64;
        println!("load, cold {note:<8}{}  CPU of the process {cpu:.0} ms each", Percentiles::of(&mut took));
    };
    loads("idle");
    let (mut alone, ()) = while_busy(|| thread::sleep(Duration::from_secs(3)));
    let (mut beside, ()) = while_busy(|| loads("busy"));
    println!("a busy thread's {REQUEST:?} request: alone   {}", Percentiles::of(&mut alone));
    println!("a busy thread's {REQUEST:?} request: beside  {}", Percentiles::of(&mut beside));

    let engine = engine();
    let (_, guest) = load(&runtime, &engine, options, &bytes);
    let mut took: Vec<Duration> = (0..LOADS).map(|_| load(&runtime, &engine, options, &bytes).0).collect();
    println!("load, from memory  {}", Percentiles::of(&mut took));
    calls(&runtime, &guest);
}

fn engine() -> Engine {
    Engine::new(EngineConfig::default()).expect("an engine")
}

fn load(
    runtime: &tokio::runtime::Runtime,
    engine: &Engine,
    options: LoadOptions,
    bytes: &[u8],
) -> (Duration, Guest) {
    let bytes = bytes.to_vec();
    let started = Instant::now();
    let guest = runtime.block_on(engine.load_with(options, bytes)).expect("a guest");
    (started.elapsed(), guest)
}

/// `supported` with settings that no guest takes: a call that does next to nothing but live and die.
fn calls(runtime: &tokio::runtime::Runtime, guest: &Guest) {
    let network: facilitator_protocol::Caip2 = "eip155:84532".parse().expect("a network");
    let nothing = Arc::new(Nothing);
    let call = || {
        let ports = CallPorts {
            network: network.clone(),
            rpc: nothing.clone(),
            clock: nothing.clone(),
            entropy: nothing.clone(),
            log: nothing.clone(),
        };
        let started = Instant::now();
        // Its answer, most likely an error of the guest's, is of no interest.
        drop(runtime.block_on(guest.supported(ports, "")));
        started.elapsed()
    };
    let faults = minor_faults();
    let mut took: Vec<Duration> = (0..CALLS).map(|_| call()).collect();
    println!("call               {}", Percentiles::of(&mut took));
    println!("pages faulted in per call {:.1}", (minor_faults() - faults) / CALLS as f64);
}

/// Page faults of this process that needed no disk.
fn minor_faults() -> f64 {
    stat(10)
}

/// CPU time of this process, milliseconds, in steps of ten.
fn cpu_time() -> f64 {
    10.0 * (stat(14) + stat(15))
}

/// A number of `/proc/self/stat`, counted from 1 as in proc(5).
fn stat(field: usize) -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("stat");
    // The second field is a name in brackets, which may hold anything.
    let behind_name = stat.rsplit(')').next().expect("a name");
    behind_name.split_whitespace().nth(field - 3).and_then(|field| field.parse().ok()).expect("a number")
}

/// Runs `work` while one thread per core computes without end, and gives how long their requests took.
fn while_busy<T>(work: impl FnOnce() -> T) -> (Vec<Duration>, T) {
    let stop = Arc::new(AtomicBool::new(false));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let busy: Vec<_> = (0..cores)
        .map(|_| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                let rounds = calibrated();
                let mut took = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let started = Instant::now();
                    compute(rounds);
                    took.push(started.elapsed());
                }
                took
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(200));
    let result = work();
    stop.store(true, Ordering::Relaxed);
    let took = busy.into_iter().flat_map(|thread| thread.join().expect("a busy thread")).collect();
    (took, result)
}

fn compute(rounds: u64) {
    let mut value = 1_u64;
    for _ in 0..rounds {
        value = std::hint::black_box(value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
}

/// Rounds of [`compute`] that take [`REQUEST`], undisturbed.
fn calibrated() -> u64 {
    const SAMPLE: u64 = 100_000;
    let fastest = (0..20)
        .map(|_| {
            let started = Instant::now();
            compute(SAMPLE);
            started.elapsed()
        })
        .min()
        .expect("samples");
    (SAMPLE as f64 * REQUEST.as_secs_f64() / fastest.as_secs_f64()) as u64
}

struct Percentiles([Duration; 4]);

impl Percentiles {
    fn of(took: &mut [Duration]) -> Self {
        took.sort_unstable();
        let at = |part: usize| {
            took.get((took.len() * part / 100).min(took.len() - 1)).copied().unwrap_or_default()
        };
        Self([at(50), at(95), at(99), at(100)])
    }
}

impl std::fmt::Display for Percentiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [p50, p95, p99, max] = self.0;
        write!(f, "p50 {p50:>9.2?}  p95 {p95:>9.2?}  p99 {p99:>9.2?}  max {max:>9.2?}")
    }
}
