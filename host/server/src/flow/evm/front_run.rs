//! Was the payment made by somebody else's transaction?
//!
//! An EIP-3009 authorization may be submitted by anybody who sees it. If another one was faster after this
//! payment was claimed, payTo was paid, ours fails or can never land, and saying that the payment failed
//! would be a lie. What was used before the claim is another matter: that is refused by verification, for a
//! used authorization must not be told as paid twice.
//!
//! Source: EIP-3009 (`AuthorizationUsed`).

use facilitator_chain::evm::{Authorization, EvmNetwork};
use facilitator_journal::Outcome;
use facilitator_protocol::{Confirmation, Observation};
use serde::Deserialize;

use super::{
    super::{
        confirm::{confirm, confirmed},
        drive::Payment,
    },
    follow::{RETRY, expected},
};
use crate::ports::unix_ms;

/// Times that a chain is asked that does not answer. Some nodes do not let anybody search for events.
const ATTEMPTS: u64 = 10;
/// Most attempts, however slow the chain and however deep a transaction has to be.
const MAX_ATTEMPTS: u64 = 300;
/// [`RETRY`], milliseconds.
const RETRY_MS: u64 = RETRY.as_secs() * 1_000;

/// The client's payload, as far as it counts here.
#[derive(Deserialize)]
struct Client {
    payload: Payload,
}

#[derive(Deserialize)]
struct Payload {
    authorization: Option<Signed>,
}

#[derive(Deserialize)]
struct Signed {
    nonce: String,
}

/// The outcome, if a transaction that is none of ours has made exactly this payment since it was claimed.
/// None if not; and if the chain goes on not answering, which is logged.
pub(super) async fn paid_by(evm: &EvmNetwork, payment: &Payment) -> Option<Outcome> {
    let authorization = authorization(payment)?;
    // The other one may have to become as deep as ours.
    let settings = evm.settings();
    let deep_ms = settings.facts.block_time_ms.saturating_mul(settings.confirmations);
    let attempts = ATTEMPTS.saturating_add(deep_ms / RETRY_MS);
    for _ in 0..attempts.min(MAX_ATTEMPTS) {
        match look(evm, payment, &authorization).await {
            Some(found) => return found,
            None => tokio::time::sleep(RETRY).await,
        }
    }
    tracing::error!(event = "front_run_unknown", payment_id = payment.payment_id.as_str());
    None
}

fn authorization(payment: &Payment) -> Option<Authorization> {
    let client: Client = serde_json::from_str(&payment.routed.request.payload).ok()?;
    Authorization::read(
        &payment.routed.requirements.asset,
        &payment.payer,
        &client.payload.authorization?.nonce,
    )
}

/// None if nobody can tell now.
async fn look(evm: &EvmNetwork, payment: &Payment, authorization: &Authorization) -> Option<Option<Outcome>> {
    let Payment { routed, payer, .. } = payment;
    let since_ms = unix_ms().saturating_sub(payment.claimed_at_ms);
    let Some(transaction) = evm.authorization_used(authorization, since_ms).await? else {
        return Some(None);
    };
    // It may not be deep enough yet.
    let tracked = evm.included(&transaction).await?;
    if !tracked.succeeded || expected(routed, payer).is_shown_by(&tracked.receipt) != Some(true) {
        return Some(None);
    }
    let observation = Observation { transaction: tracked.hash.clone(), data: tracked.receipt };
    match confirm(routed, &observation).await? {
        Confirmation::Paid { amount, .. } if amount == routed.requirements.amount => {
            tracing::warn!(
                event = "paid_by_another_transaction",
                payment_id = payment.payment_id.as_str(),
                tx = tracked.hash
            );
            Some(Some(confirmed(payment, &tracked.hash)))
        }
        Confirmation::Paid { .. } | Confirmation::Failed { .. } => Some(None),
        Confirmation::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nonce_is_read_from_the_clients_payload() {
        let nonce = format!("0x{}", "5".repeat(64));
        let payload = serde_json::json!({"x402Version": 2, "accepted": {}, "payload": {
            "signature": "0x", "authorization": {"from": "0x1", "nonce": nonce}}});
        let client: Client = serde_json::from_str(&payload.to_string()).unwrap();
        assert_eq!(client.payload.authorization.unwrap().nonce, nonce);
    }
}
