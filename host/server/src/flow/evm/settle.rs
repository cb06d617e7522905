//! Steps 4 to 7 of an EVM settlement, and the same point reached from a record that was taken up.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use facilitator_chain::evm::{Broadcast, EvmNetwork, Pending, Refusal as NodeRefusal, Signed, Variant};
use facilitator_journal::{Record, SignedBytes};

use super::{
    super::{
        Refusal,
        drive::Sent,
        run::{Begun, Settlement},
    },
    ready::{Reserved, make_ready, reserve_and_sign},
    replace::log_refused,
};
use crate::{app::App, networks::evm_address};

/// Longer than any transaction waits before its fee is raised.
const LONG_AGO: Duration = Duration::from_secs(3_600);

/// Prepares, approves, builds, signs, records and sends.
pub(in crate::flow) async fn begin(
    app: &Arc<App>,
    evm: &Arc<EvmNetwork>,
    settlement: &Settlement,
) -> Result<Begun, Refusal> {
    let Settlement { routed, valid, payment_id, owner, .. } = settlement;
    let approved = make_ready(app, evm, routed, valid, payment_id).await?;
    let Reserved { signed, place, signer } =
        reserve_and_sign(app, evm, routed, &approved, *owner, payment_id, None).await?;
    let pending = send(evm, settlement, signed, signer).await;
    Ok(Begun { sent: Sent::Evm(pending), in_flight: Box::new(place) })
}

/// Step 7, broadcast. Whatever a node answers, the chain alone tells what becomes of the bytes.
async fn send(evm: &EvmNetwork, settlement: &Settlement, signed: Signed, signer: [u8; 20]) -> Pending {
    let variant = signed.variant();
    settlement.place.sent(&variant.hash);
    let mut since = Instant::now();
    match evm.broadcast(&variant).await {
        Broadcast::Accepted => {}
        Broadcast::Unknown(reason) => {
            tracing::warn!(event = "broadcast_unknown", tx = variant.hash, reason);
        }
        Broadcast::Refused(refusal) => {
            log_refused(&variant.hash, refusal);
            if refusal == NodeRefusal::FeeTooLow {
                // No need to wait until it looks stuck.
                since = since.checked_sub(LONG_AGO).unwrap_or(since);
            }
        }
    }
    Pending {
        earlier: Vec::new(),
        latest: variant,
        signer,
        nonce: signed.nonce,
        expires_at: settlement.valid.expires_at,
        fee: Some(signed.fee),
        since,
    }
}

/// What a record has of bytes that may have been sent. None if it has none that an EVM network takes.
pub(in crate::flow) fn taken_up(app: &App, record: &Record) -> Option<Sent> {
    let settlement = &record.settlement;
    let signed = record.signed.as_ref()?;
    Some(Sent::Evm(Pending {
        earlier: record.earlier.iter().map(variant).collect(),
        latest: variant(signed),
        signer: evm_address(&signed.signer)?,
        nonce: signed.lane_sequence?,
        expires_at: settlement.expires_at,
        // Budgets begin anew with the process; what is still under way counts in them from the start.
        fee: app.vault.hold_fee(&settlement.network, &signed.bytes),
        since: Instant::now(),
    }))
}

fn variant(signed: &SignedBytes) -> Variant {
    Variant { hash: signed.transaction.clone(), bytes: signed.bytes.clone() }
}
