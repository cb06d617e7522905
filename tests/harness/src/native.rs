//! A guest as native code, with the SDK's double for the host: fast, and easy to debug.

use guest_sdk::{GuestError, Scheme, double::Double, scheme};

use crate::{
    answer::Answer,
    ask::Ask,
    case::{Case, Found},
    files::Broken,
};

/// Runs a case on the scheme `S`.
///
/// # Errors
/// [`Broken`] if the case is.
pub fn run<S: Scheme>(case: &Case) -> Result<Found, Broken> {
    let host = Double::new(case.now_ms, case.script.clone());
    let answer = match &case.ask {
        Ask::Describe => Answer::Descriptor(S::describe()),
        Ask::Supported { network, settings } => {
            told(scheme::supported::<S>(&host, network, &settings.to_string()), Answer::extra)
        }
        Ask::Verify { phase, request } => {
            told(scheme::verify::<S>(&host, &request.text(), (*phase).into()), Answer::from)
        }
        Ask::Prepare { valid, request } => {
            told(scheme::prepare::<S>(&host, &request.text(), &valid.valid()?), Answer::from)
        }
        Ask::Confirm { observation, request } => {
            told(scheme::confirm::<S>(&host, &request.text(), &observation.into()), Answer::from)
        }
    };
    Ok(Found { answer, replay: host.finish() })
}

fn told<T>(result: Result<T, GuestError>, answer: impl FnOnce(T) -> Answer) -> Answer {
    result.map_or_else(Answer::from, answer)
}
