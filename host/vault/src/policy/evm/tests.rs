//! Each rule: what it accepts, and the nearest that it refuses.

use facilitator_protocol::{EvmCall, Intent, PaymentRequirements, Valid};
use proptest::prelude::*;

use crate::{EvmSelector, Vault, rule, testing::*};

#[test]
fn both_forms_of_the_transfer_are_approved_as_they_came() {
    for data in
        [with_parts(PAYER, PAY_TO, AMOUNT), with_bytes(&[7; 65]), with_bytes(&[]), with_bytes(&[1; 64])]
    {
        let call = EvmCall { data, ..good_call() };
        let approved = approve(&vault(), call.clone()).unwrap();
        assert_eq!(approved.intent(), &call);
        assert_eq!((approved.network(), approved.chain_id()), (&network(), 84_532));
    }
}

#[test]
fn a_network_without_policy_or_stopped_is_refused() {
    let elsewhere = "eip155:8453".parse().unwrap();
    let refused = vault().approve(&elsewhere, Intent::EvmCall(good_call()), &requirements(), &claims());
    assert_eq!(refused.unwrap_err().rule, rule::NETWORK_LISTED);
    let none = Vault::new(keys(), Vec::new()).unwrap();
    assert_eq!(approve(&none, good_call()).unwrap_err().rule, rule::NETWORK_LISTED);

    let stopped = vault_of(super::EvmPolicy { killed: true, ..policy() });
    assert_eq!(approve(&stopped, good_call()).unwrap_err().rule, rule::NETWORK_KILLED);
}

#[test]
fn an_intent_of_another_family_is_refused() {
    for intent in [
        Intent::SvmCosign { transaction: good_call().data },
        Intent::NearDelegate { signed_delegate_action: good_call().data },
        Intent::StellarInvoke { operation: good_call().data, soroban_data: Vec::new() },
    ] {
        let refused = vault().approve(&network(), intent, &requirements(), &claims());
        assert_eq!(refused.unwrap_err().rule, rule::INTENT_SHAPE);
    }
}

fn refusal_for(requirements: &PaymentRequirements) -> &'static str {
    vault().approve(&network(), Intent::EvmCall(good_call()), requirements, &claims()).unwrap_err().rule
}

#[test]
fn requirements_of_another_scheme_or_network_are_refused() {
    for scheme in ["upto", "Exact", ""] {
        let other = PaymentRequirements { scheme: scheme.to_owned(), ..requirements() };
        assert_eq!(refusal_for(&other), rule::SCHEME_LISTED);
    }
    for network in ["eip155:8453", "solana:84532", "EIP155:84532"] {
        let other = PaymentRequirements { network: network.to_owned(), ..requirements() };
        assert_eq!(refusal_for(&other), rule::NETWORK_IS_REQUIRED);
    }
    let named = |name: &str| PaymentRequirements { network: name.to_owned(), ..requirements() };
    let v1 = named("base-sepolia");
    vault().approve(&network(), Intent::EvmCall(good_call()), &v1, &claims()).unwrap();
    for other in ["base", "Base-Sepolia", "base-sepolia ", ""] {
        assert_eq!(refusal_for(&named(other)), rule::NETWORK_IS_REQUIRED, "{other}");
    }
}

#[test]
fn addresses_are_the_same_in_upper_and_lower_case() {
    let upper = |bytes: &[u8]| format!("0x{}", hex::encode_upper(bytes));
    let same = PaymentRequirements { asset: upper(&ASSET), pay_to: upper(&PAY_TO), ..requirements() };
    vault().approve(&network(), Intent::EvmCall(good_call()), &same, &claims()).unwrap();
}

#[test]
fn requirements_that_the_host_cannot_read_are_refused() {
    let bare = hex::encode(ASSET);
    let garbage = "x".repeat(100_000);
    for text in ["", "0x", &bare, "0x0xa5", &hex0x(&[0xa5; 19]), &hex0x(&[0xa5; 21]), &garbage] {
        let asset = PaymentRequirements { asset: text.to_owned(), ..requirements() };
        assert_eq!(refusal_for(&asset), rule::REQUIREMENTS_READABLE, "{text:.50}");
        let pay_to = PaymentRequirements { pay_to: text.to_owned(), ..requirements() };
        let refused =
            vault().approve(&network(), Intent::EvmCall(good_call()), &pay_to, &claims()).unwrap_err();
        assert_eq!(refused.rule, rule::REQUIREMENTS_READABLE, "{text:.50}");
        assert!(refused.to_string().len() < 200, "input is not echoed");
    }
    let too_much = PaymentRequirements { amount: "9".repeat(78).parse().unwrap(), ..requirements() };
    assert_eq!(refusal_for(&too_much), rule::REQUIREMENTS_READABLE);
}

#[test]
fn only_the_required_asset_is_called() {
    assert_eq!(refusal(EvmCall { to: OTHER_ASSET, ..good_call() }), rule::ASSET_IS_REQUIRED);
    for unlisted in [PAY_TO, PAYER, [0; 20]] {
        assert_eq!(refusal(EvmCall { to: unlisted, ..good_call() }), rule::ASSET_LISTED);
        // Not even if the requirements ask for it.
        let asks = PaymentRequirements { asset: hex0x(&unlisted), ..requirements() };
        let call = EvmCall { to: unlisted, ..good_call() };
        let refused = vault().approve(&network(), Intent::EvmCall(call), &asks, &claims()).unwrap_err();
        assert_eq!(refused.rule, rule::ASSET_LISTED);
    }
    let other = PaymentRequirements { asset: hex0x(&OTHER_ASSET), ..requirements() };
    let call = EvmCall { to: OTHER_ASSET, ..good_call() };
    vault().approve(&network(), Intent::EvmCall(call), &other, &claims_on(OTHER_ASSET)).unwrap();
}

#[test]
fn only_the_payers_signed_transfer_is_called() {
    let words = [account(PAY_TO), number(AMOUNT)];
    let rest = good_call().data[4..].to_vec();
    let mut others = vec![
        // approve, transfer, transferFrom
        calldata([0x09, 0x5e, 0xa7, 0xb3], &words),
        calldata([0xa9, 0x05, 0x9c, 0xbb], &words),
        calldata([0x23, 0xb8, 0x72, 0xdd], &[account(PAYER), account(PAY_TO), number(AMOUNT)]),
        // receiveWithAuthorization, cancelAuthorization
        [&[0xef, 0x55, 0xbe, 0xc6], rest.as_slice()].concat(),
        [&[0x5a, 0x04, 0x9a, 0x70], rest.as_slice()].concat(),
    ];
    others.extend((0..4).map(|length| good_call().data[..length].to_vec()));
    for data in others {
        assert_eq!(refusal_of_data(data.clone()), rule::SELECTOR_LISTED, "{}", hex::encode(data));
    }
}

#[test]
fn an_operator_may_allow_fewer_functions() {
    let (parts, bytes) = (with_parts(PAYER, PAY_TO, AMOUNT), with_bytes(&[7; 65]));
    for (selector, allowed, refused) in
        [(EvmSelector::TransferWithParts, &parts, &bytes), (EvmSelector::TransferWithBytes, &bytes, &parts)]
    {
        let vault = vault_of(super::EvmPolicy { selectors: vec![selector], ..policy() });
        approve(&vault, EvmCall { data: allowed.clone(), ..good_call() }).unwrap();
        let refused = approve(&vault, EvmCall { data: refused.clone(), ..good_call() }).unwrap_err();
        assert_eq!(refused.rule, rule::SELECTOR_LISTED);
        assert!(refused.message.contains(&hex::encode(selector.bytes())), "{}", refused.message);
    }
    let none = vault_of(super::EvmPolicy { selectors: Vec::new(), ..policy() });
    assert_eq!(approve(&none, good_call()).unwrap_err().rule, rule::SELECTOR_LISTED);
}

#[test]
fn a_function_is_named_by_its_selector() {
    for selector in EvmSelector::ALL {
        for text in [hex0x(&selector.bytes()), format!("0x{}", hex::encode_upper(selector.bytes()))] {
            assert_eq!(text.parse(), Ok(selector));
        }
    }
    assert_eq!("0xe3ee160e".parse(), Ok(EvmSelector::TransferWithParts));
    // approve, too short, too long, without prefix, a name
    for text in ["0x095ea7b3", "0xe3ee16", "0xe3ee160e00", "e3ee160e", "transferWithAuthorization", ""] {
        assert_eq!(text.parse::<EvmSelector>(), Err(crate::UnknownSelector), "{text}");
    }
}

#[test]
fn the_recipient_is_pay_to() {
    for to in [PAYER, ASSET, [0; 20], vault().signers(&network())[0]] {
        assert_eq!(refusal_of_data(with_parts(PAYER, to, AMOUNT)), rule::RECIPIENT);
    }
}

#[test]
fn the_amount_is_the_one_required() {
    for value in [AMOUNT - 1, AMOUNT + 1, 0, u128::MAX] {
        assert_eq!(refusal_of_data(with_parts(PAYER, PAY_TO, value)), rule::AMOUNT);
    }
    let nothing = PaymentRequirements { amount: "0".parse().unwrap(), ..requirements() };
    let call = EvmCall { data: with_parts(PAYER, PAY_TO, 0), ..good_call() };
    let refused = vault().approve(&network(), Intent::EvmCall(call), &nothing, &claims()).unwrap_err();
    assert_eq!(refused.rule, rule::AMOUNT);
}

#[test]
fn our_own_accounts_do_not_pay() {
    let mainnet = keys().addresses(crate::Scope::Mainnet);
    for ours in vault().signers(&network()).into_iter().chain(mainnet) {
        assert_eq!(refusal_of_data(with_parts(ours, PAY_TO, AMOUNT)), rule::PAYER_NOT_OURS);
    }
}

#[test]
fn the_gas_ceiling_is_bounded_on_both_sides() {
    for gas_ceiling in [21_000, MAX_GAS] {
        approve(&vault(), EvmCall { gas_ceiling, ..good_call() }).unwrap();
    }
    for gas_ceiling in [0, 20_999, MAX_GAS + 1, u64::MAX] {
        assert_eq!(refusal(EvmCall { gas_ceiling, ..good_call() }), rule::GAS_CEILING);
    }
}

#[test]
fn what_the_guest_says_of_the_payment_must_be_what_the_calldata_says() {
    let approve_with =
        |claims: &Valid| vault().approve(&network(), Intent::EvmCall(good_call()), &requirements(), claims);
    let shouted = Valid { payer: format!("0x{}", hex::encode_upper(PAYER)), ..claims() };
    approve_with(&shouted).unwrap();
    for claims in [
        // Another id would let one payment be claimed twice in the journal.
        Valid { payment_id: format!("{}0", claims().payment_id), ..claims() },
        Valid { payment_id: claims().payment_id.to_uppercase(), ..claims() },
        claims_on(OTHER_ASSET),
        // Another payer would be named in the answer.
        Valid { payer: hex0x(&PAY_TO), ..claims() },
        Valid { payer: String::new(), ..claims() },
        // Another amount would be answered and recorded.
        Valid { amount: "1001".parse().unwrap(), ..claims() },
        Valid { amount: "0".parse().unwrap(), ..claims() },
        Valid { amount: "9".repeat(78).parse().unwrap(), ..claims() },
        // An earlier expiry would have a payment reported as failed that can still land.
        Valid { expires_at: claims().expires_at - 1, ..claims() },
        Valid { expires_at: claims().expires_at + 1, ..claims() },
    ] {
        assert_eq!(approve_with(&claims).unwrap_err().rule, rule::GUEST_CLAIMS, "{claims:?}");
    }
}

#[test]
fn the_payers_signature_is_bounded() {
    let call = EvmCall { data: with_bytes(&[1; 4_096]), ..good_call() };
    approve(&vault(), call).unwrap();
    for length in [4_097, 1 << 20] {
        assert_eq!(refusal_of_data(with_bytes(&vec![1; length])), rule::SIGNATURE_LENGTH);
    }
}

#[test]
fn calldata_has_one_encoding() {
    let good = with_bytes(&[7; 65]);
    let tail = &good[4 + 7 * 32..];
    let with_offset = |offset| with_tail(offset, tail);
    let mut far = number(7 * 32);
    far[0] = 1;
    let mut beyond_64_bits = number(7 * 32);
    beyond_64_bits[23] = 1;
    let mut dirty_padding = good.clone();
    *dirty_padding.last_mut().unwrap() = 1;
    let mut long_length = tail.to_vec();
    long_length[31] = 97;
    let mut dirty_address = good.clone();
    dirty_address[4 + 32] = 1;
    let mut dirty_payer = good_call().data;
    dirty_payer[4 + 11] = 1;
    let mut dirty_v = good_call().data;
    dirty_v[4 + 6 * 32] = 1;

    for data in [
        // A word between head and signature, jumped over by the offset.
        with_tail(number(8 * 32), &[[0; 32].as_slice(), tail].concat()),
        // Offsets into the head, not on a word, out of the data, and beyond 64 bits.
        with_offset(number(0)),
        with_offset(number(6 * 32)),
        with_offset(number(7 * 32 - 1)),
        with_offset(number(7 * 32 + 1)),
        with_offset(number(1 << 20)),
        with_offset([0xff; 32]),
        with_offset(far),
        with_offset(beyond_64_bits),
        // The length says more than there is, or than is padded.
        with_tail(number(7 * 32), &long_length),
        dirty_padding,
        dirty_address,
        dirty_payer,
        dirty_v,
        // Bytes behind, words behind, bytes missing, padding missing, no tail at all.
        [good.as_slice(), &[0]].concat(),
        [good.as_slice(), &[0; 32]].concat(),
        good[..good.len() - 1].to_vec(),
        good[..4 + 8 * 32 + 65].to_vec(),
        good[..4 + 7 * 32].to_vec(),
        [good_call().data.as_slice(), &[0]].concat(),
        [good_call().data.as_slice(), &[0; 32]].concat(),
        good_call().data[..4 + 9 * 32 - 1].to_vec(),
        good_call().data[..4].to_vec(),
        // The arguments of one form behind the selector of the other.
        [&good[..4], &good_call().data[4..]].concat(),
        [&good_call().data[..4], &good[4..]].concat(),
    ] {
        assert_eq!(refusal_of_data(data.clone()), rule::CALLDATA_CANONICAL, "{}", hex::encode(data));
    }
}

#[test]
fn paying_the_facilitator_itself_is_a_payment_like_any_other() {
    let ours = vault().signers(&network())[0];
    let to_us = PaymentRequirements { pay_to: hex0x(&ours), ..requirements() };
    let call = EvmCall { data: with_parts(PAYER, ours, AMOUNT), ..good_call() };
    vault().approve(&network(), Intent::EvmCall(call), &to_us, &claims()).unwrap();
    // Not from one of our accounts to another.
    let mainnet = keys().addresses(crate::Scope::Mainnet)[0];
    let call = EvmCall { data: with_parts(mainnet, ours, AMOUNT), ..good_call() };
    let refused = vault().approve(&network(), Intent::EvmCall(call), &to_us, &claims()).unwrap_err();
    assert_eq!(refused.rule, rule::PAYER_NOT_OURS);
}

#[test]
fn an_amount_has_one_reading() {
    // Leading zeros are the same number; what is no plain number never becomes requirements.
    let padded = PaymentRequirements { amount: "0001000".parse().unwrap(), ..requirements() };
    vault().approve(&network(), Intent::EvmCall(good_call()), &padded, &claims()).unwrap();
    for text in ["1e3", "1_000", "0x3e8", "1000.0", "-1000", "+1000", " 1000"] {
        assert!(text.parse::<facilitator_protocol::AtomicAmount>().is_err(), "{text}");
    }
    // 2^128 + 1000: what is read in 128 bits would be the same.
    let wide = "340282366920938463463374607431768212456".parse().unwrap();
    assert_eq!(refusal_for(&PaymentRequirements { amount: wide, ..requirements() }), rule::AMOUNT);
    let mut high = good_call().data;
    high[4 + 2 * 32] = 1;
    assert_eq!(refusal_of_data(high), rule::AMOUNT);
}

proptest! {
    #[test]
    fn no_byte_of_recipient_or_amount_may_differ(at in 36_usize..100, flip in 1_u8.., bytes in any::<bool>()) {
        let mut call = good_call();
        if bytes {
            call.data = with_bytes(&[7; 65]);
        }
        call.data[at] ^= flip;
        prop_assert!(approve(&vault(), call).is_err());
    }

    /// Whatever is approved is the exact transfer, read here by position.
    #[test]
    fn whatever_is_approved_pays_exactly(
        changes in prop::collection::vec((0_usize..360, any::<u8>()), 0..4),
        bytes in any::<bool>(),
    ) {
        let mut call = good_call();
        if bytes {
            call.data = with_bytes(&[7; 65]);
        }
        for (at, byte) in changes {
            if let Some(old) = call.data.get_mut(at) {
                *old = byte;
            }
        }
        if let Ok(approved) = approve(&vault(), call) {
            let data = &approved.intent().data;
            prop_assert_eq!(&data[36..68], &account(PAY_TO));
            prop_assert_eq!(&data[68..100], &number(AMOUNT));
            prop_assert!(approved.intent().to == ASSET);
        }
    }

    #[test]
    fn strange_bytes_are_refused(
        form in 0..3,
        mut data in prop::collection::vec(any::<u8>(), 0..600),
        gas_ceiling: u64,
    ) {
        let selector = match form {
            0 => with_bytes(&[])[..4].to_vec(),
            1 => good_call().data[..4].to_vec(),
            _ => Vec::new(),
        };
        data.splice(0..0, selector);
        let call = EvmCall { to: ASSET, data, gas_ceiling };
        prop_assert!(approve(&vault(), call).is_err());
    }
}
