//! Leases: their numbers, and which have ended.

use std::fs::File;

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    lease_files::{LeaseFileError, LeaseFiles},
    moves::write,
    row,
};
use crate::{JournalError, Lease, Liveness, Owner};

/// A lease file that cannot be used is an answer and no failure of the store: others in the group go on.
type Answered<T> = Result<Result<T, LeaseFileError>, JournalError>;

/// Begins a lease. Its file is locked before anybody can see the lease, or it would be taken for dead.
pub(super) fn begin(connection: &Connection, files: &LeaseFiles, name: &str) -> Answered<(Owner, File)> {
    let number: i64 = connection
        .prepare_cached("SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'lease'")?
        .query_row((), |row| row.get(0))?;
    let owner = row::owner(number);
    let file = match files.hold(owner) {
        Ok(file) => file,
        Err(error) => return Ok(Err(error)),
    };
    write(connection, "INSERT INTO lease (number, name) VALUES (?1, ?2)", params![number, name])?;
    Ok(Ok((owner, file)))
}

pub(super) fn has_ended(connection: &Connection, owner: Owner) -> Result<bool, JournalError> {
    let runs: Option<bool> = connection
        .prepare_cached("SELECT ended_at_ms IS NULL FROM lease WHERE number = ?1")?
        .query_row(params![row::saturated(owner.number())], |row| row.get(0))
        .optional()?;
    Ok(!runs.unwrap_or(false))
}

/// What is known of a lease.
pub(super) fn liveness(connection: &Connection, files: &LeaseFiles, owner: Owner) -> Answered<Liveness> {
    if has_ended(connection, owner)? {
        return Ok(Ok(Liveness::Ended));
    }
    Ok(files.is_held(owner).map(|held| if held { Liveness::Running } else { Liveness::Ended }))
}

/// Leases as the operating system knows them.
pub(super) struct Seen {
    /// Every lease as it is.
    pub(super) leases: Vec<Lease>,
    /// Those of which the journal does not know yet that they have ended.
    pub(super) dead: Vec<Owner>,
}

pub(super) fn seen(connection: &Connection, files: &LeaseFiles) -> Answered<Seen> {
    let (mut leases, mut dead) = (all(connection)?, Vec::new());
    for lease in leases.iter_mut().filter(|lease| lease.liveness == Liveness::Running) {
        match files.is_held(lease.owner) {
            Ok(true) => {}
            Ok(false) => {
                lease.liveness = Liveness::Ended;
                dead.push(lease.owner);
            }
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(Seen { leases, dead }))
}

/// Every lease, and every owner of unsealed records whose lease is forgotten or never was. Such an owner has
/// no name. Which of them live is for the files to say.
///
/// The owners are found one by one in the index, so that their records are not all read.
fn all(connection: &Connection) -> Result<Vec<Lease>, JournalError> {
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE owners (owner) AS (
             SELECT min(owner) FROM settlement WHERE sealed_at_ms IS NULL
             UNION ALL
             SELECT (SELECT min(owner) FROM settlement WHERE sealed_at_ms IS NULL AND owner > owners.owner)
             FROM owners WHERE owners.owner IS NOT NULL
         )
         SELECT number, name, ended_at_ms IS NOT NULL FROM lease
         UNION ALL
         SELECT owner, '', TRUE FROM owners
             WHERE owner IS NOT NULL AND NOT EXISTS (SELECT 1 FROM lease WHERE number = owner)
         ORDER BY 1",
    )?;
    let leases = statement.query_map((), |row| {
        let liveness = if row.get(2)? { Liveness::Ended } else { Liveness::Running };
        Ok(Lease { owner: row::owner(row.get(0)?), name: row.get(1)?, liveness })
    })?;
    Ok(leases.collect::<Result<_, _>>()?)
}

/// Marks leases as ended. Whoever is first, the first time stays.
pub(super) fn end(connection: &Connection, owners: &[Owner], now_ms: u64) -> Result<(), JournalError> {
    let mut statement = connection
        .prepare_cached("UPDATE lease SET ended_at_ms = ?2 WHERE number = ?1 AND ended_at_ms IS NULL")?;
    for owner in owners {
        statement.execute(params![row::saturated(owner.number()), row::saturated(now_ms)])?;
    }
    Ok(())
}
