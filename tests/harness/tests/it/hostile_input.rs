//! Whatever a stranger sends, a guest answers: with a refusal whose form the host can pass on, or with an
//! upstream error where it went on to ask the chain, which is not there. Never with a panic, which would be
//! a trap, and never with `valid`.

use std::fs;

use facilitator_protocol::{Confirmation, Observation, Phase, Valid, Verdict, reason};
use guest_evm::ExactEvm;
use guest_sdk::{GuestError, RequestText, double::Double, scheme};
use proptest::{collection, prelude::*, sample};
use serde_json::{Map, Value, json};

use crate::repository::cases_root;

const LONGEST_MESSAGE: usize = 400;

fn case(name: &str) -> Value {
    let path = cases_root().join("evm").join(name).join("request.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn text(request: &Value) -> RequestText {
    RequestText {
        x402_version: u8::try_from(request["x402Version"].as_u64().unwrap()).unwrap(),
        scheme: "exact".to_owned(),
        network: "eip155:84532".to_owned(),
        payload: request["payload"].to_string(),
        requirements: request["requirements"].to_string(),
        settings: request["settings"].to_string(),
    }
}

/// Judges a request on a host without a network, at the cases' time.
fn check_answer(request: &RequestText) -> Result<(), TestCaseError> {
    let host = || Double::offline(1_893_456_010_000);
    for phase in [Phase::Verify, Phase::Settle] {
        match scheme::verify::<ExactEvm>(&host(), request, phase) {
            Ok(Verdict::Invalid(invalid)) => {
                prop_assert!(reason::is_well_formed(&invalid.reason), "{}", invalid.reason);
                prop_assert!(invalid.message.len() <= LONGEST_MESSAGE, "{}", invalid.message);
                prop_assert!(invalid.message.bytes().all(|b| b == b' ' || b.is_ascii_graphic()));
                prop_assert_eq!(invalid.payer, None);
            }
            Ok(Verdict::Valid(valid)) => prop_assert!(false, "valid without a chain: {valid:?}"),
            Err(GuestError::Upstream(_)) => {}
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
    let valid = Valid {
        payer: String::new(),
        amount: "1".parse().unwrap(),
        payment_id: String::new(),
        expires_at: 0,
        carry: String::new(),
    };
    prop_assert!(scheme::prepare::<ExactEvm>(&host(), request, &valid).is_err());
    Ok(())
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        "0x[0-9a-fA-F]{0,140}".prop_map(Value::from),
        "[0-9]{1,80}".prop_map(Value::from),
        Just(Value::from(format!("0x{}", "6492".repeat(16)))),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            collection::vec(("[a-zA-Z0-9]{0,12}", inner), 0..4)
                .prop_map(|entries| Value::from(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Pointers to every place in a value, the value itself first.
fn places(value: &Value) -> Vec<String> {
    let below = |key: &str, inner: &Value| -> Vec<String> {
        places(inner).into_iter().map(|place| format!("/{key}{place}")).collect()
    };
    let mut all = vec![String::new()];
    match value {
        Value::Object(entries) => all.extend(entries.iter().flat_map(|(key, inner)| below(key, inner))),
        Value::Array(items) => {
            all.extend(items.iter().enumerate().flat_map(|(index, inner)| below(&index.to_string(), inner)));
        }
        _ => {}
    }
    all
}

fn remove(value: &mut Value, place: &str) {
    let Some((parent, key)) = place.rsplit_once('/') else { return };
    match value.pointer_mut(parent) {
        Some(Value::Object(entries)) => {
            entries.remove(key);
        }
        Some(Value::Array(items)) => {
            items.remove(key.parse().unwrap());
        }
        _ => {}
    }
}

/// A good request of either version in which some places hold something else, or nothing.
fn mutated() -> impl Strategy<Value = RequestText> {
    let change = (any::<sample::Index>(), proptest::option::weighted(0.8, any_json()));
    let part = sample::select(vec!["/payload", "/payload/payload", "/requirements"]);
    (
        sample::select(vec!["accepts_eoa_v2", "accepts_eoa_v1", "accepts_erc1271"]),
        part,
        collection::vec(change, 1..4),
    )
        .prop_map(|(name, part, changes)| {
            let mut request = case(name);
            for (index, replacement) in changes {
                let part = request.pointer_mut(part).unwrap();
                let all = places(part);
                let place = index.get(&all);
                match replacement {
                    Some(replacement) => *part.pointer_mut(place).unwrap() = replacement,
                    None => remove(part, place),
                }
            }
            text(&request)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn changed_requests_get_an_answer(request in mutated()) {
        check_answer(&request)?;
    }

    #[test]
    fn any_text_gets_an_answer(payload in ".{0,200}", requirements in ".{0,200}") {
        let good = text(&case("accepts_eoa_v2"));
        check_answer(&RequestText { payload: payload.clone(), ..good.clone() })?;
        check_answer(&RequestText { requirements, ..good.clone() })?;
        let nested = format!(r#"{{"accepted":{},"payload":{payload}}}"#, case("accepts_eoa_v2")["requirements"]);
        check_answer(&RequestText { payload: nested, ..good })?;
    }

    #[test]
    fn any_signature_gets_an_answer(bytes in collection::vec(any::<u8>(), 0..300), wrapped: bool) {
        let mut request = case("accepts_eoa_v2");
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let suffix = if wrapped { "6492".repeat(16) } else { String::new() };
        request["payload"]["payload"]["signature"] = json!(format!("0x{digits}{suffix}"));
        check_answer(&text(&request))?;
    }

    #[test]
    fn changed_receipts_are_never_a_payment(
        changes in collection::vec((any::<sample::Index>(), proptest::option::weighted(0.8, any_json())), 1..4),
    ) {
        let request = case("confirms_exact_transfer");
        let transaction = request["observation"]["transaction"].as_str().unwrap().to_owned();
        let data = request["observation"]["data"].as_str().unwrap();
        let good: Value = serde_json::from_str(data).unwrap();
        let mut receipt = good.clone();
        for (index, replacement) in changes {
            let all = places(&receipt);
            let place = index.get(&all);
            match replacement {
                Some(replacement) => *receipt.pointer_mut(place).unwrap() = replacement,
                None => remove(&mut receipt, place),
            }
        }
        let observation = Observation { transaction, data: receipt.to_string() };
        let confirmed = scheme::confirm::<ExactEvm>(&Double::offline(0), &text(&request), &observation);
        if let Ok(Confirmation::Paid { .. }) = confirmed {
            // Then nothing that counts has changed.
            for place in ["/status", "/to", "/transactionHash"] {
                prop_assert_eq!(receipt.pointer(place), good.pointer(place));
            }
            let transfer = good["logs"].as_array().unwrap().iter().find(|log| log["data"] != "0x").unwrap();
            let same = |log: &&Value| {
                ["address", "topics", "data"].iter().all(|&key| log.get(key) == transfer.get(key))
            };
            prop_assert_eq!(receipt["logs"].as_array().unwrap().iter().filter(same).count(), 1);
        } else {
            prop_assert!(!matches!(confirmed, Err(GuestError::Internal(_) | GuestError::Unsupported(_))));
        }
    }
}
