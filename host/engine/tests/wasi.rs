//! What a guest under virtual WASI finds there: nothing, the call's ports, or the end of the call.
//!
//! Each guest says what it found as the `expires-at` of its verdict.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod support;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use facilitator_engine::{
    CallError, CallPorts, Clock, Engine, EngineConfig, Entropy, Exhausted, Guest, GuestRequest, Limits,
    LoadError, LoadOptions, LogLevel, LogSink, RpcAnswer, RpcCall, RpcPort, RpcUnavailable, Wasi,
};
use facilitator_protocol::{Family, Phase, Verdict, X402Version};
use support::TextGuest;
use tokio::sync::oneshot;

const NOW_MS: u64 = 1_700_000_000_123;
const VIRTUAL: LoadOptions = LoadOptions { family: None, wasi: Wasi::Virtual };

/// The ports of one call.
#[derive(Default)]
struct Host {
    seed: u8,
    seeds_asked: AtomicU32,
    logged: Mutex<Vec<(LogLevel, String)>>,
}

#[async_trait]
impl RpcPort for Host {
    async fn round_trip(&self, _: Vec<RpcCall>) -> Result<Vec<RpcAnswer>, RpcUnavailable> {
        Err(RpcUnavailable("no network in this test".to_owned()))
    }
}

impl Clock for Host {
    fn now_ms(&self) -> u64 {
        NOW_MS
    }
}

impl Entropy for Host {
    fn seed(&self) -> [u8; 32] {
        self.seeds_asked.fetch_add(1, Ordering::Relaxed);
        [self.seed; 32]
    }
}

impl LogSink for Host {
    fn write(&self, level: LogLevel, message: &str) {
        self.logged.lock().expect("no panic before").push((level, message.to_owned()));
    }
}

impl Host {
    fn logged(&self) -> Vec<(LogLevel, String)> {
        self.logged.lock().expect("no panic before").clone()
    }
}

fn engine() -> Engine {
    let wasi_limits =
        Limits { cpu: Duration::from_millis(50), wall: Duration::from_secs(20), ..Limits::virtual_wasi() };
    let config = EngineConfig { wasi_limits, concurrent_calls: 2, ..EngineConfig::default() };
    Engine::new(config).expect("the engine starts")
}

/// A guest that imports `world` of WASI, and whose core module has `imports`, `items` and `verify`.
fn guest<'a>(world: &'a str, imports: &'a str, items: &'a str, verify: &'a str) -> TextGuest<'a> {
    let other_wit = include_str!("support/wasi.wit");
    TextGuest { other_wit, world, imports, items, verify, ..TextGuest::new() }
}

/// The engine is gone when the guest is called: its bounds hold all the same.
async fn load(text: &TextGuest<'_>) -> Guest {
    engine().load_with(VIRTUAL, text.component()).await.expect("a guest")
}

fn given(host: &Arc<Host>) -> (CallPorts, GuestRequest) {
    let network: facilitator_protocol::Caip2 = "eip155:84532".parse().expect("a network");
    let ports = CallPorts {
        network: network.clone(),
        rpc: host.clone(),
        clock: host.clone(),
        entropy: host.clone(),
        log: host.clone(),
    };
    let request = GuestRequest {
        x402_version: X402Version::V2,
        scheme: "exact".to_owned(),
        network,
        payload: "{}".to_owned(),
        requirements: "{}".to_owned(),
        settings: "{}".into(),
    };
    (ports, request)
}

async fn call(guest: &Guest, host: &Arc<Host>) -> Result<u64, CallError> {
    let (ports, request) = given(host);
    match guest.verify(ports, &request, Phase::Verify).await? {
        Verdict::Valid(valid) => Ok(valid.expires_at),
        Verdict::Invalid(invalid) => panic!("{invalid:?}"),
    }
}

/// What the guest found, with a host of its own.
async fn found(text: &TextGuest<'_>) -> u64 {
    call(&load(text).await, &Arc::default()).await.expect("an answer")
}

async fn trap(text: &TextGuest<'_>) -> String {
    match call(&load(text).await, &Arc::default()).await.expect_err("a trap") {
        CallError::Trap(text) => text,
        other => panic!("expected a trap, found {other}"),
    }
}

const ENVIRONMENT: &str = r#"
    (import "wasi:cli/environment@0.2.3" "get-environment" (func $environment (param i32)))
    (import "wasi:cli/environment@0.2.3" "get-arguments" (func $arguments (param i32)))
    (import "wasi:cli/environment@0.2.3" "initial-cwd" (func $cwd (param i32)))
    (import "wasi:filesystem/preopens@0.2.3" "get-directories" (func $directories (param i32)))"#;

/// Adds up the lengths of the lists and the presence of the directory, over memory full of ones.
fn environment<'a>() -> TextGuest<'a> {
    guest(
        "import wasi:cli/environment@0.2.3; import wasi:filesystem/preopens@0.2.3;",
        ENVIRONMENT,
        "",
        "(block (result i64)
            (memory.fill (i32.const 4096) (i32.const 1) (i32.const 64))
            (call $environment (i32.const 4096))
            (call $arguments (i32.const 4104))
            (call $directories (i32.const 4112))
            (call $cwd (i32.const 4120))
            (i64.extend_i32_u (i32.add
                (i32.add (i32.load (i32.const 4100)) (i32.load (i32.const 4108)))
                (i32.add (i32.load (i32.const 4116)) (i32.load8_u (i32.const 4120))))))",
    )
}

#[tokio::test]
async fn it_is_refused_unless_granted_and_the_error_says_how() {
    let component = environment().component();
    let engine = engine();
    let refused = engine.load(Family::Evm, component.clone()).await.expect_err("not granted");
    assert!(matches!(&refused, LoadError::WasiNotGranted(name) if name.starts_with("wasi:")), "{refused}");
    assert!(refused.to_string().contains(r#"wasi = "virtual""#), "{refused}");

    let granted = engine.load_with(VIRTUAL, component.clone()).await.expect("granted");
    assert_eq!(granted.wasi(), Wasi::Virtual);
    // What was compiled under the grant serves nobody without it.
    let refused = engine.load(Family::Evm, component).await.expect_err("not granted");
    assert!(matches!(refused, LoadError::WasiNotGranted(_)), "{refused}");
}

#[tokio::test]
async fn a_guest_that_wants_no_wasi_is_loaded_with_or_without_and_the_family_is_checked() {
    let engine = engine();
    let component = TextGuest::new().component();
    let own = engine.load_with(LoadOptions::default(), component.clone()).await.expect("a guest");
    assert_eq!((own.wasi(), own.descriptor().family), (Wasi::Refused, Family::Evm));
    let roomy = engine.load_with(VIRTUAL, component.clone()).await.expect("a guest");
    assert_eq!(roomy.wasi(), Wasi::Virtual);
    for wasi in [Wasi::Refused, Wasi::Virtual] {
        let options = LoadOptions { family: Some(Family::Svm), wasi };
        let wrong = engine.load_with(options, component.clone()).await.expect_err("another family");
        assert!(matches!(wrong, LoadError::WrongFamily { found: Family::Evm, .. }), "{wrong}");
    }
}

#[tokio::test]
async fn the_grant_covers_nothing_but_wasi() {
    let engine = engine();
    for import in ["wasix:cli/environment@0.2.3", "x402:scheme/vault@0.1.0", "env"] {
        let text = format!(r#"(component (import "{import}" (instance)))"#);
        let bytes = wat::parse_str(&text).expect("text format");
        match engine.load_with(VIRTUAL, bytes).await.expect_err("unknown") {
            LoadError::ForbiddenImport(name) => assert_eq!(name, import),
            other => panic!("{import}: {other}"),
        }
    }
    // A function that no version of ours has is not made up for it either.
    let text = r#"(component
        (import "x402:scheme/log@0.1.0" (instance (export "sign" (func))))
        (import "wasi:cli/run@0.2.3" (instance (export "run" (func))))
        (instance $i) (export "x402:scheme/scheme@0.1.0" (instance $i)))"#;
    let error = engine.load_with(VIRTUAL, wat::parse_str(text).expect("text")).await.expect_err("unknown");
    assert!(matches!(&error, LoadError::Mismatch { detail, .. } if detail.contains("sign")), "{error}");
}

#[tokio::test]
async fn there_is_no_environment_no_argument_and_no_directory() {
    assert_eq!(found(&environment()).await, 0);
}

#[tokio::test]
async fn stdin_is_closed() {
    let stdin = guest(
        "import wasi:cli/stdin@0.2.3; import wasi:io/streams@0.2.3;",
        r#"(import "wasi:cli/stdin@0.2.3" "get-stdin" (func $stdin (result i32)))
           (import "wasi:io/streams@0.2.3" "[method]input-stream.blocking-read"
                (func $read (param i32 i64 i32)))"#,
        "",
        // The error's case: 1 is closed. The result is err.
        "(block (result i64)
            (call $read (call $stdin) (i64.const -1) (i32.const 4096))
            (i64.extend_i32_u (i32.add
                (i32.mul (i32.const 10) (i32.load8_u (i32.const 4096))) (i32.load8_u (i32.const 4100)))))",
    );
    assert_eq!(found(&stdin).await, 11);
}

const CLOCKS: &str = r#"
    (import "wasi:clocks/wall-clock@0.2.3" "now" (func $wall (param i32)))
    (import "wasi:clocks/monotonic-clock@0.2.3" "now" (func $now (result i64)))
    (import "wasi:clocks/monotonic-clock@0.2.3" "subscribe-duration" (func $after (param i64) (result i32)))
    (import "wasi:io/poll@0.2.3" "[method]pollable.block" (func $block (param i32)))
    (import "wasi:io/poll@0.2.3" "[method]pollable.ready" (func $ready (param i32) (result i32)))
    (import "wasi:io/poll@0.2.3" "[resource-drop]pollable" (func $drop (param i32)))
    (import "wasi:io/poll@0.2.3" "poll" (func $poll (param i32 i32 i32)))"#;

fn clocks<'a>(items: &'a str, verify: &'a str) -> TextGuest<'a> {
    let world = "import wasi:clocks/wall-clock@0.2.3; import wasi:clocks/monotonic-clock@0.2.3;";
    guest(world, CLOCKS, items, verify)
}

#[tokio::test]
async fn the_clocks_are_the_ports() {
    let seconds = "(block (result i64) (call $wall (i32.const 4096)) (i64.load (i32.const 4096)))";
    assert_eq!(found(&clocks("", seconds)).await, NOW_MS / 1000);
    let nanoseconds = "(block (result i64) (call $wall (i32.const 4096)) (i64.load32_u (i32.const 4104)))";
    assert_eq!(found(&clocks("", nanoseconds)).await, 123_000_000);
    assert_eq!(found(&clocks("", "(call $now)")).await, NOW_MS * 1_000_000);
}

const HOUR: u64 = 3_600_000_000_000;

#[tokio::test]
async fn a_sleep_takes_no_time_and_moves_the_monotonic_clock() {
    let started = Instant::now();
    let sleep = format!(
        "(block (result i64) (call $block (call $after (i64.const {HOUR}))) (call $block (call $after (i64.const 1)))
            (call $now))"
    );
    assert_eq!(found(&clocks("", &sleep)).await, NOW_MS * 1_000_000 + HOUR + 1);
    assert!(started.elapsed() < Duration::from_secs(600), "an hour was not waited");

    let wall = format!(
        "(block (result i64) (call $block (call $after (i64.const {HOUR}))) (call $wall (i32.const 4096))
            (i64.load (i32.const 4096)))"
    );
    assert_eq!(found(&clocks("", &wall)).await, NOW_MS / 1000, "the wall clock stands still");

    let look =
        format!("(block (result i64) (drop (call $ready (call $after (i64.const {HOUR})))) (call $now))");
    assert_eq!(found(&clocks("", &look)).await, NOW_MS * 1_000_000, "looking is not waiting");
}

#[tokio::test]
async fn of_several_waits_the_first_ends() {
    // Handles of 3 h, 1 h and 2 h at 4096; the list of those ready comes to 4120, as pointer and length.
    let several = format!(
        "(block (result i64)
            (drop (call $ready (call $after (i64.const 1))))
            (i32.store (i32.const 4096) (call $after (i64.const {})))
            (i32.store (i32.const 4100) (call $after (i64.const {HOUR})))
            (i32.store (i32.const 4104) (call $after (i64.const {})))
            (call $poll (i32.const 4096) (i32.const 3) (i32.const 4120))
            ;; Length, index, and the time in hours.
            (i64.add (i64.mul (i64.const 100) (i64.load32_u (i32.const 4124)))
                (i64.add (i64.mul (i64.const 10) (i64.load32_u (i32.load (i32.const 4120))))
                    (i64.div_u (i64.sub (call $now) (i64.const {})) (i64.const {HOUR})))))",
        3 * HOUR,
        2 * HOUR,
        NOW_MS * 1_000_000,
    );
    assert_eq!(found(&clocks("", &several)).await, 111);
}

#[tokio::test]
async fn endless_sleeping_and_endless_looking_run_into_the_cpu_budget() {
    for attack in [
        "(loop $again (call $nap (i64.const 1000000000)) (br $again))",
        "(loop $again (drop (call $ready (local.get $later))) (br $again))",
        "(loop $again (br_if $again (i64.le_u (call $now) (i64.const 9000000000000000000))))",
    ] {
        let items = format!(
            "(func $nap (param i64) (local $pollable i32)
                (call $block (local.tee $pollable (call $after (local.get 0))))
                (call $drop (local.get $pollable)))
            (func $attack (local $later i32) (local.set $later (call $after (i64.const 1000))) {attack})"
        );
        let text = clocks(&items, "(block (result i64) (call $attack) (i64.const 0))");
        let error = call(&load(&text).await, &Arc::default()).await.expect_err("it never ends");
        assert!(matches!(error, CallError::Exhausted(Exhausted::Cpu)), "{attack}: {error}");
    }
}

#[tokio::test]
async fn handles_are_bounded() {
    let hoard = "(func $hoard (loop $again (drop (call $after (i64.const 1))) (br $again)))";
    let text = trap(&clocks(hoard, "(block (result i64) (call $hoard) (i64.const 0))")).await;
    assert!(text.contains("table") || text.contains("handle"), "{text}");
}

const RANDOM: &str = r#"
    (import "wasi:random/random@0.2.3" "get-random-bytes" (func $bytes (param i64 i32)))
    (import "wasi:random/random@0.2.3" "get-random-u64" (func $random (result i64)))
    (import "wasi:random/insecure@0.2.3" "get-insecure-random-u64" (func $insecure (result i64)))
    (import "wasi:random/insecure-seed@0.2.3" "insecure-seed" (func $seed (param i32)))"#;

fn random(verify: &str) -> TextGuest<'_> {
    let world = "import wasi:random/random@0.2.3; import wasi:random/insecure@0.2.3;
        import wasi:random/insecure-seed@0.2.3;";
    guest(world, RANDOM, "", verify)
}

/// The first eight bytes of ChaCha20's key stream under a key of 32 ones, with counter and nonce 0.
const FIRST_UNDER_ONES: u64 = 14_156_542_310_752_927_490;

#[tokio::test]
async fn random_numbers_replay_bit_for_bit_and_differ_with_the_seed() {
    let bytes = "(block (result i64)
        (call $bytes (i64.const 4000) (i32.const 4096)) (drop (call $random))
        (i64.load offset=3992 (i32.load (i32.const 4096))))";
    let insecure_seed = "(block (result i64) (call $seed (i32.const 4096)) (i64.load (i32.const 4104)))";
    let mut numbers = Vec::new();
    for verify in [bytes, "(call $random)", "(call $insecure)", insecure_seed] {
        let guest = load(&random(verify)).await;
        for seed in [1, 2] {
            let host = || Arc::new(Host { seed, ..Host::default() });
            let (first, again) = (host(), host());
            let number = call(&guest, &first).await.expect("a number");
            assert_eq!(call(&guest, &again).await.expect("a number"), number, "{verify}");
            assert_eq!(first.seeds_asked.load(Ordering::Relaxed), 1, "once per call: {verify}");
            numbers.push(number);
        }
    }
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), count, "of another seed or interface comes another number");
    // Pinned: what was recorded must replay after an update of the generator too.
    let host = Arc::new(Host { seed: 1, ..Host::default() });
    let first = call(&load(&random("(call $random)")).await, &host).await.expect("a number");
    assert_eq!(first, FIRST_UNDER_ONES);
}

#[tokio::test]
async fn a_call_that_wants_no_random_number_asks_for_no_seed() {
    let host = Arc::new(Host::default());
    call(&load(&random("(i64.const 0)")).await, &host).await.expect("an answer");
    assert_eq!(host.seeds_asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn huge_reads_of_randomness_end_the_call() {
    for length in ["65537", "0x7fffffffffffffff", "-1"] {
        let verify =
            format!("(block (result i64) (call $bytes (i64.const {length}) (i32.const 4096)) (i64.const 0))");
        let error = call(&load(&random(&verify)).await, &Arc::default()).await.expect_err("too much");
        assert!(matches!(error, CallError::Exhausted(Exhausted::HostCall)), "{length}: {error}");
    }
}

const STDIO: &str = r#"
    (import "wasi:cli/stdout@0.2.3" "get-stdout" (func $stdout (result i32)))
    (import "wasi:cli/stderr@0.2.3" "get-stderr" (func $stderr (result i32)))
    (import "wasi:io/streams@0.2.3" "[method]output-stream.blocking-write-and-flush"
        (func $write (param i32 i32 i32 i32)))
    (import "wasi:io/streams@0.2.3" "[method]output-stream.write" (func $write_any (param i32 i32 i32 i32)))"#;

fn stdio<'a>(items: &'a str, verify: &'a str) -> TextGuest<'a> {
    let world = "import wasi:cli/stdout@0.2.3; import wasi:cli/stderr@0.2.3; import wasi:io/streams@0.2.3;";
    guest(world, STDIO, items, verify)
}

#[tokio::test]
async fn stdout_and_stderr_go_line_wise_into_the_log() {
    let items = r#"(data (i32.const 4200) "one\ntwo, not ended")"#;
    let verify = "(block (result i64)
        (call $write (call $stdout) (i32.const 4200) (i32.const 8) (i32.const 4096))
        (call $write (call $stderr) (i32.const 4200) (i32.const 4) (i32.const 4096))
        (call $write (call $stdout) (i32.const 4208) (i32.const 10) (i32.const 4096))
        (i64.const 0))";
    let host = Arc::new(Host::default());
    call(&load(&stdio(items, verify)).await, &host).await.expect("an answer");
    let expected = [(LogLevel::Info, "one"), (LogLevel::Warn, "one"), (LogLevel::Info, "two, not ended")];
    assert_eq!(host.logged(), expected.map(|(level, text)| (level, text.to_owned())));
}

#[tokio::test]
async fn a_flood_of_stdout_is_bounded_by_the_log_budget() {
    let items = "(func $flood (local $left i32) (local $out i32)
        (local.set $left (i32.const 1000)) (local.set $out (call $stdout))
        (memory.fill (i32.const 4200) (i32.const 120) (i32.const 4000))
        (loop $again
            (call $write (local.get $out) (i32.const 4200) (i32.const 4000) (i32.const 4096))
            (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1))))))";
    let host = Arc::new(Host::default());
    let text = stdio(items, "(block (result i64) (call $flood) (i64.const 0))");
    call(&load(&text).await, &host).await.expect("writing over the budget is no error");
    // A line costs 64 bytes beside its text.
    let bytes: usize = host.logged().iter().map(|(_, text)| text.len() + 64).sum();
    assert_eq!(bytes, Limits::virtual_wasi().log_bytes);

    let over = "(block (result i64)
        (call $write_any (call $stdout) (i32.const 0) (i32.const 65537) (i32.const 4096)) (i64.const 0))";
    let text = trap(&stdio("", over)).await;
    assert!(text.contains("check-write"), "{text}");
}

#[tokio::test]
async fn exit_ends_the_call() {
    let exit = guest(
        "import wasi:cli/exit@0.2.3;",
        r#"(import "wasi:cli/exit@0.2.3" "exit" (func $exit (param i32)))"#,
        "",
        "(block (result i64) (call $exit (i32.const 0)) (i64.const 0))",
    );
    let text = trap(&exit).await;
    assert!(text.contains("exit"), "{text}");
}

#[tokio::test]
async fn sockets_and_files_are_there_to_be_imported_and_end_the_call_when_they_are_called() {
    let world = "import wasi:sockets/tcp-create-socket@0.2.3; import wasi:filesystem/types@0.2.3;
        import wasi:filesystem/preopens@0.2.3; import wasi:cli/stdout@0.2.3;";
    let imports = format!(
        r#"{ENVIRONMENT}
        (import "wasi:cli/stdout@0.2.3" "get-stdout" (func $stdout (result i32)))
        (import "wasi:sockets/tcp-create-socket@0.2.3" "create-tcp-socket" (func $socket (param i32 i32)))
        (import "wasi:filesystem/types@0.2.3" "filesystem-error-code" (func $code (param i32 i32)))
        (import "wasi:filesystem/types@0.2.3" "[method]descriptor.sync" (func $sync (param i32 i32)))
        (import "wasi:filesystem/types@0.2.3" "[method]descriptor.append-via-stream"
            (func $append (param i32 i32)))"#
    );
    let world = format!("import wasi:cli/environment@0.2.3; {world}");
    let verify = |does: &str| format!("(block (result i64) {does} (i64.const 5))");
    let harmless = verify("(drop (call $stdout))");
    assert_eq!(found(&guest(&world, &imports, "", &harmless)).await, 5, "importing is no crime");
    for (does, named) in [
        (
            "(call $socket (i32.const 0) (i32.const 4096))",
            "wasi:sockets/tcp-create-socket@0.2.3#create-tcp-socket",
        ),
        ("(call $code (i32.const 0) (i32.const 4096))", "wasi:filesystem/types@0.2.3#filesystem-error-code"),
        // A handle that nobody gave.
        ("(call $sync (i32.const 1) (i32.const 4096))", "handle"),
    ] {
        let verify = verify(does);
        let text = trap(&guest(&world, &imports, "", &verify)).await;
        assert!(text.contains(named), "{does}: {text}");
    }
}

#[tokio::test]
async fn it_has_more_room_than_our_own_guests_and_no_more_than_that() {
    // 100 MiB are granted, 200 MiB are not.
    let grow =
        |pages: u32| format!("(block (result i64) (i64.extend_i32_s (memory.grow (i32.const {pages}))))");
    let (large, larger) = (grow(1600), grow(3200));
    let roomy = TextGuest { verify: &large, ..TextGuest::new() };
    assert_eq!(found(&roomy).await, 2, "the pages before");
    let own = engine().load(Family::Evm, roomy.component()).await.expect("a guest");
    let error = call(&own, &Arc::default()).await.expect_err("16 MiB");
    assert!(matches!(error, CallError::Exhausted(Exhausted::Memory)), "{error}");
    let greedy = TextGuest { verify: &larger, ..TextGuest::new() };
    let error = call(&load(&greedy).await, &Arc::default()).await.expect_err("128 MiB");
    assert!(matches!(error, CallError::Exhausted(Exhausted::Memory)), "{error}");
}

/// Tells of the first line that a guest logs.
struct FirstLine(Mutex<Option<oneshot::Sender<()>>>);

impl LogSink for FirstLine {
    fn write(&self, _: LogLevel, _: &str) {
        if let Some(tell) = self.0.lock().expect("no panic before").take() {
            tell.send(()).expect("the test waits");
        }
    }
}

#[tokio::test]
async fn busy_guests_under_wasi_take_no_instance_from_ours() {
    let wasi_limits =
        Limits { cpu: Duration::from_secs(600), wall: Duration::from_secs(600), ..Limits::virtual_wasi() };
    let config = EngineConfig {
        wasi_limits,
        concurrent_calls: 1,
        wasi_concurrent_calls: 1,
        ..EngineConfig::default()
    };
    let engine = Engine::new(config).expect("the engine starts");
    let busy = TextGuest {
        imports: r#"(import "x402:scheme/log@0.1.0" "write" (func $log (param i32 i32 i32)))"#,
        verify:
            "(block (result i64)
            (call $log (i32.const 0) (i32.const 1024) (i32.const 4)) (loop $again (br $again)) (i64.const 0))",
        ..TextGuest::new()
    };
    let busy = engine.load_with(VIRTUAL, busy.component()).await.expect("a guest");
    let own = engine.load(Family::Evm, TextGuest::new().component()).await.expect("a guest");
    let (tell, running) = oneshot::channel();
    let occupied = tokio::spawn(async move {
        let log = Arc::new(FirstLine(Mutex::new(Some(tell))));
        let (ports, request) = given(&Arc::default());
        busy.verify(CallPorts { log, ..ports }, &request, Phase::Verify).await
    });
    running.await.expect("it runs");
    assert_eq!(call(&own, &Arc::default()).await.expect("an answer"), 0);
    occupied.abort();
}
