//! Guests made from a few lines of text format, so that what each does stands in its test in full.
//!
//! A guest's descriptor is good, and `verify` answers `valid` with one number in it, `expires-at`: what
//! a test wants to know of a guest's inside, the guest says there.

use std::path::{Path, PathBuf};

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Where the answers lie in the guest's memory; what `cabi_realloc` gives starts behind, at 8192.
const DESCRIPTOR: usize = 256;
const KINDS: usize = 320;
const VERDICT: usize = 512;
const STRINGS: usize = 1024;

/// A guest in text format. Start from [`TextGuest::new`].
pub(crate) struct TextGuest<'a> {
    /// Version of the WIT package.
    pub(crate) abi: &'a str,
    /// Directory of the package, in this crate.
    pub(crate) wit: &'a str,
    /// Other WIT text, whose interfaces `world` imports.
    pub(crate) other_wit: &'a str,
    /// Imports of the world beside those of a guest, WIT text.
    pub(crate) world: &'a str,
    /// Imports of the core module.
    pub(crate) imports: &'a str,
    /// Globals and functions of the core module.
    pub(crate) items: &'a str,
    /// What `describe` does before it gives the descriptor at 256.
    pub(crate) describe: &'a str,
    /// What `verify` does; leaves an i64 on the stack, `expires-at` of the verdict.
    pub(crate) verify: &'a str,
    /// Name in the descriptor.
    pub(crate) name: &'a str,
    /// Exports beside `describe` and `verify`.
    pub(crate) others: &'a str,
}

impl<'a> TextGuest<'a> {
    /// A guest of 0.1.0 whose `verify` says valid until 0.
    pub(crate) const fn new() -> Self {
        Self {
            abi: "0.1.0",
            wit: "../../wit/0.1.0",
            other_wit: "",
            world: "",
            imports: "",
            items: "",
            describe: "nop",
            verify: "(i64.const 0)",
            name: "text",
            others: r#"
                (func (export "x402:scheme/scheme@0.1.0#supported") (param i32 i32 i32 i32) (result i32) unreachable)
                (func (export "x402:scheme/scheme@0.1.0#prepare") (param i32) (result i32) unreachable)
                (func (export "x402:scheme/scheme@0.1.0#confirm")
                    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable)"#,
        }
    }

    /// Bytes of the component.
    pub(crate) fn component(&self) -> Vec<u8> {
        let mut module = wat::parse_str(self.module()).expect("the text is a module");
        let mut resolve = Resolve::default();
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join(self.wit);
        let (mut package, _) = resolve.push_dir(&wit).expect("the WIT package parses");
        let mut world = "scheme-guest";
        if !self.world.is_empty() {
            let (abi, imports) = (self.abi, self.world);
            let text = format!(
                "package test:guest; world extended {{ include x402:scheme/scheme-guest@{abi}; {imports} }}"
            );
            resolve.push_str(PathBuf::from("other.wit"), self.other_wit).expect("the other WIT parses");
            package = resolve.push_str(PathBuf::from("guest.wit"), &text).expect("the world parses");
            world = "extended";
        }
        let world = resolve.select_world(&[package], Some(world)).expect("the world is there");
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
            .expect("metadata embeds");
        ComponentEncoder::default().module(&module).expect("module").encode().expect("component")
    }

    fn module(&self) -> String {
        let Self { abi, imports, items, describe, verify, others, .. } = self;
        let interface = format!("x402:scheme/scheme@{abi}");
        // Flat parameters of `verify`; the result of 0.1.0 has a layer more than that of the test version.
        let (parameters, layer) = if *abi == "0.1.0" {
            ("i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32", 8)
        } else {
            ("i32 i32 i32 i32 i32 i32 i32 i64 i32 i32", 0)
        };
        let mut strings = Strings::default();
        let name = strings.add(self.name);
        let version = strings.add("1.0.0");
        let abi = strings.add(abi);
        let family = strings.add("evm");
        let exact = strings.add("exact");
        let one = strings.add("1");
        let warned = strings.add("from the newer shape");
        let list = |at: usize, length: usize| format!("{}{}", word(at), word(length));
        let descriptor = format!("{name}{version}{abi}{family}{}{}", list(KINDS, 1), list(0, 0));
        let kind = format!("{}{exact}", word(2));
        // valid: payer, amount, payment-id, expires-at, carry, and warnings of the test version.
        let valid = VERDICT + 8 + layer;
        let warnings = VERDICT + 128;
        let texts = format!("{name}{one}{one}");
        let tail = format!("{}{}", list(0, 0), list(warnings, 1));
        format!(
            r#"(module
                {imports}
                (memory (export "memory") 2)
                (table $t 1 1000000 funcref)
                (global $heap (mut i32) (i32.const 8192))
                {items}
                (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
                    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
                    (global.set $heap (i32.add (local.get $at) (local.get 3)))
                    (local.get $at))
                (func (export "{interface}#describe") (result i32) {describe} (i32.const {DESCRIPTOR}))
                (func (export "{interface}#verify") (param {parameters}) (result i32)
                    (i64.store (i32.const {expires_at}) {verify})
                    (i32.const {VERDICT}))
                {others}
                (data (i32.const {DESCRIPTOR}) "{descriptor}")
                (data (i32.const {KINDS}) "{kind}")
                (data (i32.const {valid}) "{texts}")
                (data (i32.const {behind}) "{tail}")
                (data (i32.const {warnings}) "{warned}")
                (data (i32.const {STRINGS}) "{}")
            )"#,
            strings.bytes,
            expires_at = valid + 24,
            behind = valid + 32,
        )
    }
}

/// Text in the guest's memory; each string is given as the data of its pointer and length.
#[derive(Default)]
struct Strings {
    bytes: String,
}

impl Strings {
    fn add(&mut self, text: &str) -> String {
        let at = STRINGS + self.bytes.len();
        self.bytes.push_str(text);
        format!("{}{}", word(at), word(text.len()))
    }
}

/// A number as data of the text format.
fn word(number: usize) -> String {
    let number = u32::try_from(number).expect("a small number");
    number.to_le_bytes().iter().map(|byte| format!("\\{byte:02x}")).collect()
}
