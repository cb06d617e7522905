//! Is the endpoint what it is said to be, is its head fresh, and is everything there that settling needs?

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::{
    broadcast::is_unknown_method,
    fees::{FeeQuote, quote_calls, read_quote},
    hex_value::{answer_quantity, hex_text},
    probe::{read_chain, read_head},
};
use crate::rpc::{Answer, Answered, Call, ChainSeen, EndpointId, Head, NetworkRpc, RpcFailure, Sighting};

/// Why a network is not served now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttestFailure {
    /// No endpoint answers.
    #[error("rpc: {0}")]
    Rpc(#[from] RpcFailure),
    /// The endpoint belongs to another chain.
    #[error("chain id: expected {expected}, found {found}")]
    ChainId {
        /// Of the registry.
        expected: u64,
        /// Of the endpoint.
        found: String,
    },
    /// The latest block cannot be told to be fresh.
    #[error("the latest block tells no number or no time")]
    NoHead,
    /// The latest block is old: the endpoint, or the chain, stands still.
    #[error("the latest block is {seconds} s old, at most {at_most} s are accepted")]
    StaleHead {
        /// Its age by our clock.
        seconds: u64,
        /// Of the operator.
        at_most: u64,
    },
    /// There is no contract at the asset's address.
    #[error("asset {0}: no contract at this address")]
    AssetNotDeployed(String),
    /// The chain has no EIP-1559 fees.
    #[error("fees: the latest block has no base fee")]
    NoBaseFee,
    /// A signer's nonce cannot be read.
    #[error("nonce of signer {0} cannot be read")]
    Nonce(String),
    /// No signer can pay for a settlement; the richest one is named.
    #[error("signer {signer} holds {balance} wei, a settlement may cost {cost} wei")]
    Funds {
        /// Its address.
        signer: String,
        /// What it has.
        balance: u128,
        /// Most that a settlement may cost now.
        cost: u128,
    },
}

/// What is to be attested.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) chain_id: u64,
    pub(super) assets: &'a [String],
    pub(super) signers: &'a [[u8; 20]],
    /// Highest tip per gas that is offered, wei.
    pub(super) max_tip: u128,
    /// Highest fee per gas that is offered, wei.
    pub(super) max_fee_per_gas: u128,
    /// Most gas of a settlement.
    pub(super) max_gas: u64,
    /// Oldest head that is accepted; none accepts every age.
    pub(super) max_head_age: Option<Duration>,
}

/// What an attestation found.
#[derive(Clone, Debug)]
pub(super) struct Attested {
    pub(super) fees: FeeQuote,
    /// Nonce of each signer, in their order.
    pub(super) nonces: Vec<u64>,
    /// Signers that cannot pay for a settlement; one at least can.
    pub(super) without_funds: Vec<[u8; 20]>,
    /// Whether the node knows `eth_sendRawTransactionSync`.
    pub(super) has_sync_send: bool,
}

/// Checks everything in one round trip, or one more where the first endpoint turns out to be of another
/// chain or behind the time, or lacks `pending`.
pub(super) async fn attest(rpc: &NetworkRpc, wanted: &Wanted<'_>) -> Result<Attested, AttestFailure> {
    // Each endpoint at most once: one that is of another chain or too old is not among the next.
    let mut left = rpc.endpoints().count();
    let mut answered = ask(rpc, wanted).await?;
    loop {
        left = left.saturating_sub(1);
        let failure = match read(rpc, wanted, &answered).await {
            Err(failure @ (AttestFailure::ChainId { .. } | AttestFailure::StaleHead { .. })) => failure,
            attested => return attested,
        };
        if left == 0 || !rpc.has_other(answered.endpoint) {
            return Err(failure);
        }
        let next = ask(rpc, wanted).await?;
        if next.endpoint == answered.endpoint {
            return Err(failure);
        }
        answered = next;
    }
}

/// One endpoint's answers to everything.
async fn ask(rpc: &NetworkRpc, wanted: &Wanted<'_>) -> Result<Answered, RpcFailure> {
    let mut calls = vec![
        Call::new("eth_chainId", &json!([])),
        // Without parameters it sends nothing: a node that has it complains about them.
        Call::new("eth_sendRawTransactionSync", &json!([])),
    ];
    calls.extend(quote_calls());
    calls.extend(wanted.assets.iter().map(|asset| Call::new("eth_getCode", &json!([asset, "latest"]))));
    calls.extend(wanted.signers.iter().flat_map(|signer| {
        [
            transaction_count(signer, "pending"),
            Call::new("eth_getBalance", &json!([hex_text(signer), "latest"])),
        ]
    }));
    let (first, rest) = calls.split_at(calls.len().min(rpc.max_batch()));
    let mut answered = rpc.read_from(first).await?;
    // Many signers: what does not fit one batch is asked of the same endpoint.
    for chunk in rest.chunks(rpc.max_batch()) {
        answered.answers.extend(rpc.ask_endpoint(answered.endpoint, chunk).await?);
    }
    Ok(answered)
}

fn transaction_count(signer: &[u8; 20], block: &str) -> Call {
    Call::new("eth_getTransactionCount", &json!([hex_text(signer), block]))
}

/// Reads the answers to [`ask`], and tells the gateway what they show of their endpoint.
async fn read(rpc: &NetworkRpc, wanted: &Wanted<'_>, answered: &Answered) -> Result<Attested, AttestFailure> {
    let mut answers = answered.answers.iter();
    let mut next = || answers.next().ok_or_else(|| RpcFailure::Unavailable("answer missing".to_owned()));

    let chain_answer = next()?;
    let has_sync_send = !is_unknown_method(next()?);
    let quote: [Answer; 3] = [next()?.clone(), next()?.clone(), next()?.clone()];
    let codes = wanted.assets.iter().map(|_| next()).collect::<Result<Vec<_>, _>>()?;
    let accounts =
        wanted.signers.iter().map(|_| Ok((next()?, next()?))).collect::<Result<Vec<_>, RpcFailure>>()?;

    let head = read_head(&quote[0]);
    let chain = read_chain(chain_answer, wanted.chain_id);
    let knows_pending = accounts.first().map(|(count, _)| answer_quantity(count).is_some());
    rpc.observe(answered.endpoint, Sighting { chain: chain.clone(), head, knows_pending });

    if chain != ChainSeen::Right {
        let found = answer_quantity(chain_answer).map_or_else(|| "none".to_owned(), |id| id.to_string());
        return Err(AttestFailure::ChainId { expected: wanted.chain_id, found });
    }
    check_age(head, wanted.max_head_age)?;
    let fees = read_quote(&quote, wanted.max_tip).ok_or(AttestFailure::NoBaseFee)?;
    for (asset, code) in wanted.assets.iter().zip(codes) {
        if !code.as_ref().is_ok_and(|code| code.trim_matches('"').len() > 2) {
            return Err(AttestFailure::AssetNotDeployed(asset.clone()));
        }
    }
    let balances: Vec<Option<u128>> = accounts.iter().map(|(_, balance)| answer_quantity(balance)).collect();
    let without_funds = without_funds(wanted, &fees, &balances)?;
    let counts: Vec<&Answer> = accounts.iter().map(|(count, _)| *count).collect();
    let nonces = nonces(rpc, answered.endpoint, wanted.signers, &counts).await?;
    Ok(Attested { fees, nonces, without_funds, has_sync_send })
}

fn check_age(head: Option<Head>, max_age: Option<Duration>) -> Result<(), AttestFailure> {
    let Some(at_most) = max_age.map(|age| age.as_secs()) else { return Ok(()) };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let seconds = now.saturating_sub(head.ok_or(AttestFailure::NoHead)?.time);
    if seconds > at_most { Err(AttestFailure::StaleHead { seconds, at_most }) } else { Ok(()) }
}

/// The signers that cannot pay for the dearest settlement now. A balance that was not told or cannot be
/// read counts as enough: the node will say so when it is not.
fn without_funds(
    wanted: &Wanted<'_>,
    fees: &FeeQuote,
    balances: &[Option<u128>],
) -> Result<Vec<[u8; 20]>, AttestFailure> {
    let price = fees.max_fee_per_gas.min(wanted.max_fee_per_gas);
    let cost = price.saturating_mul(u128::from(wanted.max_gas));
    let poor: Vec<([u8; 20], u128)> = wanted
        .signers
        .iter()
        .zip(balances)
        .filter_map(|(signer, balance)| balance.filter(|&balance| balance < cost).map(|held| (*signer, held)))
        .collect();
    match poor.iter().max_by_key(|(_, held)| *held) {
        Some((signer, balance)) if poor.len() == wanted.signers.len() => {
            Err(AttestFailure::Funds { signer: hex_text(signer), balance: *balance, cost })
        }
        _ => Ok(poor.into_iter().map(|(signer, _)| signer).collect()),
    }
}

/// Each signer's count of transactions. Where the endpoint does not answer for pending ones, that of the
/// latest block takes its place, at the price of another round trip.
async fn nonces(
    rpc: &NetworkRpc,
    endpoint: EndpointId,
    signers: &[[u8; 20]],
    pending: &[&Answer],
) -> Result<Vec<u64>, AttestFailure> {
    let nonce = |answer: &Answer| answer_quantity(answer).and_then(|nonce| u64::try_from(nonce).ok());
    let mut nonces: Vec<Option<u64>> = pending.iter().map(|answer| nonce(answer)).collect();
    if nonces.iter().any(Option::is_none) {
        let calls: Vec<Call> = signers.iter().map(|signer| transaction_count(signer, "latest")).collect();
        let mut latest = Vec::with_capacity(calls.len());
        for chunk in calls.chunks(rpc.max_batch()) {
            latest.extend(rpc.ask_endpoint(endpoint, chunk).await?);
        }
        for (count, answer) in nonces.iter_mut().zip(&latest) {
            *count = count.or_else(|| nonce(answer));
        }
    }
    let known = |(signer, nonce): (&[u8; 20], Option<u64>)| {
        nonce.ok_or_else(|| AttestFailure::Nonce(hex_text(signer)))
    };
    signers.iter().zip(nonces).map(known).collect()
}

#[cfg(test)]
mod tests;
