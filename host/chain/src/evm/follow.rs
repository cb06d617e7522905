//! Following a payment's transactions until one is included, or until something has to be done about them.
//!
//! A payment may have several signed transactions, of which at most one can land: they share a nonce, or the
//! nonce of the earlier ones is used up. Whoever follows is told what was seen; what is signed next, and
//! written down before it is sent, is not decided here.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use facilitator_vault::FeeReservation;
use futures_util::{FutureExt, future::BoxFuture, future::select_all};
use serde_json::{Value, json};

use super::{
    broadcast::{Broadcast, broadcast},
    cost,
    hex_value::{answer_quantity, field_quantity, hex_text},
    network::EvmNetwork,
    opinion::Opinion,
    track::{Tracked, Tracker},
};
use crate::rpc::{Answer, Call, EndpointId};

/// What was seen of a payment's transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed {
    /// One of them is in a sealed block, deep enough.
    Included(Tracked),
    /// None of them landed, and the payment's authorization has expired on chain.
    Expired,
    /// None of them landed, and their nonce is used by another transaction: none of them ever will.
    Overtaken,
    /// They are next in their lane, and do not move: the fee may be too low.
    Stuck,
}

/// One signed transaction.
#[derive(Clone, PartialEq, Eq)]
pub struct Variant {
    /// Transaction hash, `0x` and hex.
    pub hash: String,
    /// The signed bytes.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Variant {
    /// Without the bytes: whoever reads them can send them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Variant").field(&self.hash).finish()
    }
}

/// A payment that is being followed.
#[derive(Debug)]
pub struct Pending {
    /// What was signed before, oldest first.
    pub earlier: Vec<Variant>,
    /// What was signed last: this is sent again while nothing is seen.
    pub latest: Variant,
    /// Who signed.
    pub signer: [u8; 20],
    /// Nonce of the latest.
    pub nonce: u64,
    /// Unix seconds from which the payment cannot happen any more.
    pub expires_at: u64,
    /// What is reserved for its fee; none once that is settled.
    pub fee: Option<FeeReservation>,
    /// When the latest was signed, or taken up.
    pub since: Instant,
}

impl Pending {
    /// Puts newly signed bytes in the place of the latest.
    pub fn replace(&mut self, latest: Variant, nonce: u64) {
        self.earlier.push(std::mem::replace(&mut self.latest, latest));
        self.nonce = nonce;
        self.since = Instant::now();
    }

    fn hashes(&self) -> impl Iterator<Item = &str> {
        self.earlier.iter().chain([&self.latest]).map(|variant| variant.hash.as_str())
    }
}

/// Between two looks at what keeps a transaction from being included.
const LOOK_INTERVAL: Duration = Duration::from_secs(3);
/// Between two sends of the same bytes while no receipt is there.
const REBROADCAST_INTERVAL: Duration = Duration::from_secs(6);
/// Times in a row that the chain must have been seen past a nonce, or past the expiry, without a receipt.
const SIGHTINGS: u32 = 3;
/// Between two receipts that endpoints do not agree about.
const DISAGREEMENT_PAUSE: Duration = Duration::from_millis(500);
/// Disagreements about one payment that call an operator.
const ALERTING_DISAGREEMENTS: u32 = 10;
/// How long a transaction may be next in its lane before its fee is raised: at least this long, and at least
/// three blocks.
const STUCK_AFTER: Duration = Duration::from_secs(9);

/// What is seen of transactions that have no receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It can still land, and others are before it.
    Waiting,
    /// It is the next of its lane.
    Next,
    PastExpiry,
    Overtaken,
}

impl EvmNetwork {
    /// Sends bytes that are in the journal, again or for the first time after a restart.
    pub async fn send_again(&self, variant: &Variant) -> Broadcast {
        self.send_bytes(&variant.bytes).await
    }

    /// Sends signed bytes that are in the journal.
    pub async fn send_bytes(&self, bytes: &[u8]) -> Broadcast {
        broadcast(&self.rpc, bytes, false).await
    }

    /// Follows a payment's transactions until something is to be done, sending the latest again while nothing
    /// is seen of it. Settles what is reserved for its fee when one is included.
    pub async fn follow(&self, pending: &mut Pending) -> Followed {
        let mut included = any_of(&self.tracker, pending);
        let (mut same_look, mut last_look, mut disagreements) = (0, None, 0_u32);
        let stuck_after = STUCK_AFTER.max(self.block_time() * 3);
        let mut sent = Instant::now();
        loop {
            tokio::select! {
                tracked = &mut included => {
                    if self.second_opinion(&tracked).await == Opinion::Differs {
                        // The other one may only be a block behind.
                        disagreements += 1;
                        log_disagreement(disagreements, &tracked.hash);
                        // It may be nowhere: what one endpoint says of it must not keep it from being sent.
                        self.rebroadcast(pending, &mut sent).await;
                        tokio::time::sleep(DISAGREEMENT_PAUSE).await;
                        included = any_of(&self.tracker, pending);
                        continue;
                    }
                    cost::settle(pending.fee.take(), &tracked.receipt, &tracked.hash);
                    return Followed::Included(tracked);
                }
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
            }
            let Some((look, endpoint)) = self.look(pending).await else {
                same_look = 0;
                continue;
            };
            same_look = if last_look == Some(look) { same_look + 1 } else { 1 };
            last_look = Some(look);
            match look {
                Look::Overtaken | Look::PastExpiry if same_look >= SIGHTINGS => {
                    if self.second_look(pending, look, endpoint).await == Opinion::Differs {
                        disagreements += 1;
                        log_disagreement(disagreements, &pending.latest.hash);
                        same_look = 0;
                    } else {
                        let is_expired = look == Look::PastExpiry;
                        return if is_expired { Followed::Expired } else { Followed::Overtaken };
                    }
                }
                Look::Overtaken | Look::PastExpiry => {}
                Look::Next if pending.since.elapsed() >= stuck_after => return Followed::Stuck,
                Look::Next | Look::Waiting => {
                    self.rebroadcast(pending, &mut sent).await;
                }
            }
        }
    }

    /// Sends the latest again, if it was `sent` long enough ago.
    async fn rebroadcast(&self, pending: &Pending, sent: &mut Instant) {
        if sent.elapsed() >= REBROADCAST_INTERVAL {
            let again = self.send_again(&pending.latest).await;
            tracing::info!(event = "rebroadcast", tx = pending.latest.hash, outcome = ?again);
            *sent = Instant::now();
        }
    }

    /// Whether the payment can still happen, and who says so. None if the chain cannot be asked, or has it
    /// after all.
    async fn look(&self, pending: &Pending) -> Option<(Look, EndpointId)> {
        let answered = self.rpc.read_from(&look_calls(pending)).await.ok()?;
        Some((read_look(pending, &answered.answers)?, answered.endpoint))
    }

    fn block_time(&self) -> Duration {
        Duration::from_millis(self.settings().facts.block_time_ms)
    }
}

/// Calls whose answers [`read_look`] reads.
pub(super) fn look_calls(pending: &Pending) -> Vec<Call> {
    let receipts = pending.hashes().map(|hash| Call::new("eth_getTransactionReceipt", &json!([hash])));
    let rest = [
        Call::new("eth_getBlockByNumber", &json!(["latest", false])),
        Call::new("eth_getTransactionCount", &json!([hex_text(&pending.signer), "latest"])),
    ];
    receipts.chain(rest).collect()
}

/// None if there is a receipt, or the answers cannot be read.
pub(super) fn read_look(pending: &Pending, answers: &[Answer]) -> Option<Look> {
    let [receipts @ .., block, count] = answers else { return None };
    if !receipts.iter().all(|receipt| receipt.as_ref().is_ok_and(|text| text == "null")) {
        return None;
    }
    let block: Value = serde_json::from_str(block.as_ref().ok()?).ok()?;
    let (count, nonce) = (answer_quantity(count)?, u128::from(pending.nonce));
    Some(if count > nonce {
        Look::Overtaken
    } else if field_quantity(&block, "timestamp")? > u128::from(pending.expires_at) {
        Look::PastExpiry
    } else if count == nonce {
        Look::Next
    } else {
        Look::Waiting
    })
}

/// An endpoint that is a block behind is nothing; one that goes on saying something else is an alert.
fn log_disagreement(times: u32, transaction: &str) {
    if times == ALERTING_DISAGREEMENTS || times.is_multiple_of(60) {
        tracing::error!(event = "endpoints_disagree", tx = transaction, times);
    } else {
        tracing::debug!(event = "endpoints_disagree", tx = transaction, times);
    }
}

/// The first of a payment's transactions that is included.
fn any_of(tracker: &Arc<Tracker>, pending: &Pending) -> BoxFuture<'static, Tracked> {
    let each = pending.hashes().map(|hash| {
        let (tracker, hash) = (Arc::clone(tracker), hash.to_owned());
        async move { tracker.follow(&hash).await }.boxed()
    });
    select_all(each).map(|(tracked, _, _)| tracked).boxed()
}
