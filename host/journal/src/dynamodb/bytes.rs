//! Bytes that are signed for a payment: the record, the slot of their number and the pointer from their hash are
//! written together, and given up together when the payment is sealed.

use std::collections::BTreeSet;

use super::{
    item, keys,
    moves::{MAX_ROUNDS, as_read, check, contended, owned},
    store::{Store, Written},
    write::{Write, number, text},
};
use crate::{JournalError, MAX_EARLIER, Owner, PaymentId, Record, SignedBytes, State};

pub(super) async fn signed(
    store: &Store,
    owner: Owner,
    id: &PaymentId,
    signed: &SignedBytes,
) -> Result<(), JournalError> {
    checked_sequence(signed)?;
    for _ in 0..MAX_ROUNDS {
        let record = owned(store, owner, id).await?;
        if record.state == State::Signed && record.signed.as_ref() == Some(signed) {
            return Ok(());
        }
        check(&record, record.state.may_become(State::Signed), State::Signed)?;
        let write = as_read(
            store,
            &record,
            "SET #state = :to, #updated_at_ms = :now, #signed = :signed",
            " AND attribute_not_exists(#signed)",
        )
        .with("to", text(State::Signed.as_str()))
        .with("signed", item::signed(signed));
        if write_bytes(store, &record, write, signed).await? {
            return Ok(());
        }
    }
    Err(contended("sign"))
}

pub(super) async fn replaced(
    store: &Store,
    owner: Owner,
    id: &PaymentId,
    signed: &SignedBytes,
) -> Result<(), JournalError> {
    checked_sequence(signed)?;
    for _ in 0..MAX_ROUNDS {
        let record = owned(store, owner, id).await?;
        check(&record, record.state.may_be_replaced() && !record.sealed, State::Signed)?;
        let Some(before) = &record.signed else {
            return Err(JournalError::Corrupt { payment_id: id.to_string(), field: "signed" });
        };
        if before == signed {
            return Ok(());
        }
        let index = record.earlier.len();
        if index >= MAX_EARLIER {
            return Err(JournalError::OutOfRange { field: "earlier", limit: MAX_EARLIER as u64 });
        }
        // Their number is as it was read, too: two replacements at once do not lose one of them.
        let write = as_read(
            store,
            &record,
            "SET #updated_at_ms = :now, #signed = :signed, #earlier = :more",
            " AND #earlier = :earlier",
        )
        .with("signed", item::signed(signed))
        .with("earlier", number(index as u64))
        .with("more", number(index as u64 + 1));
        let kept = Write::put(keys::earlier(id, index), [("signed", item::signed(before))]);
        if write_bytes_and(store, &record, write, signed, Some(kept)).await? {
            return Ok(());
        }
    }
    Err(contended("replace"))
}

async fn write_bytes(
    store: &Store,
    record: &Record,
    write: Write,
    signed: &SignedBytes,
) -> Result<bool, JournalError> {
    write_bytes_and(store, record, write, signed, None).await
}

/// Writes to the record, takes the slot and points from the hash. False if the record has changed.
async fn write_bytes_and(
    store: &Store,
    record: &Record,
    write: Write,
    signed: &SignedBytes,
    further: Option<Write>,
) -> Result<bool, JournalError> {
    let id = &record.settlement.payment_id;
    let network = &record.settlement.network;
    // The slot comes second: see below.
    let mut writes = vec![write];
    writes.extend(signed.lane_sequence.map(|sequence| {
        Write::update(
            keys::slot(keys::lane(network, &signed.signer), sequence),
            "SET #sequence = :sequence, #payment = :payment, #owner = :owner",
        )
        .when("attribute_not_exists(#pk) OR #payment = :payment")
        .with("sequence", number(sequence))
        .with("payment", text(id.as_str()))
        .with("owner", number(record.owner.number()))
    }));
    writes.push(Write::put(keys::pointer(keys::transaction(&signed.transaction), id), []));
    writes.extend(further);
    match (store.write_all(writes).await?, signed.lane_sequence) {
        (Written::All, _) => Ok(true),
        // The record was as it was read, and the slot was another's.
        (Written::None(refused), Some(sequence)) if refused.first() == Some(&false) => {
            let (network, signer) = (network.clone(), signed.signer.clone());
            Err(JournalError::SequenceTaken { network, signer, sequence })
        }
        (Written::None(_), _) => Ok(false),
    }
}

fn checked_sequence(signed: &SignedBytes) -> Result<(), JournalError> {
    signed.lane_sequence.map_or(Ok(0), |sequence| item::exact("lane_sequence", sequence)).map(|_| ())
}

pub(super) async fn seal(store: &Store, owner: Owner, id: &PaymentId) -> Result<(), JournalError> {
    for _ in 0..MAX_ROUNDS {
        let record = owned(store, owner, id).await?;
        if record.sealed {
            return Ok(());
        }
        check(&record, record.state.is_final(), record.state)?;
        let expiry = number(store.expiry());
        let write = as_read(
            store,
            &record,
            "SET #updated_at_ms = :now, #ttl = :expiry REMOVE #unsealed",
            // With the pointers that are written below.
            " AND #outcome = :outcome",
        )
        .with("expiry", expiry.clone())
        .with("outcome", record.outcome.as_ref().map_or_else(|| text(""), item::outcome));
        let mut writes = vec![write];
        writes.push(Write::put(
            keys::pointer(keys::payload(&record.settlement.payload), id),
            [("ttl", expiry.clone())],
        ));
        for transaction in transactions(&record) {
            let pointer = keys::pointer(keys::transaction(transaction), id);
            writes.push(Write::put(pointer, [("ttl", expiry.clone())]));
        }
        for index in 0..record.earlier.len() {
            let kept = Write::update(keys::earlier(id, index), "SET #ttl = :expiry");
            writes.push(kept.with("expiry", expiry.clone()));
        }
        for (signer, sequence) in slots(&record) {
            let slot = keys::slot(keys::lane(&record.settlement.network, signer), sequence);
            let slot = Write::delete(slot).when("attribute_not_exists(#pk) OR #payment = :payment");
            writes.push(slot.with("payment", text(id.as_str())));
        }
        if store.write_all(writes).await? == Written::All {
            return Ok(());
        }
    }
    Err(contended("seal"))
}

/// Hashes that lead to the record.
fn transactions(record: &Record) -> BTreeSet<&str> {
    let signed = record.signed.iter().chain(&record.earlier).map(|signed| signed.transaction.as_str());
    signed.chain(record.transaction()).collect()
}

/// Numbers that the payment has taken.
fn slots(record: &Record) -> BTreeSet<(&str, u64)> {
    let signed = record.signed.iter().chain(&record.earlier);
    signed.filter_map(|signed| Some((signed.signer.as_str(), signed.lane_sequence?))).collect()
}
