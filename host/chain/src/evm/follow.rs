//! Following a payment's transaction to its end: included, or provably never.

use std::time::Duration;

use facilitator_vault::FeeReservation;
use serde_json::{Value, json};

use super::{
    broadcast::{Broadcast, broadcast},
    cost,
    hex_value::{answer_quantity, field_quantity, hex_text},
    network::EvmNetwork,
    track::Tracked,
};
use crate::rpc::Call;

/// How following a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed {
    /// In a sealed block, deep enough.
    Included(Tracked),
    /// It did not land in time and the payment cannot happen any more.
    Expired(&'static str),
}

/// A payment that is being followed.
#[derive(Debug)]
pub struct Pending {
    /// Transaction hash, `0x` and hex.
    pub hash: String,
    /// The signed bytes.
    pub bytes: Vec<u8>,
    /// Who signed.
    pub signer: [u8; 20],
    /// With which nonce.
    pub nonce: u64,
    /// Unix seconds from which the payment cannot happen any more.
    pub expires_at: u64,
    /// What is reserved for its fee; none once that is settled.
    pub fee: Option<FeeReservation>,
}

/// Between two sends of the same bytes while no receipt is there.
const REBROADCAST_INTERVAL: Duration = Duration::from_secs(6);
/// Times that the chain must have been seen past a nonce, without a receipt, before it counts as lost.
const OVERTAKEN_SIGHTINGS: u32 = 3;

impl EvmNetwork {
    /// Sends the bytes of an earlier run again.
    pub async fn broadcast_again(&self, pending: &Pending) -> Broadcast {
        broadcast(&self.rpc, &pending.bytes, false).await
    }

    /// Follows a transaction to its end, sending the same bytes again while nothing is seen of it. Settles
    /// what is reserved for its fee.
    pub async fn follow(&self, pending: &mut Pending) -> Followed {
        let hash = pending.hash.clone();
        let mut followed = std::pin::pin!(self.tracker.follow(&hash));
        let mut overtaken = 0;
        loop {
            tokio::select! {
                tracked = &mut followed => {
                    cost::settle(pending.fee.take(), &tracked.receipt, &hash);
                    return Followed::Included(tracked);
                }
                () = tokio::time::sleep(REBROADCAST_INTERVAL) => {}
            }
            match self.look_for_end(pending).await {
                // The bytes can still land, and fail at our cost: the fee stays charged.
                Some(End::PastExpiry) => {
                    return Followed::Expired("the authorization expired before it landed");
                }
                Some(End::Overtaken) => {
                    overtaken += 1;
                    if overtaken >= OVERTAKEN_SIGHTINGS {
                        if let Some(fee) = pending.fee.take() {
                            fee.release();
                        }
                        return Followed::Expired("another transaction took the nonce");
                    }
                }
                Some(End::NotYet) => {
                    overtaken = 0;
                    let again = broadcast(&self.rpc, &pending.bytes, false).await;
                    tracing::info!(event = "rebroadcast", tx = pending.hash, outcome = ?again);
                }
                None => {}
            }
        }
    }

    /// Whether the payment can still happen. None if the chain cannot be asked or has it after all.
    async fn look_for_end(&self, pending: &Pending) -> Option<End> {
        let answers = self
            .rpc
            .read(&[
                Call::new("eth_getTransactionReceipt", &json!([pending.hash])),
                Call::new("eth_getBlockByNumber", &json!(["latest", false])),
                Call::new("eth_getTransactionCount", &json!([hex_text(&pending.signer), "latest"])),
            ])
            .await
            .ok()?;
        let [receipt, block, count] = answers.as_slice() else { return None };
        if receipt.as_ref().ok()? != "null" {
            return None;
        }
        let block: Value = serde_json::from_str(block.as_ref().ok()?).ok()?;
        if field_quantity(&block, "timestamp")? > u128::from(pending.expires_at) {
            return Some(End::PastExpiry);
        }
        let count = answer_quantity(count)?;
        Some(if count > u128::from(pending.nonce) { End::Overtaken } else { End::NotYet })
    }
}

enum End {
    NotYet,
    PastExpiry,
    Overtaken,
}
