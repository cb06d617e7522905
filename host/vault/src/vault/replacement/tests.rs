//! What is signed in the place of a transaction under way is the same with higher fees, or nothing.

use alloy_consensus::{SignableTransaction, TxEip2930, TxLegacy};
use alloy_eips::{
    eip2718::Encodable2718,
    eip2930::{AccessList, AccessListItem},
};
use alloy_primitives::{Signature, U256, keccak256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;

use super::*;
use crate::{Approved, Budget, Budgets, EvmSelector, Limit, Scope, read_evm, rule, testing::*};
use facilitator_protocol::EvmCall;

/// Fees of the transaction that is replaced.
const OLD: EvmFees = EvmFees { max_fee_per_gas: 10 * GWEI, max_priority_fee_per_gas: GWEI };
/// The least that replaces it.
const LEAST: EvmFees = EvmFees { max_fee_per_gas: 11_250_000_000, max_priority_fee_per_gas: 1_125_000_000 };
/// Most that it can cost, wei.
const WORST_FEE: u128 = 90_000 * 10 * GWEI;
/// By how much more its replacement can.
const MORE: u128 = 90_000 * 1_250_000_000;
const OPEN: Budgets =
    Budgets { network: Budget::UNLIMITED, pay_to: Budget::UNLIMITED, payer: Budget::UNLIMITED };

fn approved(vault: &Vault) -> Approved<EvmCall> {
    approve(vault, good_call()).unwrap()
}

fn sign(vault: &Vault) -> (SignedTransaction, FeeReservation) {
    vault.sign_evm(&approved(vault), envelope(vault)).unwrap()
}

fn decoded(bytes: &[u8]) -> TxEip1559 {
    envelope::decode(bytes, 84_532).unwrap().tx().clone()
}

/// Bytes of a transaction with the signature of a key, which needs not be ours.
fn signed_by(key: &str, transaction: &impl SignableTransaction<Signature>) -> (Signature, PrivateKeySigner) {
    let signer: PrivateKeySigner = key.trim().parse().unwrap();
    (signer.sign_hash_sync(&transaction.signature_hash()).unwrap(), signer)
}

fn our_key() -> &'static str {
    TESTNET_KEYS.split(',').next().unwrap()
}

fn bytes_by(key: &str, transaction: TxEip1559) -> Vec<u8> {
    let (signature, _) = signed_by(key, &transaction);
    transaction.into_signed(signature).encoded_2718()
}

/// Replaces `bytes` by the least that would, and expects a refusal that leaves no trace but its count.
fn refused(vault: &Vault, bytes: &[u8]) -> &'static str {
    refused_with(vault, bytes, LEAST)
}

fn refused_with(vault: &Vault, bytes: &[u8], fees: EvmFees) -> &'static str {
    let (made, held) = (vault.signatures_made(), vault.fees(&network()));
    let rule = vault.replace_evm(&network(), bytes, fees, None).unwrap_err().rule().unwrap();
    assert!(vault.refusals()[rule] > 0);
    assert_eq!((vault.signatures_made(), vault.fees(&network())), (made, held));
    rule
}

#[test]
fn a_replacement_differs_in_its_fees_alone() {
    let vault = vault();
    for data in [with_parts(PAYER, PAY_TO, AMOUNT), with_bytes(&[7; 65])] {
        let approved = approve(&vault, EvmCall { data, ..good_call() }).unwrap();
        for signer in vault.signers(&network()) {
            let envelope = EvmEnvelope { signer, ..envelope(&vault) };
            let (old, mut fee) = vault.sign_evm(&approved, envelope).unwrap();
            let made = vault.signatures_made();
            let new = vault.replace_evm(&network(), &old.bytes, LEAST, Some(&mut fee)).unwrap();
            assert_eq!((new.signer, vault.signatures_made()), (signer, made + 1));
            assert_eq!(keccak256(&new.bytes).0, new.hash);
            let expected = TxEip1559 {
                max_fee_per_gas: LEAST.max_fee_per_gas,
                max_priority_fee_per_gas: LEAST.max_priority_fee_per_gas,
                ..decoded(&old.bytes)
            };
            assert_eq!(decoded(&new.bytes), expected);
            let by = envelope::decode(&new.bytes, 84_532).unwrap();
            assert!(by.signature().normalize_s().is_none(), "high s: no node takes it (EIP-2)");
            let recovered = by.signature().recover_address_from_prehash(&expected.signature_hash());
            assert_eq!(recovered.unwrap(), Address::from(signer));
            // What a restart would have signed.
            assert_eq!(vault.replace_evm(&network(), &old.bytes, LEAST, None).unwrap(), new);
        }
    }
}

#[test]
fn what_was_signed_is_read_back() {
    let vault = vault();
    let (signed, _fee) = sign(&vault);
    let terms = read_evm(&signed.bytes, 84_532).unwrap();
    assert_eq!((terms.nonce, terms.gas_limit, terms.fees), (7, 90_000, OLD));
    assert_eq!(terms.fees.bumped(), LEAST);
    let new = vault.replace_evm(&network(), &signed.bytes, LEAST, None).unwrap();
    assert_eq!(read_evm(&new.bytes, 84_532).unwrap().fees, LEAST);

    assert_eq!(read_evm(&signed.bytes, 8_453), None);
    assert_eq!(read_evm(&[signed.bytes.as_slice(), &[0]].concat(), 84_532), None);
    assert_eq!(read_evm(&signed.bytes[..signed.bytes.len() - 1], 84_532), None);
    assert_eq!(read_evm(&[], 84_532), None);
}

#[test]
fn both_fees_rise_by_an_eighth_at_least() {
    let vault = vault();
    let (signed, _fee) = sign(&vault);
    let replace = |fees| vault.replace_evm(&network(), &signed.bytes, fees, None);
    let above = EvmFees { max_fee_per_gas: 50 * GWEI, max_priority_fee_per_gas: 2 * GWEI };
    replace(LEAST).unwrap();
    replace(above).unwrap();
    for (fees, told) in [
        (EvmFees { max_fee_per_gas: LEAST.max_fee_per_gas - 1, ..above }, ("fee", LEAST.max_fee_per_gas)),
        (
            EvmFees { max_priority_fee_per_gas: LEAST.max_priority_fee_per_gas - 1, ..above },
            ("tip", LEAST.max_priority_fee_per_gas),
        ),
        (OLD, ("fee", LEAST.max_fee_per_gas)),
        (EvmFees { max_fee_per_gas: 0, max_priority_fee_per_gas: 0 }, ("fee", LEAST.max_fee_per_gas)),
    ] {
        let error = replace(fees).unwrap_err();
        let SignError::ReplacementFee { what, least, .. } = error else { panic!("{error:?}") };
        assert_eq!((what, least), told);
    }
    assert_eq!((vault.refusals()[rule::REPLACEMENT_FEE], vault.signatures_made()), (4, 3));
}

#[test]
fn a_replacement_is_replaced_again_until_a_cap() {
    let vault = vault_of(EvmPolicy { max_priority_fee_per_gas_wei: 50 * GWEI, ..policy() });
    let (mut signed, mut fee) = sign(&vault);
    let mut fees = OLD;
    for _ in 0..13 {
        fees = fees.bumped();
        signed = vault.replace_evm(&network(), &signed.bytes, fees, Some(&mut fee)).unwrap();
    }
    assert_eq!(fee.reserved(), 90_000 * fees.max_fee_per_gas);
    fees = fees.bumped();
    assert!(fees.max_fee_per_gas > 50 * GWEI);
    let error = vault.replace_evm(&network(), &signed.bytes, fees, Some(&mut fee)).unwrap_err();
    assert!(matches!(error, SignError::FeeOverCap { .. }));
    assert_eq!(vault.fees(&network()).unwrap().held, fee.reserved());
}

#[test]
fn caps_are_those_of_now() {
    let bytes = sign(&vault()).0.bytes;
    let at = |change: EvmPolicy| vault_of(change);
    for cap in [LEAST.max_fee_per_gas, 50 * GWEI] {
        let open = at(EvmPolicy { max_fee_per_gas_wei: cap, ..policy() });
        open.replace_evm(&network(), &bytes, LEAST, None).unwrap();
    }
    let fee = at(EvmPolicy { max_fee_per_gas_wei: LEAST.max_fee_per_gas - 1, ..policy() });
    assert_eq!(refused(&fee, &bytes), rule::FEE_CAP);
    let tip = at(EvmPolicy { max_priority_fee_per_gas_wei: LEAST.max_priority_fee_per_gas - 1, ..policy() });
    assert_eq!(refused(&tip, &bytes), rule::TIP_CAP);
    let above_the_fee = EvmFees {
        max_priority_fee_per_gas: LEAST.max_fee_per_gas + 1,
        max_fee_per_gas: LEAST.max_fee_per_gas,
    };
    let tips = at(EvmPolicy { max_priority_fee_per_gas_wei: u128::MAX, ..policy() });
    assert_eq!(refused_with(&tips, &bytes, above_the_fee), rule::TIP_CAP);
    at(EvmPolicy { max_gas: 90_000, ..policy() }).replace_evm(&network(), &bytes, LEAST, None).unwrap();
    assert_eq!(refused(&at(EvmPolicy { max_gas: 89_999, ..policy() }), &bytes), rule::GAS_LIMIT);
    // An asset that is not listed any more is not pushed; a function that is not, is under way already.
    let delisted = at(EvmPolicy { assets: vec![OTHER_ASSET], ..policy() });
    assert_eq!(refused(&delisted, &bytes), rule::REPLACED_NOT_OURS);
    let narrower = at(EvmPolicy { selectors: vec![EvmSelector::TransferWithBytes], ..policy() });
    narrower.replace_evm(&network(), &bytes, LEAST, None).unwrap();
}

#[test]
fn bytes_of_a_store_are_read_strictly() {
    let vault = vault();
    let (signed, _fee) = sign(&vault);
    let good = decoded(&signed.bytes);
    assert_eq!(bytes_by(our_key(), good.clone()), signed.bytes, "the test signs as the vault does");
    let trailing = [signed.bytes.as_slice(), &[0]].concat();
    for bytes in [&[] as &[u8], &[2], &signed.bytes[..40], &signed.bytes[1..], &trailing, &[0xff; 200]] {
        assert_eq!(refused(&vault, bytes), rule::REPLACED_NOT_OURS, "{}", hex::encode(bytes));
    }
    let TxEip1559 { chain_id, nonce, gas_limit, max_fee_per_gas, to, ref input, .. } = good;
    let legacy = TxLegacy {
        chain_id: Some(chain_id),
        nonce,
        gas_price: max_fee_per_gas,
        gas_limit,
        to,
        value: U256::ZERO,
        input: input.clone(),
    };
    let (signature, _) = signed_by(our_key(), &legacy);
    assert_eq!(refused(&vault, &legacy.into_signed(signature).encoded_2718()), rule::REPLACED_NOT_OURS);
    let with_list = TxEip2930 {
        chain_id,
        nonce,
        gas_price: max_fee_per_gas,
        gas_limit,
        to,
        value: U256::ZERO,
        access_list: AccessList::default(),
        input: input.clone(),
    };
    let (signature, _) = signed_by(our_key(), &with_list);
    assert_eq!(refused(&vault, &with_list.into_signed(signature).encoded_2718()), rule::REPLACED_NOT_OURS);
}

#[test]
fn only_what_our_key_of_the_network_signed_is_replaced() {
    let vault = vault();
    let good = decoded(&sign(&vault).0.bytes);
    // The first development key of anvil, and one of ours for other networks.
    let foreign = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    for key in [foreign, MAINNET_KEY] {
        assert_eq!(refused(&vault, &bytes_by(key, good.clone())), rule::REPLACED_NOT_OURS);
    }
    // A byte changed below the signature makes it the signature of somebody else, or of nobody.
    let bytes = bytes_by(our_key(), good.clone());
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        if let Ok(signed) = vault.replace_evm(&network(), &changed, LEAST, None) {
            panic!("byte {at}: {signed:?}");
        }
    }
    // Another chain, by our own key.
    let elsewhere = TxEip1559 { chain_id: 8_453, ..good };
    assert_eq!(refused(&vault, &bytes_by(our_key(), elsewhere)), rule::REPLACED_NOT_OURS);
    let no_policy = Vault::new(keys(), Vec::new()).unwrap();
    let error = no_policy.replace_evm(&network(), &bytes, LEAST, None).unwrap_err();
    assert!(matches!(error, SignError::NetworkNotServed { .. }));
}

#[test]
fn what_our_key_signed_elsewhere_is_not_replaced() {
    let vault = vault();
    let good = decoded(&sign(&vault).0.bytes);
    let us = Address::from(vault.signers(&network())[0]);
    let item = AccessListItem { address: us, storage_keys: Vec::new() };
    let approve_all = calldata([0x09, 0x5e, 0xa7, 0xb3], &[account(PAY_TO), number(u128::MAX)]);
    let trailing = [good.input.as_ref(), &[0]].concat();
    for other in [
        TxEip1559 { value: U256::from(1), ..good.clone() },
        TxEip1559 { access_list: AccessList(vec![item]), ..good.clone() },
        TxEip1559 { to: TxKind::Create, ..good.clone() },
        TxEip1559 { to: TxKind::Call(PAY_TO.into()), ..good.clone() },
        TxEip1559 { to: TxKind::Call(us), ..good.clone() },
        TxEip1559 { input: Vec::new().into(), ..good.clone() },
        TxEip1559 { input: vec![0; 4].into(), to: TxKind::Call(us), ..good.clone() },
        TxEip1559 { input: trailing.into(), ..good.clone() },
        TxEip1559 { input: approve_all.into(), ..good.clone() },
    ] {
        let shown = format!("{other:?}");
        assert_eq!(refused(&vault, &bytes_by(our_key(), other)), rule::REPLACED_NOT_OURS, "{shown}");
    }
    vault.replace_evm(&network(), &bytes_by(our_key(), good), LEAST, None).unwrap();
}

#[test]
fn the_difference_alone_is_reserved_and_only_within_budgets() {
    const fn at_most(limit: u128) -> Budget {
        Budget { hour: Limit::AtMost(limit), day: Limit::AtMost(limit) }
    }
    const FITS: Budget = at_most(WORST_FEE + MORE);
    const SHORT: Budget = at_most(WORST_FEE + MORE - 1);
    for (budgets, refusing) in [
        (Budgets { network: FITS, pay_to: FITS, payer: FITS }, None),
        (Budgets { network: SHORT, ..OPEN }, Some(rule::BUDGET_NETWORK_HOUR)),
        (Budgets { network: FITS, pay_to: SHORT, payer: FITS }, Some(rule::BUDGET_PAY_TO_HOUR)),
        (Budgets { network: FITS, pay_to: FITS, payer: SHORT }, Some(rule::BUDGET_PAYER_HOUR)),
    ] {
        let vault = vault_of(EvmPolicy { budgets, ..policy() });
        let held = || vault.fees(&network()).unwrap().held;
        let (signed, mut fee) = sign(&vault);
        let result = vault.replace_evm(&network(), &signed.bytes, LEAST, Some(&mut fee));
        match refusing {
            None => {
                result.unwrap();
                assert_eq!((fee.reserved(), held()), (WORST_FEE + MORE, WORST_FEE + MORE));
                // A tie: the same again needs no more.
                vault.replace_evm(&network(), &signed.bytes, LEAST, Some(&mut fee)).unwrap();
                assert_eq!(held(), WORST_FEE + MORE);
            }
            Some(rule) => {
                assert_eq!(result.unwrap_err().rule(), Some(rule));
                assert_eq!((fee.reserved(), held(), vault.signatures_made()), (WORST_FEE, WORST_FEE, 1));
                assert_eq!(vault.refusals()[rule], 1);
            }
        }
        // All of it comes back, for the network, the payee and the payer.
        fee.release();
        assert_eq!(held(), 0);
        let (_signed, _fee) = sign(&vault);
    }
}

#[test]
fn a_stopped_network_replaces_and_cancels_nothing() {
    let vault = vault();
    let (signed, mut fee) = sign(&vault);
    vault.set_killed(&network(), true).unwrap();
    let replaced = vault.replace_evm(&network(), &signed.bytes, LEAST, Some(&mut fee));
    assert!(matches!(replaced, Err(SignError::NetworkKilled { .. })));
    assert!(matches!(cancel_with(&vault, |_| ()), Err(SignError::NetworkKilled { .. })));
    assert_eq!((vault.signatures_made(), fee.reserved()), (1, WORST_FEE));
    assert_eq!(vault.refusals()[rule::NETWORK_KILLED], 2);
    vault.set_killed(&network(), false).unwrap();
    vault.replace_evm(&network(), &signed.bytes, LEAST, Some(&mut fee)).unwrap();
    let (_signed, _fee) = cancel_with(&vault, |_| ()).unwrap();
}

/// A cancellation with a changed envelope.
fn cancel_with(
    vault: &Vault,
    change: impl FnOnce(&mut EvmEnvelope),
) -> Result<(SignedTransaction, FeeReservation), SignError> {
    let mut envelope = EvmEnvelope { gas_limit: 21_000, ..envelope(vault) };
    change(&mut envelope);
    vault.cancel_evm(&network(), envelope)
}

#[test]
fn a_cancellation_moves_nothing() {
    let vault = vault();
    for signer in vault.signers(&network()) {
        let (signed, fee) = cancel_with(&vault, |envelope| envelope.signer = signer).unwrap();
        assert_eq!((signed.signer, fee.reserved()), (signer, 21_000 * 10 * GWEI));
        let expected = TxEip1559 {
            chain_id: 84_532,
            nonce: 7,
            gas_limit: 21_000,
            max_fee_per_gas: OLD.max_fee_per_gas,
            max_priority_fee_per_gas: OLD.max_priority_fee_per_gas,
            to: TxKind::Call(signer.into()),
            value: U256::ZERO,
            access_list: AccessList::default(),
            input: Vec::new().into(),
        };
        let by = envelope::decode(&signed.bytes, 84_532).unwrap();
        assert_eq!(by.tx(), &expected);
        let recovered = by.signature().recover_address_from_prehash(&expected.signature_hash());
        assert_eq!(recovered.unwrap(), Address::from(signer));
        // It counts again after a restart, and is replaced like any other.
        let held = vault.hold_fee(&network(), &signed.bytes).unwrap();
        assert_eq!(held.reserved(), fee.reserved());
        let new = vault.replace_evm(&network(), &signed.bytes, LEAST, None).unwrap();
        assert_eq!(decoded(&new.bytes).to, expected.to);
    }
    assert_eq!(vault.signatures_made(), 4);
}

#[test]
fn a_cancellation_is_under_every_cap() {
    let vault = vault();
    for gas_limit in [21_000, 21_001, 100_000] {
        let (_signed, _fee) = cancel_with(&vault, |envelope| envelope.gas_limit = gas_limit).unwrap();
    }
    let rule_of = |vault: &Vault, change: &dyn Fn(&mut EvmEnvelope)| {
        let (made, fees) = (vault.signatures_made(), vault.fees(&network()));
        let rule = cancel_with(vault, change).unwrap_err().rule().unwrap();
        assert_eq!((vault.signatures_made(), vault.fees(&network())), (made, fees));
        assert!(vault.refusals()[rule] > 0);
        rule
    };
    let mainnet = keys().addresses(Scope::Mainnet)[0];
    for bad in [0, 20_999, 100_001, u64::MAX] {
        assert_eq!(rule_of(&vault, &|envelope| envelope.gas_limit = bad), rule::GAS_LIMIT, "{bad}");
    }
    assert_eq!(rule_of(&vault, &|envelope| envelope.max_fee_per_gas = 50 * GWEI + 1), rule::FEE_CAP);
    assert_eq!(rule_of(&vault, &|envelope| envelope.max_priority_fee_per_gas = 2 * GWEI + 1), rule::TIP_CAP);
    assert_eq!(rule_of(&vault, &|envelope| envelope.nonce = u64::MAX), rule::NONCE_RANGE);
    for signer in [mainnet, PAYER, [0; 20]] {
        assert_eq!(rule_of(&vault, &|envelope| envelope.signer = signer), rule::SIGNER_OURS);
    }
    let strict = vault_of(EvmPolicy { max_gas: 50_000, ..policy() });
    let (_signed, _fee) = cancel_with(&strict, |envelope| envelope.gas_limit = 50_000).unwrap();
    assert_eq!(rule_of(&strict, &|envelope| envelope.gas_limit = 50_001), rule::GAS_LIMIT);
    let refused = vault.cancel_evm(&"eip155:1".parse().unwrap(), envelope(&vault));
    assert!(matches!(refused, Err(SignError::NetworkNotServed { .. })));
}

#[test]
fn a_cancellation_counts_for_the_network_alone() {
    const COST: u128 = 21_000 * 10 * GWEI;
    let limit = |limit| Budget { hour: Limit::AtMost(limit), day: Limit::AtMost(limit) };
    let vault = vault_of(EvmPolicy {
        budgets: Budgets { network: limit(2 * COST), pay_to: limit(0), payer: limit(0) },
        ..policy()
    });
    let (_first, first) = cancel_with(&vault, |_| ()).unwrap();
    let (_second, _counts) = cancel_with(&vault, |_| ()).unwrap();
    let refused = cancel_with(&vault, |_| ()).unwrap_err();
    assert_eq!(refused.rule(), Some(rule::BUDGET_NETWORK_HOUR));
    assert_eq!((vault.signatures_made(), vault.fees(&network()).unwrap().held), (2, 2 * COST));
    first.release();
    let (_third, _fee) = cancel_with(&vault, |_| ()).unwrap();
}
