//! What an included transaction cost us, as its receipt tells, and the end of its reservation.

use facilitator_vault::FeeReservation;
use serde_json::Value;

use super::hex_value::field_quantity;

/// Gas that every transaction uses (EIP-2, `G_transaction`): a receipt that says less is none to rely on.
const LEAST_GAS: u128 = 21_000;

/// The fee that a receipt tells, wei: `gasUsed` times `effectiveGasPrice`, and on rollups of the OP stack
/// `l1Fee` for the data on the parent chain. Arbitrum counts that in `gasUsed`. An operator fee (OP stack,
/// Isthmus), which no receipt sums up, is not in it.
///
/// None if a part of it is missing or cannot be.
pub(super) fn fee_of(receipt: &str) -> Option<u128> {
    let receipt: Value = serde_json::from_str(receipt).ok()?;
    let gas = field_quantity(&receipt, "gasUsed").filter(|&gas| gas >= LEAST_GAS)?;
    let price = field_quantity(&receipt, "effectiveGasPrice")?;
    let data = match receipt.get("l1Fee") {
        None | Some(Value::Null) => 0,
        Some(_) => field_quantity(&receipt, "l1Fee")?,
    };
    gas.checked_mul(price)?.checked_add(data)
}

/// Ends the reservation of an included transaction. If its receipt does not tell the fee, the whole
/// reservation counts as spent.
pub(super) fn settle(fee: Option<FeeReservation>, receipt: &str, hash: &str) {
    let Some(fee) = fee else { return };
    let Some(spent) = fee_of(receipt) else {
        tracing::warn!(event = "fee_unreadable", tx = hash, charged = %fee.reserved());
        return;
    };
    let reserved = fee.reserved();
    let above = fee.settle(spent);
    if above > 0 {
        // Usual on rollups when data is dear; elsewhere the node's word is strange.
        tracing::warn!(event = "fee_above_reserved", tx = hash, %reserved, %spent, %above);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fee(changes: Value) -> Option<u128> {
        let mut receipt = json!({"status": "0x1", "gasUsed": "0x5208", "effectiveGasPrice": "0xa"});
        for (field, value) in changes.as_object().unwrap() {
            receipt[field] = value.clone();
        }
        fee_of(&receipt.to_string())
    }

    #[test]
    fn the_fee_is_gas_times_price_and_the_data_fee_where_there_is_one() {
        assert_eq!(fee(json!({})), Some(210_000));
        assert_eq!(fee(json!({"status": "0x0"})), Some(210_000), "one that failed costs the same");
        assert_eq!(fee(json!({"l1Fee": "0x7"})), Some(210_007));
        assert_eq!(fee(json!({"l1Fee": null})), Some(210_000));
    }

    #[test]
    fn a_receipt_that_does_not_tell_the_fee_gives_none() {
        let huge = format!("0x{}", "f".repeat(32));
        for changes in [
            json!({"gasUsed": null}),
            json!({"gasUsed": "0x5207"}),
            json!({"gasUsed": "21000"}),
            json!({"gasUsed": 21_000}),
            json!({"effectiveGasPrice": null}),
            json!({"effectiveGasPrice": huge}),
            json!({"effectiveGasPrice": "-0x1"}),
            json!({"l1Fee": huge}),
            json!({"l1Fee": "cheap"}),
            json!({"l1Fee": 7}),
        ] {
            assert_eq!(fee(changes.clone()), None, "{changes}");
        }
        assert_eq!(fee_of("null"), None);
    }
}
