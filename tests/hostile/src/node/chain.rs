//! The chain's state and what a transaction does to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{SystemTime, UNIX_EPOCH},
};

use alloy_consensus::{SignableTransaction as _, Transaction as _, TxEnvelope};
use alloy_eips::eip2718::Decodable2718 as _;
use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolValue as _;
use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::token::{Read, Transfer, authorization_used_topic, transfer_topic, word};
use crate::accounts::recover;

/// What a transfer by authorization needs here: its order of magnitude on a real chain.
pub(super) const TRANSFER_GAS: u64 = 65_000;

/// A token contract.
#[derive(Clone, Debug)]
pub struct Token {
    /// Where it lies.
    pub address: Address,
    /// EIP-712 domain name, and its `name()`.
    pub name: &'static str,
    /// EIP-712 domain version, and its `version()`.
    pub version: &'static str,
    /// Who holds how much at the start.
    pub holders: Vec<(Address, u64)>,
}

/// Why a call fails: the contract's words, none if it runs out of gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Reverts(&'static str),
    OutOfGas,
}

#[derive(Debug)]
pub(super) struct Chain {
    pub(super) chain_id: u64,
    tokens: Vec<Token>,
    balances: BTreeMap<(Address, Address), U256>,
    used: BTreeSet<(Address, Address, B256)>,
    nonces: BTreeMap<Address, u64>,
    receipts: BTreeMap<B256, Value>,
    reverting: BTreeSet<B256>,
}

impl Chain {
    pub(super) fn new(chain_id: u64, tokens: Vec<Token>) -> Self {
        let held = |token: &Token| {
            let address = token.address;
            let held: Vec<_> = token
                .holders
                .iter()
                .map(|&(holder, amount)| ((address, holder), U256::from(amount)))
                .collect();
            held
        };
        Self {
            chain_id,
            balances: tokens.iter().flat_map(held).collect(),
            tokens,
            used: BTreeSet::new(),
            nonces: BTreeMap::new(),
            receipts: BTreeMap::new(),
            reverting: BTreeSet::new(),
        }
    }

    pub(super) fn transactions(&self) -> u64 {
        u64::try_from(self.receipts.len()).unwrap_or(u64::MAX)
    }

    /// Each transaction has a block.
    pub(super) fn height(&self) -> u64 {
        100 + self.transactions()
    }

    pub(super) fn balance(&self, token: Address, account: Address) -> U256 {
        self.balances.get(&(token, account)).copied().unwrap_or_default()
    }

    pub(super) fn revert_in_block(&mut self, nonce: B256) {
        self.reverting.insert(nonce);
    }

    pub(super) fn nonce(&self, account: Address) -> u64 {
        self.nonces.get(&account).copied().unwrap_or_default()
    }

    pub(super) fn receipt(&self, hash: B256) -> Value {
        self.receipts.get(&hash).cloned().unwrap_or_default()
    }

    pub(super) fn token(&self, address: Address) -> Option<&Token> {
        self.tokens.iter().find(|token| token.address == address)
    }

    /// What a contract answers to a call.
    pub(super) fn read(&self, to: Address, data: &[u8]) -> Result<Vec<u8>, Failure> {
        let Some(token) = self.token(to) else { return Ok(Vec::new()) };
        match Read::of(data) {
            Some(Read::BalanceOf(account)) => Ok(word(self.balance(to, account))),
            Some(Read::AuthorizationState(account, nonce)) => {
                Ok(word(U256::from(u8::from(self.used.contains(&(to, account, nonce))))))
            }
            Some(Read::Name) => Ok(token.name.to_owned().abi_encode()),
            Some(Read::Version) => Ok(token.version.to_owned().abi_encode()),
            None => self.check(to, data).map(|_transfer| Vec::new()),
        }
    }

    /// What calldata would move, if the token agrees.
    pub(super) fn check(&self, to: Address, data: &[u8]) -> Result<Transfer, Failure> {
        let token = self.token(to).ok_or(Failure::Reverts("no contract"))?;
        let transfer = Transfer::read(data).ok_or(Failure::Reverts("unknown function"))?;
        let message = &transfer.message;
        let now = U256::from(now());
        let failure = if now <= message.validAfter {
            "FiatTokenV2: authorization is not yet valid"
        } else if now >= message.validBefore {
            "FiatTokenV2: authorization is expired"
        } else if self.used.contains(&(to, message.from, message.nonce)) {
            "FiatTokenV2: authorization is used or canceled"
        } else if !transfer.is_signed(token, self.chain_id) {
            "FiatTokenV2: invalid signature"
        } else if self.balance(to, message.from) < message.value {
            "ERC20: transfer amount exceeds balance"
        } else {
            return Ok(transfer);
        };
        Err(Failure::Reverts(failure))
    }

    /// Takes a signed transaction into a block of its own.
    pub(super) fn include(&mut self, bytes: &[u8]) -> anyhow::Result<B256> {
        let hash = keccak256(bytes);
        if self.receipts.contains_key(&hash) {
            bail!("already known");
        }
        let mut rest = bytes;
        let TxEnvelope::Eip1559(signed) = TxEnvelope::decode_2718(&mut rest)? else {
            bail!("only EIP-1559 transactions are taken");
        };
        ensure!(rest.is_empty(), "bytes behind the transaction");
        let transaction = signed.tx();
        ensure!(transaction.chain_id == self.chain_id, "invalid chain id");
        ensure!(transaction.value.is_zero(), "insufficient funds for value");
        let signature = signed.signature();
        let rs = [signature.r().to_be_bytes::<32>(), signature.s().to_be_bytes::<32>()].concat();
        let sender = recover(transaction.signature_hash(), &rs, u8::from(signature.v()))?;
        ensure!(transaction.nonce == self.nonce(sender), "nonce too low or too high");
        let to = transaction.to().context("contract creation")?;
        self.nonces.insert(sender, transaction.nonce + 1);
        let outcome = self.execute(to, transaction.gas_limit, &transaction.input);
        let receipt =
            self.described(hash, sender, to, outcome.as_deref().unwrap_or_default(), outcome.is_ok());
        self.receipts.insert(hash, receipt);
        Ok(hash)
    }

    /// The logs of a call that succeeds.
    fn execute(&mut self, to: Address, gas: u64, data: &[u8]) -> Result<Vec<Value>, Failure> {
        if gas < TRANSFER_GAS {
            return Err(Failure::OutOfGas);
        }
        let message = self.check(to, data)?.message;
        if self.reverting.contains(&message.nonce) {
            return Err(Failure::Reverts("only in a block"));
        }
        let (from, payee) = (message.from, message.to);
        self.used.insert((to, from, message.nonce));
        *self.balances.entry((to, from)).or_default() -= message.value;
        *self.balances.entry((to, payee)).or_default() += message.value;
        Ok(vec![
            json!({"address": to, "topics": [authorization_used_topic(), from.into_word(), message.nonce],
                "data": "0x"}),
            json!({"address": to, "topics": [transfer_topic(), from.into_word(), payee.into_word()],
                "data": B256::from(message.value)}),
        ])
    }

    fn described(&self, hash: B256, from: Address, to: Address, logs: &[Value], succeeded: bool) -> Value {
        let height = self.height() + 1;
        json!({
            "transactionHash": hash,
            "transactionIndex": "0x0",
            "blockNumber": format!("{height:#x}"),
            "blockHash": block_hash(height),
            "from": from,
            "to": to,
            "status": if succeeded { "0x1" } else { "0x0" },
            "gasUsed": format!("{TRANSFER_GAS:#x}"),
            "logs": logs,
        })
    }
}

pub(super) fn block_hash(height: u64) -> B256 {
    keccak256(height.to_be_bytes())
}

/// Unix seconds.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
