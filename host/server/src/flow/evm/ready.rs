//! Steps 4 to 7 of a settlement: from a verified payment to signed bytes in the journal.

use std::sync::Arc;

use facilitator_chain::evm::{EvmNetwork, Place, Signed, SubmitError};
use facilitator_journal::{JournalError, LaneKey, Owner, PaymentId};
use facilitator_protocol::{EvmCall, Valid, reason};
use facilitator_vault::Approved;

use super::{
    super::{
        Refusal,
        judge::guest_failed,
        refused::{journal_failed, policy_refused, refusal_of, sign_refused, upstream, verdict},
        route::Routed,
    },
    replace::signed_bytes,
    simulated::Unshown,
};
use crate::{app::App, networks::evm_address};

/// Signed bytes that are in the journal, and the place of their transaction among those in flight; none for a
/// payment that was sent before, which has had its place since.
pub(super) struct Reserved {
    pub(super) signed: Signed,
    pub(super) place: Option<Place>,
    pub(super) signer: [u8; 20],
}

/// Numbers that are tried if others were faster with the same one. One is enough, but for a counter that
/// was set back.
const SEQUENCE_ATTEMPTS: u32 = 8;

/// Steps 4 and 5: the guest says what is to happen, and the vault's policy reads it again.
pub(super) async fn make_ready(
    app: &App,
    evm: &EvmNetwork,
    routed: &Routed,
    valid: &Valid,
    payment_id: &PaymentId,
) -> Result<Approved<EvmCall>, Refusal> {
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
        .map_err(|refused| policy_refused(routed, payment_id, &refused))?;
    // A node has shown, not the guest said, that exactly this call succeeds.
    let sender = evm_address(&routed.sender).ok_or_else(upstream)?;
    routed.simulated.evm.shows(evm, sender, approved.intent()).await.map_err(|unshown| match unshown {
        Unshown::Refused(refused) => {
            app.vault.count_refusal(&refused);
            policy_refused(routed, payment_id, &refused)
        }
        Unshown::Upstream => upstream(),
    })?;
    Ok(approved)
}

/// Steps 6 and 7: a nonce, the signature, and the bytes in the journal before anybody can see them. With
/// `again` the payment has bytes already, none of which can land; it is the least nonce that can.
pub(super) async fn reserve_and_sign(
    app: &App,
    evm: &Arc<EvmNetwork>,
    routed: &Routed,
    approved: &Approved<EvmCall>,
    owner: Owner,
    payment_id: &PaymentId,
    again: Option<u64>,
) -> Result<Reserved, Refusal> {
    let sender = evm_address(&routed.sender).ok_or_else(upstream)?;
    let failed = |error: &SubmitError| sign_failed(routed, payment_id, error);
    // A second place for one payment would wait for the first one for good.
    let (place, floor) = match again {
        Some(floor) => (None, floor),
        None => {
            let place = evm.place(sender).await.map_err(|error| failed(&error))?;
            let floor = place.floor();
            (Some(place), floor)
        }
    };
    let again = again.is_some();
    let lane = LaneKey { network: routed.network.caip2().clone(), signer: routed.sender.clone() };
    // Both wait for the same commit.
    let approval = async { if again { Ok(()) } else { app.journal.approved(owner, payment_id).await } };
    let (moved, nonce) = tokio::join!(approval, app.journal.reserve(&lane, floor));
    if let (Err(_), Ok(unused)) = (&moved, &nonce) {
        give_back(app, &lane, *unused).await;
    }
    moved.map_err(|error| journal_failed(&error))?;
    let mut nonce = nonce.map_err(|error| journal_failed(&error))?;
    for _ in 0..SEQUENCE_ATTEMPTS {
        // 6. The envelope, under the fee caps, and the signature.
        let signed = match evm.sign(sender, nonce, approved).await {
            Ok(signed) => signed,
            Err(error) => {
                give_back(app, &lane, nonce).await;
                return Err(failed(&error));
            }
        };
        // 7. The bytes are durable before anybody can see them.
        let bytes = signed_bytes(&signed.variant(), sender, nonce);
        let written = if again {
            app.journal.replaced(owner, payment_id, bytes).await
        } else {
            app.journal.signed(owner, payment_id, bytes).await
        };
        match written {
            Ok(()) => return Ok(Reserved { signed, place, signer: sender }),
            Err(JournalError::SequenceTaken { .. }) => {
                signed.fee.release();
                nonce =
                    app.journal.reserve(&lane, nonce + 1).await.map_err(|error| journal_failed(&error))?;
            }
            Err(error) => {
                // Nobody has seen the bytes. If they may be in the journal after all, the nonce is not free.
                signed.fee.release();
                if !matches!(error, JournalError::Storage(_) | JournalError::Closed) {
                    give_back(app, &lane, nonce).await;
                }
                return Err(journal_failed(&error));
            }
        }
    }
    give_back(app, &lane, nonce).await;
    tracing::error!(event = "lane_contended", network = routed.network.caip2().as_str());
    Err(upstream())
}

/// A hint: if it is lost, the number is found unused later.
async fn give_back(app: &App, lane: &LaneKey, nonce: u64) {
    if let Err(error) = app.journal.give_back(lane, nonce).await {
        tracing::debug!(event = "nonce_not_given_back", nonce, reason = %error);
    }
}

fn sign_failed(routed: &Routed, payment_id: &PaymentId, error: &SubmitError) -> Refusal {
    let (id, network) = (payment_id.as_str(), routed.network.caip2().as_str());
    match error {
        SubmitError::Sign(sign) => sign_refused(routed, payment_id, sign),
        SubmitError::GasPriceOverCap { .. } => {
            tracing::warn!(event = "sign_failed", payment_id = id, network, reason = %error);
            verdict(reason::EVM_GAS_PRICE_OVER_CAP, error.to_string())
        }
        SubmitError::NoFees | SubmitError::NoNonce | SubmitError::LaneFull | SubmitError::Unreadable => {
            tracing::warn!(event = "sign_failed", payment_id = id, network, reason = %error);
            upstream()
        }
    }
}
