//! Machine codes of refusals: stable API, one constant each.
//!
//! Codes that are common to all families follow section 9 of the x402 specification; those of a family
//! follow the foundation's implementations, so that clients can tell the same failure by the same word.

/// Whether `text` has the form of a reason code: what a guest sends is checked before it is passed on.
#[must_use]
pub fn is_well_formed(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

macro_rules! reasons {
    ($($(#[$meta:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$meta])* pub const $name: &str = $text;)*
        /// Every code of this module.
        pub const ALL: &[&str] = &[$($text),*];
    };
}

reasons! {
    /// The version is missing, unknown, or given twice and different.
    INVALID_X402_VERSION = "invalid_x402_version";
    /// The scheme of the payload is not that of the requirements.
    INVALID_SCHEME = "invalid_scheme";
    /// No guest serves the scheme on the network.
    UNSUPPORTED_SCHEME = "unsupported_scheme";
    /// The network is unknown or not served now.
    INVALID_NETWORK = "invalid_network";
    /// The network of the payload is not that of the requirements.
    NETWORK_MISMATCH = "network_mismatch";
    /// The payload cannot be read.
    INVALID_PAYLOAD = "invalid_payload";
    /// The requirements cannot be read, or are not those that the client accepted.
    INVALID_PAYMENT_REQUIREMENTS = "invalid_payment_requirements";
    /// The payer's balance is below the amount.
    INSUFFICIENT_FUNDS = "insufficient_funds";
    /// The transaction is in a state from which it cannot settle.
    INVALID_TRANSACTION_STATE = "invalid_transaction_state";
    /// The facilitator failed while verifying.
    UNEXPECTED_VERIFY_ERROR = "unexpected_verify_error";
    /// The facilitator failed while settling.
    UNEXPECTED_SETTLE_ERROR = "unexpected_settle_error";
    /// The payment was or is being settled, against other requirements or from another payload.
    DUPLICATE_SETTLEMENT = "duplicate_settlement";
    /// The transaction was sent and its outcome is not known yet.
    SETTLEMENT_PENDING = "settlement_pending";
    /// The guest said yes and the host's signing policy said no.
    SIGNING_POLICY_REFUSED = "signing_policy_refused";

    /// The asset is not on the operator's list for the network.
    ASSET_NOT_ALLOWED = "asset_not_allowed";
    /// The requirements lack `extra.name` or `extra.version`.
    EVM_MISSING_EIP712_DOMAIN = "invalid_exact_evm_missing_eip712_domain";
    /// The token's name is not `extra.name`.
    EVM_TOKEN_NAME_MISMATCH = "invalid_exact_evm_token_name_mismatch";
    /// The token's version is not `extra.version`.
    EVM_TOKEN_VERSION_MISMATCH = "invalid_exact_evm_token_version_mismatch";
    /// The signature is not the payer's over this authorization.
    EVM_SIGNATURE = "invalid_exact_evm_payload_signature";
    /// `authorization.to` is not `payTo`.
    EVM_RECIPIENT_MISMATCH = "invalid_exact_evm_payload_recipient_mismatch";
    /// `authorization.value` is not the amount required.
    EVM_VALUE_MISMATCH = "invalid_exact_evm_payload_authorization_value_mismatch";
    /// Expired, or too close to it.
    EVM_VALID_BEFORE = "invalid_exact_evm_payload_authorization_valid_before";
    /// Not valid yet.
    EVM_VALID_AFTER = "invalid_exact_evm_payload_authorization_valid_after";
    /// The authorization's nonce is used or cancelled.
    EVM_NONCE_ALREADY_USED = "invalid_exact_evm_nonce_already_used";
    /// There is no contract at the asset's address.
    EVM_ASSET_NOT_DEPLOYED = "asset_not_deployed_contract";
    /// The asset is a contract without EIP-3009.
    EVM_EIP3009_NOT_SUPPORTED = "invalid_exact_evm_eip3009_not_supported";
    /// A contract wallet's signature from an address without code.
    EVM_UNDEPLOYED_SMART_WALLET = "invalid_exact_evm_payload_undeployed_smart_wallet";
    /// An ERC-6492 factory that is not on the operator's list.
    EVM_EIP6492_FACTORY_NOT_ALLOWED = "eip6492_factory_not_allowed";
    /// The transfer fails in simulation.
    EVM_SIMULATION_FAILED = "invalid_exact_evm_transaction_simulation_failed";
    /// The transaction was included and the transfer did not happen.
    EVM_TRANSACTION_FAILED = "invalid_exact_evm_transaction_failed";
    /// The network's gas price is above the operator's cap.
    EVM_GAS_PRICE_OVER_CAP = "gas_price_over_cap";
    /// The transfer needs more gas than the operator's cap.
    EVM_GAS_LIMIT_OVER_CAP = "gas_limit_over_cap";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_well_formed_and_unique() {
        assert!(ALL.iter().all(|code| is_well_formed(code)));
        let unique: std::collections::BTreeSet<_> = ALL.iter().collect();
        assert_eq!(unique.len(), ALL.len());
        assert!(!is_well_formed("Bad Reason\n"));
    }
}
