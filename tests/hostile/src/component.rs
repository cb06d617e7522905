//! Where the attacking components come from: one guest in Rust whose lie is a text in its data, and modules
//! of a few lines of text format for what no compiler would write.

use std::{env, fs, path::Path};

use anyhow::{Context, ensure};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The text in the data of `hostile.wasm` that names its lie.
const PLACEHOLDER: &[u8; 64] = b"hostile guest: the name of the attack stands here, up to 64 byte";

/// A component.
#[derive(Clone, Copy, Debug)]
pub enum Component {
    /// The guest of `tests/hostile/guest` with this lie.
    Lie(&'static str),
    /// A guest whose `verify` is in text format.
    Text(Text),
    /// A component in text format, as it is.
    Whole(&'static str),
    /// Any bytes.
    Bytes(&'static [u8]),
    /// This many zeros.
    Zeros(usize),
}

/// Parts of a module that describes itself well and does something bad in `verify`.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// Imports, before everything else.
    pub imports: &'static str,
    /// Functions and globals, and what runs at instantiation.
    pub fields: &'static str,
    /// Pages of 64 KiB that its memory has at the start.
    pub pages: u32,
    /// Body of `verify`, which leaves the address of an answer.
    pub verify: &'static str,
}

impl Component {
    /// Its bytes.
    pub fn bytes(self) -> anyhow::Result<Vec<u8>> {
        match self {
            Self::Lie(lie) => lying(lie),
            Self::Text(text) => text.component(),
            Self::Whole(text) => Ok(wat::parse_str(text)?),
            Self::Bytes(bytes) => Ok(bytes.to_vec()),
            Self::Zeros(length) => anyhow::bail!("{length} zeros are written as a file"),
        }
    }
}

/// The component of `tests/hostile/guest` that tells this lie. Its digest is its own.
pub fn lying(lie: &str) -> anyhow::Result<Vec<u8>> {
    let mut component = built()?;
    ensure!(lie.len() <= PLACEHOLDER.len(), "the name of an attack has at most 64 bytes: {lie}");
    let mut places = component.windows(PLACEHOLDER.len()).enumerate();
    let (at, _) =
        places.find(|(_, window)| window == PLACEHOLDER).context("hostile.wasm has no placeholder")?;
    let place = component.get_mut(at..at + PLACEHOLDER.len()).context("the placeholder is whole")?;
    place.fill(0);
    place.get_mut(..lie.len()).context("it fits")?.copy_from_slice(lie.as_bytes());
    Ok(component)
}

/// Found above the running program, which lies in the target directory too.
fn built() -> anyhow::Result<Vec<u8>> {
    let program = env::current_exe()?;
    let path = program
        .ancestors()
        .map(|directory| directory.join("guests/test/hostile.wasm"))
        .find(|path| path.is_file())
        .context("guest hostile is not built: run `make guests` first")?;
    fs::read(&path).with_context(|| path.display().to_string())
}

/// Where the data of a text guest begins. What the host writes for a call lies below.
const DATA: u32 = 32 << 10;

impl Text {
    /// Does nothing bad yet.
    pub const HARMLESS: Self = Self { imports: "", fields: "", pages: 1, verify: "(i32.const 0)" };

    fn component(self) -> anyhow::Result<Vec<u8>> {
        let Self { imports, fields, pages, verify } = self;
        let interface = "x402:scheme/scheme@0.1.0";
        let eleven = "i32 ".repeat(11);
        let (descriptor, data) = described();
        let text = format!(
            r#"(module
                {imports}
                (memory (export "memory") {pages})
                (table $table 1 1000000 funcref)
                (data (i32.const {DATA}) "{data}")
                {fields}
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
                (func (export "{interface}#describe") (result i32) (i32.const {descriptor}))
                (func (export "{interface}#supported") (param i32 i32 i32 i32) (result i32) unreachable)
                (func (export "{interface}#verify") (param {eleven} i32) (result i32) {verify})
                (func (export "{interface}#prepare") (param i32) (result i32) unreachable)
                (func (export "{interface}#confirm") (param {eleven} i32 i32 i32 i32) (result i32) unreachable)
            )"#
        );
        let mut module = wat::parse_str(&text)?;
        let mut resolve = Resolve::default();
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit/0.1.0");
        let (package, _) = resolve.push_dir(&wit)?;
        let world = resolve.select_world(&[package], Some("scheme-guest"))?;
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
        ComponentEncoder::default().module(&module)?.encode()
    }
}

/// Address of a good descriptor, and the data from [`DATA`] on that it stands in.
fn described() -> (u32, String) {
    let mut data = Vec::new();
    let mut put = |bytes: &[u8]| {
        let address = DATA + u32::try_from(data.len()).unwrap_or_default();
        data.extend_from_slice(bytes);
        data.resize(data.len().next_multiple_of(4), 0);
        address
    };
    let words = |words: &[u32]| -> Vec<u8> { words.iter().flat_map(|word| word.to_le_bytes()).collect() };
    let mut texts = Vec::new();
    for text in ["text-guest", "1.0.0", "0.1.0", "evm"] {
        texts.extend([put(text.as_bytes()), u32::try_from(text.len()).unwrap_or_default()]);
    }
    let (scheme, method) = (put(b"exact"), put(b"eth_call"));
    let kinds = put(&words(&[2, scheme, 5]));
    let methods = put(&words(&[method, 8]));
    texts.extend([kinds, 1, methods, 1]);
    let descriptor = put(&words(&texts));
    let escaped = data.iter().map(|byte| format!("\\{byte:02x}")).collect();
    (descriptor, escaped)
}
