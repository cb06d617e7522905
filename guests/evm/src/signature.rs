//! Who may say that an authorization is signed: a key, checked here, or the payer's own contract, which
//! only the chain can ask.
//!
//! Source: EIP-2 (low s), FiatToken v2.2 `ECRecover` (v is 27 or 28) and `SignatureChecker`, ERC-1271,
//! ERC-6492.

use alloy_primitives::{Address, B256, U256, b256, keccak256, uint};
use facilitator_protocol::{GuestSettings, Invalid, reason};
use guest_sdk::Host;

use crate::{calldata::Words, encoding, payment::Payment, refusal::refuse};

/// Half of the order of secp256k1: each signature has a second form with s above it.
const HALF_ORDER: U256 = uint!(0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0_U256);
/// What ends an ERC-6492 signature.
const ERC6492_SUFFIX: B256 = b256!("6492649264926492649264926492649264926492649264926492649264926492");

/// Who vouches for the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Authority {
    /// The payer's key: it was recovered here.
    Key { v: u8, r: B256, s: B256 },
    /// The payer's contract, if there is one.
    Contract {
        /// For the token's `bytes signature`.
        signature: Vec<u8>,
        /// What is wrong if the payer has no code.
        without_code: Invalid,
    },
}

impl Authority {
    /// Decides by the signature's form. An ordinary account's signature has 65 bytes, v of 27 or 28 and
    /// a low s, and recovers to the payer. Whatever else it is, only a contract wallet may accept it, by
    /// its own rule (ERC-1271); an account without code cannot.
    pub(crate) fn of(
        host: &dyn Host,
        payment: &Payment<'_>,
        settings: &GuestSettings,
    ) -> Result<Self, Invalid> {
        let signature = payment.signature.as_slice();
        if signature.is_empty() {
            return Err(refuse(reason::EVM_SIGNATURE, "signature: expected 65 bytes, found none"));
        }
        if let Some(wrapped) = signature.strip_suffix(ERC6492_SUFFIX.as_slice()) {
            return unwrap_erc6492(wrapped, settings);
        }
        let flaw = match recover(host, &payment.digest(), signature) {
            Ok((authority, signer)) if signer == payment.authorization.from => return Ok(authority),
            Ok((_, signer)) => {
                format!("signature: expected that of {}, found {signer}", payment.authorization.from)
            }
            Err(flaw) => flaw,
        };
        let without_code = if signature.len() > 65 {
            undeployed(format!("{flaw}; there is no contract at the payer's address to accept another form"))
        } else {
            refuse(reason::EVM_SIGNATURE, flaw)
        };
        Ok(Self::Contract { signature: signature.to_vec(), without_code })
    }
}

fn undeployed(message: impl Into<String>) -> Invalid {
    refuse(reason::EVM_UNDEPLOYED_SMART_WALLET, message)
}

/// The address whose key made a signature of canonical form, or what is wrong with the form.
fn recover(host: &dyn Host, digest: &B256, signature: &[u8]) -> Result<(Authority, Address), String> {
    let [rs @ .., v] = signature else {
        return Err("signature: expected 65 bytes, found none".to_owned());
    };
    let rs: &[u8; 64] =
        rs.try_into().map_err(|_| format!("signature: expected 65 bytes, found {}", signature.len()))?;
    let recovery_id = match v {
        27 => 0,
        28 => 1,
        other => return Err(format!("signature: expected v of 27 or 28, found {other}")),
    };
    let (r, s) = rs.split_at(32);
    let (r, s) = (B256::from_slice(r), B256::from_slice(s));
    if U256::from_be_bytes(s.0) > HALF_ORDER {
        return Err("signature: s is in the upper half of the curve's order".to_owned());
    }
    let key = host
        .secp256k1_recover(&digest.0, rs, recovery_id)
        .ok_or_else(|| "signature: no key can be recovered from it".to_owned())?;
    let signer = Address::from_word(keccak256(key));
    Ok((Authority::Key { v: *v, r, s }, signer))
}

/// Takes the wallet's own signature out of `abi.encode(factory, factoryCalldata, signature)`.
///
/// The wrapper tells whom to call so that the wallet comes into being; who follows it calls whatever a
/// stranger wants. So the factory has to be on the operator's list, and even then nothing is called
/// in this version: the wallet has to be there already.
fn unwrap_erc6492(wrapped: &[u8], settings: &GuestSettings) -> Result<Authority, Invalid> {
    let words = Words(wrapped);
    let (Some(factory), Some(signature)) = (words.address(0), words.dynamic(2)) else {
        return Err(refuse(reason::EVM_SIGNATURE, "signature: malformed ERC-6492 wrapper"));
    };
    if !settings.erc6492_factories.iter().any(|listed| encoding::address(listed) == Some(factory)) {
        let message = format!("ERC-6492 factory {factory} is not allowed");
        return Err(refuse(reason::EVM_EIP6492_FACTORY_NOT_ALLOWED, message));
    }
    Ok(Authority::Contract {
        signature: signature.to_vec(),
        without_code: undeployed("the payer's contract wallet is not deployed, and is not deployed here"),
    })
}
