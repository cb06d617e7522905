//! What the unit tests share. Whole calls are tested by the cases in `tests/cases/evm`.

use alloy_primitives::{Address, B256, U256};
use proptest::prelude::*;

use crate::authorization::Authorization;

/// Any authorization.
pub(crate) fn any_authorization() -> impl Strategy<Value = Authorization> {
    let uint256 = || any::<[u8; 32]>().prop_map(U256::from_be_bytes);
    let address = || any::<[u8; 20]>().prop_map(Address::from);
    (address(), address(), uint256(), uint256(), uint256(), any::<[u8; 32]>()).prop_map(
        |(from, to, value, valid_after, valid_before, nonce)| Authorization {
            from,
            to,
            value,
            valid_after,
            valid_before,
            nonce: B256::from(nonce),
        },
    )
}
