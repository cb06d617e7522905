//! One EVM network: what the server asks of it, from readiness to a final receipt.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use facilitator_protocol::EvmCall;
use facilitator_vault::{Approved, EvmEnvelope, FeeReservation, SignError, SignedTransaction, Vault};
use serde_json::json;
use tokio::sync::watch;

use super::{
    attest::{Attested, attest},
    broadcast::{Broadcast, Refusal, broadcast},
    fees::{FeeQuote, FeeTracker},
    hex_value::{answer_quantity, hex_text},
    lane::{HeldNonce, Lane, Reservation},
    track::Tracker,
};
use crate::{
    registry::NetworkFacts,
    rpc::{Call, NetworkRpc},
};

/// What the operator sets for a network.
#[derive(Clone, Debug)]
pub struct EvmSettings {
    /// The network.
    pub facts: NetworkFacts,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Sealed blocks that a receipt must have, its own included.
    pub confirmations: u64,
    /// Transactions in flight per signer.
    pub max_in_flight: usize,
    /// Highest fee per gas that is offered, wei.
    pub max_fee_per_gas_wei: u128,
    /// Highest tip per gas that is offered, wei.
    pub max_priority_fee_per_gas_wei: u128,
}

/// Whether a network is served now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkState {
    /// Not attested yet.
    Starting,
    /// Attested.
    Ready,
    /// Not served, and why.
    NotReady(String),
}

/// A transaction could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// No fee quote: the RPC is down.
    #[error("the network's fees are not known now")]
    NoFees,
    /// The network asks more than the cap.
    #[error("the network asks {least} wei per gas, the cap is {cap}")]
    GasPriceOverCap {
        /// Base fee and tip.
        least: u128,
        /// The operator's cap.
        cap: u128,
    },
    /// The signer's nonce is not known.
    #[error("the signer's nonce is not known now")]
    NoNonce,
    /// Too many of the signer's transactions are in flight.
    #[error("too many transactions of the signer are in flight")]
    LaneFull,
    /// The vault refused to sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// A signed transaction that holds its nonce and the most that it can cost.
#[derive(Debug)]
pub struct Signed {
    /// Hash and bytes.
    pub transaction: SignedTransaction,
    reservation: Reservation,
    /// None once it was given on or given back.
    fee: Option<FeeReservation>,
}

impl Signed {
    /// The nonce.
    #[must_use]
    pub const fn nonce(&self) -> u64 {
        self.reservation.nonce()
    }

    /// The account that signed.
    #[must_use]
    pub fn signer(&self) -> [u8; 20] {
        self.reservation.signer()
    }

    /// What is reserved for its fee, for whoever follows it.
    #[must_use]
    pub const fn take_fee(&mut self) -> Option<FeeReservation> {
        self.fee.take()
    }

    /// Nobody has seen the bytes and nobody will: nonce and fee are free again.
    pub fn abandon(mut self) {
        self.release_fee();
    }

    fn release_fee(&mut self) {
        if let Some(fee) = self.fee.take() {
            fee.release();
        }
    }
}

/// One EVM network.
pub struct EvmNetwork {
    settings: EvmSettings,
    pub(super) rpc: Arc<NetworkRpc>,
    vault: Arc<Vault>,
    fees: Arc<FeeTracker>,
    lanes: Vec<Arc<Lane>>,
    pub(super) tracker: Arc<Tracker>,
    state: watch::Sender<NetworkState>,
    has_sync_send: AtomicBool,
}

/// Between attestations of a network that works.
const ATTEST_INTERVAL: Duration = Duration::from_secs(30);
/// How long a verified payment may wait for a place in its lane: what was true of the chain when it was
/// verified must still be true when it is sent.
const LONGEST_WAIT_FOR_LANE: Duration = Duration::from_secs(10);
/// Slowest chain on which a node is asked to hold a transaction until it is included.
const SLOWEST_FOR_SYNC_SEND: Duration = Duration::from_millis(2500);
/// Between attestations of one that does not: doubles from the first to the last.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LAST: Duration = Duration::from_secs(30);
impl EvmNetwork {
    /// Starts to attest and serve a network.
    pub fn start(settings: EvmSettings, rpc: Arc<NetworkRpc>, vault: Arc<Vault>) -> Arc<Self> {
        let block_time = Duration::from_millis(settings.facts.block_time_ms);
        let lanes = vault
            .signers(&settings.facts.caip2)
            .into_iter()
            .map(|signer| Arc::new(Lane::new(signer, settings.max_in_flight)))
            .collect();
        let network = Arc::new(Self {
            fees: Arc::new(FeeTracker::new(
                Arc::clone(&rpc),
                settings.max_priority_fee_per_gas_wei,
                block_time,
            )),
            tracker: Tracker::start(Arc::clone(&rpc), settings.confirmations, block_time),
            lanes,
            state: watch::Sender::new(NetworkState::Starting),
            has_sync_send: AtomicBool::new(false),
            settings,
            rpc,
            vault,
        });
        tokio::spawn(keep_attested(Arc::downgrade(&network)));
        network
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &EvmSettings {
        &self.settings
    }

    /// Its RPC.
    #[must_use]
    pub const fn rpc(&self) -> &Arc<NetworkRpc> {
        &self.rpc
    }

    /// Whether it is served now.
    #[must_use]
    pub fn state(&self) -> NetworkState {
        self.state.borrow().clone()
    }

    /// Waits until the first attestation is over, either way.
    pub async fn first_attested(&self) {
        let mut state = self.state.subscribe();
        // The sender lives as long as `self`.
        let _never_fails = state.wait_for(|state| *state != NetworkState::Starting).await;
    }

    /// Accounts that settle here.
    #[must_use]
    pub fn signers(&self) -> Vec<[u8; 20]> {
        self.lanes.iter().map(|lane| lane.signer()).collect()
    }

    /// The account with the fewest transactions in flight.
    #[must_use]
    pub fn least_busy_signer(&self) -> Option<[u8; 20]> {
        self.lanes.iter().min_by_key(|lane| lane.in_flight()).map(|lane| lane.signer())
    }

    /// A settlement begins: fees will be wanted soon.
    pub fn expect_settlement(&self) {
        self.fees.touch();
    }

    /// The latest fee quote, for simulations.
    #[must_use]
    pub fn fee_quote(&self) -> Option<FeeQuote> {
        self.fees.latest()
    }

    /// Keeps a nonce of an earlier run from being used again, until what is returned is dropped. None if
    /// the signer is not one of this network's any more.
    #[must_use]
    pub fn hold_nonce(&self, signer: [u8; 20], nonce: u64) -> Option<HeldNonce> {
        self.lanes.iter().find(|lane| lane.signer() == signer).map(|lane| lane.hold(nonce))
    }

    /// Reserves a nonce and has the vault sign. Sends nothing.
    ///
    /// # Errors
    /// [`SubmitError`]; the nonce is free again.
    pub async fn sign(&self, signer: [u8; 20], approved: &Approved<EvmCall>) -> Result<Signed, SubmitError> {
        let quote = self.fees.usable().await.ok_or(SubmitError::NoFees)?;
        let cap = self.settings.max_fee_per_gas_wei;
        if quote.least() > cap {
            return Err(SubmitError::GasPriceOverCap { least: quote.least(), cap });
        }
        let lane = self.lanes.iter().find(|lane| lane.signer() == signer).ok_or(SubmitError::NoNonce)?;
        let reserved = tokio::time::timeout(LONGEST_WAIT_FOR_LANE, lane.reserve()).await;
        let reservation = reserved.map_err(|_| SubmitError::LaneFull)?.ok_or(SubmitError::NoNonce)?;
        let max_fee_per_gas = quote.max_fee_per_gas.min(cap);
        let envelope = EvmEnvelope {
            signer,
            nonce: reservation.nonce(),
            gas_limit: approved.intent().gas_ceiling,
            max_fee_per_gas,
            max_priority_fee_per_gas: quote.max_priority_fee_per_gas.min(max_fee_per_gas),
        };
        let (transaction, fee) = self.vault.sign_evm(approved, envelope)?;
        Ok(Signed { transaction, reservation, fee: Some(fee) })
    }

    /// Sends a transaction whose bytes are in the journal.
    pub async fn broadcast(&self, signed: &mut Signed) -> Broadcast {
        // From here on the bytes may be out, even if this future is dropped.
        signed.reservation.mark_used();
        let sync = self.has_sync_send.load(Ordering::Relaxed);
        let outcome = broadcast(&self.rpc, &signed.transaction.bytes, sync).await;
        match &outcome {
            Broadcast::Accepted | Broadcast::Unknown(_) => {}
            Broadcast::Refused(Refusal::InsufficientFunds | Refusal::FeeTooLow) => {
                signed.reservation.mark_unused();
                signed.release_fee();
            }
            // What took the nonce may be these very bytes, so the fee stays charged.
            Broadcast::Refused(Refusal::NonceTooLow) => {
                let chain = self.chain_nonce(signed.signer(), "pending").await;
                signed.reservation.overtaken(chain.unwrap_or_else(|| signed.nonce().saturating_add(1)));
            }
        }
        outcome
    }

    async fn chain_nonce(&self, signer: [u8; 20], block: &str) -> Option<u64> {
        let call = Call::new("eth_getTransactionCount", &json!([hex_text(&signer), block]));
        answer_quantity(&self.rpc.read_one(call).await.ok()?).and_then(|nonce| u64::try_from(nonce).ok())
    }

    /// Attests once and takes over what was found.
    async fn attest(&self) -> bool {
        let assets: Vec<String> =
            self.settings.facts.assets.iter().map(|asset| asset.address.clone()).collect();
        let attested =
            attest(&self.rpc, self.settings.chain_id, &assets, &self.signers(), self.fees.max_tip()).await;
        let state = match attested {
            Ok(Attested { fees, nonces, has_sync_send }) => {
                self.fees.store(fees);
                let is_fast =
                    Duration::from_millis(self.settings.facts.block_time_ms) <= SLOWEST_FOR_SYNC_SEND;
                self.has_sync_send.store(has_sync_send && is_fast, Ordering::Relaxed);
                for (lane, nonce) in self.lanes.iter().zip(nonces) {
                    lane.observe_chain_nonce(nonce);
                }
                NetworkState::Ready
            }
            Err(failure) => NetworkState::NotReady(failure.to_string()),
        };
        let name = &self.settings.facts.name;
        let changed = *self.state.borrow() != state;
        match &state {
            NetworkState::NotReady(reason) if changed => {
                tracing::warn!(event = "network_not_ready", network = name, reason);
            }
            NetworkState::Ready if changed => tracing::info!(event = "network_ready", network = name),
            _ => {}
        }
        let is_ready = state == NetworkState::Ready;
        self.state.send_replace(state);
        is_ready
    }
}

/// Attests again and again until the network is dropped.
async fn keep_attested(network: std::sync::Weak<EvmNetwork>) {
    let mut retry = RETRY_FIRST;
    loop {
        let Some(alive) = network.upgrade() else { return };
        let is_ready = alive.attest().await;
        drop(alive);
        if is_ready {
            retry = RETRY_FIRST;
            tokio::time::sleep(ATTEST_INTERVAL).await;
        } else {
            tokio::time::sleep(retry).await;
            retry = (retry * 2).min(RETRY_LAST);
        }
    }
}
