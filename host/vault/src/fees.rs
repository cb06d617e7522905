//! What a signed transaction offers per gas, and what it takes to replace it by another of its nonce.

use crate::envelope;

/// What an EIP-1559 transaction offers per gas, wei.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvmFees {
    /// Most that is paid.
    pub max_fee_per_gas: u128,
    /// Tip, a part of it.
    pub max_priority_fee_per_gas: u128,
}

impl EvmFees {
    /// The least that replaces a transaction with these fees: both times 1.125, rounded up, and at least
    /// one wei more (from nothing). Nodes ask for 10 % or 12.5 % more of both.
    #[must_use]
    pub const fn bumped(self) -> Self {
        Self {
            max_fee_per_gas: bumped(self.max_fee_per_gas),
            max_priority_fee_per_gas: bumped(self.max_priority_fee_per_gas),
        }
    }
}

/// Saturates, which is above every cap.
const fn bumped(fee: u128) -> u128 {
    let eighth = fee.div_ceil(8);
    fee.saturating_add(if eighth == 0 { 1 } else { eighth })
}

/// What a signed transaction says of nonce and gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvmTransactionTerms {
    /// Nonce of the account that signed it.
    pub nonce: u64,
    /// Gas limit.
    pub gas_limit: u64,
    /// What it offers per gas.
    pub fees: EvmFees,
}

/// Reads back what [`Vault::sign_evm`](crate::Vault::sign_evm) signed. Whose signature it bears is not
/// checked: nothing may be signed on the strength of this alone.
///
/// None if the bytes are no EIP-1559 transaction of the chain, or more than one.
#[must_use]
pub fn read_evm(signed: &[u8], chain_id: u64) -> Option<EvmTransactionTerms> {
    let signed = envelope::decode(signed, chain_id)?;
    let transaction = signed.tx();
    Some(EvmTransactionTerms {
        nonce: transaction.nonce,
        gas_limit: transaction.gas_limit,
        fees: EvmFees {
            max_fee_per_gas: transaction.max_fee_per_gas,
            max_priority_fee_per_gas: transaction.max_priority_fee_per_gas,
        },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bump_is_an_eighth_rounded_up_and_never_nothing() {
        for (fee, expected) in [
            (0, 1),
            (1, 2),
            (7, 8),
            (8, 9),
            (9, 11),
            (16, 18),
            (1_000_000_000, 1_125_000_000),
            (u128::MAX, u128::MAX),
        ] {
            assert_eq!(bumped(fee), expected, "{fee}");
        }
    }

    proptest! {
        /// One wei less would be under 1.125 times; and the tip never overtakes the fee.
        #[test]
        fn a_bump_is_the_least_that_replaces(fee in 1..u128::MAX / 16, tip in any::<u128>()) {
            let tip = tip % (fee + 1);
            let raised = EvmFees { max_fee_per_gas: fee, max_priority_fee_per_gas: tip }.bumped();
            prop_assert!(raised.max_fee_per_gas * 8 >= fee * 9);
            prop_assert!((raised.max_fee_per_gas - 1) * 8 < fee * 9);
            prop_assert!(raised.max_priority_fee_per_gas <= raised.max_fee_per_gas);
        }
    }
}
