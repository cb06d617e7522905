//! Rows to records and back.

use std::str::FromStr;

use facilitator_protocol::{AtomicAmount, Caip2, X402Version};
use rusqlite::{Connection, Row, params};

use crate::{GuestGeneration, JournalError, NewSettlement, Outcome, Owner, Record, SignedBytes, State};

/// Columns in the order in which [`record`] reads them. Payer and amount are those seen on chain, if any.
pub(super) const COLUMNS: &str = "payment_id, fingerprint, network, x402_version, scheme, request, \
     guest_name, guest_sha256, state, coalesce(final_payer, payer), coalesce(final_amount, amount), \
     expires_at, signer, lane_sequence, signed_transaction, signed_bytes, final_transaction, reason, \
     message, created_at_ms, updated_at_ms, payload, owner, sealed_at_ms, replacements";

/// Reads a row of [`COLUMNS`], and what was replaced of it.
pub(super) fn record(connection: &Connection, row: &Row<'_>) -> Result<Record, JournalError> {
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
    let earlier = match row.get::<_, i64>(24)? {
        0 => Vec::new(),
        _ => earlier(connection, &key)?,
    };
    Ok(Record {
        settlement,
        owner: owner(row.get(22)?),
        state,
        sealed: row.get::<_, Option<i64>>(23)?.is_some(),
        signed,
        earlier,
        outcome,
        created_at_ms: unsigned(row.get(19)?),
        updated_at_ms: unsigned(row.get(20)?),
    })
}

/// At most [`MAX_EARLIER`](crate::MAX_EARLIER): more are never written.
fn earlier(connection: &Connection, key: &str) -> Result<Vec<SignedBytes>, JournalError> {
    let mut statement = connection.prepare_cached(
        "SELECT signed_transaction, signed_bytes, signer, lane_sequence FROM replaced
         WHERE payment_id = ?1 ORDER BY position",
    )?;
    let bytes = statement.query_map(params![key], |row| {
        Ok(SignedBytes {
            transaction: row.get(0)?,
            bytes: row.get(1)?,
            signer: row.get(2)?,
            lane_sequence: row.get::<_, Option<i64>>(3)?.map(unsigned),
        })
    })?;
    Ok(bytes.collect::<Result<_, _>>()?)
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
pub(super) fn unsigned(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}

pub(super) fn owner(stored: i64) -> Owner {
    Owner::from_number(unsigned(stored))
}

/// A time, lease or bound as SQLite can hold it: what is beyond 2^63 is as good as that.
pub(super) fn saturated(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A bound on rows.
pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// A number that must come back as it was.
pub(super) fn exact(field: &'static str, value: u64) -> Result<i64, JournalError> {
    i64::try_from(value).map_err(|_| out_of_range(field))
}

/// The error for a number that is beyond what SQLite can hold.
pub(super) fn out_of_range(field: &'static str) -> JournalError {
    JournalError::OutOfRange { field, limit: i64::MAX as u64 }
}
