//! What is read: a settlement by its name, through a pointer, or in a listing.
//!
//! Everything but the listing is read as it is now. The listing learns from an index which settlements there are,
//! and that may be a moment old; the settlements themselves are read as they are now.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use super::{
    item::{self, Fields},
    keys,
    store::{Query, Store},
    write::{Item, number, text},
};
use crate::{
    Cursor, JournalError, MAX_EARLIER, MAX_PAGE, Owner, Page, PayloadDigest, PaymentId, Record, SignedBytes,
};

/// Most settlements that are looked at behind one pointer. More than one are behind it if somebody else pays
/// for several in one transaction.
const MAX_POINTED_TO: usize = 32;
/// Longest transaction hash that is looked for: longer ones are not kept.
const MAX_TRANSACTION_BYTES: usize = 256;
/// Most answers that the bytes of one payment come in, 128 KiB each and a megabyte an answer.
const MAX_ANSWERS: usize = 2 * MAX_EARLIER;
/// Waits before each look for items that were written together with one that was read: a transaction becomes
/// visible item by item to whoever reads while it is made.
const RENDEZVOUS: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(20), Duration::from_millis(100), Duration::from_millis(500)];

pub(super) async fn get(store: &Store, id: &PaymentId) -> Result<Option<Record>, JournalError> {
    match store.get(keys::record(id)).await? {
        Some(item) => Ok(Some(whole(store, &item).await?)),
        None => Ok(None),
    }
}

/// The record of an item, with what is kept of it in items of their own.
pub(super) async fn whole(store: &Store, item: &Item) -> Result<Record, JournalError> {
    let (mut record, earlier) = item::record(item)?;
    if earlier == 0 {
        return Ok(record);
    }
    let known = usize::try_from(earlier).unwrap_or(usize::MAX);
    for wait in RENDEZVOUS {
        tokio::time::sleep(wait).await;
        record.earlier = earlier_bytes(store, &record.settlement.payment_id).await?;
        // If it was replaced once more meanwhile there are more, in the order of their keys.
        record.earlier.truncate(known);
        // Of a sealed settlement the store may have forgotten some before the others.
        if record.earlier.len() == known || record.sealed {
            return Ok(record);
        }
    }
    Err(Fields::of(item).corrupt("earlier"))
}

/// Bytes of a payment that were replaced, oldest first.
async fn earlier_bytes(store: &Store, id: &PaymentId) -> Result<Vec<SignedBytes>, JournalError> {
    let partition = text(keys::settlement(id));
    let (mut found, mut after) = (Vec::new(), None);
    for _ in 0..MAX_ANSWERS {
        let (items, next) = store
            .query(Query {
                keys: "#pk = :partition AND begins_with(#sk, :earlier)",
                values: Item::from([
                    (":partition".to_owned(), partition.clone()),
                    (":earlier".to_owned(), text("earlier#")),
                ]),
                after,
                ..Query::default()
            })
            .await?;
        for item in &items {
            found.push(Fields::of(item).signed("signed")?);
        }
        after = next;
        if after.is_none() {
            break;
        }
    }
    Ok(found)
}

pub(super) async fn find_by_payload(
    store: &Store,
    payload: &PayloadDigest,
) -> Result<Option<Record>, JournalError> {
    oldest_behind(store, keys::payload(payload), |record| record.settlement.payload == *payload).await
}

pub(super) async fn find_by_transaction(
    store: &Store,
    transaction: &str,
) -> Result<Option<Record>, JournalError> {
    if transaction.len() > MAX_TRANSACTION_BYTES {
        return Ok(None);
    }
    oldest_behind(store, keys::transaction(transaction), |record| {
        let signed = record.signed.iter().chain(&record.earlier);
        record.transaction() == Some(transaction)
            || signed.into_iter().any(|signed| signed.transaction == transaction)
    })
    .await
}

/// The settlement behind a pointer that was claimed first. Pointers outlive what they say: a revised outcome may
/// have another transaction.
async fn oldest_behind(
    store: &Store,
    pointer: String,
    is_meant: impl Fn(&Record) -> bool,
) -> Result<Option<Record>, JournalError> {
    let (items, _) = store
        .query(Query {
            keys: "#pk = :partition",
            values: Item::from([(":partition".to_owned(), text(pointer))]),
            limit: Some(MAX_POINTED_TO),
            ..Query::default()
        })
        .await?;
    let mut oldest: Option<Record> = None;
    for id in items.iter().filter_map(item::pointed_to) {
        let Some(found) = get(store, &id).await?.filter(&is_meant) else { continue };
        if oldest.as_ref().is_none_or(|oldest| place(&found) < place(oldest)) {
            oldest = Some(found);
        }
    }
    Ok(oldest)
}

fn place(record: &Record) -> (u64, &str) {
    (record.created_at_ms, record.settlement.payment_id.as_str())
}

pub(super) async fn unsealed(
    store: &Store,
    owner: Owner,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Page, JournalError> {
    let limit = limit.clamp(1, MAX_PAGE);
    let mut from = after
        .map_or_else(String::new, |cursor| keys::place(cursor.created_at_ms, cursor.payment_id.as_str()));
    // The index may name settlements that were sealed or taken over a moment ago: more than a page of them is
    // passed over, so that no page that has a next one is empty. Bounded by the time that an operation has.
    loop {
        let named = names_of_unsealed(store, owner, from, limit).await?;
        let is_last = named.len() < limit;
        let Some((last_place, _)) = named.last().cloned() else { return Ok(Page::default()) };
        let records = those_still_unsealed(store, owner, &named).await?;
        if is_last {
            return Ok(Page { records, next: None });
        }
        if !records.is_empty() {
            return Ok(Page { records, next: cursor(&last_place) });
        }
        from = last_place;
    }
}

/// Places and payments of the index, at most `limit` behind `from`.
async fn names_of_unsealed(
    store: &Store,
    owner: Owner,
    from: String,
    limit: usize,
) -> Result<Vec<(String, PaymentId)>, JournalError> {
    let (items, _) = store
        .query(Query {
            index: Some(keys::UNSEALED),
            // Every place is behind "!": it begins with a digit.
            keys: "#owner = :owner AND #unsealed > :from",
            values: Item::from([
                (":owner".to_owned(), number(owner.number())),
                (":from".to_owned(), text(if from.is_empty() { "!".to_owned() } else { from })),
            ]),
            limit: Some(limit),
            ..Query::default()
        })
        .await?;
    items
        .iter()
        .map(|item| {
            let fields = Fields::of(item);
            let payment = keys::payment_of(&fields.key).ok_or_else(|| fields.corrupt("pk"))?;
            Ok((fields.text("unsealed")?, payment))
        })
        .collect()
}

/// In the order in which they were named.
async fn those_still_unsealed(
    store: &Store,
    owner: Owner,
    named: &[(String, PaymentId)],
) -> Result<Vec<Record>, JournalError> {
    // Once each: a payment that was released and claimed again may be named twice.
    let ids: BTreeSet<&PaymentId> = named.iter().map(|(_, id)| id).collect();
    let items = store.get_all(ids.into_iter().map(keys::record).collect()).await?;
    let found: HashMap<String, Item> = items.into_iter().map(|item| (Fields::of(&item).key, item)).collect();
    let mut records = Vec::with_capacity(found.len());
    for (place, id) in named {
        let Some(item) = found.get(&keys::settlement(id)) else { continue };
        let record = whole(store, item).await?;
        // Listed where it is now.
        let is_here = keys::place(record.created_at_ms, id.as_str()) == *place;
        if record.owner == owner && !record.sealed && is_here {
            records.push(record);
        }
    }
    Ok(records)
}

fn cursor(place: &str) -> Option<Cursor> {
    let (created_at_ms, payment_id) = place.split_once('#')?;
    Some(Cursor { created_at_ms: created_at_ms.parse().ok()?, payment_id: payment_id.parse().ok()? })
}
