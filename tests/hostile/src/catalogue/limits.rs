//! Guests that use up what they have, or die: the call fails, the host goes on.

use crate::{
    attack::{Attack, Expect, Seen, Told},
    component::{Component, Text},
    logs,
};
use anyhow::ensure;

/// Log text of one call, bytes, and calls that were made: `/verify` and `/settle`.
const LOG_BYTES: usize = 8 << 10;
const CALLS: usize = 2;

const fn verify(name: &'static str, body: &'static str) -> Attack {
    Attack::by(name, Component::Text(Text { verify: body, ..Text::HARMLESS }), Expect::FAILS)
}

const fn with(name: &'static str, text: Text) -> Attack {
    Attack::by(name, Component::Text(text), Expect::FAILS)
}

const LOG: &str = r#"(import "x402:scheme/log@0.1.0" "write" (func $log (param i32 i32 i32)))"#;
const KECCAK: &str = r#"(import "x402:scheme/crypto@0.1.0" "keccak256" (func $keccak (param i32 i32 i32)))"#;
const ED25519: &str = r#"(import "x402:scheme/crypto@0.1.0" "ed25519-verify"
    (func $ed25519 (param i32 i32 i32 i32 i32 i32) (result i32)))"#;
const RPC: &str =
    r#"(import "x402:scheme/rpc@0.1.0" "call" (func $rpc (param i32 i32 i32 i32 i32 i32 i32)))"#;
const BATCH: &str = r#"(import "x402:scheme/rpc@0.1.0" "batch" (func $batch (param i32 i32 i32 i32 i32)))"#;

pub(super) const ATTACKS: &[Attack] = &[
    verify("loops-for-ever", "(loop (br 0)) (i32.const 0)"),
    verify("takes-all-memory", "(drop (memory.grow (i32.const 10000))) (i32.const 0)"),
    with(
        "touches-16-mib",
        Text {
            pages: 1,
            fields: "(global $at (mut i32) (i32.const 0))",
            verify: "(drop (memory.grow (i32.const 255)))
                (loop $next
                    (i32.store8 (global.get $at) (i32.const 1))
                    (global.set $at (i32.add (global.get $at) (i32.const 4096)))
                    (br_if $next (i32.lt_u (global.get $at) (i32.const 16777216))))
                unreachable",
            ..Text::HARMLESS
        },
    ),
    verify("takes-a-large-table", "(drop (table.grow $table (ref.null func) (i32.const 900000))) (i32.const 0)"),
    with(
        "recurses-for-ever",
        Text {
            fields: "(func $deep (param i64 i64) (result i64) (call $deep (local.get 1) (local.get 0)))",
            verify: "(drop (call $deep (i64.const 1) (i64.const 2))) (i32.const 0)",
            ..Text::HARMLESS
        },
    ),
    verify("reads-out-of-bounds", "(drop (i32.load (i32.const -4))) (i32.const 0)"),
    verify("divides-by-zero", "(i32.div_u (i32.const 1) (i32.const 0))"),
    verify("answers-out-of-bounds", "(i32.const -4)"),
    verify("answers-no-variant", "(i32.store8 (i32.const 0) (i32.const 77)) (i32.const 0)"),
    // A refusal: ok, invalid, a reason, and a message of that length.
    verify(
        "answers-64-mib",
        "(i32.store8 (i32.const 8) (i32.const 1)) (i32.store (i32.const 28) (i32.const 67108864)) (i32.const 0)",
    ),
    with(
        "answers-15-mib-that-it-has",
        Text {
            pages: 241,
            verify: "(i32.store8 (i32.const 8) (i32.const 1))
                (i32.store (i32.const 24) (i32.const 65536))
                (i32.store (i32.const 28) (i32.const 15728640)) (i32.const 0)",
            ..Text::HARMLESS
        },
    ),
    verify(
        "answers-bad-utf-8",
        "(i32.store8 (i32.const 8) (i32.const 1)) (i32.store8 (i32.const 512) (i32.const 0xff))
            (i32.store (i32.const 24) (i32.const 512)) (i32.store (i32.const 28) (i32.const 1)) (i32.const 0)",
    ),
    with(
        "logs-bad-utf-8",
        Text {
            imports: LOG,
            verify: "(i32.store8 (i32.const 512) (i32.const 0xff))
                (call $log (i32.const 1) (i32.const 512) (i32.const 1)) (i32.const 0)",
            ..Text::HARMLESS
        },
    ),
    with(
        "logs-1-gib",
        Text {
            imports: LOG,
            verify: "(call $log (i32.const 1) (i32.const 0) (i32.const 0x40000000)) (i32.const 0)",
            ..Text::HARMLESS
        },
    ),
    with(
        "logs-at-no-level",
        Text {
            imports: LOG,
            verify: "(call $log (i32.const 99) (i32.const 0) (i32.const 1)) (i32.const 0)",
            ..Text::HARMLESS
        },
    ),
    with(
        "hashes-1-gib",
        Text {
            imports: KECCAK,
            verify: "(call $keccak (i32.const 0) (i32.const 0x40000000) (i32.const 0)) (i32.const 0)",
            ..Text::HARMLESS
        },
    ),
    with(
        "hashes-15-mib-that-it-has",
        Text {
            imports: KECCAK,
            pages: 241,
            verify: "(call $keccak (i32.const 0) (i32.const 15728640) (i32.const 0)) (i32.const 0)",
            ..Text::HARMLESS
        },
    ),
    with(
        "hashes-for-ever",
        Text {
            imports: KECCAK,
            pages: 20,
            verify: "(loop (call $keccak (i32.const 65536) (i32.const 10000) (i32.const 0)) (br 0))
                (i32.const 0)",
            ..Text::HARMLESS
        },
    ),
    with(
        "checks-a-signature-of-1-gib",
        Text {
            imports: ED25519,
            verify: "(call $ed25519 (i32.const 0) (i32.const 32) (i32.const 0) (i32.const 32)
                (i32.const 0) (i32.const 0x40000000))",
            ..Text::HARMLESS
        },
    ),
    with(
        "asks-with-params-of-1-gib",
        Text {
            imports: RPC,
            verify: "(call $rpc (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                (i32.const 0) (i32.const 0x40000000) (i32.const 0)) (i32.const 0)",
            ..Text::HARMLESS
        },
    ),
    with(
        "asks-with-bad-utf-8",
        Text {
            imports: RPC,
            verify: "(i32.store8 (i32.const 512) (i32.const 0xff))
                (call $rpc (i32.const 512) (i32.const 1) (i32.const 512) (i32.const 1)
                (i32.const 512) (i32.const 1) (i32.const 0)) (i32.const 0)",
            ..Text::HARMLESS
        },
    ),
    // The list's elements are 16 zero bytes each: two empty texts.
    with(
        "asks-a-million-times-nothing",
        Text {
            imports: BATCH,
            pages: 241,
            verify: "(call $batch (i32.const 0) (i32.const 0) (i32.const 65536) (i32.const 980000)
                (i32.const 0)) (i32.const 0)",
            ..Text::HARMLESS
        },
    ),
    Attack::lie("trap-supported", Expect::NotListed),
    Attack::lie("extra-array", Expect::NotListed),
    Attack::lie("extra-no-json", Expect::NotListed),
    Attack::lie("extra-1-mib", Expect::NotListed),
    Attack::lie("extra-deep", Expect::NotListed),
    Attack::lie("trap-verify", Expect::FAILS),
    Attack::lie("trap-prepare", Expect::unsigned(Told::Valid, Told::Internal)),
    Attack::lie("log-flood", Expect::unsigned(Told::Refused("reached"), Told::Refused("reached")))
        .and(little_is_logged),
    Attack::lie("log-many-lines", Expect::unsigned(Told::Refused("reached"), Told::Refused("reached")))
        .and(few_lines_are_logged),
];

fn little_is_logged(seen: &Seen<'_>) -> anyhow::Result<()> {
    let bytes: usize = logs::of_guests(seen.log).iter().map(|text| text.len()).sum();
    ensure!(bytes > 0 && bytes <= CALLS * LOG_BYTES, "the guest logged {bytes} bytes");
    Ok(())
}

/// A line costs more than its text.
fn few_lines_are_logged(seen: &Seen<'_>) -> anyhow::Result<()> {
    let lines = logs::of_guests(seen.log).len();
    ensure!(lines > 0 && lines <= CALLS * 200, "the guest logged {lines} lines");
    Ok(())
}
