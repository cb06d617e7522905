//! Guests that verify honestly and then have something else signed.

use crate::attack::{Attack, Expect, Told};

const fn refused(name: &'static str, rule: &'static str) -> Attack {
    Attack::lie(name, Expect::unsigned(Told::Valid, Told::ByPolicy(rule)))
}

const fn out_of_contract(name: &'static str) -> Attack {
    Attack::lie(name, Expect::unsigned(Told::Valid, Told::Internal))
}

pub(super) const ATTACKS: &[Attack] = &[
    refused("intent-other-recipient", "recipient"),
    refused("intent-more", "amount"),
    refused("intent-less", "amount"),
    refused("intent-other-asset", "asset_is_required"),
    refused("intent-other-contract", "asset_listed"),
    refused("intent-other-selector", "selector_listed"),
    refused("intent-approve", "selector_listed"),
    refused("intent-transfer", "selector_listed"),
    refused("intent-from-our-account", "payer_not_ours"),
    refused("intent-other-nonce", "guest_claims"),
    refused("intent-no-calldata", "selector_listed"),
    refused("intent-second-call", "calldata_canonical"),
    refused("intent-dirty-padding", "calldata_canonical"),
    refused("intent-gas-over-cap", "gas_ceiling"),
    refused("intent-gas-zero", "gas_ceiling"),
    refused("intent-gas-too-little", "simulation"),
    refused("intent-svm", "intent_shape"),
    refused("intent-near", "intent_shape"),
    refused("intent-stellar", "intent_shape"),
    out_of_contract("intent-address-of-19-bytes"),
    out_of_contract("intent-of-1-mib"),
];
