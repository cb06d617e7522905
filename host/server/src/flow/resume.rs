//! Taking up, at start, what an earlier run left unfinished: the same bytes, never new ones.

use std::{sync::Arc, time::Duration};

use facilitator_chain::evm::Pending;
use facilitator_engine::{GuestRequest, Route};
use facilitator_journal::{Record, SignedBytes};
use facilitator_protocol::PaymentRequirements;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Ended,
    route::Routed,
    run::{follow_and_confirm, record_outcome},
};
use crate::{app::App, networks::Network};

/// Records of one page.
const PAGE: usize = 100;
/// Between two looks at a network that is not ready.
const NOT_READY_RETRY: Duration = Duration::from_secs(2);

/// Takes up every unfinished settlement: forgets those for which nothing was signed, follows the others.
/// Ends when each of them has been begun; following goes on in tasks of its own.
///
/// # Errors
/// If the journal cannot be read.
pub async fn resume_unfinished(app: &Arc<App>) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let page = app.journal.unfinished(after, PAGE).await?;
        for record in page.records {
            take_up(app, record).await?;
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

async fn take_up(app: &Arc<App>, record: Record) -> anyhow::Result<()> {
    let payment_id = record.settlement.payment_id.clone();
    let Some(signed) = record.signed.clone() else {
        tracing::info!(event = "settlement_released", payment_id = payment_id.as_str(), state = %record.state);
        app.journal.release(&payment_id).await?;
        return Ok(());
    };
    let network =
        app.networks.find(facilitator_protocol::X402Version::V2, record.settlement.network.as_str());
    let resumed = network.and_then(|network| resumed(app, network, &record, &signed));
    let Some((routed, mut pending)) = resumed else {
        // For an operator: the record needs a network or guest that this configuration lacks.
        tracing::error!(
            event = "settlement_not_resumed",
            payment_id = payment_id.as_str(),
            tx = signed.transaction
        );
        return Ok(());
    };
    let held = routed.network.evm().and_then(|evm| evm.hold_nonce(pending.signer, pending.nonce));
    tracing::info!(event = "settlement_resumed", payment_id = payment_id.as_str(), tx = pending.hash);
    let place = app.joins.register(&payment_id);
    place.sent(&pending.hash);
    let app = Arc::clone(app);
    // Not among the tasks that a shutdown waits for: it can be taken up again as it was now.
    tokio::spawn(async move {
        let _until_it_has_ended = held;
        while let Some(ended) = follow(&app, &routed, &mut pending, &record).await {
            match ended {
                Ok(ended) => return place.end(ended),
                Err(NotReady) => tokio::time::sleep(NOT_READY_RETRY).await,
            }
        }
    });
    Ok(())
}

struct NotReady;

async fn follow(
    app: &App,
    routed: &Routed,
    pending: &mut Pending,
    record: &Record,
) -> Option<Result<Ended, NotReady>> {
    let evm = routed.network.evm()?;
    if evm.state() != facilitator_chain::evm::NetworkState::Ready {
        return Some(Err(NotReady));
    }
    let payment_id = &record.settlement.payment_id;
    if let facilitator_chain::evm::Broadcast::Unknown(reason) = evm.broadcast_again(pending).await {
        tracing::warn!(event = "broadcast_unknown", tx = pending.hash, reason);
    }
    if let Err(error) = app.journal.broadcast(payment_id).await {
        tracing::debug!(event = "journal_unmoved", reason = %error);
    }
    let payer = record.settlement.payer.as_str();
    let outcome = follow_and_confirm(routed, evm, pending, payer).await?;
    let ended = record_outcome(app, payment_id, outcome, pending.hash.clone(), payer).await;
    tracing::info!(event = "settlement_recovered", payment_id = payment_id.as_str(), tx = pending.hash);
    Some(Ok(ended))
}

#[derive(Deserialize)]
struct Request {
    payload: Box<RawValue>,
    requirements: Box<RawValue>,
}

/// What [`follow`] needs, from what the record holds.
fn resumed(
    app: &App,
    network: &Arc<Network>,
    record: &Record,
    signed: &SignedBytes,
) -> Option<(Routed, Pending)> {
    let settlement = &record.settlement;
    let version = settlement.x402_version;
    let request: Request = serde_json::from_str(&settlement.request).ok()?;
    let route = Route {
        x402_version: version,
        family: network.settings.facts.family,
        scheme: settlement.scheme.clone(),
    };
    let signer = hex_address(&signed.signer)?;
    let routed = Routed {
        network: Arc::clone(network),
        guest: app.guests.find_for(&route, &hex::encode(settlement.guest.sha256))?,
        requirements: PaymentRequirements::from_json(version, request.requirements.get()).ok()?,
        request: GuestRequest {
            x402_version: version,
            scheme: settlement.scheme.clone(),
            network: network.caip2().clone(),
            payload: request.payload.get().to_owned(),
            requirements: request.requirements.get().to_owned(),
            settings: network.settings_for_settle(signer)?,
        },
        sender: signer,
        simulated: Arc::default(),
    };
    let pending = Pending {
        hash: signed.transaction.clone(),
        bytes: signed.bytes.clone(),
        signer,
        nonce: signed.lane_sequence?,
        expires_at: settlement.expires_at,
        // Budgets begin anew with the process; what is still under way counts in them from the start.
        fee: app.vault.hold_fee(network.caip2(), &signed.bytes),
    };
    Some((routed, pending))
}

fn hex_address(text: &str) -> Option<[u8; 20]> {
    let mut address = [0; 20];
    hex::decode_to_slice(text.strip_prefix("0x")?, &mut address).ok()?;
    Some(address)
}
