//! Components that are no guests, or describe themselves as what they are not: refused before they serve.

use crate::{
    attack::{Attack, Expect},
    component::{Component, Text},
};

const fn whole(name: &'static str, text: &'static str, because: &'static str) -> Attack {
    Attack::by(name, Component::Whole(text), Expect::NotLoaded(because))
}

const fn describes(name: &'static str, because: &'static str) -> Attack {
    Attack::lie(name, Expect::NotLoaded(because))
}

pub(super) const ATTACKS: &[Attack] = &[
    Attack::by(
        "not-wasm",
        Component::Bytes(b"#!/bin/sh\nrm -rf /\n"),
        Expect::NotLoaded("not a valid component"),
    ),
    Attack::by(
        "core-module",
        Component::Bytes(b"\0asm\x01\0\0\0"),
        Expect::NotLoaded("not a valid component"),
    ),
    Attack::by("17-mib", Component::Zeros(17 << 20), Expect::NotLoaded("more than 16777216 bytes")),
    whole("exports-nothing", "(component)", "does not export x402:scheme/scheme@0.1.0"),
    whole(
        "import-wasi-environment",
        r#"(component (import "wasi:cli/environment@0.2.3" (instance)))"#,
        "imports wasi:cli/environment@0.2.3: WASI is refused",
    ),
    whole(
        "import-wasi-sockets",
        r#"(component (import "wasi:sockets/tcp@0.2.3" (instance)))"#,
        "imports wasi:sockets/tcp@0.2.3: WASI is refused",
    ),
    whole(
        "import-the-vault",
        r#"(component (import "x402:scheme/vault@0.1.0" (instance
            (export "sign" (func (param "digest" (list u8)) (result (list u8)))))))"#,
        "imports x402:scheme/vault@0.1.0, which is not on the allow-list",
    ),
    whole(
        "import-a-function-too-many",
        r#"(component (import "x402:scheme/clock@0.1.0" (instance
            (export "now-ms" (func (result u64))) (export "set-ms" (func (param "now" u64))))))"#,
        "does not export",
    ),
    whole(
        "export-another-interface",
        r#"(component (instance $empty) (export "x402:scheme/scheme@0.1.0" (instance $empty)))"#,
        "does not fit x402:scheme/scheme@0.1.0",
    ),
    Attack::by(
        "loops-when-instantiated",
        Component::Text(Text { fields: "(func $start (loop (br 0))) (start $start)", ..Text::HARMLESS }),
        Expect::NotLoaded("guest used up its CPU time budget"),
    ),
    Attack::by(
        "memory-of-1-gib",
        Component::Text(Text { pages: 16_384, ..Text::HARMLESS }),
        Expect::NotLoaded("memory"),
    ),
    Attack::lie("trap-describe", Expect::NotLoaded("guest trapped")),
    describes("describe-family-svm", "guest is of family svm, expected evm"),
    describes("describe-family-unknown", "family"),
    describes(
        "describe-write-method",
        r#"guest needs RPC method "eth_sendRawTransaction", which is not permitted"#,
    ),
    describes("describe-many-methods", "guest used up its host call bytes budget"),
    describes("describe-name", "name is not of the form"),
    describes("describe-long-name", "guest used up its host call bytes budget"),
    describes("describe-version", "version is not a semantic version"),
    describes("describe-abi", "abi is not 0.1.0"),
    describes("describe-no-kinds", "serves no kind"),
    describes("describe-kind", "kind of x402 version 9"),
    describes("describe-scheme", "scheme is not of the form"),
];
