//! Names of the rules, as they stand in refusals, logs, counters and alerts. Stable.

macro_rules! rules {
    ($($(#[$meta:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$meta])* pub const $name: &str = $text;)*
        /// Every rule.
        pub const ALL: &[&str] = &[$($text),*];
    };
}

rules! {
    /// The operator has settings for the network. Without caps, nothing is signed.
    NETWORK_LISTED = "network_listed";
    /// The operator has not stopped settlements on the network.
    NETWORK_KILLED = "network_killed";
    /// The intent is of the network's family. A guest of one family cannot reach another's keys.
    INTENT_SHAPE = "intent_shape";
    /// The scheme is one whose meaning the rules know: `exact`, where the amount is paid in full.
    SCHEME_LISTED = "scheme_listed";
    /// Requirements name this network, by CAIP-2 or by its name in version 1.
    NETWORK_IS_REQUIRED = "network_is_required";
    /// The host itself can read asset, payee and amount of the requirements. What it cannot read it
    /// cannot compare.
    REQUIREMENTS_READABLE = "requirements_readable";
    /// The contract that is called is an asset that the operator allows: a token may do anything when it
    /// is called, so only known ones are.
    ASSET_LISTED = "asset_listed";
    /// The contract that is called is the asset that the requirements ask for.
    ASSET_IS_REQUIRED = "asset_is_required";
    /// The function is one that moves the payer's tokens by the payer's signature (EIP-3009), can do
    /// nothing with ours (`transfer` or `approve` would spend what the signer holds), and is on the
    /// operator's list.
    SELECTOR_LISTED = "selector_listed";
    /// Decoding and encoding again gives the same bytes: no trailing bytes, no dirty padding, no
    /// overlapping or far offsets. What we read is what every contract reads.
    CALLDATA_CANONICAL = "calldata_canonical";
    /// The payer's signature is no longer than any wallet's: calldata is gas that we pay for.
    SIGNATURE_LENGTH = "signature_length";
    /// The tokens go to `payTo`.
    RECIPIENT = "recipient";
    /// The value moved is the amount required, to the unit, and more than nothing.
    AMOUNT = "amount";
    /// The tokens come from none of our own accounts.
    PAYER_NOT_OURS = "payer_not_ours";
    /// What the guest says of the payment is what the calldata says: who pays, how much, what makes it
    /// this payment, until when it can land. The journal and every answer rest on these words.
    GUEST_CLAIMS = "guest_claims";
    /// The gas asked for is under the operator's cap and enough for a transaction at all.
    GAS_CEILING = "gas_ceiling";
    /// A node has shown that the call succeeds, with the gas that it is given. Asked outside the vault, which
    /// knows no node; counted here.
    SIMULATION = "simulation";
    /// The account that is to sign is one of ours on the network.
    SIGNER_OURS = "signer_ours";
    /// The gas limit is under what was approved and under the cap.
    GAS_LIMIT = "gas_limit";
    /// The fee per gas is under the cap.
    FEE_CAP = "fee_cap";
    /// The tip per gas is under its cap and no more than the fee.
    TIP_CAP = "tip_cap";
    /// The account has a nonce left.
    NONCE_RANGE = "nonce_range";
    /// What is replaced is a transaction that one of our keys signed on the network, and of a kind that the
    /// vault signs: a payer's transfer, or a cancellation. Its signature is the proof that it was approved.
    REPLACED_NOT_OURS = "replaced_not_ours";
    /// A replacement offers at least 1.125 times the fee and the tip of what it replaces: nodes refuse less.
    REPLACEMENT_FEE = "replacement_fee";
    /// The network's fees of an hour stay within their bound.
    BUDGET_NETWORK_HOUR = "budget_network_hour";
    /// The network's fees of a day stay within their bound.
    BUDGET_NETWORK_DAY = "budget_network_day";
    /// One payee's fees of an hour stay within their bound.
    BUDGET_PAY_TO_HOUR = "budget_pay_to_hour";
    /// One payee's fees of a day stay within their bound.
    BUDGET_PAY_TO_DAY = "budget_pay_to_day";
    /// There is room to count one more payee.
    BUDGET_PAY_TO_PARTIES = "budget_pay_to_parties";
    /// One payer's fees of an hour stay within their bound.
    BUDGET_PAYER_HOUR = "budget_payer_hour";
    /// One payer's fees of a day stay within their bound.
    BUDGET_PAYER_DAY = "budget_payer_day";
    /// There is room to count one more payer.
    BUDGET_PAYER_PARTIES = "budget_payer_parties";
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_rule_has_a_name_of_its_own() {
        let unique: std::collections::BTreeSet<_> = super::ALL.iter().collect();
        assert_eq!(unique.len(), super::ALL.len());
    }
}
