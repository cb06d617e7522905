//! Slots: a sequence number belongs to one payment's bytes, or to fillers.

use facilitator_protocol::Caip2;
use rusqlite::{Connection, OptionalExtension, params};

use super::{moves::write, row};
use crate::{JournalError, LaneKey, MAX_SLOTS, Owner, PaymentId, SignedBytes, Slot, State};

/// Takes the slot of `signed` for a payment, whose it may be already. Answers the number as it is stored;
/// bytes without one take no slot.
pub(super) fn take(
    connection: &Connection,
    owner: Owner,
    network: &Caip2,
    id: &PaymentId,
    signed: &SignedBytes,
) -> Result<Option<i64>, JournalError> {
    let Some(sequence) = signed.lane_sequence else {
        return Ok(None);
    };
    let stored = row::exact("lane_sequence", sequence)?;
    let held = held(connection, network, &signed.signer, stored)?;
    if held.is_some_and(|slot| slot.payment_id.as_deref() != Some(id.as_str())) {
        return Err(taken(network, &signed.signer, sequence));
    }
    write(
        connection,
        "INSERT INTO slot (network, signer, sequence, payment_id, owner) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (network, signer, sequence) DO UPDATE SET owner = excluded.owner",
        params![network.as_str(), signed.signer, stored, id.as_str(), row::saturated(owner.number())],
    )?;
    Ok(Some(stored))
}

pub(super) fn fill(
    connection: &Connection,
    owner: Owner,
    lane: &LaneKey,
    filler: &SignedBytes,
    instead_of: Option<&PaymentId>,
) -> Result<(), JournalError> {
    let sequence = filler.lane_sequence.ok_or_else(|| row::out_of_range("lane_sequence"))?;
    let stored = row::exact("lane_sequence", sequence)?;
    if let Some(slot) = held(connection, &lane.network, &lane.signer, stored)? {
        let is_free = slot.is_filled
            || match instead_of {
                Some(id) if slot.payment_id.as_deref() == Some(id.as_str()) => has_ended(connection, id)?,
                Some(_) | None => false,
            };
        if !is_free {
            return Err(taken(&lane.network, &lane.signer, sequence));
        }
    }
    write(
        connection,
        "INSERT INTO slot (network, signer, sequence, filler_transaction, filler_bytes, owner)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (network, signer, sequence) DO UPDATE SET owner = excluded.owner,
             filler_transaction = excluded.filler_transaction, filler_bytes = excluded.filler_bytes",
        params![
            lane.network.as_str(),
            lane.signer,
            stored,
            filler.transaction,
            filler.bytes,
            row::saturated(owner.number()),
        ],
    )
}

pub(super) fn forget_fillers(
    connection: &Connection,
    lane: &LaneKey,
    below: u64,
) -> Result<(), JournalError> {
    connection
        .prepare_cached(
            "DELETE FROM slot
             WHERE network = ?1 AND signer = ?2 AND sequence < ?3 AND payment_id IS NULL",
        )?
        .execute(params![lane.network.as_str(), lane.signer, row::saturated(below)])?;
    Ok(())
}

pub(super) fn of_lane(connection: &Connection, lane: &LaneKey, from: u64) -> Result<Vec<Slot>, JournalError> {
    let mut statement = connection.prepare_cached(
        "SELECT sequence, payment_id, filler_transaction, filler_bytes, owner FROM slot
         WHERE network = ?1 AND signer = ?2 AND sequence >= ?3 ORDER BY sequence LIMIT ?4",
    )?;
    let from = row::saturated(from);
    let mut rows =
        statement.query(params![lane.network.as_str(), lane.signer, from, row::limit(MAX_SLOTS)])?;
    let mut slots = Vec::new();
    while let Some(row) = rows.next()? {
        let sequence = row::unsigned(row.get(0)?);
        let payment = row
            .get::<_, Option<String>>(1)?
            .map(|key| {
                key.parse().map_err(|_| JournalError::Corrupt { payment_id: key, field: "slot.payment_id" })
            })
            .transpose()?;
        let filler = match (row.get(2)?, row.get(3)?) {
            (Some(transaction), Some(bytes)) => Some(SignedBytes {
                transaction,
                bytes,
                signer: lane.signer.clone(),
                lane_sequence: Some(sequence),
            }),
            _ => None,
        };
        slots.push(Slot { sequence, payment, filler, owner: row::owner(row.get(4)?) });
    }
    Ok(slots)
}

/// A slot that is not free.
struct Held {
    payment_id: Option<String>,
    is_filled: bool,
}

fn held(
    connection: &Connection,
    network: &Caip2,
    signer: &str,
    sequence: i64,
) -> Result<Option<Held>, JournalError> {
    let held = connection
        .prepare_cached(
            "SELECT payment_id, filler_bytes IS NOT NULL FROM slot
             WHERE network = ?1 AND signer = ?2 AND sequence = ?3",
        )?
        .query_row(params![network.as_str(), signer, sequence], |row| {
            Ok(Held { payment_id: row.get(0)?, is_filled: row.get(1)? })
        })
        .optional()?;
    Ok(held)
}

fn has_ended(connection: &Connection, id: &PaymentId) -> Result<bool, JournalError> {
    let state: Option<String> = connection
        .prepare_cached("SELECT state FROM settlement WHERE payment_id = ?1")?
        .query_row(params![id.as_str()], |row| row.get(0))
        .optional()?;
    Ok(state.and_then(|state| state.parse().ok()).is_some_and(State::is_final))
}

fn taken(network: &Caip2, signer: &str, sequence: u64) -> JournalError {
    JournalError::SequenceTaken { network: network.clone(), signer: signer.to_owned(), sequence }
}
