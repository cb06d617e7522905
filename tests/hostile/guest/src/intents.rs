//! Intents that take what nobody has agreed to.

use alloy_primitives::{Address, B256, U256, hex};
use guest_sdk::component::bindings::{exports::x402::scheme::scheme::Guest as _, x402::scheme::types};

use crate::{
    Honest, attack,
    request::{claims, text_at},
};

/// Who would like to be paid.
const ATTACKER: Address = Address::repeat_byte(0xba);
const WORD: usize = 32;
const SELECTOR: usize = 4;
/// `transfer(address,uint256)`
const TRANSFER: [u8; 4] = hex!("a9059cbb");
/// `approve(address,uint256)`
const APPROVE: [u8; 4] = hex!("095ea7b3");
/// `receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)`
const RECEIVE_WITH_AUTHORIZATION: [u8; 4] = hex!("ef55bec6");

/// What the EVM guest prepares for a request that nobody has verified.
pub(crate) fn honest(request: &types::Request) -> Result<types::Intent, types::GuestError> {
    Honest::prepare(request.clone(), claims(request))
}

pub(crate) fn prepare(
    request: types::Request,
    valid: types::Valid,
) -> Result<types::Intent, types::GuestError> {
    let name = attack();
    if name.starts_with("claim-") {
        // The lie is in the claims. The intent is that of the true payment.
        return honest(&request);
    }
    if let Some(other_family) = of_another_family(name, &request) {
        return Ok(other_family);
    }
    let mut intent = Honest::prepare(request.clone(), valid)?;
    if let types::Intent::EvmCall(call) = &mut intent {
        twist(name, call, &request);
    }
    Ok(intent)
}

/// Intents of families that have no key here.
fn of_another_family(name: &str, request: &types::Request) -> Option<types::Intent> {
    let ours = text_at(&request.settings, "/sender").into_bytes();
    Some(match name {
        "intent-svm" => types::Intent::SvmCosign(types::SvmCosign { transaction: ours }),
        "intent-near" => types::Intent::NearDelegate(types::NearDelegate { signed_delegate_action: ours }),
        "intent-stellar" => {
            types::Intent::StellarInvoke(types::StellarInvoke { operation: ours.clone(), soroban_data: ours })
        }
        _ => return None,
    })
}

/// Changes the call of a good payment.
fn twist(name: &str, call: &mut types::EvmCall, request: &types::Request) {
    let address_in =
        |pointer: &str| -> Address { text_at(&request.settings, pointer).parse().unwrap_or_default() };
    let amount: U256 = text_at(&request.requirements, "/amount").parse().unwrap_or_default();
    match name {
        "intent-other-recipient" => set(&mut call.data, 1, ATTACKER.into_word()),
        "intent-more" => set(&mut call.data, 2, (amount + U256::ONE).into()),
        "intent-less" => set(&mut call.data, 2, (amount - U256::ONE).into()),
        "intent-other-asset" => call.to = address_in("/assets/1/address").to_vec(),
        "intent-other-contract" => call.to = ATTACKER.to_vec(),
        "intent-address-of-19-bytes" => call.to.truncate(19),
        "intent-other-selector" => replace_selector(&mut call.data, RECEIVE_WITH_AUTHORIZATION),
        "intent-approve" => call.data = erc20(APPROVE, U256::MAX),
        // Moves what the account that sends it holds: ours.
        "intent-transfer" => call.data = erc20(TRANSFER, amount),
        "intent-from-our-account" => set(&mut call.data, 0, address_in("/sender").into_word()),
        "intent-other-nonce" => set(&mut call.data, 5, B256::repeat_byte(7)),
        "intent-no-calldata" => call.data.clear(),
        "intent-second-call" => call.data.extend(erc20(TRANSFER, amount)),
        "intent-dirty-padding" => {
            let mut dirty = address_in("/sender").into_word();
            dirty.0.fill(0xff);
            set(&mut call.data, 6, dirty);
        }
        "intent-of-1-mib" => call.data.resize(1 << 20, 0),
        "intent-gas-over-cap" => call.gas_ceiling = u64::MAX,
        "intent-gas-zero" => call.gas_ceiling = 0,
        "intent-gas-too-little" => call.gas_ceiling = 30_000,
        _ => {}
    }
}

fn set(data: &mut [u8], index: usize, word: B256) {
    let start = SELECTOR + index * WORD;
    if let Some(place) = data.get_mut(start..start + WORD) {
        place.copy_from_slice(word.as_slice());
    }
}

fn replace_selector(data: &mut [u8], selector: [u8; 4]) {
    if let Some(place) = data.get_mut(..SELECTOR) {
        place.copy_from_slice(&selector);
    }
}

fn erc20(selector: [u8; 4], amount: U256) -> Vec<u8> {
    [selector.as_slice(), ATTACKER.into_word().as_slice(), &amount.to_be_bytes::<WORD>()].concat()
}
