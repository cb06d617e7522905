//! Having a node run a call before it is paid for.

use facilitator_protocol::EvmCall;
use serde_json::json;

use super::{
    hex_value::{answer_quantity, hex_text},
    network::EvmNetwork,
};
use crate::rpc::{Call, RemoteError, RpcFailure};

/// Why nothing is known of a call's success, or that it would fail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimulateError {
    /// It would fail.
    #[error("the call would fail")]
    Fails,
    /// Nobody could say.
    #[error("the call could not be simulated: {0}")]
    Unknown(String),
}

impl EvmNetwork {
    /// Gas that a call of ours would need now, on the state of the latest block. Sends nothing.
    ///
    /// # Errors
    /// [`SimulateError`]; safe to repeat.
    pub async fn simulate(&self, sender: [u8; 20], call: &EvmCall) -> Result<u64, SimulateError> {
        let transaction =
            json!({"from": hex_text(&sender), "to": hex_text(&call.to), "data": hex_text(&call.data)});
        let answer = self
            .rpc
            .read_one(Call::new("eth_estimateGas", &json!([transaction, "latest"])))
            .await
            .map_err(|failure: RpcFailure| SimulateError::Unknown(failure.to_string()))?;
        if let Err(error) = &answer {
            return Err(read(error));
        }
        let gas = answer_quantity(&answer).and_then(|gas| u64::try_from(gas).ok());
        gas.ok_or_else(|| SimulateError::Unknown("the answer is no quantity".to_owned()))
    }
}

/// Nodes tell a call that fails by code 3 (as Geth does) or by words, and their own troubles by others.
fn read(error: &RemoteError) -> SimulateError {
    let message = error.message.to_ascii_lowercase();
    let fails = ["revert", "out of gas", "gas required exceeds", "invalid opcode"];
    if error.code == 3 || fails.iter().any(|words| message.contains(words)) {
        SimulateError::Fails
    } else {
        SimulateError::Unknown(format!("node error {}", error.code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_fails_is_told_from_a_node_that_does() {
        let told = |code, message: &str| read(&RemoteError { code, message: message.to_owned(), data: None });
        for (code, message) in [
            (3, "execution reverted: FiatTokenV2: invalid signature"),
            (-32000, "execution reverted"),
            (-32015, "VM execution error: Reverted 0x"),
            (-32000, "gas required exceeds allowance (500000)"),
            (-32000, "out of gas"),
        ] {
            assert_eq!(told(code, message), SimulateError::Fails, "{message}");
        }
        for message in ["header not found", "missing trie node", "internal error"] {
            assert_eq!(told(-32000, message), SimulateError::Unknown("node error -32000".to_owned()));
        }
    }
}
