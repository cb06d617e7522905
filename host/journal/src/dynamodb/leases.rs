//! Leases: a counter for their numbers, and an item each with how often it was renewed.
//!
//! Machines' clocks are not compared here: the time of an end only says when an ended lease may be forgotten. It
//! is forgotten by [`forget_ended`], and not by the store's own expiry, because nobody finds what it still owns
//! once it is gone.

use aws_sdk_dynamodb::types::ReturnValue;

use super::{
    item::Fields,
    keys,
    questions::unsealed,
    store::{Query, Store},
    write::{Item, Write, number, text},
};
use crate::{JournalError, Lease, Liveness, Owner};

/// Longest name of a lease that is kept, bytes.
const MAX_NAME_BYTES: usize = 256;
/// How long an ended lease is told at least, milliseconds.
const KEPT_MS: u64 = 60 * 60 * 1000;
/// Most answers that the leases come in; one holds some 3,000 of them.
const MAX_ANSWERS: usize = 100;
/// Most leases that are forgotten at once.
const MAX_FORGOTTEN: usize = 100;

pub(super) async fn begin(store: &Store, name: &str) -> Result<Owner, JournalError> {
    let write = Write::update(keys::counter_of_leases(), "ADD #last :one").with("one", number(1));
    let counted = store.write(&write, ReturnValue::UpdatedNew).await?.unwrap_or_default();
    let owner = Owner::from_number(Fields::of(&counted).number("last")?);
    let name = name.get(..name.floor_char_boundary(MAX_NAME_BYTES)).unwrap_or_default();
    let attributes = [("owner_number", number(owner.number())), ("name", text(name)), ("renewed", number(0))];
    // It is there already if an answer was lost; nobody else has this number. What is sent twice must not
    // arrive after the lease has ended and begin it again.
    let write = Write::put(keys::lease(owner), attributes).when("attribute_not_exists(#pk)");
    store.write(&write, ReturnValue::None).await?;
    Ok(owner)
}

pub(super) async fn renew(store: &Store, owner: Owner) -> Result<(), JournalError> {
    let write = Write::update(keys::lease(owner), "SET #renewed = #renewed + :one")
        .when("attribute_exists(#pk) AND attribute_not_exists(#ended_at_ms)")
        .with("one", number(1));
    match store.write(&write, ReturnValue::None).await? {
        Some(_) => Ok(()),
        None => Err(JournalError::LeaseEnded { owner }),
    }
}

pub(super) async fn end(store: &Store, owner: Owner, seen: Option<Liveness>) -> Result<bool, JournalError> {
    let write =
        Write::update(keys::lease(owner), "SET #ended_at_ms = :now").with("now", number(store.now_ms()));
    let is_there = "attribute_exists(#pk) AND attribute_not_exists(#ended_at_ms)";
    let write = match seen {
        None => Some(write.when(is_there)),
        Some(Liveness::Renewed(count)) => {
            Some(write.when(format!("{is_there} AND #renewed = :seen")).with("seen", number(count)))
        }
        // No lease of this store is seen to run.
        Some(Liveness::Running | Liveness::Ended) => None,
    };
    if let Some(write) = write
        && store.write(&write, ReturnValue::None).await?.is_some()
    {
        return Ok(true);
    }
    // One that is not there was forgotten, or never was.
    let item = store.get(keys::lease(owner)).await?;
    Ok(item.is_none_or(|item| item.contains_key("ended_at_ms")))
}

pub(super) async fn all(store: &Store) -> Result<Vec<Lease>, JournalError> {
    Ok(read_all(store).await?.into_iter().map(|(lease, _)| lease).collect())
}

/// Leases with the time of their end.
async fn read_all(store: &Store) -> Result<Vec<(Lease, Option<u64>)>, JournalError> {
    let mut leases = Vec::new();
    let mut after = None;
    for _ in 0..MAX_ANSWERS {
        let (items, next) = store
            .query(Query {
                keys: "#pk = :leases AND begins_with(#sk, :lease)",
                values: Item::from([
                    (":leases".to_owned(), text(keys::LEASES)),
                    (":lease".to_owned(), text("lease#")),
                ]),
                after,
                ..Query::default()
            })
            .await?;
        for item in &items {
            let fields = Fields::of(item);
            let ended_at_ms = fields.optional_number("ended_at_ms")?;
            let liveness = match ended_at_ms {
                Some(_) => Liveness::Ended,
                None => Liveness::Renewed(fields.number("renewed")?),
            };
            let owner = Owner::from_number(fields.number("owner_number")?);
            leases.push((Lease { owner, name: fields.text("name")?, liveness }, ended_at_ms));
        }
        after = next;
        if after.is_none() {
            break;
        }
    }
    Ok(leases)
}

/// Forgets leases that ended long ago and own nothing that others have to take over.
pub(super) async fn forget_ended(store: &Store) -> Result<(), JournalError> {
    let now_ms = store.now_ms();
    let mut leases = read_all(store).await?;
    leases.retain(|(_, ended)| ended.is_some_and(|ended| now_ms.saturating_sub(ended) >= KEPT_MS));
    for (Lease { owner, .. }, _) in leases.into_iter().take(MAX_FORGOTTEN) {
        // The index is a moment old, and the lease ended an hour ago.
        if unsealed(store, owner, None, 1).await?.records.is_empty() {
            store.write(&Write::delete(keys::lease(owner)), ReturnValue::None).await?;
        }
    }
    Ok(())
}
