//! Any calldata, requirements and claims before the signing policy of EVM. What it approves is read again
//! here, word by word, by other code.

#![no_main]

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use facilitator_protocol::{AtomicAmount, EvmCall, Intent, PaymentRequirements, Valid, X402Version};
use facilitator_vault::{Budgets, EvmKeys, EvmPolicy, EvmSelector, Scope, Vault};
use libfuzzer_sys::fuzz_target;

const ASSET: [u8; 20] = [0xa5; 20];
const PAY_TO: [u8; 20] = [0xbe; 20];
const NETWORK: &str = "eip155:84532";
/// A development key, known to everybody: the first of anvil's.
const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

static VAULT: LazyLock<Vault> = LazyLock::new(|| {
    let keys = EvmKeys::from_lookup(&|name| (name == "EVM_PRIVATE_KEY_TESTNET").then(|| KEY.to_owned()));
    let policy = EvmPolicy {
        network: NETWORK.parse().expect("a network"),
        name: "base-sepolia".to_owned(),
        chain_id: 84_532,
        scope: Scope::Testnet,
        assets: vec![ASSET],
        selectors: EvmSelector::ALL.to_vec(),
        max_gas: 500_000,
        max_fee_per_gas_wei: 50_000_000_000,
        max_priority_fee_per_gas_wei: 50_000_000_000,
        budgets: Budgets::of_worst_fee(500_000 * 50_000_000_000),
        killed: false,
    };
    Vault::new(keys.expect("keys"), vec![policy]).expect("a vault")
});

#[derive(Arbitrary, Debug)]
struct Input {
    /// Begin with a selector that is listed.
    selector: Option<bool>,
    data: Vec<u8>,
    /// Put payTo and amount where the calldata has them.
    aligned: bool,
    amount: u64,
    gas_ceiling: u64,
    other_asset: Option<[u8; 20]>,
}

impl Input {
    fn calldata(&self) -> Vec<u8> {
        let mut data = match self.selector {
            Some(true) => EvmSelector::TransferWithParts.bytes().to_vec(),
            Some(false) => EvmSelector::TransferWithBytes.bytes().to_vec(),
            None => Vec::new(),
        };
        data.extend(&self.data);
        if self.aligned && data.len() >= 4 + 9 * 32 {
            data[4..16].fill(0);
            data[36..48].fill(0);
            data[48..68].copy_from_slice(&PAY_TO);
            data[68..92].fill(0);
            data[92..100].copy_from_slice(&self.amount.to_be_bytes());
            // validBefore within 64 bits, v within 8.
            data[132..156].fill(0);
            if self.selector == Some(true) {
                data[196..227].fill(0);
                data.truncate(4 + 9 * 32);
            }
        }
        data
    }
}

fn word(data: &[u8], at: usize) -> &[u8] {
    data.get(4 + at * 32..4 + (at + 1) * 32).unwrap_or(&[])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// What an honest guest would claim of this calldata.
fn claims(data: &[u8], amount: &AtomicAmount) -> Valid {
    let from = hex(word(data, 0).get(12..).unwrap_or(&[]));
    let nonce = hex(word(data, 5));
    let before = word(data, 4).last_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    Valid {
        payment_id: format!("{NETWORK}:{}:{from}:{nonce}", hex(&ASSET)),
        payer: from,
        amount: amount.clone(),
        expires_at: before,
        carry: String::new(),
    }
}

fuzz_target!(|input: Input| {
    let data = input.calldata();
    let to = input.other_asset.unwrap_or(ASSET);
    let text = format!(
        r#"{{"scheme":"exact","network":"{NETWORK}","amount":"{}","asset":"{}","payTo":"{}","maxTimeoutSeconds":60}}"#,
        input.amount, hex(&ASSET), hex(&PAY_TO)
    );
    let Ok(requirements) = PaymentRequirements::from_json(X402Version::V2, &text) else { return };
    let claims = claims(&data, &requirements.amount);
    let call = EvmCall { to, data: data.clone(), gas_ceiling: input.gas_ceiling };
    let network = NETWORK.parse().expect("a network");
    if VAULT.approve(&network, Intent::EvmCall(call), &requirements, &claims).is_ok() {
        assert_eq!(to, ASSET);
        assert!(EvmSelector::ALL.iter().any(|selector| data.starts_with(&selector.bytes())));
        assert_eq!(word(&data, 1).get(12..), Some(&PAY_TO[..]), "pays payTo");
        assert_eq!(word(&data, 2).last_chunk(), Some(&input.amount.to_be_bytes()), "the amount");
        assert!(word(&data, 2)[..24].iter().all(|byte| *byte == 0) && input.amount > 0);
        assert!((21_000..=500_000).contains(&input.gas_ceiling));
        assert!(data.len() <= 4 + 8 * 32 + 4_096);
    }
    assert_eq!(VAULT.signatures_made(), 0);
});
