//! Guests as tables for people.

use std::time::{SystemTime, UNIX_EPOCH};

use comfy_table::{Table, presets};
use serde_json::Value;

const COLUMNS: [&str; 11] =
    ["guest", "version", "serves", "generation", "state", "since", "calls", "faults", "p50", "p99", "sha256"];

/// The guests in use, each with the generation before it.
pub(super) fn list(guests: &Value) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY).set_header(COLUMNS);
    for guest in guests.get("inUse").and_then(Value::as_array).into_iter().flatten() {
        table.add_row(row(guest, serves(guest), state(guest)));
        if let Some(previous) = guest.get("previous").filter(|previous| !previous.is_null()) {
            table.add_row(row(previous, String::new(), "previous".to_owned()));
        }
    }
    let mut out = format!("{table}\n");
    if let Some(failure) = guests.get("lastFailure").filter(|failure| !failure.is_null()) {
        let reason = text(failure, "reason");
        let reason =
            if reason.is_empty() { "see the log, or ask with the admin token".to_owned() } else { reason };
        out.push_str(&format!("The latest reload ({}) failed: {reason}\n", ago(failure, "at")));
    }
    out
}

fn row(guest: &Value, serves: String, state: String) -> [String; 11] {
    [
        text(guest, "guest"),
        text(guest, "version"),
        serves,
        text(guest, "generation"),
        state,
        ago(guest, "since"),
        text(guest, "calls"),
        text(guest, "faults"),
        milliseconds(guest, "p50Ms"),
        milliseconds(guest, "p99Ms"),
        text(guest, "sha256").chars().take(12).collect(),
    ]
}

fn serves(guest: &Value) -> String {
    let family = text(guest, "family");
    let kinds = guest.get("serves").and_then(Value::as_array).into_iter().flatten();
    let kinds: Vec<String> =
        kinds.map(|kind| format!("{} v{}", text(kind, "scheme"), text(kind, "x402Version"))).collect();
    if kinds.is_empty() { format!("{family}: nothing") } else { format!("{family}: {}", kinds.join(", ")) }
}

fn state(guest: &Value) -> String {
    match (text(guest, "state").as_str(), guest.get("restsForMs").and_then(Value::as_u64)) {
        ("resting", Some(ms)) => format!("resting {} s", ms.div_ceil(1000)),
        (other, _) => other.replace('_', " "),
    }
}

/// Everything about one thing, a line each.
pub(super) fn properties(value: &Value) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    for (key, value) in value.as_object().into_iter().flatten() {
        table.add_row([key.clone(), shown(value)]);
    }
    format!("{table}\n")
}

fn shown(value: &Value) -> String {
    match value {
        // A guest may have written it: nothing in it commands the terminal.
        Value::String(text) => text.replace(|c: char| c.is_control(), " "),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join("\n"),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| format!("{key}: {}", shown(value).replace('\n', ", ")))
            .collect::<Vec<_>>()
            .join("\n"),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

/// What a reload or rollback did.
pub(super) fn report(report: &Value) -> String {
    let mut out = String::new();
    for change in report.get("changes").and_then(Value::as_array).into_iter().flatten() {
        let side = |key: &str| match change.get(key).filter(|side| !side.is_null()) {
            Some(side) => format!(
                "generation {} ({}, {}, {})",
                text(side, "generation"),
                text(side, "version"),
                text(side, "origin"),
                text(side, "sha256").chars().take(12).collect::<String>()
            ),
            None => "nothing".to_owned(),
        };
        out.push_str(&format!("{}: {} -> {}\n", text(change, "guest"), side("before"), side("now")));
    }
    for kept in report.get("kept").and_then(Value::as_array).into_iter().flatten() {
        out.push_str(&format!(
            "{}: left alone, it was rolled back from; replace the file, or reload with --force\n",
            shown(kept)
        ));
    }
    if out.is_empty() {
        out.push_str("nothing has changed\n");
    }
    out.push_str(&format!("done in {} ms\n", text(report, "durationMs")));
    out
}

fn text(value: &Value, key: &str) -> String {
    match value.get(key) {
        Some(Value::Null) | None => String::new(),
        Some(value) => shown(value),
    }
}

fn milliseconds(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_f64).map_or_else(String::new, |ms| format!("{ms:.2} ms"))
}

fn ago(value: &Value, key: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let Some(at) = value.get(key).and_then(Value::as_u64) else { return String::new() };
    match now.saturating_sub(at) {
        seconds @ 0..120 => format!("{seconds} s ago"),
        seconds @ 120..7_200 => format!("{} min ago", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h ago", seconds / 3_600),
        seconds => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_guest_and_the_one_before_it_are_two_rows() {
        let previous =
            json!({"guest": "evm", "version": "0.1.0", "sha256": "cd".repeat(32), "generation": 1});
        let guests = json!({"inUse": [{"guest": "evm", "version": "0.2.0", "family": "evm", "generation": 2,
            "serves": [{"x402Version": 2, "scheme": "exact"}], "state": "resting", "restsForMs": 1500,
            "calls": 7, "faults": 5, "p50Ms": 1.5, "p99Ms": 2.25, "sha256": "ab".repeat(32), "since": 1,
            "previous": previous}], "lastFailure": {"at": 1, "reason": "evm.wasm: is not pinned"}});
        let shown = list(&guests);
        for part in
            ["evm: exact v2", "resting 2 s", "abababababab", "cdcdcdcdcdcd", "2.25 ms", "is not pinned"]
        {
            assert!(shown.contains(part), "{part} in\n{shown}");
        }
        assert!(!shown.contains(&"ab".repeat(7)), "digests are shortened");
    }

    #[test]
    fn a_report_tells_what_was_and_what_is() {
        let shown = report(&json!({"changes": [{"guest": "evm", "before": null,
            "now": {"generation": 3, "version": "1.0.0", "origin": "evm.wasm", "sha256": "00"}}],
            "kept": ["svm.wasm"], "durationMs": 12}));
        assert!(shown.contains("evm: nothing -> generation 3 (1.0.0, evm.wasm, 00)"), "{shown}");
        assert!(shown.contains("svm.wasm: left alone") && shown.contains("12 ms"), "{shown}");
        assert!(report(&json!({"changes": [], "kept": [], "durationMs": 1})).contains("nothing has changed"));
    }
}
