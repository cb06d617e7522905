//! What is kept for a time: names of requests, sealed settlements, ended leases.

use rusqlite::{Connection, OptionalExtension, params};

use super::row;
use crate::{Fingerprint, IdempotencyKey, JournalError, Owner, Remembered};

/// Settlements, keys and leases that one call forgets at most: the store is not held up for long.
const MAX_PURGED: usize = 500;
/// How long ended leases are told, milliseconds.
const KEEP_LEASES_MS: u64 = 60 * 60 * 1_000;

pub(super) fn remember(
    connection: &Connection,
    key: &IdempotencyKey,
    request: &Fingerprint,
    now_ms: u64,
) -> Result<Remembered, JournalError> {
    let inserted = connection
        .prepare_cached(
            "INSERT INTO idempotency (key, request, created_at_ms) VALUES (?1, ?2, ?3)
             ON CONFLICT (key) DO NOTHING",
        )?
        .execute(params![key.as_str(), request.as_str(), row::saturated(now_ms)])?;
    if inserted == 1 {
        return Ok(Remembered::New);
    }
    match recall(connection, key)? {
        Some(kept) if kept == *request => Ok(Remembered::Same),
        Some(other) => Ok(Remembered::Other(other)),
        // Both happen in one transaction.
        None => Err(rusqlite::Error::QueryReturnedNoRows.into()),
    }
}

pub(super) fn recall(
    connection: &Connection,
    key: &IdempotencyKey,
) -> Result<Option<Fingerprint>, JournalError> {
    let kept: Option<String> = connection
        .prepare_cached("SELECT request FROM idempotency WHERE key = ?1")?
        .query_row(params![key.as_str()], |row| row.get(0))
        .optional()?;
    kept.map(|kept| kept.parse())
        .transpose()
        .map_err(|_| JournalError::Corrupt { payment_id: key.to_string(), field: "idempotency.request" })
}

/// What was forgotten.
pub(super) struct Purged {
    pub(super) count: usize,
    /// Leases of that; their files are not needed any more.
    pub(super) leases: Vec<Owner>,
}

pub(super) fn purge(connection: &Connection, keep_ms: u64, now_ms: u64) -> Result<Purged, JournalError> {
    let before = row::saturated(now_ms.saturating_sub(keep_ms));
    let settlements = settlements(connection, before, MAX_PURGED)?;
    let keys = connection
        .prepare_cached(
            "DELETE FROM idempotency WHERE key IN (
                 SELECT key FROM idempotency WHERE created_at_ms < ?1 ORDER BY created_at_ms LIMIT ?2)",
        )?
        .execute(params![before, row::limit(MAX_PURGED - settlements)])?;
    let before = row::saturated(now_ms.saturating_sub(KEEP_LEASES_MS));
    let leases = leases(connection, before, MAX_PURGED - settlements - keys)?;
    Ok(Purged { count: settlements + keys + leases.len(), leases })
}

fn settlements(connection: &Connection, before: i64, limit: usize) -> Result<usize, JournalError> {
    let mut statement = connection.prepare_cached(
        "SELECT payment_id FROM settlement WHERE sealed_at_ms IS NOT NULL AND sealed_at_ms < ?1
         ORDER BY sealed_at_ms LIMIT ?2",
    )?;
    let old: Vec<String> = statement
        .query_map(params![before, row::limit(limit)], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for payment_id in &old {
        for sql in
            ["DELETE FROM replaced WHERE payment_id = ?1", "DELETE FROM settlement WHERE payment_id = ?1"]
        {
            connection.prepare_cached(sql)?.execute(params![payment_id])?;
        }
    }
    Ok(old.len())
}

/// Those whose records are not all sealed are kept: somebody has to take them over.
fn leases(connection: &Connection, before: i64, limit: usize) -> Result<Vec<Owner>, JournalError> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM lease WHERE number IN (
             SELECT number FROM lease
             WHERE ended_at_ms < ?1 AND NOT EXISTS (
                 SELECT 1 FROM settlement WHERE sealed_at_ms IS NULL AND owner = lease.number)
             ORDER BY number LIMIT ?2)
         RETURNING number",
    )?;
    let leases = statement.query_map(params![before, row::limit(limit)], |row| row.get(0).map(row::owner))?;
    Ok(leases.collect::<Result<_, _>>()?)
}
