//! Lanes: the counter with the numbers given back is one item, each slot is another.
//!
//! While nothing was given back, handing out a number is one atomic addition that no other caller can make fail.
//! Else the lowest number is taken out of the set, on the condition that it is in there still; callers of one
//! process do that one after the other, so that they do not take it away from each other.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::{
    fault::Fault,
    item::{self, Fields},
    keys,
    questions::get,
    store::{Query, Store},
    write::{Item, Write, number, text},
};
use crate::{JournalError, LaneKey, LaneView, MAX_SLOTS, Owner, PaymentId, SignedBytes, Slot};

/// How often a number is looked for that other processes do not take first.
const MAX_RACES: usize = 32;
/// Most answers that the slots of a lane come in: one holds a megabyte, or some slot.
const MAX_ANSWERS: usize = MAX_SLOTS + 2;

pub(super) async fn reserve(store: &Store, lane: &LaneKey, floor: u64) -> Result<u64, JournalError> {
    lane.check()?;
    item::exact("floor", floor)?;
    if let Some(sequence) = next(store, lane, floor, " AND attribute_not_exists(#free)").await? {
        return Ok(sequence);
    }
    let _one_at_a_time = store.reserving.lock().await;
    for race in 0..MAX_RACES {
        let (seen, free) = counter(store, lane).await?;
        // After many lost races a number that was given back may wait: this caller may not.
        let lowest = free.range(floor..).next().filter(|_| race + 1 < MAX_RACES);
        let taken = match (lowest, seen) {
            (Some(lowest), _) => take_back_out(store, lane, *lowest).await?,
            (None, Some(seen)) if seen >= floor => next(store, lane, floor, "").await?,
            (None, seen) => raise(store, lane, seen, floor).await?,
        };
        if let Some(sequence) = taken {
            return Ok(sequence);
        }
    }
    Err(Fault::Contended { operation: "reserve", rounds: MAX_RACES }.into())
}

/// The next number, if the counter has reached the floor and `further` holds.
async fn next(store: &Store, lane: &LaneKey, floor: u64, further: &str) -> Result<Option<u64>, JournalError> {
    let write = Write::update(key(lane), "SET #next = #next + :one")
        .when(format!("#next >= :floor{further}"))
        .with("one", number(1))
        .with("floor", number(floor));
    let Some(item) = store.write(&write, ReturnValue::UpdatedOld).await? else { return Ok(None) };
    item::exact("sequence", Fields::of(&item).number("next")?).map(Some)
}

/// The floor, if the counter is below it and as it was seen.
async fn raise(
    store: &Store,
    lane: &LaneKey,
    seen: Option<u64>,
    floor: u64,
) -> Result<Option<u64>, JournalError> {
    let write = Write::update(key(lane), "SET #next = :next").with("next", number(floor + 1));
    let write = as_seen(write, seen);
    Ok(store.write(&write, ReturnValue::None).await?.map(|_| floor))
}

async fn take_back_out(store: &Store, lane: &LaneKey, lowest: u64) -> Result<Option<u64>, JournalError> {
    let write = Write::update(key(lane), "DELETE #free :number")
        .when("contains(#free, :element)")
        .with("number", set(&BTreeSet::from([lowest])))
        .with("element", number(lowest));
    Ok(store.write(&write, ReturnValue::None).await?.map(|_| lowest))
}

pub(super) async fn give_back(store: &Store, lane: &LaneKey, sequence: u64) -> Result<(), JournalError> {
    lane.check()?;
    item::exact("sequence", sequence)?;
    let write = Write::update(key(lane), "ADD #free :number")
        .when("#next > :element AND (attribute_not_exists(#free) OR contains(#free, :element) OR size(#free) < :most)")
        .with("number", set(&BTreeSet::from([sequence])))
        .with("element", number(sequence))
        .with("most", number(MAX_SLOTS as u64));
    if store.write(&write, ReturnValue::None).await?.is_some() {
        return Ok(());
    }
    // What was not handed out is not taken back; else there is no place for it, at least a moment ago.
    match counter(store, lane).await? {
        (Some(next), free) if sequence < next && !free.contains(&sequence) => Err(too_many()),
        _ => Ok(()),
    }
}

pub(super) async fn reset(
    store: &Store,
    lane: &LaneKey,
    seen: Option<u64>,
    next: u64,
    mut free: BTreeSet<u64>,
) -> Result<bool, JournalError> {
    lane.check()?;
    item::exact("next", next)?;
    if free.len() > MAX_SLOTS {
        return Err(too_many());
    }
    // What the counter will come to would be handed out twice.
    free.retain(|number| *number < next);
    let write = if free.is_empty() {
        Write::update(key(lane), "SET #next = :next REMOVE #free")
    } else {
        Write::update(key(lane), "SET #next = :next, #free = :free").with("free", set(&free))
    };
    let write = as_seen(write.with("next", number(next)), seen);
    Ok(store.write(&write, ReturnValue::None).await?.is_some())
}

pub(super) async fn view(store: &Store, lane: &LaneKey, from: u64) -> Result<LaneView, JournalError> {
    lane.check()?;
    let mut view = LaneView::default();
    if let Some(item) = store.get(key(lane)).await? {
        (view.next, view.free) = read_counter(&item)?;
    }
    let mut after = None;
    for _ in 0..MAX_ANSWERS {
        let (items, next) = store
            .query(Query {
                keys: "#pk = :lane AND #sk BETWEEN :lowest AND :highest",
                values: Item::from([
                    (":lane".to_owned(), text(partition(lane))),
                    (":lowest".to_owned(), text(keys::slot_name(from))),
                    (":highest".to_owned(), text(keys::slot_name(u64::MAX))),
                ]),
                limit: Some(MAX_SLOTS),
                after,
                ..Query::default()
            })
            .await?;
        for item in &items {
            if view.slots.len() < MAX_SLOTS {
                view.slots.push(read_slot(item)?);
            }
        }
        after = next;
        if after.is_none() || view.slots.len() == MAX_SLOTS {
            break;
        }
    }
    Ok(view)
}

pub(super) async fn fill(
    store: &Store,
    owner: Owner,
    lane: &LaneKey,
    filler: &SignedBytes,
    instead_of: Option<&PaymentId>,
) -> Result<(), JournalError> {
    lane.check()?;
    filler.check()?;
    let no_number = JournalError::OutOfRange { field: "lane_sequence", limit: i64::MAX as u64 };
    let sequence = item::exact("lane_sequence", filler.lane_sequence.ok_or(no_number)?)?;
    if filler.signer != lane.signer {
        return Err(JournalError::OutOfRange { field: "signer", limit: lane.signer.len() as u64 });
    }
    let write = |condition: &str| {
        let slot = keys::slot(partition(lane), sequence);
        Write::update(slot, "SET #sequence = :sequence, #filler = :filler, #owner = :owner")
            .when(condition)
            .with("sequence", number(sequence))
            .with("filler", item::signed(filler))
            .with("owner", number(owner.number()))
    };
    if store.write(&write("attribute_not_exists(#payment)"), ReturnValue::None).await?.is_some() {
        return Ok(());
    }
    // What has ended stays ended, and its slots are its own until it is sealed: that it has ended may be read first.
    if let Some(payment) = instead_of
        && get(store, payment).await?.is_some_and(|record| record.state.is_final())
    {
        let write = write("#payment = :payment").with("payment", text(payment.as_str()));
        if store.write(&write, ReturnValue::None).await?.is_some() {
            return Ok(());
        }
    }
    Err(JournalError::SequenceTaken { network: lane.network.clone(), signer: lane.signer.clone(), sequence })
}

pub(super) async fn forget_fillers(store: &Store, lane: &LaneKey, below: u64) -> Result<(), JournalError> {
    lane.check()?;
    let Some(highest) = below.checked_sub(1) else { return Ok(()) };
    let mut after = None;
    for _ in 0..MAX_ANSWERS {
        let (items, next) = store
            .query(Query {
                keys: "#pk = :lane AND #sk BETWEEN :lowest AND :highest",
                filter: Some("attribute_not_exists(#payment)"),
                attributes: Some("#pk, #sk, #sequence"),
                values: Item::from([
                    (":lane".to_owned(), text(partition(lane))),
                    (":lowest".to_owned(), text(keys::slot_name(0))),
                    (":highest".to_owned(), text(keys::slot_name(highest))),
                ]),
                after,
                ..Query::default()
            })
            .await?;
        for item in &items {
            let slot = keys::slot(partition(lane), Fields::of(item).number("sequence")?);
            let delete = Write::delete(slot).when("attribute_not_exists(#payment)");
            store.write(&delete, ReturnValue::None).await?;
        }
        after = next;
        if after.is_none() {
            return Ok(());
        }
    }
    Ok(())
}

fn partition(lane: &LaneKey) -> String {
    keys::lane(&lane.network, &lane.signer)
}

fn key(lane: &LaneKey) -> super::write::Key {
    keys::counter_of_lane(partition(lane))
}

/// On the condition that the counter is as it was seen.
fn as_seen(write: Write, seen: Option<u64>) -> Write {
    match seen {
        None => write.when("attribute_not_exists(#next)"),
        Some(seen) => write.when("#next = :seen").with("seen", number(seen)),
    }
}

async fn counter(store: &Store, lane: &LaneKey) -> Result<(Option<u64>, BTreeSet<u64>), JournalError> {
    store.get(key(lane)).await?.map_or(Ok((None, BTreeSet::new())), |item| read_counter(&item))
}

fn read_counter(item: &Item) -> Result<(Option<u64>, BTreeSet<u64>), JournalError> {
    let fields = Fields::of(item);
    let free = match fields.value("free") {
        None => BTreeSet::new(),
        Some(AttributeValue::Ns(numbers)) => {
            let numbers = numbers.iter().map(|number| number.parse().map_err(|_| fields.corrupt("free")));
            numbers.collect::<Result<_, _>>()?
        }
        Some(_) => return Err(fields.corrupt("free")),
    };
    Ok((fields.optional_number("next")?, free))
}

fn read_slot(item: &Item) -> Result<Slot, JournalError> {
    let fields = Fields::of(item);
    Ok(Slot {
        sequence: fields.number("sequence")?,
        payment: fields.value("payment").map(|_| fields.parsed("payment")).transpose()?,
        filler: fields.value("filler").map(|_| fields.signed("filler")).transpose()?,
        owner: Owner::from_number(fields.number("owner")?),
    })
}

fn set(numbers: &BTreeSet<u64>) -> AttributeValue {
    AttributeValue::Ns(numbers.iter().map(u64::to_string).collect())
}

fn too_many() -> JournalError {
    JournalError::OutOfRange { field: "free", limit: MAX_SLOTS as u64 }
}
