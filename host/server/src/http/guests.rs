//! Guests as JSON: part of `/ready`, and of the admin API.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use facilitator_engine::{Generation, Route};
use serde_json::{Value, json};

use crate::guests::Guests;

/// Who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// Anybody: no text that a guest wrote, no path.
    Public,
    /// The operator.
    Operator,
}

/// Every guest with its generation, how it does, what it serves, and that the latest reload failed, if it
/// did.
pub(super) fn described(guests: &Guests, reader: Reader) -> Value {
    let routes = guests.routes();
    let all: Vec<Value> = guests
        .generations()
        .into_iter()
        .map(|(current, previous)| {
            let mut described = generation(&current, reader);
            if let Some(object) = described.as_object_mut() {
                object.insert("serves".to_owned(), serves(&routes, &current).into());
                object.insert(
                    "previous".to_owned(),
                    previous.as_deref().map_or(Value::Null, |previous| generation(previous, reader)),
                );
            }
            described
        })
        .collect();
    let failure = guests.last_failure().map(
        |failure| json!({"at": unix_seconds(failure.at), "reason": reader.only_operator(failure.reason)}),
    );
    json!({"inUse": all, "lastFailure": failure})
}

impl Reader {
    fn only_operator(self, text: String) -> Option<String> {
        (self == Self::Operator).then_some(text)
    }
}

fn generation(generation: &Generation, reader: Reader) -> Value {
    let descriptor = generation.descriptor();
    let usage = generation.usage();
    json!({
        "guest": descriptor.name,
        "version": descriptor.version,
        "abi": descriptor.abi,
        "family": descriptor.family,
        "sha256": generation.sha256(),
        "generation": generation.number(),
        "origin": generation.origin().to_string(),
        "virtualWasi": generation.wasi() == facilitator_engine::Wasi::Virtual,
        "since": unix_seconds(generation.since()),
        "state": if usage.rests_for.is_some() { "resting" } else { "in_service" },
        "restsForMs": usage.rests_for.map(millis),
        "calls": usage.calls,
        "faults": usage.faults,
        "lastFault": usage.last_fault.and_then(|fault| reader.only_operator(fault)),
        "p50Ms": usage.p50.as_secs_f64() * 1e3,
        "p99Ms": usage.p99.as_secs_f64() * 1e3,
    })
}

fn serves(routes: &[(Route, Arc<Generation>)], generation: &Generation) -> Vec<Value> {
    let served = routes.iter().filter(|(_, serving)| serving.number() == generation.number());
    served
        .map(|(route, _)| json!({"x402Version": route.x402_version.number(), "scheme": route.scheme}))
        .collect()
}

fn unix_seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
