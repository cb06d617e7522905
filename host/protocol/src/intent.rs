//! What a guest asks the host to make happen on chain.

/// Call of a contract, without nonce, fees or key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvmCall {
    /// Contract that is called.
    pub to: [u8; 20],
    /// Calldata.
    pub data: Vec<u8>,
    /// Upper bound for the gas limit.
    pub gas_ceiling: u64,
}

/// An intent says what is to happen, never how it is signed: no nonce, no fee, no key.
///
/// It comes from a guest, so it is a claim: the vault decodes it with its own decoder before it
/// signs anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// EVM: a contract call.
    EvmCall(EvmCall),
    /// Solana: a wire-format transaction that our fee payer has to co-sign.
    SvmCosign {
        /// Wire bytes.
        transaction: Vec<u8>,
    },
    /// NEAR: the client's Borsh-encoded signed delegate action.
    NearDelegate {
        /// Borsh bytes.
        signed_delegate_action: Vec<u8>,
    },
    /// Stellar: an operation with auth entries, and its simulated resources.
    StellarInvoke {
        /// XDR of the operation.
        operation: Vec<u8>,
        /// XDR of the Soroban transaction data.
        soroban_data: Vec<u8>,
    },
}

impl Intent {
    /// Name of the shape, for logs and refusals.
    #[must_use]
    pub const fn shape(&self) -> &'static str {
        match self {
            Self::EvmCall(_) => "evm-call",
            Self::SvmCosign { .. } => "svm-cosign",
            Self::NearDelegate { .. } => "near-delegate",
            Self::StellarInvoke { .. } => "stellar-invoke",
        }
    }
}
