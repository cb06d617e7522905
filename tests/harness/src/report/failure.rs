//! Why a case fails, as lines for people. No colours and nothing that steers a terminal.

use facilitator_engine::LogLevel;
use guest_sdk::double::{Asked, Difference};
use serde_json::{Value, json};

use super::printable::{printable, shortened};
use crate::{
    case::Failure,
    difference::{Place, Places},
    format,
    play::LogLine,
};

/// Longest text that is shown of one value.
const MAX_VALUE_CHARACTERS: usize = 2_000;
/// Longest string that is shown whole when another stands beside it.
const MAX_WHOLE_CHARACTERS: usize = 120;
/// What is shown of longer ones, before and after the place in which they part.
const SHOWN_BEFORE: usize = 24;
const SHOWN_AFTER: usize = 72;
/// Most lines that are shown of a guest's log.
const MAX_LOG_LINES: usize = 50;

/// The failure over several lines.
pub(crate) fn lines(failure: &Failure) -> Vec<String> {
    match failure {
        Failure::Broken(broken) => vec![printable(&format!("broken case: {broken}"))],
        Failure::Ended(why) => vec![printable(&format!("the guest ended without an answer: {why}"))],
        Failure::Answer { expected, found } => {
            let mut lines = vec!["another answer than in expect.json".to_owned()];
            lines.extend(places(&Places::of(expected, found)));
            lines
        }
        Failure::Calls(difference) => calls(difference),
    }
}

/// The places in which two values differ.
pub(crate) fn places(places: &Places) -> Vec<String> {
    let mut lines: Vec<String> = places.first.iter().flat_map(place).collect();
    if places.more > 0 {
        lines.push(format!("and {} more places", places.more));
    }
    lines
}

fn calls(difference: &Difference) -> Vec<String> {
    let Difference { round_trip, recorded, expected, found } = difference;
    let mut lines =
        vec![format!("other RPC calls than in rpc.jsonl, in round trip {round_trip} (it has {recorded})")];
    match (expected, found) {
        (Some(expected), Some(found)) => {
            lines.extend(places(&Places::of(&requests(expected), &requests(found))));
        }
        (Some(expected), None) => {
            lines.push("recorded and not made:".to_owned());
            lines.extend(listed(expected));
        }
        (None, found) => {
            lines.push("made and not recorded:".to_owned());
            lines.extend(listed(found.as_deref().unwrap_or_default()));
        }
    }
    lines
}

fn requests(asked: &[Asked]) -> Value {
    let one = |asked: &Asked| {
        let params = asked.params.value().unwrap_or_else(|| asked.params.get().into());
        json!({ "method": asked.method, "params": params })
    };
    json!({ "requests": asked.iter().map(one).collect::<Vec<_>>() })
}

fn listed(asked: &[Asked]) -> Vec<String> {
    asked
        .iter()
        .map(|asked| format!("  {}", printable(&shortened(&asked.to_string(), MAX_VALUE_CHARACTERS))))
        .collect()
}

fn place(place: &Place) -> Vec<String> {
    let Place { path, expected, found } = place;
    let mut lines = vec![if path.is_empty() { "(the whole)".to_owned() } else { printable(path) }];
    let (expected, found) = match (expected, found) {
        (Some(Value::String(expected)), Some(Value::String(found))) => {
            let (expected, found, same) = strings(expected, found);
            if same > 0 {
                lines.push(format!("  the same up to character {same}"));
            }
            (vec![expected], vec![found])
        }
        (expected, found) => (value(expected.as_ref()), value(found.as_ref())),
    };
    lines.extend(labelled("expected", expected));
    lines.extend(labelled("found", found));
    lines
}

/// Two strings side by side; of long ones the part in which they differ, and how long they are the same.
fn strings(expected: &str, found: &str) -> (String, String, usize) {
    let quoted = |text: &str| printable(&Value::from(text).to_string());
    if expected.chars().count().max(found.chars().count()) <= MAX_WHOLE_CHARACTERS {
        return (quoted(expected), quoted(found), 0);
    }
    let same = expected.chars().zip(found.chars()).take_while(|(one, other)| one == other).count();
    let part = |text: &str| {
        let start = same.saturating_sub(SHOWN_BEFORE);
        let shown: String = text.chars().skip(start).take(SHOWN_BEFORE + SHOWN_AFTER).collect();
        let before = if start > 0 { "…" } else { "" };
        let after = if text.chars().count() > start + SHOWN_BEFORE + SHOWN_AFTER { "…" } else { "" };
        format!("{before}{}{after}", quoted(&shown))
    };
    (part(expected), part(found), same)
}

fn value(value: Option<&Value>) -> Vec<String> {
    let Some(value) = value else { return vec!["nothing".to_owned()] };
    let text = shortened(&format::pretty(&value.to_string()), MAX_VALUE_CHARACTERS);
    text.lines().map(printable).collect()
}

fn labelled(label: &str, value: Vec<String>) -> Vec<String> {
    let label = |index: usize| if index == 0 { format!("{label}:") } else { String::new() };
    value.into_iter().enumerate().map(|(index, line)| format!("  {:<9} {line}", label(index))).collect()
}

/// What the guest logged.
pub(crate) fn log(log: &[LogLine]) -> Vec<String> {
    if log.is_empty() {
        return Vec::new();
    }
    let level = |level: LogLevel| match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    };
    let mut lines = vec!["log of the guest".to_owned()];
    let texts = log.iter().flat_map(|(at, text)| text.lines().map(|line| (level(*at), line)));
    lines
        .extend(texts.clone().take(MAX_LOG_LINES).map(|(at, line)| format!("  {at:<5} {}", printable(line))));
    let more = texts.count().saturating_sub(MAX_LOG_LINES);
    if more > 0 {
        lines.push(format!("  and {more} more lines"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use guest_sdk::double::{JsonText, Script};

    use super::*;

    fn differ(expected: Value, found: Value) -> String {
        lines(&Failure::Answer { expected, found }).join("\n")
    }

    #[test]
    fn an_answer_is_shown_where_it_differs() {
        assert_eq!(
            differ(
                json!({"valid": {"payer": "a", "amount": "1"}}),
                json!({"valid": {"payer": "a", "amount": "2\u{1b}[2J"}})
            ),
            "another answer than in expect.json\nvalid.amount\n  expected: \"1\"\n  found:    \"2\\u001b[2J\""
        );
        assert_eq!(
            differ(json!({"unknown": {}}), json!({"paid": {"payer": "a"}})),
            "another answer than in expect.json\nunknown\n  expected: {}\n  found:    nothing\npaid\n  \
             expected: nothing\n  found:    {\n              \"payer\": \"a\"\n            }"
        );
    }

    #[test]
    fn long_strings_are_shown_where_they_part() {
        let (one, other) =
            (format!("0x{}1{}", "a".repeat(500), "b".repeat(500)), format!("0x{}2", "a".repeat(500)));
        let text = differ(json!(one), json!(other));
        let shown = "a".repeat(SHOWN_BEFORE);
        assert!(text.contains("(the whole)\n  the same up to character 502\n"), "{text}");
        assert!(text.contains(&format!("expected: …\"{shown}1{}\"…", "b".repeat(SHOWN_AFTER - 1))), "{text}");
        assert!(text.ends_with(&format!("found:    …\"{shown}2\"")), "{text}");
    }

    #[test]
    fn rpc_calls_are_shown_with_their_round_trip() {
        let line = r#"{"requests":[{"method":"eth_call","params":[{"to":"0x1"},"latest"]}],"answers":[{"result":"0x"}]}"#;
        let script = || Script::from_jsonl(&format!("{line}\n{line}")).unwrap();
        let call = |to: &str| {
            vec![Asked {
                method: "eth_call".to_owned(),
                params: JsonText::new(format!(r#"[{{"to":"{to}"}},"latest"]"#)).unwrap(),
            }]
        };
        let told = |script: Script| lines(&Failure::Calls(script.finish().unwrap_err())).join("\n");

        let mut other = script();
        other.play(call("0x1")).unwrap().pop().unwrap().unwrap();
        other.play(call("0x2")).unwrap_err();
        assert_eq!(
            told(other),
            "other RPC calls than in rpc.jsonl, in round trip 2 (it has 2)\nrequests[0].params[0].to\n  \
             expected: \"0x1\"\n  found:    \"0x2\""
        );
        assert_eq!(
            told(script()),
            "other RPC calls than in rpc.jsonl, in round trip 1 (it has 2)\nrecorded and not made:\n  \
             eth_call [{\"to\":\"0x1\"},\"latest\"]"
        );
        let mut more = Script::default();
        more.play(call("0x1")).unwrap_err();
        assert!(
            told(more)
                .ends_with("(it has 0)\nmade and not recorded:\n  eth_call [{\"to\":\"0x1\"},\"latest\"]")
        );
    }

    #[test]
    fn a_log_is_bounded_and_harmless() {
        let line = (LogLevel::Error, "panicked\n\u{1b}[1m".to_owned());
        assert_eq!(log(&[line]), ["log of the guest", "  error panicked", "  error \\u{1b}[1m"]);
        let many = (LogLevel::Info, "x\n".repeat(60));
        assert_eq!(log(&[many]).last().unwrap(), "  and 10 more lines");
        assert!(log(&[]).is_empty());
    }
}
