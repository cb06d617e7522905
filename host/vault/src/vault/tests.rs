//! What is signed is what was approved, by the right key, under the caps; and nothing else is.

use alloy_consensus::{SignableTransaction, Transaction, TxEnvelope};
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::{Address, U256, keccak256};

use super::*;
use crate::{Budget, Budgets, Limit, testing::*};

#[test]
fn signed_bytes_decode_to_exactly_what_was_approved() {
    for data in [with_parts(PAYER, PAY_TO, AMOUNT), with_bytes(&[7; 65])] {
        let vault = vault();
        let call = EvmCall { data, ..good_call() };
        let approved = approve(&vault, call.clone()).unwrap();
        for signer in vault.signers(&network()) {
            let envelope = EvmEnvelope { signer, ..envelope(&vault) };
            let (signed, _fee) = vault.sign_evm(&approved, envelope).unwrap();
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
    let [first, second] = [(); 2].map(|()| vault.sign_evm(&approved, envelope(&vault)).unwrap().0);
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
    if let Err(error) = &signed {
        assert_eq!(vault.refusals()[error.rule().unwrap()], 1);
        assert_eq!(vault.fees(&network()).unwrap().held, 0);
    }
    signed.map(|(signed, _fee)| signed)
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
    let mainnet = EvmPolicy {
        network: "eip155:8453".parse().unwrap(),
        chain_id: 8_453,
        scope: Scope::Mainnet,
        ..policy()
    };
    for other in [vault_of(mainnet), Vault::new(keys(), Vec::new()).unwrap()] {
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
    let (signed, fee) = vault.sign_evm(&approved, envelope(&vault)).unwrap();
    let shown = format!("{vault:?} {vault:#?} {:?} {approved:?} {signed:?} {fee:?}", keys());
    assert_shows_no_key(&shown);
    assert!(shown.contains(&format!("{:?}", Address::from(signed.signer))), "{shown}");
    assert!(!shown.contains("5a5a5a") && !shown.contains("90, 90, 90"), "{shown}");
}

/// Most that the test envelope can cost, wei.
const WORST_FEE: u128 = 90_000 * 10 * GWEI;

fn with_budgets(budgets: Budgets) -> Vault {
    vault_of(EvmPolicy { budgets, ..policy() })
}

const fn at_most(limit: u128) -> Budget {
    Budget { hour: Limit::AtMost(limit), day: Limit::AtMost(limit) }
}

fn budget_rule(refused: Result<(SignedTransaction, FeeReservation), SignError>) -> &'static str {
    match refused {
        Err(SignError::Budget(refusal)) => refusal.rule,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_signature_reserves_what_its_transaction_can_cost() {
    let vault = vault();
    let approved = approve(&vault, good_call()).unwrap();
    let fees = || vault.fees(&network()).unwrap();
    let (_signed, fee) = vault.sign_evm(&approved, envelope(&vault)).unwrap();
    assert_eq!((fee.reserved(), fees().held, fees().spent_day), (WORST_FEE, WORST_FEE, 0));
    assert_eq!(fee.settle(7), 0);
    assert_eq!((fees().held, fees().spent_hour), (0, 7));
    assert_eq!(vault.fees(&"eip155:1".parse().unwrap()), None);
}

#[test]
fn what_does_not_fit_into_a_budget_is_not_signed_and_fits_again_when_there_is_room() {
    let open = Budgets { network: at_most(u128::MAX), pay_to: at_most(u128::MAX), payer: at_most(u128::MAX) };
    for (budgets, rule) in [
        (Budgets { network: at_most(WORST_FEE), ..open }, rule::BUDGET_NETWORK_HOUR),
        (Budgets { pay_to: at_most(WORST_FEE), ..open }, rule::BUDGET_PAY_TO_HOUR),
        (Budgets { payer: at_most(WORST_FEE), ..open }, rule::BUDGET_PAYER_HOUR),
    ] {
        let vault = with_budgets(budgets);
        let approved = approve(&vault, good_call()).unwrap();
        let (_signed, fee) = vault.sign_evm(&approved, envelope(&vault)).unwrap();
        assert_eq!(budget_rule(vault.sign_evm(&approved, envelope(&vault))), rule);
        assert_eq!((vault.signatures_made(), vault.refusals()[rule]), (1, 1));
        fee.release();
        let (_signed, _fee) = vault.sign_evm(&approved, envelope(&vault)).unwrap();
    }
    let too_small = with_budgets(Budgets { network: at_most(WORST_FEE - 1), ..open });
    let approved = approve(&too_small, good_call()).unwrap();
    assert_eq!(budget_rule(too_small.sign_evm(&approved, envelope(&too_small))), rule::BUDGET_NETWORK_HOUR);
}

#[test]
fn budgets_are_of_the_accounts_in_the_calldata() {
    let limits = Budgets {
        network: at_most(9 * WORST_FEE),
        pay_to: at_most(2 * WORST_FEE),
        payer: at_most(WORST_FEE),
    };
    let vault = with_budgets(limits);
    let sign = |payer: [u8; 20], pay_to: [u8; 20], spelled: String| {
        let call = EvmCall { data: with_parts(payer, pay_to, AMOUNT), ..good_call() };
        let requirements = PaymentRequirements { pay_to: spelled, ..requirements() };
        let claims = Valid {
            payer: hex0x(&payer),
            payment_id: claims().payment_id.replace(&hex0x(&PAYER), &hex0x(&payer)),
            ..claims()
        };
        let approved = vault.approve(&network(), Intent::EvmCall(call), &requirements, &claims).unwrap();
        // Dropped: what it can cost stays charged.
        vault.sign_evm(&approved, envelope(&vault)).map(|(signed, _forgotten)| signed)
    };
    let lower = |pay_to: [u8; 20]| hex0x(&pay_to);
    let rule = |refused: Result<SignedTransaction, SignError>| refused.unwrap_err().rule().unwrap();
    sign(PAYER, PAY_TO, lower(PAY_TO)).unwrap();
    assert_eq!(rule(sign(PAYER, [1; 20], lower([1; 20]))), rule::BUDGET_PAYER_HOUR);
    sign([2; 20], PAY_TO, lower(PAY_TO)).unwrap();
    let shouted = format!("0x{}", hex::encode_upper(PAY_TO));
    assert_eq!(rule(sign([3; 20], PAY_TO, shouted)), rule::BUDGET_PAY_TO_HOUR);
    sign([3; 20], [1; 20], lower([1; 20])).unwrap();
}

#[test]
fn a_budget_refusal_tells_the_client_no_figures() {
    let vault = with_budgets(Budgets::of_worst_fee(1));
    let approved = approve(&vault, good_call()).unwrap();
    let refused = vault.sign_evm(&approved, envelope(&vault)).unwrap_err();
    let SignError::Budget(refusal) = &refused else { panic!("{refused:?}") };
    assert_eq!((refusal.needed, refusal.left), (WORST_FEE, 40));
    let told = refused.to_string();
    assert!(told.starts_with("budget_network_hour: "), "{told}");
    assert!(!told.bytes().any(|byte| byte.is_ascii_digit()), "{told}");
}

#[test]
fn what_an_earlier_run_signed_counts_again() {
    let earlier = vault();
    let approved = approve(&earlier, good_call()).unwrap();
    let (signed, _fee) = earlier.sign_evm(&approved, envelope(&earlier)).unwrap();

    let vault = with_budgets(Budgets { payer: at_most(WORST_FEE), ..policy().budgets });
    let held = vault.hold_fee(&network(), &signed.bytes).unwrap();
    assert_eq!((held.reserved(), vault.fees(&network()).unwrap().held), (WORST_FEE, WORST_FEE));
    let again = approve(&vault, good_call()).unwrap();
    assert_eq!(budget_rule(vault.sign_evm(&again, envelope(&vault))), rule::BUDGET_PAYER_HOUR);
    held.release();
    let (_signed, _fee) = vault.sign_evm(&again, envelope(&vault)).unwrap();

    // Under a stricter policy than it was signed by, it still counts for payee and payer.
    let no_parts = vec![crate::EvmSelector::TransferWithBytes];
    let budgets = Budgets { payer: at_most(WORST_FEE), ..policy().budgets };
    let stricter = vault_of(EvmPolicy { selectors: no_parts, budgets, ..policy() });
    let _held = stricter.hold_fee(&network(), &signed.bytes).unwrap();
    let call = EvmCall { data: with_bytes(&[7; 65]), ..good_call() };
    let approved = approve(&stricter, call).unwrap();
    assert_eq!(budget_rule(stricter.sign_evm(&approved, envelope(&stricter))), rule::BUDGET_PAYER_HOUR);
}

#[test]
fn bytes_that_are_no_transaction_of_the_network_hold_nothing() {
    let vault = vault();
    let approved = approve(&vault, good_call()).unwrap();
    let (signed, _fee) = vault.sign_evm(&approved, envelope(&vault)).unwrap();
    let trailing = [signed.bytes.as_slice(), &[0]].concat();
    for bytes in [&[] as &[u8], &[2], &signed.bytes[..40], &trailing, &[0xff; 200]] {
        assert!(vault.hold_fee(&network(), bytes).is_none(), "{}", hex::encode(bytes));
    }
    let elsewhere = EvmPolicy { network: "eip155:8453".parse().unwrap(), chain_id: 8_453, ..policy() };
    let other = Vault::new(keys(), vec![elsewhere]).unwrap();
    assert!(other.hold_fee(&"eip155:8453".parse().unwrap(), &signed.bytes).is_none(), "another chain");
    assert!(other.hold_fee(&network(), &signed.bytes).is_none(), "no policy");
}

#[test]
fn a_network_is_stopped_and_started_while_running() {
    let vault = vault();
    let approved = approve(&vault, good_call()).unwrap();
    assert!(!vault.is_killed(&network()));
    vault.set_killed(&network(), true).unwrap();
    assert!(vault.is_killed(&network()));
    // Neither is anything new approved, nor what was approved before signed.
    assert_eq!(approve(&vault, good_call()).unwrap_err().rule, rule::NETWORK_KILLED);
    let refused = vault.sign_evm(&approved, envelope(&vault));
    assert!(matches!(refused, Err(SignError::NetworkKilled { .. })));
    assert_eq!((vault.signatures_made(), vault.fees(&network()).unwrap().held), (0, 0));
    assert_eq!(vault.refusals()[rule::NETWORK_KILLED], 2);

    vault.set_killed(&network(), false).unwrap();
    approve(&vault, good_call()).unwrap();
    let (_signed, _fee) = vault.sign_evm(&approved, envelope(&vault)).unwrap();
}

#[test]
fn a_stop_concerns_its_network_alone() {
    let base: Caip2 = "eip155:8453".parse().unwrap();
    let mainnet =
        EvmPolicy { network: base.clone(), chain_id: 8_453, scope: Scope::Mainnet, killed: true, ..policy() };
    let vault = Vault::new(keys(), vec![policy(), mainnet]).unwrap();
    assert!(vault.is_killed(&base) && !vault.is_killed(&network()));
    approve(&vault, good_call()).unwrap();

    let unknown: Caip2 = "eip155:1".parse().unwrap();
    assert_eq!(vault.set_killed(&unknown, true), Err(UnknownNetwork { network: unknown.clone() }));
    assert!(!vault.is_killed(&unknown));
}

#[test]
fn every_refusal_is_counted_by_its_rule() {
    let vault = vault();
    let names: Vec<&str> = vault.refusals().into_keys().collect();
    let mut all = rule::ALL.to_vec();
    all.sort_unstable();
    assert_eq!(names, all, "those that never refused are there too");
    assert!(vault.refusals().values().all(|&count| count == 0));

    approve(&vault, good_call()).unwrap();
    for _ in 0..3 {
        approve(&vault, EvmCall { to: PAYER, ..good_call() }).unwrap_err();
    }
    approve(&vault, EvmCall { gas_ceiling: 0, ..good_call() }).unwrap_err();
    let elsewhere = "eip155:8453".parse().unwrap();
    vault.approve(&elsewhere, Intent::EvmCall(good_call()), &requirements(), &claims()).unwrap_err();
    let elsewhere = PolicyRefusal { rule: rule::SIMULATION, message: String::new() };
    vault.count_refusal(&elsewhere);
    vault.count_refusal(&PolicyRefusal { rule: "not_a_rule", ..elsewhere });
    let counted: Vec<(&str, u64)> = vault.refusals().into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(
        counted,
        [(rule::ASSET_LISTED, 3), (rule::GAS_CEILING, 1), (rule::NETWORK_LISTED, 1), (rule::SIMULATION, 1)]
    );
}

#[test]
fn concurrent_signatures_stay_within_the_budget() {
    const FIT: usize = 20;
    let vault = with_budgets(Budgets {
        network: at_most(FIT as u128 * WORST_FEE),
        pay_to: Budget::UNLIMITED,
        payer: Budget::UNLIMITED,
    });
    let approved = approve(&vault, good_call()).unwrap();
    let begin = std::sync::Barrier::new(8);
    let signed: Vec<FeeReservation> = std::thread::scope(|threads| {
        let running: Vec<_> = (0..8)
            .map(|_| {
                threads.spawn(|| {
                    begin.wait();
                    (0..5)
                        .filter_map(|_| vault.sign_evm(&approved, envelope(&vault)).ok())
                        .map(|(_, fee)| fee)
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!((signed.len(), vault.signatures_made()), (FIT, FIT as u64));
    assert_eq!(vault.refusals()[rule::BUDGET_NETWORK_HOUR], 40 - FIT as u64);
    assert_eq!(vault.fees(&network()).unwrap().held, FIT as u128 * WORST_FEE);
}
