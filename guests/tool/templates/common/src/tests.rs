//! Runs the cases of `verify` natively, where a debugger and `eprintln!` work. `facilitator guest test` runs
//! all cases on the component, as the host would.

use std::{fs, path::Path};

use facilitator_protocol::{Phase, Verdict};
use guest_sdk::{
    GuestError, RequestText,
    double::{Double, Script},
    scheme,
};
use serde_json::{Value, json};

#[test]
fn cases_of_verify_pass_natively() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut ran = 0;
    for case in fs::read_dir(cases).unwrap().map(|entry| entry.unwrap().path()) {
        if case.is_dir() && read(&case, "request.json")["call"] == "verify" {
            check(&case);
            ran += 1;
        }
    }
    assert!(ran > 0, "no case was found");
}

fn check(case: &Path) {
    let ask = read(case, "request.json");
    let text = |key: &str| ask[key].as_str().unwrap().to_owned();
    let request = RequestText {
        x402_version: ask["x402Version"].as_u64().unwrap().try_into().unwrap(),
        scheme: text("scheme"),
        network: text("network"),
        payload: ask["payload"].to_string(),
        requirements: ask["requirements"].to_string(),
        settings: ask["settings"].to_string(),
    };
    let phase = if ask["phase"] == "settle" { Phase::Settle } else { Phase::Verify };
    let now_ms = fs::read_to_string(case.join("clock")).unwrap().trim().parse().unwrap();
    let script = Script::from_jsonl(&fs::read_to_string(case.join("rpc.jsonl")).unwrap()).unwrap();
    let host = Double::new(now_ms, script);
    let found = match scheme::verify::<crate::Guest>(&host, &request, phase) {
        Ok(Verdict::Valid(valid)) => json!({ "valid": valid.payment_id }),
        Ok(Verdict::Invalid(invalid)) => json!({ "invalid": invalid.reason }),
        Err(GuestError::Upstream(_)) => json!({ "error": "upstream" }),
        Err(error) => json!({ "error": error.to_string() }),
    };
    host.finish().unwrap();
    assert_eq!(found, summary(&read(case, "expect.json")), "{}", case.display());
}

/// Of the answer that the case expects, what decides.
fn summary(expected: &Value) -> Value {
    match expected.as_object().unwrap().iter().next().unwrap() {
        (kind, answer) if kind == "valid" => json!({ "valid": answer["paymentId"] }),
        (kind, answer) if kind == "invalid" => json!({ "invalid": answer["reason"] }),
        (_, answer) if answer.get("upstream").is_some() => json!({ "error": "upstream" }),
        (_, answer) => {
            let (kind, message) = answer.as_object().unwrap().iter().next().unwrap();
            json!({ "error": format!("{kind}: {}", message.as_str().unwrap()) })
        }
    }
}

fn read(case: &Path, file: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(case.join(file)).unwrap()).unwrap()
}
