//! A guest as native code, with the SDK's double for the host: fast, and easy to debug.

use facilitator_protocol::Family;
use guest_evm::ExactEvm;
use guest_sdk::{GuestError, Scheme, double::Double, scheme};
use serde_json::Value;

use crate::{
    Failure, answer,
    case::{Ask, Case, Found},
};

/// Runs a case.
///
/// # Errors
/// [`Failure`] if there is no such guest or the case is broken.
pub fn run(case: &Case) -> Result<Found, Failure> {
    match case.family {
        Family::Evm => run_scheme::<ExactEvm>(case),
        other => Err(Failure::Guest(format!("no guest of family {other}"))),
    }
}

fn run_scheme<S: Scheme>(case: &Case) -> Result<Found, Failure> {
    let host = Double::new(case.now_ms, case.script.clone());
    let answer = match &case.ask {
        Ask::Describe => answer::descriptor(&S::describe()),
        Ask::Supported { network, settings } => {
            told(scheme::supported::<S>(&host, network, &settings.to_string()), |extra| {
                answer::extra(extra.as_deref())
            })
        }
        Ask::Verify { phase, request } => {
            told(scheme::verify::<S>(&host, &request.text(), (*phase).into()), answer::verdict)
        }
        Ask::Prepare { valid, request } => {
            told(scheme::prepare::<S>(&host, &request.text(), &valid.valid()?), answer::intent)
        }
        Ask::Confirm { observation, request } => {
            told(scheme::confirm::<S>(&host, &request.text(), &observation.into()), answer::confirmation)
        }
    };
    Ok(Found { answer, replay: host.finish() })
}

fn told<T>(result: Result<T, GuestError>, answer: impl FnOnce(&T) -> Value) -> Value {
    result.as_ref().map_or_else(answer::error, answer)
}
