//! Steps 4 to 10 of a settlement, in the one task that owns the payment.

use std::{sync::Arc, time::Instant};

use facilitator_chain::evm::{
    Broadcast, EvmNetwork, ExpectedTransfer, Followed, Pending, Refusal as NodeRefusal, Signed, SubmitError,
};
use facilitator_journal::{JournalError, Outcome, PaymentId, SignedBytes};
use facilitator_protocol::{Confirmation, Observation, PaymentRequirements, Valid, reason};
use facilitator_vault::{BudgetRefusal, PolicyRefusal, SignError, rule};

use super::{
    Ended, FlowError, Refusal, RefusalKind, joins::Place, judge::guest_failed, route::Routed,
    simulated::Unshown, verify::millis,
};
use crate::{app::App, networks::address_text};

/// A payment that was verified and claimed.
pub(super) struct Settlement {
    pub(super) routed: Routed,
    pub(super) valid: Valid,
    pub(super) payment_id: PaymentId,
    pub(super) place: Place,
}

/// Settles a claimed payment, and ends the waiting of everybody who joined.
pub(super) async fn run(app: Arc<App>, settlement: Settlement) {
    let started = Instant::now();
    let ended = match sign(&app, &settlement).await {
        Ok((evm, signed)) => send_and_confirm(&app, &settlement, &evm, signed).await,
        Err(refusal) => release(&app, &settlement, refusal).await,
    };
    log_end(&settlement, &ended, started);
    settlement.place.end(ended);
}

/// Steps 4 to 7 up to the journal: prepare, approve, build and sign, record.
async fn sign(app: &App, settlement: &Settlement) -> Result<(Arc<EvmNetwork>, Signed), Refusal> {
    let Settlement { routed, valid, payment_id, .. } = settlement;
    let evm = routed.network.evm().ok_or_else(upstream)?;
    // 4. The guest says what is to happen.
    let ports = routed.ports().ok_or_else(upstream)?;
    let intent = routed
        .guest
        .prepare(ports, &routed.request, valid)
        .await
        .map_err(|error| refusal_of(&guest_failed(routed, &error)))?;
    // 5. The vault's policy reads it again, and approves or refuses.
    let approved = app
        .vault
        .approve(routed.network.caip2(), intent, &routed.requirements, valid)
        .map_err(|refused| policy_refused(settlement, &refused))?;
    // A node has shown, not the guest said, that exactly this call succeeds.
    routed.simulated.shows(evm, routed.sender, approved.intent()).await.map_err(|unshown| match unshown {
        Unshown::Refused(refused) => {
            app.vault.count_refusal(&refused);
            policy_refused(settlement, &refused)
        }
        Unshown::Upstream => upstream(),
    })?;
    app.journal.approved(payment_id).await.map_err(|error| journal_failed(&error))?;
    // 6. The envelope, under the fee caps, and the signature.
    let signed = evm.sign(routed.sender, &approved).await.map_err(|error| sign_failed(settlement, &error))?;
    // 7. The bytes are durable before anybody can see them.
    if let Err(refusal) = record_signed(app, settlement, &signed).await {
        signed.abandon();
        return Err(refusal);
    }
    Ok((Arc::clone(evm), signed))
}

async fn record_signed(app: &App, settlement: &Settlement, signed: &Signed) -> Result<(), Refusal> {
    let bytes = SignedBytes {
        transaction: hash_text(signed),
        bytes: signed.transaction.bytes.clone(),
        signer: address_text(signed.signer()),
        lane_sequence: Some(signed.nonce()),
    };
    app.journal.signed(&settlement.payment_id, bytes).await.map_err(|error| journal_failed(&error))
}

/// Steps 7 to 10: broadcast, follow, confirm, record.
async fn send_and_confirm(app: &App, settlement: &Settlement, evm: &EvmNetwork, mut signed: Signed) -> Ended {
    let mut pending = Pending {
        hash: hash_text(&signed),
        bytes: signed.transaction.bytes.clone(),
        signer: signed.signer(),
        nonce: signed.nonce(),
        expires_at: settlement.valid.expires_at,
        fee: None,
    };
    settlement.place.sent(&pending.hash);
    let outcome = match evm.broadcast(&mut signed).await {
        Broadcast::Refused(refusal) => Some(refused_by_node(settlement, refusal)),
        sent @ (Broadcast::Accepted | Broadcast::Unknown(_)) => {
            if let Broadcast::Unknown(reason) = sent {
                tracing::warn!(event = "broadcast_unknown", tx = pending.hash, reason);
            }
            if let Err(error) = app.journal.broadcast(&settlement.payment_id).await {
                // The bytes are recorded: after a restart they are sent again, which changes nothing.
                tracing::error!(event = "journal_failed", reason = %error);
            }
            pending.fee = signed.take_fee();
            follow_and_confirm(&settlement.routed, evm, &mut pending, &settlement.valid.payer).await
        }
    };
    drop(signed);
    match outcome {
        Some(outcome) => {
            record_outcome(app, &settlement.payment_id, outcome, pending.hash, &settlement.valid.payer).await
        }
        None => Ended::Undecided { transaction: pending.hash, payer: settlement.valid.payer.clone() },
    }
}

/// Steps 8 and 9: wait for inclusion, then ask the guest whether the exact transfer happened.
///
/// None if the guest cannot say, or says other than the chain: the record stays unfinished, and the next start takes it up again.
pub(super) async fn follow_and_confirm(
    routed: &Routed,
    evm: &EvmNetwork,
    pending: &mut Pending,
    payer: &str,
) -> Option<Outcome> {
    for _ in 0..CONFIRM_ATTEMPTS {
        let tracked = match evm.follow(pending).await {
            Followed::Expired(why) => {
                return Some(Outcome::Expired {
                    reason: reason::INVALID_TRANSACTION_STATE.to_owned(),
                    message: why.to_owned(),
                });
            }
            Followed::Included(tracked) => tracked,
        };
        let observation = Observation { transaction: pending.hash.clone(), data: tracked.receipt };
        let confirmation = confirm(routed, &observation).await;
        // The host's own look at the receipt is the second lock: a guest alone makes nothing paid, and
        // nothing failed that the chain shows as paid.
        let is_paid = if tracked.succeeded {
            expected(routed, payer).is_shown_by(&observation.data)
        } else {
            Some(false)
        };
        match (confirmation, is_paid) {
            (Some(Confirmation::Paid { amount, .. }), Some(true)) if amount == routed.requirements.amount => {
                // The payer whom the policy and the receipt know: the guest may name another here.
                let payer = payer.to_owned();
                return Some(Outcome::Confirmed { payer, amount, transaction: pending.hash.clone() });
            }
            (Some(Confirmation::Failed { reason, message }), Some(false)) => {
                return Some(Outcome::Failed { reason, message, transaction: Some(pending.hash.clone()) });
            }
            (Some(Confirmation::Paid { .. }), Some(false)) => {
                log_contradiction(routed, pending, "the guest says paid, the receipt does not show it");
                return Some(Outcome::Failed {
                    reason: reason::UNEXPECTED_SETTLE_ERROR.to_owned(),
                    message: "the receipt does not show the payment".to_owned(),
                    transaction: Some(pending.hash.clone()),
                });
            }
            (Some(Confirmation::Paid { .. } | Confirmation::Failed { .. }), Some(true)) => {
                log_contradiction(routed, pending, "the receipt shows the payment, the guest says otherwise");
                return None;
            }
            (Some(Confirmation::Unknown) | None, _) | (_, None) => tokio::time::sleep(CONFIRM_RETRY).await,
        }
    }
    tracing::error!(event = "confirm_given_up", tx = pending.hash, attempts = CONFIRM_ATTEMPTS);
    None
}

fn expected<'a>(routed: &'a Routed, payer: &'a str) -> ExpectedTransfer<'a> {
    let PaymentRequirements { asset, pay_to, amount, .. } = &routed.requirements;
    ExpectedTransfer { asset, from: payer, to: pay_to, amount }
}

fn log_contradiction(routed: &Routed, pending: &Pending, reason: &str) {
    tracing::error!(
        event = "confirm_contradicts_receipt",
        tx = pending.hash,
        guest = routed.guest.name(),
        generation = routed.guest.number(),
        sha256 = routed.guest.sha256(),
        reason,
    );
}

/// Times that a guest is asked about a transaction that is included.
const CONFIRM_ATTEMPTS: u32 = 100;
/// Between two attempts to confirm a transaction that is included but not decided.
const CONFIRM_RETRY: std::time::Duration = std::time::Duration::from_secs(3);

async fn confirm(routed: &Routed, observation: &Observation) -> Option<Confirmation> {
    let ports = routed.ports()?;
    match routed.guest.confirm(ports, &routed.request, observation).await {
        Ok(confirmation) => Some(confirmation),
        Err(error) => {
            guest_failed(routed, &error);
            None
        }
    }
}

/// Step 10. The outcome is answered even if it cannot be written: after a restart the journal finds it out
/// again from the chain.
pub(super) async fn record_outcome(
    app: &App,
    payment_id: &PaymentId,
    outcome: Outcome,
    transaction: String,
    payer: &str,
) -> Ended {
    const ATTEMPTS: u32 = 3;
    for attempt in 1..=ATTEMPTS {
        match app.journal.finish(payment_id, outcome.clone()).await {
            Ok(()) => break,
            Err(error) => {
                tracing::error!(event = "journal_failed", attempt, reason = %error);
                tokio::time::sleep(CONFIRM_RETRY / 3).await;
            }
        }
    }
    Ended::Recorded { outcome, transaction: Some(transaction), payer: payer.to_owned() }
}

/// Gives a payment up for which nothing was signed.
async fn release(app: &App, settlement: &Settlement, refusal: Refusal) -> Ended {
    if let Err(error) = app.journal.release(&settlement.payment_id).await {
        tracing::error!(event = "journal_failed", reason = %error);
    }
    Ended::Released(refusal)
}

fn refused_by_node(settlement: &Settlement, refusal: NodeRefusal) -> Outcome {
    tracing::error!(
        event = "broadcast_refused",
        payment_id = settlement.payment_id.as_str(),
        network = settlement.routed.network.caip2().as_str(),
        reason = %refusal,
    );
    Outcome::Failed {
        reason: reason::UNEXPECTED_SETTLE_ERROR.to_owned(),
        message: refusal.to_string(),
        transaction: None,
    }
}

fn policy_refused(settlement: &Settlement, refused: &PolicyRefusal) -> Refusal {
    if refused.is_stop() {
        return network_stopped(settlement);
    }
    // In a healthy system this never happens: the guest said yes and the host said no.
    tracing::error!(
        event = "signing_policy_refused",
        payment_id = settlement.payment_id.as_str(),
        network = settlement.routed.network.caip2().as_str(),
        guest = settlement.routed.guest.name(),
        generation = settlement.routed.guest.number(),
        sha256 = settlement.routed.guest.sha256(),
        rule = refused.rule,
        reason = refused.message,
    );
    verdict(reason::SIGNING_POLICY_REFUSED, refused.to_string())
}

/// The operator has stopped the network after the request had begun.
fn network_stopped(settlement: &Settlement) -> Refusal {
    tracing::warn!(
        event = "network_stopped",
        payment_id = settlement.payment_id.as_str(),
        network = settlement.routed.network.caip2().as_str(),
        rule = rule::NETWORK_KILLED,
    );
    upstream()
}

fn sign_failed(settlement: &Settlement, error: &SubmitError) -> Refusal {
    let payment_id = settlement.payment_id.as_str();
    let network = settlement.routed.network.caip2().as_str();
    match error {
        // Nobody's fault, and it passes: not the alert that a guest deserves.
        SubmitError::Sign(SignError::Budget(refused)) => {
            let BudgetRefusal { rule, needed, left } = refused;
            tracing::warn!(event = "budget_exhausted", payment_id, network, rule, %needed, %left);
            verdict(reason::SIGNING_POLICY_REFUSED, refused.to_string())
        }
        SubmitError::Sign(SignError::NetworkKilled { .. }) => network_stopped(settlement),
        SubmitError::Sign(sign) => {
            tracing::error!(event = "sign_failed", payment_id, network, rule = sign.rule(), reason = %sign);
            refusal_of(&FlowError::Internal)
        }
        SubmitError::GasPriceOverCap { .. } => {
            tracing::warn!(event = "sign_failed", payment_id, network, reason = %error);
            verdict(reason::EVM_GAS_PRICE_OVER_CAP, error.to_string())
        }
        SubmitError::NoFees | SubmitError::NoNonce | SubmitError::LaneFull => {
            tracing::warn!(event = "sign_failed", payment_id, network, reason = %error);
            upstream()
        }
    }
}

fn verdict(reason: &'static str, message: String) -> Refusal {
    Refusal { kind: RefusalKind::Verdict, reason, message }
}

fn journal_failed(error: &JournalError) -> Refusal {
    refusal_of(&super::settle::journal_failed(error))
}

fn upstream() -> Refusal {
    refusal_of(&FlowError::Upstream)
}

fn refusal_of(error: &FlowError) -> Refusal {
    let kind = match error {
        FlowError::Upstream | FlowError::Busy => RefusalKind::Upstream,
        FlowError::Journal => RefusalKind::Journal,
        FlowError::Internal => RefusalKind::Internal,
    };
    Refusal { kind, reason: reason::UNEXPECTED_SETTLE_ERROR, message: error.to_string() }
}

fn hash_text(signed: &Signed) -> String {
    format!("0x{}", hex::encode(signed.transaction.hash))
}

fn log_end(settlement: &Settlement, ended: &Ended, started: Instant) {
    let (success, reason, tx) = match ended {
        Ended::Recorded { outcome: Outcome::Confirmed { transaction, .. }, .. } => {
            (true, None, Some(transaction.as_str()))
        }
        Ended::Recorded {
            outcome: Outcome::Failed { reason, .. } | Outcome::Expired { reason, .. },
            transaction,
            ..
        } => (false, Some(reason.as_str()), transaction.as_deref()),
        Ended::Undecided { transaction, .. } => {
            (false, Some(reason::SETTLEMENT_PENDING), Some(transaction.as_str()))
        }
        Ended::Released(refusal) => (false, Some(refusal.reason), None),
    };
    tracing::info!(
        event = "settle",
        success,
        payment_id = settlement.payment_id.as_str(),
        reason,
        tx,
        x402_version = settlement.routed.request.x402_version.number(),
        network = settlement.routed.network.caip2().as_str(),
        scheme = settlement.routed.request.scheme,
        guest = settlement.routed.guest.name(),
        generation = settlement.routed.guest.number(),
        duration_ms = millis(started),
    );
}
