//! What each operation does to the table, inside the transaction of its group.
//!
//! A move reads the state, asks [`State::may_become`], and writes on the condition that the state is
//! still that one. A refused operation has written nothing.

use rusqlite::{Connection, OptionalExtension, Params, named_params, params};

use super::row::{self, COLUMNS};
use crate::{
    Claim, Cursor, JournalError, MAX_PAGE, NewSettlement, Outcome, Page, PayloadDigest, PaymentId, Record,
    SignedBytes, State,
};

pub(super) fn claim(
    connection: &Connection,
    new: &NewSettlement,
    now_ms: u64,
) -> Result<Claim, JournalError> {
    let inserted = connection
        .prepare_cached(
            "INSERT INTO settlement (payment_id, payload, fingerprint, network, x402_version, scheme, request,
                 guest_name, guest_sha256, state, payer, amount, expires_at, created_at_ms, updated_at_ms)
             VALUES (:payment_id, :payload, :fingerprint, :network, :x402_version, :scheme, :request,
                 :guest_name, :guest_sha256, :state, :payer, :amount, :expires_at, :now, :now)
             ON CONFLICT (payment_id) DO NOTHING",
        )?
        .execute(named_params! {
            ":payment_id": new.payment_id.as_str(),
            ":payload": new.payload.as_str(),
            ":fingerprint": new.fingerprint.as_str(),
            ":network": new.network.as_str(),
            ":x402_version": new.x402_version.number(),
            ":scheme": new.scheme,
            ":request": new.request,
            ":guest_name": new.guest.name,
            ":guest_sha256": new.guest.sha256,
            ":state": State::Claimed.as_str(),
            ":payer": new.payer,
            ":amount": new.amount.as_str(),
            ":expires_at": row::time(new.expires_at),
            ":now": row::time(now_ms),
        })?;
    if inserted == 1 {
        return Ok(Claim::Won);
    }
    let record = get(connection, &new.payment_id)?.ok_or_else(|| not_found(&new.payment_id))?;
    Ok(Claim::Existing(Box::new(record)))
}

pub(super) fn approved(connection: &Connection, id: &PaymentId, now_ms: u64) -> Result<(), JournalError> {
    advance(connection, id, State::Approved, now_ms)
}

pub(super) fn broadcast(connection: &Connection, id: &PaymentId, now_ms: u64) -> Result<(), JournalError> {
    advance(connection, id, State::Broadcast, now_ms)
}

/// A move that writes nothing but the state. Repeating it is no error.
fn advance(connection: &Connection, id: &PaymentId, to: State, now_ms: u64) -> Result<(), JournalError> {
    let from = state(connection, id)?;
    if from == to {
        return Ok(());
    }
    check_move(id, from, to)?;
    write(
        connection,
        "UPDATE settlement SET state = ?3, updated_at_ms = ?4 WHERE payment_id = ?1 AND state = ?2",
        params![id.as_str(), from.as_str(), to.as_str(), row::time(now_ms)],
    )
}

pub(super) fn signed(
    connection: &Connection,
    id: &PaymentId,
    signed: &SignedBytes,
    now_ms: u64,
) -> Result<(), JournalError> {
    let from = state(connection, id)?;
    if from == State::Signed
        && get(connection, id)?.is_some_and(|record| record.signed.as_ref() == Some(signed))
    {
        return Ok(());
    }
    check_move(id, from, State::Signed)?;
    let lane_sequence =
        signed.lane_sequence.map(|sequence| row::exact("lane_sequence", sequence)).transpose()?;
    write(
        connection,
        "UPDATE settlement SET state = ?3, updated_at_ms = ?4, signed_transaction = ?5,
             signed_bytes = ?6, signer = ?7, lane_sequence = ?8
         WHERE payment_id = ?1 AND state = ?2 AND signed_bytes IS NULL",
        params![
            id.as_str(),
            from.as_str(),
            State::Signed.as_str(),
            row::time(now_ms),
            signed.transaction,
            signed.bytes,
            signed.signer,
            lane_sequence,
        ],
    )
}

pub(super) fn finish(
    connection: &Connection,
    id: &PaymentId,
    outcome: &Outcome,
    now_ms: u64,
) -> Result<(), JournalError> {
    let (from, to) = (state(connection, id)?, outcome.state());
    if from == to && get(connection, id)?.is_some_and(|record| record.outcome.as_ref() == Some(outcome)) {
        return Ok(());
    }
    check_move(id, from, to)?;
    let (payer, amount, transaction, reason, message) = match outcome {
        Outcome::Confirmed { payer, amount, transaction } => {
            (Some(payer), Some(amount.as_str()), Some(transaction), None, None)
        }
        Outcome::Failed { reason, message, transaction } => {
            (None, None, transaction.as_ref(), Some(reason), Some(message))
        }
        Outcome::Expired { reason, message } => (None, None, None, Some(reason), Some(message)),
    };
    write(
        connection,
        "UPDATE settlement SET state = ?3, updated_at_ms = ?4, final_transaction = ?5, reason = ?6,
             message = ?7, payer = coalesce(?8, payer), amount = coalesce(?9, amount)
         WHERE payment_id = ?1 AND state = ?2",
        params![
            id.as_str(),
            from.as_str(),
            to.as_str(),
            row::time(now_ms),
            transaction,
            reason,
            message,
            payer,
            amount,
        ],
    )
}

pub(super) fn release(connection: &Connection, id: &PaymentId) -> Result<(), JournalError> {
    let state = state(connection, id)?;
    if !state.is_releasable() {
        return Err(JournalError::NotReleasable { payment_id: id.clone(), state });
    }
    write(
        connection,
        "DELETE FROM settlement WHERE payment_id = ?1 AND state = ?2 AND signed_bytes IS NULL",
        params![id.as_str(), state.as_str()],
    )
}

pub(super) fn get(connection: &Connection, id: &PaymentId) -> Result<Option<Record>, JournalError> {
    let sql = format!("SELECT {COLUMNS} FROM settlement WHERE payment_id = ?1");
    one(connection, &sql, params![id.as_str()])
}

pub(super) fn find_by_payload(
    connection: &Connection,
    payload: &PayloadDigest,
) -> Result<Option<Record>, JournalError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM settlement WHERE payload = ?1 ORDER BY created_at_ms, payment_id LIMIT 1"
    );
    one(connection, &sql, params![payload.as_str()])
}

pub(super) fn find_by_transaction(
    connection: &Connection,
    transaction: &str,
) -> Result<Option<Record>, JournalError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM settlement WHERE signed_transaction = ?1 OR final_transaction = ?1
         ORDER BY created_at_ms, payment_id LIMIT 1"
    );
    one(connection, &sql, params![transaction])
}

pub(super) fn unfinished(
    connection: &Connection,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Page, JournalError> {
    let limit = limit.clamp(1, MAX_PAGE);
    // The condition on the state is that of the index.
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM settlement
         WHERE state IN ('claimed', 'approved', 'signed', 'broadcast')
             AND (created_at_ms, payment_id) > (?1, ?2)
         ORDER BY created_at_ms, payment_id LIMIT ?3"
    ))?;
    let (created_at_ms, payment_id) = match &after {
        Some(cursor) => (row::time(cursor.created_at_ms), cursor.payment_id.as_str()),
        None => (i64::MIN, ""),
    };
    let mut rows = statement.query(params![created_at_ms, payment_id, row::time(limit as u64)])?;
    let mut records = Vec::with_capacity(limit);
    while let Some(found) = rows.next()? {
        records.push(row::record(found)?);
    }
    let next = records.last().filter(|_| records.len() == limit).map(|last| Cursor {
        created_at_ms: last.created_at_ms,
        payment_id: last.settlement.payment_id.clone(),
    });
    Ok(Page { records, next })
}

fn one(connection: &Connection, sql: &str, params: impl Params) -> Result<Option<Record>, JournalError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(row::record).transpose()
}

fn state(connection: &Connection, id: &PaymentId) -> Result<State, JournalError> {
    let stored: Option<String> = connection
        .prepare_cached("SELECT state FROM settlement WHERE payment_id = ?1")?
        .query_row(params![id.as_str()], |row| row.get(0))
        .optional()?;
    stored
        .ok_or_else(|| not_found(id))?
        .parse()
        .map_err(|_| JournalError::Corrupt { payment_id: id.to_string(), field: "state" })
}

fn check_move(id: &PaymentId, from: State, to: State) -> Result<(), JournalError> {
    if from.may_become(to) {
        Ok(())
    } else {
        Err(JournalError::IllegalTransition { payment_id: id.clone(), from, to })
    }
}

/// A write to the one row whose state was read before, in the same transaction. That it meets another
/// state is a fault of the store.
fn write(connection: &Connection, sql: &str, params: impl Params) -> Result<(), JournalError> {
    match connection.prepare_cached(sql)?.execute(params)? {
        1 => Ok(()),
        changed => Err(rusqlite::Error::StatementChangedRows(changed).into()),
    }
}

fn not_found(payment_id: &PaymentId) -> JournalError {
    JournalError::NotFound { payment_id: payment_id.clone() }
}
