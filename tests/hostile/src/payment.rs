//! Payments as clients send them.

use std::sync::atomic::{AtomicU64, Ordering};

use alloy_primitives::{Address, B256, U256, address, keccak256};
use serde_json::{Value, json};

use crate::{
    accounts::Account,
    node::{Token, authorization_digest, now},
};

/// CAIP-2 identifier of the network that payments are made on: Base Sepolia.
pub const NETWORK: &str = "eip155:84532";
/// Its chain id.
pub const CHAIN_ID: u64 = 84_532;
/// Who is paid.
pub const PAY_TO: Address = address!("0x00000000000000000000000000000000000ba7ee");
/// How much.
pub const AMOUNT: u64 = 10_000;

/// What a client offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// A payment as it should be.
    Good,
    /// Good but for the signature, which is nobody's.
    GarbageSignature,
    /// Signed by an account that holds nothing.
    Unfunded,
    /// Good, and its transaction reverts in its block.
    RevertsInBlock,
    /// Signed by nobody, in requirements that name the payment of before for a guest to pass it for.
    PassesForThePaidOne,
}

/// A request body, and what it is about.
#[derive(Clone, Debug)]
pub struct Payment {
    /// Body of `/verify` and `/settle`.
    pub body: Value,
    /// Who pays.
    pub payer: Address,
    /// The authorization's nonce.
    pub nonce: B256,
    /// What a true guest calls this payment.
    pub id: String,
}

/// A payment that was never made before.
pub fn payment(offer: Offer, token: &Token, paid_before: Option<&str>) -> anyhow::Result<Payment> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let nonce = keccak256(format!("payment {}", COUNT.fetch_add(1, Ordering::Relaxed)));
    let account = match offer {
        Offer::Unfunded => Account::poor_payer()?,
        _ => Account::payer()?,
    };
    let valid_before = now() + 600;
    let message = crate::node::TransferWithAuthorization {
        from: account.address,
        to: PAY_TO,
        value: U256::from(AMOUNT),
        validAfter: U256::ZERO,
        validBefore: U256::from(valid_before),
        nonce,
    };
    let signature = match offer {
        Offer::GarbageSignature | Offer::PassesForThePaidOne => [&[0x11; 64][..], &[27]].concat(),
        _ => account.sign(authorization_digest(token, CHAIN_ID, &message)).to_vec(),
    };
    let mut extra = json!({"name": token.name, "version": token.version});
    if let (Offer::PassesForThePaidOne, Some(fields), Some(id)) = (offer, extra.as_object_mut(), paid_before)
    {
        fields.insert("passFor".to_owned(), id.into());
    }
    let requirements = json!({
        "scheme": "exact",
        "network": NETWORK,
        "amount": AMOUNT.to_string(),
        "asset": token.address,
        "payTo": PAY_TO,
        "maxTimeoutSeconds": 300,
        "extra": extra,
    });
    let body = json!({
        "x402Version": 2,
        "paymentPayload": {
            "x402Version": 2,
            "accepted": requirements,
            "payload": {
                "signature": format!("0x{}", hex::encode(signature)),
                "authorization": {
                    "from": account.address,
                    "to": PAY_TO,
                    "value": AMOUNT.to_string(),
                    "validAfter": "0",
                    "validBefore": valid_before.to_string(),
                    "nonce": nonce,
                },
            },
        },
        "paymentRequirements": requirements,
    });
    let id = format!("{NETWORK}:{:#x}:{:#x}:{nonce:#x}", token.address, account.address);
    Ok(Payment { body, payer: account.address, nonce, id })
}
