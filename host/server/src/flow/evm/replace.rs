//! What is signed again for a payment that does not land: the same transaction at a higher fee, or another one when
//! its nonce is used up by somebody else's.

use std::{sync::Arc, time::Instant};

use facilitator_chain::evm::{Broadcast, EvmNetwork, Pending, Refusal as NodeRefusal, Variant};
use facilitator_journal::{JournalError, Outcome, SignedBytes};
use facilitator_protocol::{Phase, Verdict};

use super::{
    super::{RefusalKind, drive::Payment, judge::judge},
    follow::{RETRY, expired},
    front_run,
    ready::{Reserved, make_ready, reserve_and_sign},
};
use crate::{app::App, networks::address_text, ports::unix_ms};

/// By how much our clock must be past the end of an authorization that cannot be sent again, seconds. Nothing
/// that was signed for it can land, so a wrong clock ends it early and no more.
const EXPIRED_FOR_SURE_S: u64 = 120;

/// What became of a transaction that cannot land.
pub(super) enum Next {
    /// Another one is on its way.
    Follow,
    /// It is over.
    Ended(Outcome),
    /// The record belongs to another process.
    Fenced,
}

/// Signs the same transaction with a higher fee, writes it down and sends it.
pub(super) async fn raise_fee(
    app: &App,
    evm: &EvmNetwork,
    payment: &mut Payment,
    pending: &mut Pending,
) -> Result<(), JournalError> {
    // If it cannot be raised, it is looked at again after another while.
    pending.since = Instant::now();
    let raised = match evm.raise_fee(&pending.latest.bytes, pending.fee.as_mut()).await {
        Ok(raised) => raised,
        Err(error) => {
            let tx = pending.latest.hash.as_str();
            tracing::warn!(event = "fee_not_raised", tx, reason = %error);
            return Ok(());
        }
    };
    let bytes = signed_bytes(&raised, pending.signer, pending.nonce);
    app.journal.replaced(payment.owner, &payment.payment_id, bytes).await.inspect_err(|error| {
        tracing::warn!(event = "fee_not_raised", tx = pending.latest.hash, reason = %error);
    })?;
    tracing::info!(
        event = "fee_raised",
        payment_id = payment.payment_id.as_str(),
        before = pending.latest.hash,
        tx = raised.hash
    );
    pending.replace(raised, pending.nonce);
    send(evm, &pending.latest).await;
    Ok(())
}

/// Verifies a payment again whose nonce somebody else's transaction has used, and sends it with another.
pub(super) async fn send_anew(
    app: &Arc<App>,
    evm: &Arc<EvmNetwork>,
    payment: &mut Payment,
    pending: &mut Pending,
) -> Next {
    tracing::warn!(
        event = "nonce_overtaken",
        payment_id = payment.payment_id.as_str(),
        tx = pending.latest.hash,
        nonce = pending.nonce
    );
    if let Some(fee) = pending.fee.take() {
        fee.release();
    }
    loop {
        if let Some(outcome) = front_run::paid_by(evm, payment).await {
            return Next::Ended(outcome);
        }
        if unix_ms() / 1_000 > pending.expires_at.saturating_add(EXPIRED_FOR_SURE_S) {
            return Next::Ended(expired("the authorization expired before it could be sent again"));
        }
        match catch_up(app, payment, pending).await {
            Ok(true) => {
                send(evm, &pending.latest).await;
                return Next::Follow;
            }
            Ok(false) => {
                // The chain's nonce has moved: what is handed out next must be above.
                if let Some(count) = evm.observe_nonce(pending.signer).await
                    && let Some(next) = verify_and_send_anew(app, evm, payment, pending, count).await
                {
                    return next;
                }
            }
            Err(JournalError::Fenced { .. } | JournalError::NotFound { .. }) => return Next::Fenced,
            Err(error) => tracing::warn!(event = "journal_failed", reason = %error),
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Takes up bytes that are in the journal although the answer to writing them was lost: signing others would
/// leave their nonce to a transaction that nobody sends.
async fn catch_up(app: &App, payment: &mut Payment, pending: &mut Pending) -> Result<bool, JournalError> {
    let payment_id = &payment.payment_id;
    let Some(record) = app.journal.get(payment_id).await? else {
        return Err(JournalError::NotFound { payment_id: payment_id.clone() });
    };
    if record.owner != payment.owner || record.state.is_final() {
        return Err(JournalError::Fenced { payment_id: payment_id.clone(), owner: record.owner });
    }
    let Some(SignedBytes { transaction, bytes, lane_sequence: Some(nonce), .. }) = record.signed else {
        return Ok(false);
    };
    if transaction == pending.latest.hash {
        return Ok(false);
    }
    pending.fee = app.vault.hold_fee(payment.routed.network.caip2(), &bytes);
    pending.replace(Variant { hash: transaction, bytes }, nonce);
    Ok(true)
}

/// None if it is to be tried again. `count` is the chain's count of the signer's transactions.
async fn verify_and_send_anew(
    app: &Arc<App>,
    evm: &Arc<EvmNetwork>,
    payment: &mut Payment,
    pending: &mut Pending,
    count: u64,
) -> Option<Next> {
    payment.routed.refresh()?;
    let valid =
        match judge(&payment.routed, Phase::Settle).await.ok()? {
            Verdict::Valid(valid) if valid.payment_id == payment.payment_id.as_str() => valid,
            Verdict::Valid(_) => return None,
            Verdict::Invalid(invalid) => {
                // It may have been paid between the look at the logs and now.
                return Some(Next::Ended(front_run::paid_by(evm, payment).await.unwrap_or(
                    Outcome::Failed { reason: invalid.reason, message: invalid.message, transaction: None },
                )));
            }
        };
    let approved = make_ready(app, evm, &payment.routed, &valid, &payment.payment_id).await.ok()?;
    // The one asked may lag behind those that have seen the nonce used.
    let least = Some(count.max(pending.nonce.saturating_add(1)));
    match reserve_and_sign(app, evm, &payment.routed, &approved, payment.owner, &payment.payment_id, least)
        .await
    {
        Ok(Reserved { signed, .. }) => {
            pending.replace(signed.variant(), signed.nonce);
            pending.fee = Some(signed.fee);
            send(evm, &pending.latest).await;
            Some(Next::Follow)
        }
        Err(refusal) if refusal.kind == RefusalKind::Fenced => Some(Next::Fenced),
        Err(_) => None,
    }
}

async fn send(evm: &EvmNetwork, variant: &Variant) {
    match evm.send_again(variant).await {
        Broadcast::Accepted => {}
        Broadcast::Unknown(reason) => {
            tracing::warn!(event = "broadcast_unknown", tx = variant.hash, reason);
        }
        Broadcast::Refused(refusal) => log_refused(&variant.hash, refusal),
    }
}

/// A node's refusal ends nothing: the bytes may land by another way, and the chain alone tells that they
/// cannot.
pub(super) fn log_refused(transaction: &str, refusal: NodeRefusal) {
    tracing::error!(event = "broadcast_refused", tx = transaction, reason = %refusal);
}

pub(super) fn signed_bytes(variant: &Variant, signer: [u8; 20], nonce: u64) -> SignedBytes {
    SignedBytes {
        transaction: variant.hash.clone(),
        bytes: variant.bytes.clone(),
        signer: address_text(signer),
        lane_sequence: Some(nonce),
    }
}
