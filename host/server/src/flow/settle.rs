//! `POST /settle`: steps 1 to 3 of a settlement, then waiting for the rest.

use std::{sync::Arc, time::Instant};

use facilitator_journal::{Claim, GuestGeneration, NewSettlement, Owner, PayloadDigest, PaymentId, Record};
use facilitator_protocol::{FacilitatorRequest, Phase, SettleResponse, Valid, Verdict, reason};
use futures_util::FutureExt;
use tokio::sync::watch;

use super::{
    Ended, FlowError, Names, RefusalKind, answer,
    fingerprint::{fingerprint, payload_digest},
    joins::Progress,
    judge::judge,
    route::{Routed, Unroutable, route},
    run::{Settlement, run},
};
use crate::app::App;

/// What the first steps came to.
enum Begun {
    /// The answer is known.
    Answered(SettleResponse),
    /// A settlement is under way, begun here or by an earlier request.
    UnderWay { payer: String, progress: watch::Receiver<Progress> },
    /// A settlement is under way, and not in this process.
    Elsewhere(Box<Record>),
}

/// Times that a request begins anew because whoever had its payment gave it up.
const MOST_BEGINNINGS: u32 = 3;

/// Settles a payment under the names that its request has, or joins the settlement of it that is under way, or replays its outcome.
///
/// What was begun goes on when this future is dropped, or when `deadline` has passed and the answer is
/// `settlement_pending`.
///
/// # Errors
/// [`FlowError`] if the request came to no verdict; nothing was signed then, and it may be sent again.
pub async fn settle(
    app: &Arc<App>,
    request: FacilitatorRequest,
    names: Names,
    deadline: Instant,
) -> Result<SettleResponse, FlowError> {
    let network = request.requirements.network.clone();
    names.check(app, deadline).await?;
    for _ in 0..MOST_BEGINNINGS {
        // In a task of its own: a client that goes away between claim and run would leave the claim behind.
        let begun = app.tasks.spawn(begin(Arc::clone(app), request.clone(), names.clone()));
        let begun = tokio::time::timeout_at(deadline.into(), begun).await.map_err(|_| FlowError::Upstream)?;
        match begun.map_err(|_| FlowError::Internal)?? {
            Begun::Answered(response) => return Ok(response),
            Begun::UnderWay { payer, progress } => {
                return wait(app, &network, &payer, progress, deadline).await;
            }
            Begun::Elsewhere(record) => {
                if let Some(response) = app.onlookers.look_on(app, &network, *record, deadline).await {
                    return Ok(response);
                }
            }
        }
    }
    Err(FlowError::Upstream)
}

async fn begin(app: Arc<App>, request: FacilitatorRequest, names: Names) -> Result<Begun, FlowError> {
    let as_requested = request.requirements.network.clone();
    let payload = request.payload.clone();
    // 1. Route.
    let mut routed = match route(&app, request) {
        Ok(routed) => routed,
        Err(Unroutable::NotReady) => return Err(FlowError::Upstream),
        Err(Unroutable::Refused { reason, message }) => {
            tracing::info!(event = "settle_refused", reason);
            let response = SettleResponse::failed(as_requested, reason, message, None);
            return Ok(Begun::Answered(response));
        }
    };
    // Nothing is begun that could not be recorded as this process's own.
    let owner = app.lease.for_new_payments().ok_or(FlowError::Journal)?;
    // The same payload again: its record answers.
    let digest =
        payload_digest(&routed.network, &routed.request.scheme, &payload).ok_or(FlowError::Internal)?;
    if let Some(record) = find(&app, &digest).await? {
        names.keep(&app).await?;
        return Ok(known(&app, &routed, &as_requested, &record));
    }
    // 2. Verify against fresh state, as the account that will send.
    if let Some(evm) = routed.network.evm() {
        evm.expect_settlement();
    }
    routed.request.settings =
        routed.network.settings_for_settle(&routed.sender).ok_or(FlowError::Upstream)?;
    let valid = match judge(&routed, Phase::Settle).await? {
        Verdict::Valid(valid) => valid,
        Verdict::Invalid(invalid) => {
            // It may have been settled between the look into the journal and the simulation.
            if let Some(record) = find(&app, &digest).await? {
                return Ok(known(&app, &routed, &as_requested, &record));
            }
            tracing::info!(
                event = "settle_refused",
                reason = invalid.reason,
                network = routed.network.caip2().as_str(),
                scheme = routed.request.scheme,
                guest = routed.guest.name(),
                generation = routed.guest.number(),
            );
            let response =
                SettleResponse::failed(as_requested, invalid.reason, invalid.message, invalid.payer);
            return Ok(Begun::Answered(response));
        }
    };
    // 3. Claim: the first wins, the others join.
    names.keep(&app).await?;
    claim(&app, owner, routed, valid, digest, &as_requested).await
}

async fn claim(
    app: &Arc<App>,
    owner: Owner,
    routed: Routed,
    valid: Valid,
    digest: PayloadDigest,
    as_requested: &str,
) -> Result<Begun, FlowError> {
    let new = new_settlement(&routed, &valid, digest.clone()).ok_or(FlowError::Internal)?;
    let payment_id = new.payment_id.clone();
    match app.journal.claim(owner, new).await.map_err(|error| journal_failed(&error))? {
        // That this is the same payment is the guest's word alone. Only the same payload is given its outcome.
        Claim::Existing(record) if record.settlement.payload != digest => {
            Ok(Begun::Answered(answer::duplicate(as_requested)))
        }
        Claim::Existing(record) => Ok(known(app, &routed, as_requested, &record)),
        Claim::Won => {
            let place = app.joins.register(&payment_id);
            let progress = place.watch();
            let payer = valid.payer.clone();
            let settlement = Settlement { routed, valid, payment_id: payment_id.clone(), owner, place };
            let (app, running) = (Arc::clone(app), run(Arc::clone(app), settlement));
            app.clone().tasks.spawn(async move {
                // A fault of ours must not leave a record that nobody drives.
                if std::panic::AssertUnwindSafe(running).catch_unwind().await.is_err() {
                    app.orphans.add(&payment_id);
                }
            });
            Ok(Begun::UnderWay { payer, progress })
        }
    }
}

fn new_settlement(routed: &Routed, valid: &Valid, payload: PayloadDigest) -> Option<NewSettlement> {
    // Both are JSON texts, so this is one too.
    let request =
        format!(r#"{{"payload":{},"requirements":{}}}"#, routed.request.payload, routed.request.requirements);
    let mut sha256 = [0; 32];
    hex::decode_to_slice(routed.guest.sha256(), &mut sha256).ok()?;
    Some(NewSettlement {
        payment_id: valid.payment_id.parse::<PaymentId>().ok()?,
        payload,
        fingerprint: fingerprint(&routed.network, &routed.requirements)?,
        network: routed.network.caip2().clone(),
        x402_version: routed.request.x402_version,
        scheme: routed.request.scheme.clone(),
        request,
        guest: GuestGeneration { name: routed.guest.descriptor().name.clone(), sha256 },
        payer: valid.payer.clone(),
        amount: valid.amount.clone(),
        expires_at: valid.expires_at,
    })
}

async fn find(app: &App, digest: &PayloadDigest) -> Result<Option<Record>, FlowError> {
    app.journal.find_by_payload(digest).await.map_err(|error| journal_failed(&error))
}

/// What a record that is there already means for this request.
fn known(app: &App, routed: &Routed, as_requested: &str, record: &Record) -> Begun {
    if fingerprint(&routed.network, &routed.requirements).as_ref() != Some(&record.settlement.fingerprint) {
        return Begun::Answered(answer::duplicate(as_requested));
    }
    match app.joins.find(&record.settlement.payment_id) {
        Some(progress) if record.outcome.is_none() => {
            Begun::UnderWay { payer: record.settlement.payer.clone(), progress }
        }
        _ if record.outcome.is_none() => Begun::Elsewhere(Box::new(record.clone())),
        _ => Begun::Answered(answer::of_record(as_requested, record)),
    }
}

async fn wait(
    app: &App,
    network: &str,
    payer: &str,
    mut progress: watch::Receiver<Progress>,
    deadline: Instant,
) -> Result<SettleResponse, FlowError> {
    let ended = progress.wait_for(|progress| progress.ended.is_some());
    // If time is over, or the one that settles is gone without an end, what is known is what was sent.
    let _ended_or_not = tokio::time::timeout_at(deadline.into(), ended).await.is_ok();
    let progress = progress.borrow().clone();
    tracing::debug!(event = "settle_waited", under_way = app.joins.count());
    match progress.ended {
        Some(Ended::Recorded { outcome, transaction, payer }) => {
            Ok(answer::of_outcome(network, &outcome, transaction.as_deref(), &payer))
        }
        Some(Ended::Undecided { transaction, payer }) => {
            Ok(answer::pending(network, Some(&transaction), &payer))
        }
        Some(Ended::Released(refusal)) => match refusal.kind {
            RefusalKind::Verdict => {
                // What the policy refuses is not verified: neither is who the guest says pays.
                let verified = refusal.reason != reason::SIGNING_POLICY_REFUSED;
                let payer = verified.then(|| payer.to_owned());
                Ok(SettleResponse::failed(network, refusal.reason, refusal.message, payer))
            }
            RefusalKind::Upstream => Err(FlowError::Upstream),
            RefusalKind::Journal | RefusalKind::Fenced => Err(FlowError::Journal),
            RefusalKind::Internal => Err(FlowError::Internal),
        },
        None => Ok(answer::pending(network, progress.transaction.as_deref(), payer)),
    }
}

pub(super) fn journal_failed(error: &facilitator_journal::JournalError) -> FlowError {
    tracing::error!(event = "journal_failed", reason = %error, cause = ?std::error::Error::source(error));
    FlowError::Journal
}
