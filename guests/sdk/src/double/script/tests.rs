use serde_json::{Value, json};

use super::*;

const TWO: &str = r#"{"requests":[{"method":"a","params":[1]}],"answers":[{"result":"x"}]}

{"requests":[{"method":"b","params":[{"k":1,"l":2}]},{"method":"c","params":[]}],"answers":[{"error":{"code":3,"message":"m","data":"0x"}},{"result":null}]}"#;

fn two() -> Script {
    Script::from_jsonl(TWO).unwrap()
}

fn calls<const N: usize>(calls: [(&str, Value); N]) -> Vec<Asked> {
    let asked =
        |(method, params): (&str, Value)| Asked { method: method.to_owned(), params: (&params).into() };
    calls.into_iter().map(asked).collect()
}

#[test]
fn plays_exchanges_in_their_order() {
    let mut script = two();
    assert_eq!(script.play(calls([("a", json!([1]))])), Ok(vec![Ok("\"x\"".to_owned())]));
    let remote = RemoteError { code: 3, message: "m".to_owned(), data: Some("\"0x\"".to_owned()) };
    assert_eq!(
        script.play(calls([("b", json!([{"l": 2, "k": 1}])), ("c", json!([]))])),
        Ok(vec![Err(RpcError::Remote(remote)), Ok("null".to_owned())])
    );
    assert_eq!(script.finish(), Ok(()));
}

#[test]
fn a_call_that_is_not_recorded_fails_for_good() {
    for wrong in [
        calls([("a", json!([2]))]),
        calls([("b", json!([1]))]),
        calls([("a", json!([1])), ("a", json!([1]))]),
        vec![],
    ] {
        let mut script = two();
        assert!(matches!(script.play(wrong.clone()), Err(RpcError::Unavailable(_))), "{wrong:?}");
        assert!(script.play(calls([("a", json!([1]))])).is_err(), "nothing is available after a difference");
        let difference = script.finish().unwrap_err();
        assert_eq!((difference.round_trip, difference.recorded), (1, 2));
        assert_eq!(difference.found.as_ref(), Some(&wrong));
        let text = difference.to_string();
        assert!(text.contains("expected: a [1]\nfound:    "), "{text}");
    }
    let mut empty = Script::default();
    assert!(empty.play(calls([("a", json!([1]))])).is_err());
    assert_eq!(
        empty.finish().unwrap_err().to_string(),
        "RPC calls differ in round trip 1 (of 0 recorded)\nexpected: no more calls\nfound:    a [1]"
    );
}

#[test]
fn a_recorded_call_that_is_not_made_fails() {
    let mut script = two();
    script.play(calls([("a", json!([1]))])).unwrap().pop().unwrap().unwrap();
    let difference = script.finish().unwrap_err();
    assert_eq!((difference.round_trip, difference.recorded, &difference.found), (2, 2, &None));
    assert!(difference.to_string().contains("found:    no more calls"));
}

#[test]
fn an_answer_reaches_the_guest_as_it_was_recorded() {
    let line = r#"{"requests":[{"method":"a","params":[]}],"answers":[{"result":{"z":1e2,"a":123456789012345678901234567890}}]}"#;
    let mut script = Script::from_jsonl(line).unwrap();
    assert_eq!(
        script.play(calls([("a", json!([]))])),
        Ok(vec![Ok(r#"{"z":1e2,"a":123456789012345678901234567890}"#.to_owned())])
    );
}

#[test]
fn a_line_is_written_as_it_was_read() {
    let unavailable = r#"{"requests":[{"method":"a","params":[]}],"unavailable":"no endpoint answered"}"#;
    for line in TWO.lines().filter(|line| !line.is_empty()).chain([unavailable]) {
        assert_eq!(Exchange::from_line(line).unwrap().to_line().unwrap(), line);
    }
}

#[test]
fn an_unreadable_recording_names_its_line() {
    let first = TWO.lines().next().unwrap();
    let asked = r#""requests":[{"method":"a","params":[]}]"#;
    for (line, expected) in [
        (
            r#"{"requests":[],"anwsers":[]}"#.to_owned(),
            "line 2: unknown field `anwsers`, expected one of `requests`, `answers`, `unavailable` at column 24",
        ),
        (format!("{{{asked}}}"), "line 2: expected `answers` or `unavailable`, found neither"),
        (
            format!(r#"{{{asked},"answers":[],"unavailable":"x"}}"#),
            "line 2: expected `answers` or `unavailable`, found both",
        ),
        (
            format!(r#"{{{asked},"answers":[]}}"#),
            "line 2: expected one answer for each of 1 requests, found 0",
        ),
    ] {
        let text = format!("{first}\n{line}");
        assert_eq!(Script::from_jsonl(&text).unwrap_err().to_string(), expected);
    }
}
