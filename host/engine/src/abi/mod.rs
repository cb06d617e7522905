//! One module per released version of the WIT package, each converting to the protocol's types.
//!
//! The rest of the engine speaks [`Abi`] only, so a guest built for an older version keeps running when
//! a newer one is added. Which version a component was built for is told by its export of the scheme
//! interface; what it imports of the package must be of the same version.
//!
//! To add a version:
//! 1. `wit/<version>/scheme.wit`, a copy of the newest with the change. Released files never change:
//!    the test `released_wit_never_changes` pins each by its digest.
//! 2. A module here with its own `bindgen!`, an implementation of [`Abi`] and of the imported interfaces
//!    for [`HostState`], and a `pub(super) const ABI: AbiVersion`. What it answers goes through
//!    `checks`, whose bounds are the same for all versions.
//! 3. A line in `VERSIONS`, newest first. Where the shape has grown, `protocol` gets the new field, and
//!    the older modules say what it is for their guests.
//!
//! `v0_2_test` is such a version, compiled for tests alone: it shows that two run side by side.

mod checks;
mod v0_1;
#[cfg(test)]
mod v0_2_test;

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use facilitator_protocol::{Confirmation, Descriptor, Intent, Observation, Phase, Valid, Verdict};
use wasmtime::{
    Engine, Store, Trap,
    component::{Component, InstancePre, Linker},
};

use crate::{CallError, Exhausted, GuestRequest, LoadError, Wasi, budget::HostState, imports, wasi};

/// A linked guest of some ABI version; each call instantiates afresh in the store that it is given.
#[async_trait]
pub(crate) trait Abi: Send + Sync {
    async fn describe(&self, store: &mut Store<HostState>) -> Result<Descriptor, CallError>;
    async fn supported(
        &self,
        store: &mut Store<HostState>,
        network: &str,
        settings: &str,
    ) -> Result<Option<String>, CallError>;
    async fn verify(
        &self,
        store: &mut Store<HostState>,
        request: &GuestRequest,
        phase: Phase,
    ) -> Result<Verdict, CallError>;
    async fn prepare(
        &self,
        store: &mut Store<HostState>,
        request: &GuestRequest,
        valid: &Valid,
    ) -> Result<Intent, CallError>;
    async fn confirm(
        &self,
        store: &mut Store<HostState>,
        request: &GuestRequest,
        observation: &Observation,
    ) -> Result<Confirmation, CallError>;
}

/// One version of the WIT package that this host speaks.
#[derive(Debug)]
pub(crate) struct AbiVersion {
    /// Package whose interfaces a guest of this version may import.
    pub(crate) package: &'static str,
    /// Version of the package.
    pub(crate) version: &'static str,
    /// What a guest of this version exports: `<package>/scheme@<version>`.
    pub(crate) export: &'static str,
    /// Puts the host's side of the imports into a linker.
    link: fn(&mut Linker<HostState>) -> wasmtime::Result<()>,
    /// Finds the exports of a linked component.
    bind: fn(InstancePre<HostState>) -> wasmtime::Result<Box<dyn Abi>>,
}

/// Every version that this host speaks, newest first.
const VERSIONS: &[AbiVersion] = &[
    #[cfg(test)]
    v0_2_test::ABI,
    v0_1::ABI,
];

/// Versions of the WIT package that guests may be built for, newest first.
pub fn versions() -> impl Iterator<Item = &'static str> {
    VERSIONS.iter().map(|abi| abi.version)
}

/// The version that a component's exports are of; of several, the newest.
///
/// # Errors
/// [`LoadError::UnknownAbi`] if it exports the scheme of other versions only, [`LoadError::MissingExport`]
/// if of none.
pub(crate) fn select(exports: &[&str]) -> Result<&'static AbiVersion, LoadError> {
    if let Some(abi) = VERSIONS.iter().find(|abi| exports.contains(&abi.export)) {
        return Ok(abi);
    }
    Err(match exports.iter().find_map(|export| exported_version(export)) {
        Some(found) => LoadError::UnknownAbi { found: shortened(found), known: versions().collect() },
        None => LoadError::MissingExport { expected: v0_1::ABI.export, detail: "no such export".to_owned() },
    })
}

/// The version of an export that is the scheme interface of some version, known or not.
pub(crate) fn exported_version(export: &str) -> Option<&str> {
    VERSIONS.iter().find_map(|abi| {
        let interface = abi.export.strip_suffix(abi.version)?;
        export.strip_prefix(interface)
    })
}

/// Judges a component by the names of its imports and exports, before anything of it is compiled.
///
/// # Errors
/// [`LoadError`] names the first import or the export that is at fault.
pub(crate) fn judge(
    imports: &[&str],
    exports: &[&str],
    wasi: Wasi,
) -> Result<&'static AbiVersion, LoadError> {
    let selected = select(exports);
    // A component that exports no scheme at all is told of a forbidden import first.
    let abi = match &selected {
        Ok(abi) => abi,
        Err(LoadError::MissingExport { .. }) => &v0_1::ABI,
        Err(_) => return selected,
    };
    for import in imports {
        imports::check(import, abi.package, abi.version, wasi)?;
    }
    selected
}

fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

/// The linkers of all known versions, made once.
pub(crate) struct Linkers {
    wasi: Wasi,
    linkers: Vec<(&'static AbiVersion, Linker<HostState>)>,
}

impl Linkers {
    /// For guests with the grant given.
    pub(crate) fn new(engine: &Engine, wasi: Wasi) -> wasmtime::Result<Self> {
        let link = |abi: &'static AbiVersion| {
            let mut linker = Linker::new(engine);
            (abi.link)(&mut linker)?;
            if wasi == Wasi::Virtual {
                wasi::link(&mut linker)?;
            }
            Ok((abi, linker))
        };
        Ok(Self { wasi, linkers: VERSIONS.iter().map(link).collect::<wasmtime::Result<_>>()? })
    }

    /// Finds the version that the component was built for, checks its imports and links it.
    pub(crate) fn bind(&self, component: &Component) -> Result<Box<dyn Abi>, LoadError> {
        let engine = component.engine();
        let component_type = component.component_type();
        let imports: Vec<_> = component_type.imports(engine).map(|(name, _)| name).collect();
        let exports: Vec<_> = component_type.exports(engine).map(|(name, _)| name).collect();
        let abi = judge(&imports, &exports, self.wasi)?;
        let mismatch = |error: wasmtime::Error| LoadError::Mismatch {
            interface: abi.export,
            detail: format!("{error:#}").chars().take(500).collect(),
        };
        let (_, linker) =
            self.linkers.iter().find(|(linked, _)| linked.export == abi.export).ok_or_else(|| {
                LoadError::MissingExport { expected: abi.export, detail: "not linked".to_owned() }
            })?;
        let linked = match self.wasi {
            Wasi::Refused => linker.instantiate_pre(component),
            Wasi::Virtual => {
                let mut linker = linker.clone();
                wasi::trap_the_rest(&mut linker, component).and_then(|()| linker.instantiate_pre(component))
            }
        };
        let linked = linked.map_err(mismatch)?;
        (abi.bind)(linked).map_err(mismatch)
    }
}

/// Tells which of our words a runtime error stands for.
fn classify(error: &wasmtime::Error) -> CallError {
    if let Some(&exhausted) = error.downcast_ref::<Exhausted>() {
        return CallError::Exhausted(exhausted);
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => return CallError::Exhausted(Exhausted::Stack),
        Some(Trap::Interrupt) => return CallError::Exhausted(Exhausted::Cpu),
        Some(trap) => return CallError::Trap(trap.to_string()),
        None => {}
    }
    let cause = error.root_cause().to_string();
    // The runtime has no type for this one.
    if cause.contains("allocated for hostcalls") {
        return CallError::Exhausted(Exhausted::HostCall);
    }
    CallError::Trap(cause)
}
