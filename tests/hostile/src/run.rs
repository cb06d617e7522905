//! Running attacks, one after the other, against one server.

use std::collections::BTreeSet;

use alloy_primitives::U256;
use anyhow::{Context, bail, ensure};
use serde_json::Value;

use facilitator_server::guests::Refusal;

use crate::{
    attack::{Attack, Expect, Seen, Told},
    catalogue::Group,
    component::Component,
    facilitator::{Answer, Facilitator},
    memory::resident_bytes,
    node::{SECRET_IN_PATH, SECRET_IN_QUERY},
    payment::{AMOUNT, NETWORK, Offer, PAY_TO, Payment, payment},
    report::{Report, Row},
};

/// Longest answer that a guest can cause.
const MOST_ANSWER_BYTES: usize = 2_048;
/// Times that a client asks for the outcome of a good payment.
const MOST_ASKED: usize = 20;

/// Runs every attack of a group.
pub async fn run(facilitator: &Facilitator, group: Group) -> anyhow::Result<Report> {
    // What a first call, a first compilation and a first payment take is no attacker's doing.
    let warm = Attack::lie("none", Expect::sent(Told::Paid));
    let mut paid = None;
    for _ in 0..2 {
        if let Some(fault) = attempt(facilitator, &warm, &mut paid).await.fault {
            return Err(fault.context("the hostile guest is a good one when it does not lie"));
        }
    }
    let resident_before = resident_bytes()?;
    let mut rows = Vec::with_capacity(group.attacks.len());
    for attack in group.attacks {
        rows.push(attempt(facilitator, attack, &mut paid).await);
    }
    Ok(Report { group: group.name, rows, resident_before, resident_after: resident_bytes()? })
}

/// One attack and the payment after it. `paid` is the id of the last good payment.
async fn attempt(facilitator: &Facilitator, attack: &Attack, paid: &mut Option<String>) -> Row {
    let signed_before = facilitator.app.vault.signatures_made();
    let sent_before = facilitator.node.transactions();
    let attacked = attacked(facilitator, attack, paid.as_deref()).await;
    let signatures = facilitator.app.vault.signatures_made() - signed_before;
    let transactions = facilitator.node.transactions() - sent_before;
    let next = match facilitator.installer.restore(&facilitator.app).await {
        Ok(()) => good_payment(facilitator).await.context("a good payment afterwards"),
        Err(error) => Err(error),
    };
    let (answered, mut fault) = match attacked {
        Ok(answered) => (answered, None),
        Err(error) => ("?".to_owned(), Some(error)),
    };
    let expected = match attack.expect {
        Expect::Answers { signatures, .. } => signatures,
        Expect::NotLoaded(_) | Expect::NotListed => 0,
    };
    if (signatures, transactions) != (expected, expected) {
        let text = format!("{signatures} signatures and {transactions} transactions, expected {expected}");
        fault = Some(match fault {
            Some(other) => other.context(text),
            None => anyhow::anyhow!(text),
        });
    }
    let next_payment = next.is_ok();
    match next {
        Ok(id) => *paid = Some(id),
        Err(error) => fault = fault.or(Some(error)),
    }
    Row { attack: attack.name, answered, signatures, next_payment, fault }
}

/// Loads the guest and asks; gives what was answered, for the table.
async fn attacked(facilitator: &Facilitator, attack: &Attack, paid: Option<&str>) -> anyhow::Result<String> {
    let Facilitator { app, installer, .. } = facilitator;
    let mark = facilitator.logs.mark();
    let loaded = match attack.component {
        Component::Zeros(length) => installer.install_zeros(app, length).await?,
        other => installer.install(app, other.bytes()?).await?,
    };
    match (loaded, attack.expect) {
        (Ok(_), Expect::NotLoaded(_)) => bail!("it was loaded"),
        (Err(error), Expect::NotLoaded(because)) => {
            let text = error_text(&error);
            ensure!(text.contains(because), "expected {because:?}, found {text:?}");
            no_secret_in(&text)?;
            Ok(format!("not loaded: {}", shortened(&text)))
        }
        (Err(error), _) => Err(error).context("it was not loaded"),
        (Ok(_), Expect::NotListed) => {
            let supported = facilitator.get("/supported").await?;
            ensure!(supported.status == 200, "/supported answers {}", supported.status);
            let kinds = supported.body.pointer("/kinds").and_then(Value::as_array);
            ensure!(kinds.is_some_and(Vec::is_empty), "/supported: {}", supported.text);
            no_secret_in(&supported.text)?;
            Ok("200, and its kinds are not in /supported".to_owned())
        }
        (Ok(_), Expect::Answers { verify: expect_verify, settle: expect_settle, .. }) => {
            let payment = payment(attack.offer, &facilitator.token, paid)?;
            if attack.offer == Offer::RevertsInBlock {
                facilitator.node.revert_in_block(payment.nonce);
            }
            let verify = facilitator.post("/verify", &payment.body).await?;
            let settle = settle(facilitator, &payment, expect_settle).await?;
            check_answer("/verify", &verify, expect_verify, &payment)?;
            check_answer("/settle", &settle, expect_settle, &payment)?;
            for path in ["/supported", "/ready"] {
                let answer = facilitator.get(path).await?;
                ensure!(answer.status == 200, "{path} answers {}: {}", answer.status, answer.text);
                no_secret_in(&answer.text)?;
            }
            let log = facilitator.logs.since(mark)?;
            for line in &log {
                no_secret_in(&line.to_string())?;
            }
            if let Some(also) = attack.also {
                also(&Seen { facilitator, payment: &payment, log: &log, verify: &verify, settle: &settle })?;
            }
            Ok(format!("verify {}; settle {}", short(&verify), short(&settle)))
        }
    }
}

/// A payment through the shipped guest: verified, settled, and really moved. Gives its id.
async fn good_payment(facilitator: &Facilitator) -> anyhow::Result<String> {
    let payment = payment(Offer::Good, &facilitator.token, None)?;
    let held = |account| facilitator.node.balance(facilitator.token.address, account);
    let (payer_before, payee_before) = (held(payment.payer), held(PAY_TO));
    let verify = facilitator.post("/verify", &payment.body).await?;
    check_answer("/verify", &verify, Told::Valid, &payment)?;
    let settle = settle(facilitator, &payment, Told::Paid).await?;
    check_answer("/settle", &settle, Told::Paid, &payment)?;
    let amount = U256::from(AMOUNT);
    ensure!(held(payment.payer) == payer_before - amount, "the payer has paid once");
    ensure!(held(PAY_TO) == payee_before + amount, "the payee was paid once");
    Ok(payment.id)
}

/// `/settle`, asked again as a client does: when the server says that it is late, and while it does not know,
/// unless that is what it is expected to say.
async fn settle(facilitator: &Facilitator, payment: &Payment, expected: Told) -> anyhow::Result<Answer> {
    const PENDING: &str = "settlement_pending";
    let mut answer = facilitator.post("/settle", &payment.body).await?;
    for _ in 1..MOST_ASKED {
        let is_open = answer.body.pointer("/errorReason").is_some_and(|reason| reason == PENDING);
        if answer.status != 503 && (!is_open || expected == Told::Sent(PENDING)) {
            break;
        }
        answer = facilitator.post("/settle", &payment.body).await?;
    }
    Ok(answer)
}

/// Keys that an answer may have.
const VERIFY_KEYS: &[&str] = &["isValid", "payer", "invalidReason", "invalidMessage"];
const SETTLE_KEYS: &[&str] =
    &["success", "transaction", "network", "payer", "amount", "errorReason", "errorMessage"];

/// The answer is what is expected, and of the shape that every answer has.
fn check_answer(path: &str, answer: &Answer, expected: Told, payment: &Payment) -> anyhow::Result<()> {
    let told = || format!("{path}: expected {expected:?}, found {} {}", answer.status, answer.text);
    check_shape(path, answer).with_context(told)?;
    let body = &answer.body;
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
    let is_verify = path == "/verify";
    let (reason, message) = if is_verify {
        (text("invalidReason"), text("invalidMessage"))
    } else {
        (text("errorReason"), text("errorMessage"))
    };
    let good = body.get(if is_verify { "isValid" } else { "success" }) == Some(&Value::Bool(true));
    let transaction = text("transaction");
    let is_hash = transaction.len() == 66 && transaction.starts_with("0x");
    let holds = match expected {
        Told::Valid => answer.status == 200 && is_verify && good && reason.is_empty(),
        Told::Refused(because) => {
            answer.status == 200 && !good && reason == because && transaction.is_empty()
        }
        Told::ByPolicy(rule) => {
            answer.status == 200
                && !good
                && reason == "signing_policy_refused"
                && message.starts_with(&format!("{rule}: "))
                && transaction.is_empty()
                && body.get("payer").is_none()
        }
        Told::Sent(because) => answer.status == 200 && !good && reason == because && is_hash,
        Told::Paid => {
            answer.status == 200
                && good
                && is_hash
                && text("amount") == AMOUNT.to_string()
                && text("network") == NETWORK
                && text("payer").eq_ignore_ascii_case(&payment.payer.to_string())
        }
        Told::Internal => {
            let code = if is_verify { "unexpected_verify_error" } else { "unexpected_settle_error" };
            answer.status == 500 && !good && reason == code && message == "internal error"
        }
    };
    ensure!(holds, told());
    Ok(())
}

fn check_shape(path: &str, answer: &Answer) -> anyhow::Result<()> {
    let (keys, required) = if path == "/verify" {
        (VERIFY_KEYS, &["isValid"][..])
    } else {
        (SETTLE_KEYS, &["success", "transaction", "network"][..])
    };
    ensure!(answer.content_type == "application/json", "content type {}", answer.content_type);
    ensure!(answer.text.len() <= MOST_ANSWER_BYTES, "{} bytes", answer.text.len());
    no_secret_in(&answer.text)?;
    let fields = answer.body.as_object().context("an object")?;
    let known: BTreeSet<&str> = keys.iter().copied().collect();
    for (key, value) in fields {
        ensure!(known.contains(key.as_str()), "key {key:?}");
        ensure!(!value.is_null(), "{key} is null");
        let escapes = value.as_str().is_some_and(|text| text.chars().any(char::is_control));
        ensure!(!escapes, "{key} has control characters");
    }
    for key in required {
        ensure!(fields.contains_key(*key), "no {key}");
    }
    Ok(())
}

fn no_secret_in(text: &str) -> anyhow::Result<()> {
    for secret in [SECRET_IN_PATH, SECRET_IN_QUERY, crate::accounts::FACILITATOR_KEY] {
        ensure!(!text.contains(secret), "{secret} is told: {text}");
    }
    Ok(())
}

fn error_text(error: &Refusal) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// Status and reason, with the rule of a refusal by policy.
fn short(answer: &Answer) -> String {
    let text = |key: &str| answer.body.get(key).and_then(Value::as_str);
    let reason = text("invalidReason").or_else(|| text("errorReason"));
    let told = match reason {
        None => "good".to_owned(),
        Some("signing_policy_refused") => {
            let rule = text("errorMessage").and_then(|message| message.split_once(": "));
            format!("signing_policy_refused ({})", rule.map_or("?", |(rule, _)| rule))
        }
        Some(reason) => reason.to_owned(),
    };
    format!("{} {told}", answer.status)
}

fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() > 90 {
        format!("{}…", line.chars().take(90).collect::<String>())
    } else {
        line.to_owned()
    }
}
