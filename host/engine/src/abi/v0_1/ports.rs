//! What a guest imports: the host's ports behind the generated traits, each within the call's budget.

use super::bindings::x402::scheme::{clock, crypto as crypto_import, log, rpc, types};
use crate::{LogLevel, RpcCall, budget::HostState, crypto};

impl types::Host for HostState {}

impl clock::Host for HostState {
    fn now_ms(&mut self) -> wasmtime::Result<u64> {
        Ok(self.now_ms)
    }
}

impl log::Host for HostState {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
        };
        self.log(level, &message);
        Ok(())
    }
}

impl crypto_import::Host for HostState {
    fn keccak256(&mut self, data: Vec<u8>) -> wasmtime::Result<Vec<u8>> {
        Ok(crypto::keccak256(&data))
    }
    fn sha256(&mut self, data: Vec<u8>) -> wasmtime::Result<Vec<u8>> {
        Ok(crypto::sha256(&data))
    }
    fn secp256k1_recover(
        &mut self,
        hash: Vec<u8>,
        signature: Vec<u8>,
        recovery_id: u8,
    ) -> wasmtime::Result<Option<Vec<u8>>> {
        Ok(crypto::secp256k1_recover(&hash, &signature, recovery_id))
    }
    fn secp256k1_verify(
        &mut self,
        public_key: Vec<u8>,
        hash: Vec<u8>,
        signature: Vec<u8>,
    ) -> wasmtime::Result<bool> {
        Ok(crypto::secp256k1_verify(&public_key, &hash, &signature))
    }
    fn ed25519_verify(
        &mut self,
        public_key: Vec<u8>,
        message: Vec<u8>,
        signature: Vec<u8>,
    ) -> wasmtime::Result<bool> {
        Ok(crypto::ed25519_verify(&public_key, &message, &signature))
    }
}

impl rpc::Host for HostState {
    async fn call(
        &mut self,
        network: String,
        request: rpc::CallRequest,
    ) -> wasmtime::Result<Result<String, rpc::RpcError>> {
        let mut answers = match self.round_trip(&network, vec![request]).await? {
            Ok(answers) => answers,
            Err(error) => return Ok(Err(error)),
        };
        Ok(answers.pop().unwrap_or_else(|| Err(rpc::RpcError::Unavailable("no answer".to_owned()))))
    }

    async fn batch(
        &mut self,
        network: String,
        requests: Vec<rpc::CallRequest>,
    ) -> wasmtime::Result<Result<Vec<Result<String, rpc::RpcError>>, rpc::RpcError>> {
        self.round_trip(&network, requests).await
    }
}

type Answers = Result<Vec<Result<String, rpc::RpcError>>, rpc::RpcError>;

impl HostState {
    /// Checks the grant and the budget, then asks the port. Running out of budget traps: a guest that
    /// could handle it could try for ever.
    async fn round_trip(
        &mut self,
        network: &str,
        requests: Vec<rpc::CallRequest>,
    ) -> wasmtime::Result<Answers> {
        if network != self.ports.network.as_str() {
            return Ok(Err(rpc::RpcError::Denied("this network was not granted".to_owned())));
        }
        let mut calls = Vec::with_capacity(requests.len().min(64));
        for rpc::CallRequest { method, params } in requests {
            self.charge_rpc_call(method.len().saturating_add(params.len()))?;
            if !self.granted.contains(&method) {
                return Ok(Err(rpc::RpcError::Denied("this method was not granted".to_owned())));
            }
            calls.push(RpcCall { method, params });
        }
        let asked = calls.len();
        let answers = match self.ports.rpc.round_trip(calls).await {
            Ok(answers) if answers.len() == asked => answers,
            Ok(_) => return Ok(Err(rpc::RpcError::Unavailable("answers do not match calls".to_owned()))),
            Err(unavailable) => return Ok(Err(rpc::RpcError::Unavailable(unavailable.0))),
        };
        let mut converted = Vec::with_capacity(answers.len());
        for answer in answers {
            converted.push(match answer {
                Ok(result) => {
                    self.charge_rpc_bytes(result.len())?;
                    Ok(result)
                }
                Err(error) => {
                    let data_bytes = error.data.as_ref().map_or(0, String::len);
                    self.charge_rpc_bytes(error.message.len().saturating_add(data_bytes))?;
                    Err(rpc::RpcError::Remote(rpc::RemoteError {
                        code: error.code,
                        message: error.message,
                        data: error.data,
                    }))
                }
            });
        }
        Ok(Ok(converted))
    }
}
