//! Reading records. Each query uses an index: the journal only grows until it is purged.

use rusqlite::{Connection, Params, params};

use super::row::{self, COLUMNS};
use crate::{Cursor, JournalError, MAX_PAGE, Owner, Page, PayloadDigest, PaymentId, Record};

/// A page ends with the record that fills this, bytes of requests and transactions.
const MAX_PAGE_BYTES: usize = 8 << 20;

pub(super) fn get(connection: &Connection, id: &PaymentId) -> Result<Option<Record>, JournalError> {
    let sql = format!("SELECT {COLUMNS} FROM settlement WHERE payment_id = ?1");
    one(connection, &sql, params![id.as_str()])
}

/// Which of the settlements with payload `?1` is found.
pub(super) const BY_PAYLOAD: &str = "WHERE payload = ?1 ORDER BY created_at_ms, payment_id LIMIT 1";

pub(super) fn find_by_payload(
    connection: &Connection,
    payload: &PayloadDigest,
) -> Result<Option<Record>, JournalError> {
    let sql = format!("SELECT {COLUMNS} FROM settlement {BY_PAYLOAD}");
    one(connection, &sql, params![payload.as_str()])
}

/// Which of the settlements with transaction `?1` is found.
pub(super) const BY_TRANSACTION: &str = "WHERE signed_transaction = ?1 OR final_transaction = ?1
         OR payment_id IN (SELECT payment_id FROM replaced WHERE signed_transaction = ?1)
     ORDER BY created_at_ms, payment_id LIMIT 1";

pub(super) fn find_by_transaction(
    connection: &Connection,
    transaction: &str,
) -> Result<Option<Record>, JournalError> {
    let sql = format!("SELECT {COLUMNS} FROM settlement {BY_TRANSACTION}");
    one(connection, &sql, params![transaction])
}

/// Which unsealed settlements of `?1` make a page. The condition on `sealed_at_ms` is that of the index.
pub(super) const UNSEALED: &str = "WHERE sealed_at_ms IS NULL AND owner = ?1
         AND (created_at_ms, payment_id) > (?2, ?3)
     ORDER BY created_at_ms, payment_id LIMIT ?4";

pub(super) fn unsealed(
    connection: &Connection,
    owner: Owner,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Page, JournalError> {
    let limit = limit.clamp(1, MAX_PAGE);
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM settlement {UNSEALED}"))?;
    let (created_at_ms, payment_id) = match after {
        Some(cursor) => (row::saturated(cursor.created_at_ms), cursor.payment_id.as_str()),
        None => (i64::MIN, ""),
    };
    let owner = row::saturated(owner.number());
    let mut rows = statement.query(params![owner, created_at_ms, payment_id, row::limit(limit)])?;
    let (mut records, mut bytes) = (Vec::new(), 0);
    while let Some(found) = rows.next()? {
        let record = row::record(connection, found)?;
        bytes += size(&record);
        records.push(record);
        if bytes >= MAX_PAGE_BYTES {
            break;
        }
    }
    let is_full = records.len() == limit || bytes >= MAX_PAGE_BYTES;
    let next = records.last().filter(|_| is_full).map(|last| Cursor {
        created_at_ms: last.created_at_ms,
        payment_id: last.settlement.payment_id.clone(),
    });
    Ok(Page { records, next })
}

fn size(record: &Record) -> usize {
    let bytes = record.signed.iter().chain(&record.earlier).map(|signed| signed.bytes.len());
    record.settlement.request.len() + bytes.sum::<usize>()
}

fn one(connection: &Connection, sql: &str, params: impl Params) -> Result<Option<Record>, JournalError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(|row| row::record(connection, row)).transpose()
}
