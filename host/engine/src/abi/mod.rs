//! One module per released version of the WIT package, each converting to the protocol's types.
//!
//! The rest of the engine speaks [`Abi`] only, so a guest built for an older version keeps running when
//! a newer one is added: a new module here, and a line in [`bind`].

mod v0_1;

use async_trait::async_trait;
use facilitator_protocol::{Confirmation, Descriptor, Intent, Observation, Phase, Valid, Verdict};
use wasmtime::{
    Engine, Store, Trap,
    component::{Component, Linker},
};

use crate::{CallError, Exhausted, GuestRequest, LoadError, budget::HostState, imports};

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

/// The linkers of all known versions, made once.
pub(crate) struct Linkers {
    v0_1: Linker<HostState>,
}

impl Linkers {
    pub(crate) fn new(engine: &Engine) -> wasmtime::Result<Self> {
        Ok(Self { v0_1: v0_1::linker(engine)? })
    }

    /// Finds the version that the component was built for, checks its imports and links it.
    pub(crate) fn bind(&self, component: &Component) -> Result<Box<dyn Abi>, LoadError> {
        let engine = component.engine();
        for (import, _) in component.component_type().imports(engine) {
            imports::check(import, v0_1::PACKAGE, v0_1::VERSION)?;
        }
        if !component.component_type().exports(engine).any(|(export, _)| export == v0_1::EXPORT) {
            return Err(LoadError::MissingExport {
                expected: v0_1::EXPORT,
                detail: "no such export".to_owned(),
            });
        }
        v0_1::bind(&self.v0_1, component)
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
