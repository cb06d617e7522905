//! A vault, a payment and calldata to try the rules with. Calldata is put together word by word, not by
//! the library that decodes it.

use facilitator_protocol::{Caip2, EvmCall, Intent, PaymentRequirements, Valid, X402Version};

use crate::{Approved, Budgets, EvmEnvelope, EvmKeys, EvmPolicy, EvmSelector, PolicyRefusal, Scope, Vault};

pub(crate) const ASSET: [u8; 20] = [0xa5; 20];
pub(crate) const OTHER_ASSET: [u8; 20] = [0xa6; 20];
pub(crate) const PAYER: [u8; 20] = [0x0f; 20];
pub(crate) const PAY_TO: [u8; 20] = [0xbe; 20];
pub(crate) const AMOUNT: u128 = 1_000;
pub(crate) const MAX_GAS: u64 = 150_000;
pub(crate) const GWEI: u128 = 1_000_000_000;
pub(crate) const TESTNET_KEYS: &str = "1d1e1f1011121314151617181920212223242526272829303132333435363738, \
     0x2d2e2f2021222324252627282930313233343536373839404142434445464748";
pub(crate) const MAINNET_KEY: &str = "3d3e3f3031323334353637383940414243444546474849505152535455565758";

pub(crate) fn network() -> Caip2 {
    "eip155:84532".parse().unwrap()
}

pub(crate) fn keys() -> EvmKeys {
    EvmKeys::from_lookup(&|name| match name {
        "EVM_PRIVATE_KEY_TESTNET" => Some(TESTNET_KEYS.to_owned()),
        "EVM_PRIVATE_KEY_MAINNET" => Some(MAINNET_KEY.to_owned()),
        _ => None,
    })
    .unwrap()
}

pub(crate) fn policy() -> EvmPolicy {
    EvmPolicy {
        network: network(),
        name: "base-sepolia".to_owned(),
        chain_id: 84_532,
        scope: Scope::Testnet,
        assets: vec![ASSET, OTHER_ASSET],
        selectors: EvmSelector::ALL.to_vec(),
        max_gas: MAX_GAS,
        max_fee_per_gas_wei: 50 * GWEI,
        max_priority_fee_per_gas_wei: 2 * GWEI,
        budgets: Budgets::of_worst_fee(u128::from(MAX_GAS) * 50 * GWEI),
        killed: false,
    }
}

pub(crate) fn vault_of(policy: EvmPolicy) -> Vault {
    Vault::new(keys(), vec![policy]).unwrap()
}

pub(crate) fn vault() -> Vault {
    vault_of(policy())
}

pub(crate) fn hex0x(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

pub(crate) fn requirements() -> PaymentRequirements {
    let json = serde_json::json!({"scheme": "exact", "network": "eip155:84532", "amount": AMOUNT.to_string(),
        "asset": hex0x(&ASSET), "payTo": hex0x(&PAY_TO), "maxTimeoutSeconds": 60});
    PaymentRequirements::from_json(X402Version::V2, &json.to_string()).unwrap()
}

pub(crate) fn envelope(vault: &Vault) -> EvmEnvelope {
    EvmEnvelope {
        signer: vault.signers(&network())[0],
        nonce: 7,
        gas_limit: 90_000,
        max_fee_per_gas: 10 * GWEI,
        max_priority_fee_per_gas: GWEI,
    }
}

/// A number as an ABI word.
pub(crate) fn number(value: u128) -> [u8; 32] {
    let mut word = [0; 32];
    word[16..].copy_from_slice(&value.to_be_bytes());
    word
}

/// An address as an ABI word.
pub(crate) fn account(address: [u8; 20]) -> [u8; 32] {
    let mut word = [0; 32];
    word[12..].copy_from_slice(&address);
    word
}

pub(crate) fn calldata(selector: [u8; 4], words: &[[u8; 32]]) -> Vec<u8> {
    selector.iter().chain(words.iter().flatten()).copied().collect()
}

fn head(from: [u8; 20], to: [u8; 20], value: u128) -> Vec<[u8; 32]> {
    vec![account(from), account(to), number(value), number(0), number(1_800_000_000), [0x9c; 32]]
}

/// The form with `v`, `r`, `s`: selector `0xe3ee160e`.
pub(crate) fn with_parts(from: [u8; 20], to: [u8; 20], value: u128) -> Vec<u8> {
    let mut words = head(from, to, value);
    words.extend([number(27), [0x11; 32], [0x22; 32]]);
    calldata([0xe3, 0xee, 0x16, 0x0e], &words)
}

/// The form with `bytes signature`: selector `0xcf092995`. `tail` follows the six words and the offset.
pub(crate) fn with_tail(offset: [u8; 32], tail: &[u8]) -> Vec<u8> {
    let mut words = head(PAYER, PAY_TO, AMOUNT);
    words.push(offset);
    let mut data = calldata([0xcf, 0x09, 0x29, 0x95], &words);
    data.extend(tail);
    data
}

/// The form with `bytes signature`, as every encoder writes it.
pub(crate) fn with_bytes(signature: &[u8]) -> Vec<u8> {
    let mut tail = number(signature.len() as u128).to_vec();
    tail.extend(signature);
    tail.resize(tail.len().next_multiple_of(32), 0);
    with_tail(number(7 * 32), &tail)
}

pub(crate) fn good_call() -> EvmCall {
    EvmCall { to: ASSET, data: with_parts(PAYER, PAY_TO, AMOUNT), gas_ceiling: 100_000 }
}

/// What an honest guest says of the good call.
pub(crate) fn claims() -> Valid {
    claims_on(ASSET)
}

pub(crate) fn claims_on(asset: [u8; 20]) -> Valid {
    let nonce = [0x9c; 32];
    Valid {
        payer: hex0x(&PAYER),
        amount: requirements().amount,
        payment_id: format!("eip155:84532:{}:{}:{}", hex0x(&asset), hex0x(&PAYER), hex0x(&nonce)),
        expires_at: 1_800_000_000,
        carry: String::new(),
    }
}

pub(crate) fn approve(vault: &Vault, call: EvmCall) -> Result<Approved<EvmCall>, PolicyRefusal> {
    vault.approve(&network(), Intent::EvmCall(call), &requirements(), &claims())
}

/// The rule by which a call is refused.
pub(crate) fn refusal(call: EvmCall) -> &'static str {
    approve(&vault(), call).unwrap_err().rule
}

pub(crate) fn refusal_of_data(data: Vec<u8>) -> &'static str {
    refusal(EvmCall { data, ..good_call() })
}

/// Looks for any eight digits in a row of any test key, and for its bytes as a list.
pub(crate) fn assert_shows_no_key(shown: &str) {
    let shown = shown.to_lowercase();
    for key in TESTNET_KEYS.split(',').chain([MAINNET_KEY]) {
        let key = key.trim().trim_start_matches("0x");
        let bytes = hex::decode(key).unwrap();
        let listed = format!("{}, {}, {}", bytes[0], bytes[1], bytes[2]);
        let found = (0..key.len() - 8).any(|at| shown.contains(&key[at..at + 8])) || shown.contains(&listed);
        assert!(!found, "{shown}");
    }
}
