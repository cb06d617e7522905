//! A guest that attacks its host: the EVM guest, with one lie.
//!
//! It is built once. Which lie it tells stands in [`ATTACK`], a text in the component's data that tests
//! overwrite in the bytes of the component, so that each attack is a component with a digest of its own.
//! It speaks the types of the WIT interface and not the SDK's, because the SDK has no words for much of
//! what a stranger may answer.
//!
//! `none` is the EVM guest. `tagged:<TAG>` is the EVM guest too, and shows which generation was asked: see
//! `tagged`. On native targets the crate is empty.

#![cfg(target_arch = "wasm32")]

mod answers;
mod describe;
mod intents;
mod reach;
mod request;
mod tagged;

use guest_evm::ExactEvm;
use guest_sdk::component::{
    Component,
    bindings::{exports::x402::scheme::scheme::Guest, x402::scheme::types},
};

/// The text that tests overwrite, padded with zeros.
#[used]
static ATTACK: [u8; 64] = *b"hostile guest: the name of the attack stands here, up to 64 byte";

/// The lie of this component.
fn attack() -> &'static str {
    // What stands here when the component runs is not what stood here when it was compiled.
    let text = core::hint::black_box(&ATTACK);
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    text.get(..end).and_then(|name| str::from_utf8(name).ok()).unwrap_or_default()
}

/// The guest that is lied with.
type Honest = Component<ExactEvm>;

struct Hostile;

#[expect(clippy::panic, reason = "a trap is one of the attacks")]
fn trap_if(name: &str) {
    if attack() == name {
        panic!("trapped on purpose: {name}");
    }
}

impl Guest for Hostile {
    fn describe() -> types::Descriptor {
        trap_if("trap-describe");
        describe::describe(Honest::describe())
    }

    fn supported(network: String, settings: String) -> Result<Option<String>, types::GuestError> {
        trap_if("trap-supported");
        match answers::extra() {
            Some(extra) => Ok(Some(extra)),
            None => Honest::supported(network, settings),
        }
    }

    fn verify(request: types::Request, phase: types::Phase) -> Result<types::Verdict, types::GuestError> {
        trap_if("trap-verify");
        if let Some(tag) = tagged::tag() {
            return tagged::verify(tag, request, phase);
        }
        if let Some(verdict) = reach::verify(&request) {
            return verdict;
        }
        answers::verify(request, phase)
    }

    fn prepare(request: types::Request, valid: types::Valid) -> Result<types::Intent, types::GuestError> {
        trap_if("trap-prepare");
        if let Some(tag) = tagged::tag() {
            return tagged::prepare(tag, request, valid);
        }
        intents::prepare(request, valid)
    }

    fn confirm(
        request: types::Request,
        observation: types::Observation,
    ) -> Result<types::Confirmation, types::GuestError> {
        trap_if("trap-confirm");
        if let Some(tag) = tagged::tag() {
            return tagged::confirm(tag, request, observation);
        }
        answers::confirm(request, observation)
    }
}

guest_sdk::component::export_component!(Hostile with_types_in guest_sdk::component::bindings);
