//! Rows to records and back.

use std::str::FromStr;

use facilitator_protocol::{AtomicAmount, Caip2, X402Version};
use rusqlite::Row;

use crate::{GuestGeneration, JournalError, NewSettlement, Outcome, Record, SignedBytes, State};

/// Columns in the order in which [`record`] reads them.
pub(super) const COLUMNS: &str = "payment_id, fingerprint, network, x402_version, scheme, request, \
     guest_name, guest_sha256, state, payer, amount, expires_at, signer, lane_sequence, \
     signed_transaction, signed_bytes, final_transaction, reason, message, created_at_ms, updated_at_ms, payload";

/// Reads a row of [`COLUMNS`].
pub(super) fn record(row: &Row<'_>) -> Result<Record, JournalError> {
    let key: String = row.get(0)?;
    let corrupt = |field| JournalError::Corrupt { payment_id: key.clone(), field };
    fn parsed<T: FromStr>(text: &str) -> Option<T> {
        text.parse().ok()
    }
    let settlement = NewSettlement {
        payment_id: parsed(&key).ok_or_else(|| corrupt("payment_id"))?,
        payload: parsed(&text(row, 21)?).ok_or_else(|| corrupt("payload"))?,
        fingerprint: parsed(&text(row, 1)?).ok_or_else(|| corrupt("fingerprint"))?,
        network: parsed::<Caip2>(&text(row, 2)?).ok_or_else(|| corrupt("network"))?,
        x402_version: X402Version::from_number(unsigned(row.get(3)?))
            .ok_or_else(|| corrupt("x402_version"))?,
        scheme: row.get(4)?,
        request: row.get(5)?,
        guest: GuestGeneration {
            name: row.get(6)?,
            sha256: row.get::<_, Vec<u8>>(7)?.try_into().map_err(|_| corrupt("guest_sha256"))?,
        },
        payer: row.get(9)?,
        amount: parsed::<AtomicAmount>(&text(row, 10)?).ok_or_else(|| corrupt("amount"))?,
        expires_at: unsigned(row.get(11)?),
    };
    let state: State = parsed(&text(row, 8)?).ok_or_else(|| corrupt("state"))?;
    let signed = match (row.get(14)?, row.get(15)?, row.get(12)?) {
        (Some(transaction), Some(bytes), Some(signer)) => {
            let lane_sequence = row.get::<_, Option<i64>>(13)?.map(unsigned);
            Some(SignedBytes { transaction, bytes, signer, lane_sequence })
        }
        (None, None, None) => None,
        _ => return Err(corrupt("signed_bytes")),
    };
    let outcome = outcome(row, state, &settlement, corrupt)?;
    Ok(Record {
        settlement,
        state,
        signed,
        outcome,
        created_at_ms: unsigned(row.get(19)?),
        updated_at_ms: unsigned(row.get(20)?),
    })
}

fn outcome(
    row: &Row<'_>,
    state: State,
    settlement: &NewSettlement,
    corrupt: impl Fn(&'static str) -> JournalError,
) -> Result<Option<Outcome>, JournalError> {
    let transaction: Option<String> = row.get(16)?;
    let told = |column, field| row.get::<_, Option<String>>(column)?.ok_or_else(|| corrupt(field));
    Ok(match state {
        State::Confirmed => Some(Outcome::Confirmed {
            payer: settlement.payer.clone(),
            amount: settlement.amount.clone(),
            transaction: transaction.ok_or_else(|| corrupt("final_transaction"))?,
        }),
        State::Failed => {
            Some(Outcome::Failed { reason: told(17, "reason")?, message: told(18, "message")?, transaction })
        }
        State::Expired => {
            Some(Outcome::Expired { reason: told(17, "reason")?, message: told(18, "message")? })
        }
        State::Claimed | State::Approved | State::Signed | State::Broadcast => None,
    })
}

fn text(row: &Row<'_>, column: usize) -> Result<String, JournalError> {
    Ok(row.get(column)?)
}

/// SQLite's integers are signed; nothing here is negative unless the file was tampered with.
fn unsigned(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}

/// A time as SQLite can hold it: what is beyond 292 million years is as good as that.
pub(super) fn time(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A number that must come back as it was.
pub(super) fn exact(field: &'static str, value: u64) -> Result<i64, JournalError> {
    i64::try_from(value).map_err(|_| JournalError::OutOfRange { field, limit: i64::MAX as u64 })
}
