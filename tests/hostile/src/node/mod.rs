//! A node of one EVM chain, as far as the facilitator and its guests ask it: JSON-RPC over loopback HTTP,
//! a block for each transaction, and tokens that really check what was signed.

mod chain;
mod methods;
mod token;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use alloy_primitives::{Address, B256, U256};
use axum::{Router, body::Bytes, extract::State, http::Uri, routing::post};
use serde_json::Value;
use tokio::net::TcpListener;

use chain::Chain;
pub use chain::{Token, now};
pub use token::{TransferWithAuthorization, authorization_digest};

/// What stands in the endpoint's path, as a provider's key does, and in the node's own words.
pub const SECRET_IN_PATH: &str = "s3cret-path-key-7f3a";
/// What stands in the endpoint's query.
pub const SECRET_IN_QUERY: &str = "s3cret-query-key-91bc";
/// Calls to this address are answered with an error that quotes the URL.
pub const INDISCREET: &str = "0x5ec2e7000000000000000000000000000005ec2e";

/// A running node.
#[derive(Clone, Debug)]
pub struct Node {
    address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    chain: Chain,
    /// How often each method was asked for.
    asked: BTreeMap<String, u64>,
}

impl Node {
    /// Starts a node of a chain with these tokens.
    pub async fn start(chain_id: u64, tokens: Vec<Token>) -> anyhow::Result<Self> {
        let inner = Inner { chain: Chain::new(chain_id, tokens), asked: BTreeMap::new() };
        let inner = Arc::new(Mutex::new(inner));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(post(answer)).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, inner })
    }

    /// Its URL, with the secrets that a provider's has.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/v2/{SECRET_IN_PATH}?key={SECRET_IN_QUERY}", self.address)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often a method was asked for.
    #[must_use]
    pub fn asked(&self, method: &str) -> u64 {
        self.inner().asked.get(method).copied().unwrap_or_default()
    }

    /// Every method that was asked for.
    #[must_use]
    pub fn methods(&self) -> Vec<String> {
        self.inner().asked.keys().cloned().collect()
    }

    /// Transactions that were taken, whether they succeeded or reverted.
    #[must_use]
    pub fn transactions(&self) -> u64 {
        self.inner().chain.transactions()
    }

    /// What an account holds of a token.
    #[must_use]
    pub fn balance(&self, token: Address, account: Address) -> U256 {
        self.inner().chain.balance(token, account)
    }

    /// Has the transaction that carries this authorization revert although its simulation succeeds.
    pub fn revert_in_block(&self, nonce: B256) {
        self.inner().chain.revert_in_block(nonce);
    }
}

async fn answer(State(inner): State<Arc<Mutex<Inner>>>, uri: Uri, body: Bytes) -> String {
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
    let mut one = |call: &Value| {
        let method = call.get("method").and_then(Value::as_str).unwrap_or_default();
        *inner.asked.entry(method.to_owned()).or_default() += 1;
        methods::answer(&mut inner.chain, call, &uri.to_string())
    };
    match &asked {
        Value::Array(calls) => Value::Array(calls.iter().map(one).collect()).to_string(),
        call => one(call).to_string(),
    }
}
