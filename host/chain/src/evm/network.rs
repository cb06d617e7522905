//! One EVM network: what the server asks of it, from readiness to a final receipt.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use facilitator_protocol::EvmCall;
use facilitator_vault::{
    Approved, EvmEnvelope, EvmFees, FeeReservation, SignError, SignedTransaction, Vault, read_evm,
};
use serde_json::json;
use tokio::sync::watch;

use super::{
    attest::{Attested, Wanted, attest},
    broadcast::{Broadcast, broadcast},
    fees::{FeeQuote, FeeTracker},
    follow::Variant,
    hex_value::{answer_quantity, hex_text},
    lane::{Lane, Place},
    probe::Probe,
    track::Tracker,
};
use crate::{
    registry::NetworkFacts,
    rpc::{Call, HeadBounds, NetworkRpc},
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
    /// Most gas of a settlement.
    pub max_gas: u64,
    /// Oldest head with which the network is served, by our clock; none accepts every age.
    pub max_head_age: Option<Duration>,
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
    /// Bytes that are to be replaced are no transaction of this network.
    #[error("what is to be replaced is no transaction of this network")]
    Unreadable,
    /// Too many of the signer's transactions are in flight.
    #[error("too many transactions of the signer are in flight")]
    LaneFull,
    /// The vault refused to sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// A signed transaction that nobody has seen yet.
#[derive(Debug)]
pub struct Signed {
    /// Hash and bytes.
    pub transaction: SignedTransaction,
    /// Its nonce.
    pub nonce: u64,
    /// The most that it can cost.
    pub fee: FeeReservation,
}

impl Signed {
    /// Hash and bytes as they are followed.
    #[must_use]
    pub fn variant(&self) -> Variant {
        variant(&self.transaction)
    }
}

fn variant(transaction: &SignedTransaction) -> Variant {
    Variant { hash: hex_text(&transaction.hash), bytes: transaction.bytes.clone() }
}

/// Gas of a transaction that does nothing. Rollups count the data of a transaction as gas too.
const FILLER_GAS: u64 = 60_000;

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
    /// Signers that cannot pay for a settlement, as of the latest attestation; another one can.
    without_funds: ArcSwap<Vec<[u8; 20]>>,
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
const RETRY_LAST: Duration = Duration::from_secs(4);

impl EvmNetwork {
    /// Starts to attest and serve a network.
    pub fn start(settings: EvmSettings, rpc: Arc<NetworkRpc>, vault: Arc<Vault>) -> Arc<Self> {
        let block_time = Duration::from_millis(settings.facts.block_time_ms);
        let lanes = vault
            .signers(&settings.facts.caip2)
            .into_iter()
            .map(|signer| Arc::new(Lane::new(signer, settings.max_in_flight)))
            .collect::<Vec<Arc<Lane>>>();
        rpc.set_head_bounds(HeadBounds::new(block_time, settings.max_head_age));
        let account = lanes.first().map(|lane| lane.signer());
        Probe { chain_id: settings.chain_id, account }.keep_looking(&rpc);
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
            without_funds: ArcSwap::default(),
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

    /// The account with the fewest transactions in flight, of those that can pay for a settlement.
    #[must_use]
    pub fn least_busy_signer(&self) -> Option<[u8; 20]> {
        let without_funds = self.without_funds.load();
        let can_pay = self.lanes.iter().filter(|lane| !without_funds.contains(&lane.signer()));
        can_pay.min_by_key(|lane| lane.in_flight()).map(|lane| lane.signer())
    }

    /// A settlement begins: fees will be wanted soon.
    pub fn expect_settlement(&self) {
        self.fees.touch();
    }

    /// How far our clock is behind the chain's, milliseconds, as far as its blocks show. What has expired there
    /// has expired.
    #[must_use]
    pub fn clock_behind_ms(&self) -> u64 {
        self.fees.clock_behind_ms()
    }

    /// The latest fee quote, for simulations.
    #[must_use]
    pub fn fee_quote(&self) -> Option<FeeQuote> {
        self.fees.latest()
    }

    /// A place among the signer's transactions in flight.
    ///
    /// # Errors
    /// [`SubmitError::NoNonce`], [`SubmitError::LaneFull`].
    pub async fn place(&self, signer: [u8; 20]) -> Result<Place, SubmitError> {
        let lane = self.lane(signer).ok_or(SubmitError::NoNonce)?;
        let place = tokio::time::timeout(LONGEST_WAIT_FOR_LANE, lane.place()).await;
        place.map_err(|_| SubmitError::LaneFull)?.ok_or(SubmitError::NoNonce)
    }

    fn lane(&self, signer: [u8; 20]) -> Option<&Arc<Lane>> {
        self.lanes.iter().find(|lane| lane.signer() == signer)
    }

    /// Whether transactions of a signer are in flight.
    #[must_use]
    pub fn is_busy(&self, signer: [u8; 20]) -> bool {
        self.lane(signer).is_some_and(|lane| lane.in_flight() > 0)
    }

    /// Has the vault sign an approved call with a nonce that the journal has handed out. Sends nothing.
    ///
    /// # Errors
    /// [`SubmitError`]; nothing was signed.
    pub async fn sign(
        &self,
        signer: [u8; 20],
        nonce: u64,
        approved: &Approved<EvmCall>,
    ) -> Result<Signed, SubmitError> {
        let fees = self.offered_fees(self.fees.usable().await)?;
        let envelope = envelope(signer, nonce, approved.intent().gas_ceiling, fees);
        let (transaction, fee) = self.vault.sign_evm(approved, envelope)?;
        Ok(Signed { transaction, nonce, fee })
    }

    /// Has the vault sign a transaction again with fees that nodes take in the place of the one before, and
    /// at least those that the network asks now. Sends nothing.
    ///
    /// # Errors
    /// [`SubmitError`], above all [`SubmitError::GasPriceOverCap`]; nothing was signed.
    pub async fn raise_fee(
        &self,
        signed: &[u8],
        fee: Option<&mut FeeReservation>,
    ) -> Result<Variant, SubmitError> {
        let before = read_evm(signed, self.settings.chain_id).ok_or(SubmitError::Unreadable)?;
        let fees = self.fees_over(before.fees).await?;
        let transaction = self.vault.replace_evm(&self.settings.facts.caip2, signed, fees, fee)?;
        Ok(variant(&transaction))
    }

    /// Has the vault sign a transaction that only uses a nonce up, with fees that nodes take in the place of
    /// `instead_of`. Sends nothing.
    ///
    /// # Errors
    /// [`SubmitError`]; nothing was signed.
    pub async fn sign_filler(
        &self,
        signer: [u8; 20],
        nonce: u64,
        instead_of: Option<&[u8]>,
    ) -> Result<Signed, SubmitError> {
        let fees = match instead_of.and_then(|bytes| read_evm(bytes, self.settings.chain_id)) {
            Some(before) => self.fees_over(before.fees).await?,
            None => self.offered_fees(self.fees.fresh().await)?,
        };
        let envelope = envelope(signer, nonce, FILLER_GAS, fees);
        let (transaction, fee) = self.vault.cancel_evm(&self.settings.facts.caip2, envelope)?;
        Ok(Signed { transaction, nonce, fee })
    }

    /// What is offered for a new transaction.
    fn offered_fees(&self, quote: Option<FeeQuote>) -> Result<EvmFees, SubmitError> {
        let quote = quote.ok_or(SubmitError::NoFees)?;
        let cap = self.settings.max_fee_per_gas_wei;
        if quote.least() > cap {
            return Err(SubmitError::GasPriceOverCap { least: quote.least(), cap });
        }
        // Below the caps where that is enough for now: what is stuck can only be replaced by what offers more.
        let max_fee_per_gas = quote.max_fee_per_gas.min(with_headroom(cap).max(quote.least()));
        let tip_cap = with_headroom(self.settings.max_priority_fee_per_gas_wei);
        let max_priority_fee_per_gas = quote.max_priority_fee_per_gas.min(tip_cap).min(max_fee_per_gas);
        Ok(EvmFees { max_fee_per_gas, max_priority_fee_per_gas })
    }

    /// What is offered in the place of a transaction.
    async fn fees_over(&self, before: EvmFees) -> Result<EvmFees, SubmitError> {
        let least = before.bumped();
        let cap = self.settings.max_fee_per_gas_wei;
        if least.max_fee_per_gas > cap {
            return Err(SubmitError::GasPriceOverCap { least: least.max_fee_per_gas, cap });
        }
        let now = self.offered_fees(self.fees.fresh().await)?;
        let max_fee_per_gas = least.max_fee_per_gas.max(now.max_fee_per_gas);
        let tip = least.max_priority_fee_per_gas.max(now.max_priority_fee_per_gas);
        Ok(EvmFees { max_fee_per_gas, max_priority_fee_per_gas: tip.min(max_fee_per_gas) })
    }

    /// Sends a transaction whose bytes are in the journal, for the first time.
    pub async fn broadcast(&self, variant: &Variant) -> Broadcast {
        broadcast(&self.rpc, &variant.bytes, self.has_sync_send.load(Ordering::Relaxed)).await
    }

    /// The signer's count of transactions in blocks. Also the floor of nonces from now on. None if the chain
    /// cannot be asked.
    pub async fn observe_nonce(&self, signer: [u8; 20]) -> Option<u64> {
        let nonce = self.chain_nonce(signer, "latest").await?;
        self.lane(signer)?.observe_chain_nonce(nonce);
        Some(nonce)
    }

    async fn chain_nonce(&self, signer: [u8; 20], block: &str) -> Option<u64> {
        let call = Call::new("eth_getTransactionCount", &json!([hex_text(&signer), block]));
        answer_quantity(&self.rpc.read_one(call).await.ok()?).and_then(|nonce| u64::try_from(nonce).ok())
    }

    /// Attests once and takes over what was found.
    async fn attest(&self) -> bool {
        let assets: Vec<String> =
            self.settings.facts.assets.iter().map(|asset| asset.address.clone()).collect();
        let wanted = Wanted {
            chain_id: self.settings.chain_id,
            assets: &assets,
            signers: &self.signers(),
            max_tip: self.fees.max_tip(),
            max_fee_per_gas: self.settings.max_fee_per_gas_wei,
            max_gas: self.settings.max_gas,
            max_head_age: self.settings.max_head_age,
        };
        let state = match attest(&self.rpc, &wanted).await {
            Ok(Attested { fees, nonces, without_funds, has_sync_send }) => {
                self.without_funds.store(Arc::new(without_funds));
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

/// A cap with room for four replacements, each an eighth dearer than the one before.
const fn with_headroom(cap: u128) -> u128 {
    cap.saturating_sub(cap / 8 * 3)
}

fn envelope(signer: [u8; 20], nonce: u64, gas_limit: u64, fees: EvmFees) -> EvmEnvelope {
    EvmEnvelope {
        signer,
        nonce,
        gas_limit,
        max_fee_per_gas: fees.max_fee_per_gas,
        max_priority_fee_per_gas: fees.max_priority_fee_per_gas,
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
