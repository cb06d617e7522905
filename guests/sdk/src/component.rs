//! The component's edge: WIT imports behind [`Host`], a [`Scheme`] behind the WIT exports.
//!
//! Conversions only. Nothing outside this file knows of wit-bindgen.

use core::marker::PhantomData;
use std::panic;

use facilitator_protocol::{
    AtomicAmount, Confirmation, EvmCall, Intent, Invalid, Observation, Phase, Valid, Verdict,
};

use crate::{Answer, Call, GuestError, Host, Level, RemoteError, RequestText, Rpc, RpcError, Scheme, scheme};

/// What wit-bindgen makes of the WIT world.
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/0.1.0",
        world: "scheme-guest",
        pub_export_macro: true,
        export_macro_name: "export_component",
    });
}

pub use bindings::export_component;

use bindings::{
    exports::x402::scheme::scheme::Guest,
    x402::scheme::{clock, crypto, log, rpc, types},
};

/// The export of a component that implements `S`.
pub struct Component<S>(PhantomData<S>);

impl<S: Scheme> Guest for Component<S> {
    fn describe() -> types::Descriptor {
        enter();
        let descriptor = S::describe();
        types::Descriptor {
            name: descriptor.name,
            version: descriptor.version,
            abi: descriptor.abi,
            family: descriptor.family.as_str().to_owned(),
            kinds: descriptor
                .kinds
                .into_iter()
                .map(|kind| types::Kind { x402_version: kind.x402_version.number(), scheme: kind.scheme })
                .collect(),
            rpc_methods: descriptor.rpc_methods,
        }
    }

    fn supported(network: String, settings: String) -> Result<Option<String>, types::GuestError> {
        enter();
        Ok(scheme::supported::<S>(&Imports { network: &network }, &network, &settings)?)
    }

    fn verify(request: types::Request, phase: types::Phase) -> Result<types::Verdict, types::GuestError> {
        enter();
        let text = RequestText::from(request);
        let phase = match phase {
            types::Phase::Verify => Phase::Verify,
            types::Phase::Settle => Phase::Settle,
        };
        Ok(scheme::verify::<S>(&Imports { network: &text.network }, &text, phase)?.into())
    }

    fn prepare(request: types::Request, valid: types::Valid) -> Result<types::Intent, types::GuestError> {
        enter();
        let text = RequestText::from(request);
        let valid = Valid {
            payer: valid.payer,
            amount: amount(&valid.amount)?,
            payment_id: valid.payment_id,
            expires_at: valid.expires_at,
            carry: valid.carry,
        };
        Ok(scheme::prepare::<S>(&Imports { network: &text.network }, &text, &valid)?.into())
    }

    fn confirm(
        request: types::Request,
        observation: types::Observation,
    ) -> Result<types::Confirmation, types::GuestError> {
        enter();
        let text = RequestText::from(request);
        let observation = Observation { transaction: observation.transaction, data: observation.data };
        Ok(scheme::confirm::<S>(&Imports { network: &text.network }, &text, &observation)?.into())
    }
}

/// First thing in every export: a panic tells its text before it becomes a trap.
fn enter() {
    panic::set_hook(Box::new(|info| log::write(log::Level::Error, &info.to_string())));
}

fn amount(text: &str) -> Result<AtomicAmount, GuestError> {
    text.parse().map_err(|error| GuestError::Internal(format!("valid.amount: {error}")))
}

/// The world's imports, bound to the network of the request.
struct Imports<'a> {
    network: &'a str,
}

impl Rpc for Imports<'_> {
    fn call(&self, call: &Call) -> Answer {
        Ok(rpc::call(self.network, &call_request(call))?)
    }

    fn batch(&self, calls: &[Call]) -> Result<Vec<Answer>, RpcError> {
        let requests: Vec<_> = calls.iter().map(call_request).collect();
        let answers = rpc::batch(self.network, &requests)?;
        Ok(answers.into_iter().map(|answer| Ok(answer?)).collect())
    }
}

fn call_request(call: &Call) -> rpc::CallRequest {
    rpc::CallRequest { method: call.method.to_owned(), params: call.params.to_string() }
}

impl Host for Imports<'_> {
    fn keccak256(&self, data: &[u8]) -> [u8; 32] {
        exactly(crypto::keccak256(data))
    }

    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        exactly(crypto::sha256(data))
    }

    fn secp256k1_recover(&self, hash: &[u8; 32], signature: &[u8; 64], recovery_id: u8) -> Option<[u8; 64]> {
        crypto::secp256k1_recover(hash, signature, recovery_id).map(exactly)
    }

    fn secp256k1_verify(&self, public_key: &[u8], hash: &[u8; 32], signature: &[u8; 64]) -> bool {
        crypto::secp256k1_verify(public_key, hash, signature)
    }

    fn ed25519_verify(&self, public_key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
        crypto::ed25519_verify(public_key, message, signature)
    }

    fn now_ms(&self) -> u64 {
        clock::now_ms()
    }

    fn log(&self, level: Level, message: &str) {
        let level = match level {
            Level::Debug => log::Level::Debug,
            Level::Info => log::Level::Info,
            Level::Warn => log::Level::Warn,
            Level::Error => log::Level::Error,
        };
        log::write(level, message);
    }
}

/// The host's answer at its documented length. A host that answers otherwise is broken beyond repair,
/// and a trap is the only honest outcome.
#[expect(clippy::panic, reason = "nothing that this guest says would be true under such a host")]
fn exactly<const N: usize>(bytes: Vec<u8>) -> [u8; N] {
    match <[u8; N]>::try_from(bytes) {
        Ok(bytes) => bytes,
        Err(bytes) => panic!("the host answered {} bytes, expected {N}", bytes.len()),
    }
}

impl From<types::Request> for RequestText {
    fn from(request: types::Request) -> Self {
        Self {
            x402_version: request.x402_version,
            scheme: request.scheme,
            network: request.network,
            payload: request.payload,
            requirements: request.requirements,
            settings: request.settings,
        }
    }
}

impl From<rpc::RpcError> for RpcError {
    fn from(error: rpc::RpcError) -> Self {
        match error {
            rpc::RpcError::Denied(what) => Self::Denied(what),
            rpc::RpcError::Unavailable(why) => Self::Unavailable(why),
            rpc::RpcError::Remote(rpc::RemoteError { code, message, data }) => {
                Self::Remote(RemoteError { code, message, data })
            }
        }
    }
}

impl From<GuestError> for types::GuestError {
    fn from(error: GuestError) -> Self {
        match error {
            GuestError::Upstream(message) => Self::Upstream(message),
            GuestError::Unsupported(message) => Self::Unsupported(message),
            GuestError::Internal(message) => Self::Internal(message),
        }
    }
}

impl From<Verdict> for types::Verdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Valid(Valid { payer, amount, payment_id, expires_at, carry }) => {
                Self::Valid(types::Valid { payer, amount: amount.to_string(), payment_id, expires_at, carry })
            }
            Verdict::Invalid(Invalid { reason, message, payer }) => {
                Self::Invalid(types::Invalid { reason, message, payer })
            }
        }
    }
}

impl From<Intent> for types::Intent {
    fn from(intent: Intent) -> Self {
        match intent {
            Intent::EvmCall(EvmCall { to, data, gas_ceiling }) => {
                Self::EvmCall(types::EvmCall { to: to.to_vec(), data, gas_ceiling })
            }
            Intent::SvmCosign { transaction } => Self::SvmCosign(types::SvmCosign { transaction }),
            Intent::NearDelegate { signed_delegate_action } => {
                Self::NearDelegate(types::NearDelegate { signed_delegate_action })
            }
            Intent::StellarInvoke { operation, soroban_data } => {
                Self::StellarInvoke(types::StellarInvoke { operation, soroban_data })
            }
        }
    }
}

impl From<Confirmation> for types::Confirmation {
    fn from(confirmation: Confirmation) -> Self {
        match confirmation {
            Confirmation::Paid { payer, amount } => {
                Self::Paid(types::Paid { payer, amount: amount.to_string() })
            }
            Confirmation::Failed { reason, message } => Self::Failed(types::Failed { reason, message }),
            Confirmation::Unknown => Self::Unknown,
        }
    }
}
