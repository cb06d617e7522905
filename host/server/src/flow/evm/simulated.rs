//! That a call succeeds is not believed of the guest that wants it signed: a node has to show it, and the
//! host to see that.
//!
//! A guest that says yes to everything would have the host pay for transactions that revert: with a
//! signature that is nobody's, or good and of an empty account, or with too little gas. No rule of the vault
//! can tell: it knows what a call would move, not whether the chain lets it. An honest guest has the settlement
//! simulated in any case, and its calls pass through the host. So the host keeps what a node answered to
//! `eth_estimateGas` of exactly one transaction of ours on the latest block, and signs a call that was found
//! good there. One that was not is simulated by the host itself, which costs a round trip.

use std::sync::{Mutex, MutexGuard, PoisonError};

use facilitator_chain::evm::{EvmNetwork, SimulateError};
use facilitator_engine::{RpcAnswer, RpcCall};
use facilitator_protocol::EvmCall;
use facilitator_vault::{PolicyRefusal, rule};
use serde::Deserialize;

/// Simulations that are kept of one request. An honest guest makes one.
const MOST_KEPT: usize = 4;

/// One transaction of ours that a node found to succeed.
#[derive(Debug)]
struct Simulation {
    sender: [u8; 20],
    to: [u8; 20],
    data: Vec<u8>,
    /// What it needs.
    gas: u64,
}

/// What a node said of the calls of one request.
#[derive(Debug, Default)]
pub(in crate::flow) struct Simulated(Mutex<Vec<Simulation>>);

/// Why a call is not signed.
pub(super) enum Unshown {
    /// It would fail.
    Refused(PolicyRefusal),
    /// No node could say.
    Upstream,
}

impl Simulated {
    /// A panic elsewhere leaves the list whole: it is changed by single calls.
    fn kept(&self) -> MutexGuard<'_, Vec<Simulation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at what a node answered to a call of the guest's.
    pub(in crate::flow) fn look(&self, call: &RpcCall, answer: &RpcAnswer) {
        let simulation = Transaction::of(call).and_then(|transaction| transaction.found_good(answer));
        if let Some(simulation) = simulation {
            self.keep(simulation);
        }
    }

    fn keep(&self, simulation: Simulation) {
        let mut kept = self.kept();
        if kept.len() < MOST_KEPT {
            kept.push(simulation);
        }
    }

    fn gas_of(&self, sender: [u8; 20], call: &EvmCall) -> Option<u64> {
        let is_it = |one: &&Simulation| one.sender == sender && one.to == call.to && one.data == call.data;
        self.kept().iter().find(is_it).map(|simulation| simulation.gas)
    }

    /// Succeeds if a node has shown that the call succeeds with the gas that it is to be given.
    pub(super) async fn shows(
        &self,
        evm: &EvmNetwork,
        sender: [u8; 20],
        call: &EvmCall,
    ) -> Result<(), Unshown> {
        let refused = |message| Unshown::Refused(PolicyRefusal { rule: rule::SIMULATION, message });
        let gas = match self.gas_of(sender, call) {
            Some(gas) => gas,
            None => evm.simulate(sender, call).await.map_err(|error| match error {
                SimulateError::Fails => refused(error.to_string()),
                SimulateError::Unknown(reason) => {
                    tracing::warn!(event = "simulation_failed", reason);
                    Unshown::Upstream
                }
            })?,
        };
        if gas > call.gas_ceiling {
            let found = call.gas_ceiling;
            return Err(refused(format!("expected a gas ceiling of at least {gas}, found {found}")));
        }
        Ok(())
    }
}

/// The transaction of an `eth_estimateGas` that says what would happen to ours if it were sent now. One
/// with any other field, at another block or on another state says something else, and is not looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Transaction {
    from: String,
    to: String,
    data: String,
    /// What the sender could pay. It decides nothing of the call.
    #[serde(default, rename = "maxFeePerGas")]
    _max_fee_per_gas: Option<String>,
}

impl Transaction {
    fn of(call: &RpcCall) -> Option<Self> {
        if call.method != "eth_estimateGas" {
            return None;
        }
        let (transaction, block): (Self, String) = serde_json::from_str(&call.params).ok()?;
        (block == "latest").then_some(transaction)
    }

    fn found_good(self, answer: &RpcAnswer) -> Option<Simulation> {
        let gas: String = serde_json::from_str(answer.as_ref().ok()?).ok()?;
        Some(Simulation {
            sender: address(&self.from)?,
            to: address(&self.to)?,
            data: hex::decode(self.data.strip_prefix("0x")?).ok()?,
            gas: u64::from_str_radix(gas.strip_prefix("0x")?, 16).ok()?,
        })
    }
}

fn address(text: &str) -> Option<[u8; 20]> {
    let mut address = [0; 20];
    hex::decode_to_slice(text.strip_prefix("0x")?, &mut address).ok()?;
    Some(address)
}

#[cfg(test)]
mod tests {
    use facilitator_engine::RemoteError;
    use serde_json::{Value, json};

    use super::*;

    const SENDER: [u8; 20] = [0x11; 20];
    const ASSET: [u8; 20] = [0x22; 20];

    /// The gas that the host believes of a call after a guest has asked `method` with `params`.
    fn gas_after(method: &str, params: &Value, answer: RpcAnswer) -> Option<u64> {
        let simulated = Simulated::default();
        simulated.look(&RpcCall { method: method.to_owned(), params: params.to_string() }, &answer);
        let call = EvmCall { to: ASSET, data: vec![0xab, 0xcd], gas_ceiling: 0 };
        simulated.gas_of(SENDER, &call)
    }

    fn transaction() -> Value {
        json!({"from": format!("0x{}", "11".repeat(20)), "to": format!("0x{}", "22".repeat(20)), "data": "0xabcd"})
    }

    fn with(field: &str, value: &str) -> Value {
        let mut transaction = transaction();
        transaction[field] = value.into();
        json!([transaction, "latest"])
    }

    fn good() -> RpcAnswer {
        Ok("\"0xfde8\"".to_owned())
    }

    #[test]
    fn what_a_node_said_of_exactly_our_transaction_is_believed() {
        let params = json!([transaction(), "latest"]);
        assert_eq!(gas_after("eth_estimateGas", &params, good()), Some(65_000));
        let with_fee = with("maxFeePerGas", "0x77359400");
        assert_eq!(gas_after("eth_estimateGas", &with_fee, good()), Some(65_000));
    }

    #[test]
    fn what_a_node_said_of_anything_else_is_not() {
        let state = json!({format!("0x{}", "22".repeat(20)): {"code": "0x00"}});
        let address = format!("0x{}", "33".repeat(20));
        for params in [
            // Under another state, at another block, at none.
            json!([transaction(), "latest", state]),
            json!([transaction(), "0x1"]),
            json!([transaction(), "pending"]),
            json!([transaction(), {"blockHash": "0x00"}]),
            json!([transaction()]),
            // By others, of others, with more.
            with("from", &address),
            with("to", &address),
            with("data", "0xabce"),
            with("data", "0xabcd00"),
            with("value", "0x0"),
            with("gas", "0x7a120"),
            with("input", "0xabcd"),
            with("authorizationList", "[]"),
            json!({"0": transaction(), "1": "latest"}),
        ] {
            assert_eq!(gas_after("eth_estimateGas", &params, good()), None, "{params}");
        }
        let params = json!([transaction(), "latest"]);
        assert_eq!(gas_after("eth_call", &params, good()), None);
        let reverted = RemoteError { code: 3, message: "execution reverted".to_owned(), data: None };
        assert_eq!(gas_after("eth_estimateGas", &params, Err(reverted)), None);
        for nothing in ["\"0x\"", "null", "65000", "\"0x1ffffffffffffffff\""] {
            assert_eq!(gas_after("eth_estimateGas", &params, Ok(nothing.to_owned())), None, "{nothing}");
        }
    }

    #[test]
    fn a_guest_cannot_have_more_kept_than_is_bounded() {
        let simulated = Simulated::default();
        let params = json!([transaction(), "latest"]).to_string();
        for _ in 0..100 {
            let params = params.clone();
            simulated.look(&RpcCall { method: "eth_estimateGas".to_owned(), params }, &good());
        }
        assert_eq!(simulated.kept().len(), MOST_KEPT);
    }
}
