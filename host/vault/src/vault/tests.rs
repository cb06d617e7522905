//! What is signed is what was approved, by the right key, under the caps; and nothing else is.

use alloy_consensus::{SignableTransaction, Transaction, TxEnvelope};
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::{Address, U256, keccak256};

use super::*;
use crate::testing::*;

#[test]
fn signed_bytes_decode_to_exactly_what_was_approved() {
    for data in [with_parts(PAYER, PAY_TO, AMOUNT), with_bytes(&[7; 65])] {
        let vault = vault();
        let call = EvmCall { data, ..good_call() };
        let approved = approve(&vault, call.clone()).unwrap();
        for signer in vault.signers(&network()) {
            let envelope = EvmEnvelope { signer, ..envelope(&vault) };
            let signed = vault.sign_evm(&approved, envelope).unwrap();
            assert_eq!(signed.signer, signer);
            assert_eq!(keccak256(&signed.bytes).0, signed.hash);

            let mut rest = signed.bytes.as_slice();
            let TxEnvelope::Eip1559(decoded) = TxEnvelope::decode_2718(&mut rest).unwrap() else {
                panic!("another type of transaction")
            };
            assert!(rest.is_empty());
            let transaction = decoded.tx();
            assert_eq!(transaction.chain_id, 84_532);
            assert_eq!(transaction.nonce, envelope.nonce);
            assert_eq!(transaction.gas_limit, envelope.gas_limit);
            assert_eq!(transaction.max_fee_per_gas, envelope.max_fee_per_gas);
            assert_eq!(transaction.max_priority_fee_per_gas, envelope.max_priority_fee_per_gas);
            assert_eq!(transaction.to(), Some(Address::from(call.to)));
            assert_eq!(transaction.value, U256::ZERO);
            assert_eq!(transaction.input, call.data);
            assert!(transaction.access_list.is_empty());

            let recovered = decoded.signature().recover_address_from_prehash(&transaction.signature_hash());
            assert_eq!(recovered.unwrap(), Address::from(signer));
            assert!(decoded.signature().normalize_s().is_none(), "high s: no node takes it (EIP-2)");
        }
    }
}

#[test]
fn the_same_envelope_gives_the_same_bytes() {
    let vault = vault();
    let approved = approve(&vault, good_call()).unwrap();
    let [first, second] = [(); 2].map(|()| vault.sign_evm(&approved, envelope(&vault)).unwrap());
    assert_eq!(first, second);
}

/// Signs the good call with a changed envelope.
fn sign_with(change: impl FnOnce(&mut EvmEnvelope)) -> Result<SignedTransaction, SignError> {
    let vault = vault();
    let approved = approve(&vault, good_call()).unwrap();
    let mut envelope = envelope(&vault);
    change(&mut envelope);
    let signed = vault.sign_evm(&approved, envelope);
    assert_eq!(vault.signatures_made(), u64::from(signed.is_ok()));
    signed
}

#[test]
fn only_a_signer_of_the_network_signs() {
    let mainnet = keys().addresses(Scope::Mainnet)[0];
    for signer in [mainnet, PAYER, [0; 20]] {
        let refused = sign_with(|envelope| envelope.signer = signer);
        assert!(matches!(refused, Err(SignError::ForeignSigner { signer: told, .. }) if told == signer));
    }
}

#[test]
fn the_gas_limit_stays_under_what_was_approved_and_under_the_cap() {
    for good in [21_000, 100_000] {
        sign_with(|envelope| envelope.gas_limit = good).unwrap();
    }
    for bad in [0, 20_999, 100_001, u64::MAX] {
        let refused = sign_with(|envelope| envelope.gas_limit = bad);
        assert!(matches!(refused, Err(SignError::GasLimit { cap: 100_000, found }) if found == bad));
    }
    // The cap of now counts, not the one under which the call was approved.
    let approved = approve(&vault(), good_call()).unwrap();
    let stricter = vault_of(EvmPolicy { max_gas: 80_000, ..policy() });
    let refused = stricter.sign_evm(&approved, envelope(&stricter));
    assert!(matches!(refused, Err(SignError::GasLimit { cap: 80_000, found: 90_000 })));
}

#[test]
fn fees_stay_under_their_caps() {
    sign_with(|envelope| envelope.max_fee_per_gas = 50 * GWEI).unwrap();
    sign_with(|envelope| envelope.max_priority_fee_per_gas = 2 * GWEI).unwrap();
    for bad in [50 * GWEI + 1, u128::MAX] {
        let refused = sign_with(|envelope| envelope.max_fee_per_gas = bad);
        assert!(matches!(refused, Err(SignError::FeeOverCap { .. })));
    }
    for bad in [2 * GWEI + 1, u128::MAX] {
        let refused = sign_with(|envelope| envelope.max_priority_fee_per_gas = bad);
        assert!(matches!(refused, Err(SignError::TipOverCap { .. })));
    }
    let tip_above_fee = sign_with(|envelope| envelope.max_fee_per_gas = GWEI - 1);
    assert!(matches!(tip_above_fee, Err(SignError::TipOverCap { .. })));
}

#[test]
fn the_last_nonce_is_never_used() {
    sign_with(|envelope| envelope.nonce = u64::MAX - 1).unwrap();
    assert!(matches!(sign_with(|envelope| envelope.nonce = u64::MAX), Err(SignError::Nonce)));
}

#[test]
fn an_approval_is_worth_nothing_where_nothing_is_signed() {
    let approved = approve(&vault(), good_call()).unwrap();
    let stopped = vault_of(EvmPolicy { killed: true, ..policy() });
    let mainnet = EvmPolicy {
        network: "eip155:8453".parse().unwrap(),
        chain_id: 8_453,
        scope: Scope::Mainnet,
        ..policy()
    };
    for other in [stopped, vault_of(mainnet), Vault::new(keys(), Vec::new()).unwrap()] {
        let refused = other.sign_evm(&approved, envelope(&vault()));
        assert!(matches!(refused, Err(SignError::NetworkNotServed { .. })));
        assert_eq!(other.signatures_made(), 0);
    }
}

#[test]
fn approving_signs_nothing() {
    let vault = vault();
    approve(&vault, good_call()).unwrap();
    approve(&vault, EvmCall { to: PAYER, ..good_call() }).unwrap_err();
    assert_eq!(vault.signatures_made(), 0);
}

#[test]
fn signers_are_those_of_the_networks_scope() {
    let mainnet = EvmPolicy {
        network: "eip155:8453".parse().unwrap(),
        chain_id: 8_453,
        scope: Scope::Mainnet,
        ..policy()
    };
    let vault = Vault::new(keys(), vec![policy(), mainnet.clone()]).unwrap();
    assert_eq!(vault.signers(&network()), keys().addresses(Scope::Testnet));
    assert_eq!(vault.signers(&mainnet.network), keys().addresses(Scope::Mainnet));
    assert!(vault.signers(&"eip155:1".parse().unwrap()).is_empty());
}

#[test]
fn policies_that_contradict_themselves_stop_the_start() {
    let refused = |policies| Vault::new(keys(), policies).unwrap_err();
    let other_chain = EvmPolicy { chain_id: 8_453, ..policy() };
    assert!(matches!(refused(vec![other_chain]), VaultError::ChainId { chain_id: 8_453, .. }));
    let no_gas = EvmPolicy { max_gas: 20_999, ..policy() };
    assert!(matches!(refused(vec![no_gas]), VaultError::GasCap { max_gas: 20_999, .. }));
    assert!(matches!(refused(vec![policy(), policy()]), VaultError::DuplicateNetwork { .. }));
}

#[test]
fn nothing_that_holds_keys_or_signatures_shows_them() {
    let vault = vault();
    let call = EvmCall { data: with_bytes(&[0x5a; 65]), ..good_call() };
    let approved = approve(&vault, call).unwrap();
    let signed = vault.sign_evm(&approved, envelope(&vault)).unwrap();
    let shown = format!("{vault:?} {vault:#?} {:?} {approved:?} {signed:?}", keys());
    assert_shows_no_key(&shown);
    assert!(shown.contains(&format!("{:?}", Address::from(signed.signer))), "{shown}");
    assert!(!shown.contains("5a5a5a") && !shown.contains("90, 90, 90"), "{shown}");
}
