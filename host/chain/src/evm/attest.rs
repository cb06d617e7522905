//! Is the endpoint what it is said to be, and is everything there that settling needs?

use serde_json::json;

use super::{
    broadcast::is_unknown_method,
    fees::{FeeQuote, quote_calls, read_quote},
    hex_value::{answer_quantity, hex_text},
};
use crate::rpc::{Answer, Call, NetworkRpc, RpcFailure};

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
    /// There is no contract at the asset's address.
    #[error("asset {0}: no contract at this address")]
    AssetNotDeployed(String),
    /// The chain has no EIP-1559 fees.
    #[error("fees: the latest block has no base fee")]
    NoBaseFee,
    /// A signer's nonce cannot be read.
    #[error("nonce of signer {0} cannot be read")]
    Nonce(String),
}

/// What an attestation found.
#[derive(Clone, Debug)]
pub(super) struct Attested {
    pub(super) fees: FeeQuote,
    /// Nonce of each signer, in their order.
    pub(super) nonces: Vec<u64>,
    /// Whether the node knows `eth_sendRawTransactionSync`.
    pub(super) has_sync_send: bool,
}

/// Checks everything in one round trip.
pub(super) async fn attest(
    rpc: &NetworkRpc,
    chain_id: u64,
    assets: &[String],
    signers: &[[u8; 20]],
    max_tip: u128,
) -> Result<Attested, AttestFailure> {
    let mut calls = vec![
        Call::new("eth_chainId", &json!([])),
        // Without parameters it sends nothing: a node that has it complains about them.
        Call::new("eth_sendRawTransactionSync", &json!([])),
    ];
    calls.extend(quote_calls());
    calls.extend(assets.iter().map(|asset| Call::new("eth_getCode", &json!([asset, "latest"]))));
    calls.extend(
        signers
            .iter()
            .map(|signer| Call::new("eth_getTransactionCount", &json!([hex_text(signer), "pending"]))),
    );
    let answers = rpc.read(&calls).await?;
    let mut answers = answers.iter();
    let mut next = || answers.next().ok_or_else(|| RpcFailure::Unavailable("answer missing".to_owned()));

    let found = answer_quantity(next()?);
    if found != Some(u128::from(chain_id)) {
        let found = found.map_or_else(|| "none".to_owned(), |id| id.to_string());
        return Err(AttestFailure::ChainId { expected: chain_id, found });
    }
    let has_sync_send = !is_unknown_method(next()?);
    let quote: [Answer; 3] = [next()?.clone(), next()?.clone(), next()?.clone()];
    let fees = read_quote(&quote, max_tip).ok_or(AttestFailure::NoBaseFee)?;
    for asset in assets {
        let has_code = next()?.as_ref().is_ok_and(|code| code.trim_matches('"').len() > 2);
        if !has_code {
            return Err(AttestFailure::AssetNotDeployed(asset.clone()));
        }
    }
    let mut nonces = Vec::with_capacity(signers.len());
    for signer in signers {
        let nonce = answer_quantity(next()?).and_then(|nonce| u64::try_from(nonce).ok());
        nonces.push(nonce.ok_or_else(|| AttestFailure::Nonce(hex_text(signer)))?);
    }
    Ok(Attested { fees, nonces, has_sync_send })
}
