//! Moves along the edges of the state machine, inside the transaction of their group.
//!
//! A move reads who owns the record and which state it has, asks [`State::may_become`], and writes on the
//! condition that the state is still that one. A refused operation has written nothing.

use facilitator_protocol::Caip2;
use rusqlite::{Connection, OptionalExtension, Params, named_params, params};

use super::{questions, row, slots};
use crate::{Claim, JournalError, MAX_EARLIER, NewSettlement, Owner, PaymentId, Record, SignedBytes, State};

pub(super) fn claim(
    connection: &Connection,
    owner: Owner,
    new: &NewSettlement,
    now_ms: u64,
) -> Result<Claim, JournalError> {
    let inserted = connection
        .prepare_cached(
            "INSERT INTO settlement (payment_id, payload, fingerprint, network, x402_version, scheme, request,
                 guest_name, guest_sha256, state, payer, amount, expires_at, created_at_ms, updated_at_ms, owner)
             VALUES (:payment_id, :payload, :fingerprint, :network, :x402_version, :scheme, :request,
                 :guest_name, :guest_sha256, :state, :payer, :amount, :expires_at, :now, :now, :owner)
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
            ":expires_at": row::saturated(new.expires_at),
            ":now": row::saturated(now_ms),
            ":owner": row::saturated(owner.number()),
        })?;
    if inserted == 1 {
        return Ok(Claim::Won);
    }
    let record = questions::get(connection, &new.payment_id)?.ok_or_else(|| not_found(&new.payment_id))?;
    Ok(Claim::Existing(Box::new(record)))
}

/// A move that writes nothing but the state. Repeating it is no error.
pub(super) fn advance(
    connection: &Connection,
    owner: Owner,
    id: &PaymentId,
    to: State,
    now_ms: u64,
) -> Result<(), JournalError> {
    let from = head(connection, owner, id)?.state;
    if from == to {
        return Ok(());
    }
    check_move(id, from, to)?;
    write(
        connection,
        "UPDATE settlement SET state = ?3, updated_at_ms = ?4 WHERE payment_id = ?1 AND state = ?2",
        params![id.as_str(), from.as_str(), to.as_str(), row::saturated(now_ms)],
    )
}

pub(super) fn signed(
    connection: &Connection,
    owner: Owner,
    id: &PaymentId,
    signed: &SignedBytes,
    now_ms: u64,
) -> Result<(), JournalError> {
    let Head { state, network, .. } = head(connection, owner, id)?;
    if state == State::Signed && has_signed(connection, id, signed)? {
        return Ok(());
    }
    check_move(id, state, State::Signed)?;
    let lane_sequence = slots::take(connection, owner, &network, id, signed)?;
    write(
        connection,
        "UPDATE settlement SET state = ?3, updated_at_ms = ?4, signed_transaction = ?5,
             signed_bytes = ?6, signer = ?7, lane_sequence = ?8
         WHERE payment_id = ?1 AND state = ?2 AND signed_bytes IS NULL",
        params![
            id.as_str(),
            state.as_str(),
            State::Signed.as_str(),
            row::saturated(now_ms),
            signed.transaction,
            signed.bytes,
            signed.signer,
            lane_sequence,
        ],
    )
}

pub(super) fn replaced(
    connection: &Connection,
    owner: Owner,
    id: &PaymentId,
    signed: &SignedBytes,
    now_ms: u64,
) -> Result<(), JournalError> {
    let Head { state, network, replacements, is_sealed } = head(connection, owner, id)?;
    if !state.may_be_replaced() || is_sealed {
        return Err(illegal(id, state, State::Signed));
    }
    if has_signed(connection, id, signed)? {
        return Ok(());
    }
    crate::record::at_most("earlier", replacements + 1, MAX_EARLIER)?;
    let lane_sequence = slots::take(connection, owner, &network, id, signed)?;
    write(
        connection,
        "INSERT INTO replaced (payment_id, position, signed_transaction, signed_bytes, signer, lane_sequence)
         SELECT payment_id, replacements, signed_transaction, signed_bytes, signer, lane_sequence
         FROM settlement WHERE payment_id = ?1",
        params![id.as_str()],
    )?;
    write(
        connection,
        "UPDATE settlement SET updated_at_ms = ?3, signed_transaction = ?4, signed_bytes = ?5, signer = ?6,
             lane_sequence = ?7, replacements = replacements + 1
         WHERE payment_id = ?1 AND state = ?2",
        params![
            id.as_str(),
            state.as_str(),
            row::saturated(now_ms),
            signed.transaction,
            signed.bytes,
            signed.signer,
            lane_sequence,
        ],
    )
}

pub(super) fn release(connection: &Connection, owner: Owner, id: &PaymentId) -> Result<(), JournalError> {
    let state = head(connection, owner, id)?.state;
    if !state.is_releasable() {
        return Err(JournalError::NotReleasable { payment_id: id.clone(), state });
    }
    write(
        connection,
        "DELETE FROM settlement WHERE payment_id = ?1 AND state = ?2 AND signed_bytes IS NULL",
        params![id.as_str(), state.as_str()],
    )
}

pub(super) fn take_over(
    connection: &Connection,
    id: &PaymentId,
    from: Owner,
    to: Owner,
) -> Result<Option<Record>, JournalError> {
    connection
        .prepare_cached("UPDATE settlement SET owner = ?3 WHERE payment_id = ?1 AND owner = ?2")?
        .execute(params![id.as_str(), row::saturated(from.number()), row::saturated(to.number())])?;
    Ok(questions::get(connection, id)?.filter(|record| record.owner == to))
}

/// What a move looks at before it writes.
pub(super) struct Head {
    pub(super) state: State,
    pub(super) network: Caip2,
    pub(super) is_sealed: bool,
    replacements: usize,
}

/// Reads the record of a payment, which must belong to `owner`.
pub(super) fn head(connection: &Connection, owner: Owner, id: &PaymentId) -> Result<Head, JournalError> {
    let stored: Option<(String, String, bool, i64, i64)> = connection
        .prepare_cached(
            "SELECT state, network, sealed_at_ms IS NOT NULL, replacements, owner
             FROM settlement WHERE payment_id = ?1",
        )?
        .query_row(params![id.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        })
        .optional()?;
    let (state, network, is_sealed, replacements, stored_owner) = stored.ok_or_else(|| not_found(id))?;
    if stored_owner != row::saturated(owner.number()) {
        return Err(JournalError::Fenced { payment_id: id.clone(), owner: row::owner(stored_owner) });
    }
    let corrupt = |field| JournalError::Corrupt { payment_id: id.to_string(), field };
    Ok(Head {
        state: state.parse().map_err(|_| corrupt("state"))?,
        network: network.parse().map_err(|_| corrupt("network"))?,
        is_sealed,
        replacements: usize::try_from(replacements).map_err(|_| corrupt("replacements"))?,
    })
}

fn has_signed(connection: &Connection, id: &PaymentId, signed: &SignedBytes) -> Result<bool, JournalError> {
    Ok(questions::get(connection, id)?.is_some_and(|record| record.signed.as_ref() == Some(signed)))
}

pub(super) fn check_move(id: &PaymentId, from: State, to: State) -> Result<(), JournalError> {
    if from.may_become(to) { Ok(()) } else { Err(illegal(id, from, to)) }
}

pub(super) fn illegal(id: &PaymentId, from: State, to: State) -> JournalError {
    JournalError::IllegalTransition { payment_id: id.clone(), from, to }
}

/// A write to the one row whose state was read before, in the same transaction. That it meets another
/// state is a fault of the store.
pub(super) fn write(connection: &Connection, sql: &str, params: impl Params) -> Result<(), JournalError> {
    match connection.prepare_cached(sql)?.execute(params)? {
        1 => Ok(()),
        changed => Err(rusqlite::Error::StatementChangedRows(changed).into()),
    }
}

fn not_found(payment_id: &PaymentId) -> JournalError {
    JournalError::NotFound { payment_id: payment_id.clone() }
}
