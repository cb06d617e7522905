//! The counter of a lane and the numbers that were given back.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::{moves::write, row, slots};
use crate::{JournalError, LaneKey, LaneView, MAX_SLOTS};

pub(super) fn reserve(connection: &Connection, lane: &LaneKey, floor: u64) -> Result<u64, JournalError> {
    let floor = row::exact("sequence", floor)?;
    let given_back: Option<i64> = connection
        .prepare_cached(
            "SELECT min(sequence) FROM given_back WHERE network = ?1 AND signer = ?2 AND sequence >= ?3",
        )?
        .query_row(params![lane.network.as_str(), lane.signer, floor], |row| row.get(0))?;
    if let Some(sequence) = given_back {
        forget(connection, lane, sequence)?;
        return Ok(row::unsigned(sequence));
    }
    let sequence = next(connection, lane)?.map_or(floor, |next| next.max(floor));
    let following = sequence.checked_add(1).ok_or_else(|| row::out_of_range("sequence"))?;
    set_next(connection, lane, following)?;
    Ok(row::unsigned(sequence))
}

pub(super) fn give_back(connection: &Connection, lane: &LaneKey, sequence: u64) -> Result<(), JournalError> {
    let sequence = row::exact("sequence", sequence)?;
    let Some(next) = next(connection, lane)?.filter(|next| sequence < *next) else {
        return Ok(());
    };
    if sequence + 1 == next {
        // The counter will come to it again, and must not find it a second time.
        forget(connection, lane, sequence)?;
        return set_next(connection, lane, sequence);
    }
    let (kept, is_kept): (i64, bool) = connection
        .prepare_cached(
            "SELECT count(*), coalesce(max(sequence = ?3), FALSE) FROM given_back
             WHERE network = ?1 AND signer = ?2",
        )?
        .query_row(params![lane.network.as_str(), lane.signer, sequence], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    if is_kept {
        return Ok(());
    }
    crate::record::at_most("numbers given back", usize::try_from(kept).unwrap_or(MAX_SLOTS) + 1, MAX_SLOTS)?;
    keep(connection, lane, sequence)
}

pub(super) fn lane(connection: &Connection, lane: &LaneKey, from: u64) -> Result<LaneView, JournalError> {
    let next = next(connection, lane)?.map(row::unsigned);
    let mut statement = connection.prepare_cached(
        "SELECT sequence FROM given_back WHERE network = ?1 AND signer = ?2 ORDER BY sequence LIMIT ?3",
    )?;
    let free = statement
        .query_map(params![lane.network.as_str(), lane.signer, row::limit(MAX_SLOTS)], |row| {
            row.get(0).map(row::unsigned)
        })?
        .collect::<Result<_, _>>()?;
    Ok(LaneView { next, free, slots: slots::of_lane(connection, lane, from)? })
}

pub(super) fn reset(
    connection: &Connection,
    lane: &LaneKey,
    seen: Option<u64>,
    new_next: u64,
    free: &BTreeSet<u64>,
) -> Result<bool, JournalError> {
    let new_next = row::exact("sequence", new_next)?;
    if next(connection, lane)?.map(row::unsigned) != seen {
        return Ok(false);
    }
    connection
        .prepare_cached("DELETE FROM given_back WHERE network = ?1 AND signer = ?2")?
        .execute(params![lane.network.as_str(), lane.signer])?;
    for sequence in free.iter().map(|sequence| row::saturated(*sequence)).take_while(|free| *free < new_next)
    {
        keep(connection, lane, sequence)?;
    }
    set_next(connection, lane, new_next)?;
    Ok(true)
}

fn next(connection: &Connection, lane: &LaneKey) -> Result<Option<i64>, JournalError> {
    let next = connection
        .prepare_cached("SELECT next FROM lane WHERE network = ?1 AND signer = ?2")?
        .query_row(params![lane.network.as_str(), lane.signer], |row| row.get(0))
        .optional()?;
    Ok(next)
}

fn set_next(connection: &Connection, lane: &LaneKey, next: i64) -> Result<(), JournalError> {
    write(
        connection,
        "INSERT INTO lane (network, signer, next) VALUES (?1, ?2, ?3)
         ON CONFLICT (network, signer) DO UPDATE SET next = excluded.next",
        params![lane.network.as_str(), lane.signer, next],
    )
}

fn keep(connection: &Connection, lane: &LaneKey, sequence: i64) -> Result<(), JournalError> {
    write(
        connection,
        "INSERT INTO given_back (network, signer, sequence) VALUES (?1, ?2, ?3)",
        params![lane.network.as_str(), lane.signer, sequence],
    )
}

fn forget(connection: &Connection, lane: &LaneKey, sequence: i64) -> Result<(), JournalError> {
    connection
        .prepare_cached("DELETE FROM given_back WHERE network = ?1 AND signer = ?2 AND sequence = ?3")?
        .execute(params![lane.network.as_str(), lane.signer, sequence])?;
    Ok(())
}
