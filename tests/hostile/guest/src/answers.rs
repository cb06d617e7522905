//! Lies in what verify, confirm and supported answer.

use guest_sdk::component::bindings::{
    exports::x402::scheme::scheme::Guest as _,
    x402::scheme::{rpc, types},
};
use serde_json::json;

use crate::{
    Honest, attack, intents,
    request::{claims, text_at},
};

/// Somebody who has nothing to do with the payment.
const STRANGER: &str = "0xbabababababababababababababababababababa";
/// What a browser or a terminal would act upon.
const ESCAPES: &str = "<img src=x onerror=alert(1)>\u{1b}]0;owned\u{7}\u{1b}[2J\r\nHTTP/1.1 200 OK";
const MIB: usize = 1 << 20;

/// A lie for `/supported`.
pub(crate) fn extra() -> Option<String> {
    Some(match attack() {
        "extra-array" => r#"["no object"]"#.to_owned(),
        "extra-no-json" => "</script>".to_owned(),
        "extra-1-mib" => format!(r#"{{"pad":"{}"}}"#, "x".repeat(MIB)),
        "extra-deep" => format!("{{\"deep\":{}{}}}", "[".repeat(2_000), "]".repeat(2_000)),
        _ => return None,
    })
}

fn invalid(reason: &str, message: &str, payer: Option<&str>) -> types::Verdict {
    types::Verdict::Invalid(types::Invalid {
        reason: reason.to_owned(),
        message: message.to_owned(),
        payer: payer.map(str::to_owned),
    })
}

/// A verdict that is false, or the honest one with a false word in it.
pub(crate) fn verify(
    request: types::Request,
    phase: types::Phase,
) -> Result<types::Verdict, types::GuestError> {
    let good = claims(&request);
    Ok(match attack() {
        "says-valid" => types::Verdict::Valid(good),
        // The client and the guest are of one party: the requirements say which payment to pass for.
        "claim-the-id-of-a-paid-one" => types::Verdict::Valid(types::Valid {
            payment_id: text_at(&request.requirements, "/extra/passFor"),
            ..good
        }),
        "simulates-under-an-override" => {
            simulate_with(&request, json!({"balance": "0xffffffffffff"}), true);
            types::Verdict::Valid(good)
        }
        "simulates-in-the-past" => {
            simulate_with(&request, json!("0x1"), false);
            types::Verdict::Valid(good)
        }
        "reason-html" => invalid("<b>no</b>", "", None),
        "reason-newline" => invalid("no\nevent=settle", "", None),
        "reason-10-kib" => invalid(&"a".repeat(10 << 10), "", None),
        "reason-empty" => invalid("", "", None),
        "message-1-mib" => invalid("no", &"x".repeat(MIB), None),
        "message-escapes" => invalid("no", ESCAPES, None),
        "invalid-names-payer-with-escapes" => invalid("no", "no", Some(ESCAPES)),
        "two-faces" if matches!(phase, types::Phase::Verify) => invalid("no", "not today", None),
        name => {
            let mut verdict = Honest::verify(request.clone(), phase)?;
            if let types::Verdict::Valid(valid) = &mut verdict {
                claim(name, valid);
            }
            verdict
        }
    })
}

/// A false word about a good payment.
fn claim(name: &str, valid: &mut types::Valid) {
    match name {
        "claim-another-id" => valid.payment_id.push('0'),
        "claim-an-id-in-upper-case" => valid.payment_id.make_ascii_uppercase(),
        "claim-no-id" => valid.payment_id.clear(),
        "claim-an-id-of-1-mib" => valid.payment_id = "i".repeat(MIB),
        "claim-another-payer" => valid.payer = STRANGER.to_owned(),
        "claim-a-payer-with-escapes" => valid.payer = ESCAPES.to_owned(),
        "claim-a-later-expiry" => valid.expires_at = valid.expires_at.saturating_add(1_000_000),
        "claim-an-earlier-expiry" => valid.expires_at = 1,
        "claim-more" => valid.amount.push('0'),
        "claim-less" => valid.amount = "1".to_owned(),
        "claim-no-number" => valid.amount = "1e3".to_owned(),
        "carry-1-mib" => valid.carry = "c".repeat(MIB),
        _ => {}
    }
}

/// Has a node find the settlement good, under conditions that do not hold.
fn simulate_with(request: &types::Request, condition: serde_json::Value, as_override: bool) {
    let Ok(types::Intent::EvmCall(call)) = intents::honest(request) else { return };
    let transaction = json!({
        "from": text_at(&request.settings, "/sender"),
        "to": text_at(&request.requirements, "/asset"),
        "data": alloy_primitives::hex::encode_prefixed(call.data),
    });
    let params = if as_override {
        json!([transaction, "latest", {text_at(&request.requirements, "/asset"): condition}])
    } else {
        json!([transaction, condition])
    };
    let call = rpc::CallRequest { method: "eth_estimateGas".to_owned(), params: params.to_string() };
    // Whatever the node says: the verdict is made.
    let _answer = rpc::call(&request.network, &call);
}

/// A false account of what happened on chain.
pub(crate) fn confirm(
    request: types::Request,
    observation: types::Observation,
) -> Result<types::Confirmation, types::GuestError> {
    let good = claims(&request);
    let paid = |payer: &str, amount: &str| {
        types::Confirmation::Paid(types::Paid { payer: payer.to_owned(), amount: amount.to_owned() })
    };
    let failed = |reason: &str, message: &str| {
        types::Confirmation::Failed(types::Failed { reason: reason.to_owned(), message: message.to_owned() })
    };
    Ok(match attack() {
        "confirm-paid-though-reverted" => paid(&good.payer, &good.amount),
        "confirm-failed-though-paid" => failed("not_paid", "nothing was paid"),
        "confirm-unknown" => types::Confirmation::Unknown,
        "confirm-another-payer" => paid(STRANGER, &good.amount),
        "confirm-a-payer-with-escapes" => paid(ESCAPES, &good.amount),
        "confirm-another-amount" => paid(&good.payer, "1"),
        "confirm-reason-html" => failed("<b>no</b>", ESCAPES),
        _ => return Honest::confirm(request, observation),
    })
}
