//! The way of a settlement: each move is one write, or several of which all are made or none.
//!
//! Every write is conditional on the owner and on the state that the move starts from, so it does not matter what
//! happened since they were read. A write that is refused is explained by reading the record again: it belongs
//! to another owner, the move is no edge, or it was made before, by a request whose answer was lost.

use super::{
    fault::Fault,
    item, keys,
    questions::{get, whole},
    store::{Store, Written},
    write::{Key, Write, number, text},
};
use aws_sdk_dynamodb::types::ReturnValue;

use crate::{Claim, JournalError, NewSettlement, Outcome, Owner, PaymentId, Record, State};

/// How often a move is explained or tried again while others change the same record. Records have one owner, so
/// that takes take-overs in quick succession.
pub(super) const MAX_ROUNDS: usize = 5;

pub(super) async fn claim(store: &Store, owner: Owner, new: &NewSettlement) -> Result<Claim, JournalError> {
    for _ in 0..MAX_ROUNDS {
        let record = item::claimed(new, owner, store.now_ms()).when("attribute_not_exists(#pk)");
        let pointer = keys::pointer(keys::payload(&new.payload), &new.payment_id);
        match store.write_all(vec![record, Write::put(pointer, [])]).await? {
            Written::All => return Ok(Claim::Won),
            Written::None(_) => {
                // It may have been released since.
                if let Some(record) = get(store, &new.payment_id).await? {
                    return Ok(Claim::Existing(Box::new(record)));
                }
            }
        }
    }
    Err(contended("claim"))
}

/// A move that writes nothing but the state.
pub(super) async fn advance(
    store: &Store,
    owner: Owner,
    id: &PaymentId,
    to: State,
) -> Result<(), JournalError> {
    for _ in 0..MAX_ROUNDS {
        let write = moved(store, owner, id, to, "SET #state = :to, #updated_at_ms = :now");
        if store.write(&write, ReturnValue::None).await?.is_some() {
            return Ok(());
        }
        let record = owned(store, owner, id).await?;
        if record.state == to {
            return Ok(());
        }
        check(&record, record.state.may_become(to), to)?;
    }
    Err(contended("move"))
}

pub(super) async fn finish(
    store: &Store,
    owner: Owner,
    id: &PaymentId,
    outcome: &Outcome,
) -> Result<(), JournalError> {
    let to = outcome.state();
    for _ in 0..MAX_ROUNDS {
        let write =
            moved(store, owner, id, to, "SET #state = :to, #updated_at_ms = :now, #outcome = :outcome");
        if write_outcome(store, write, id, outcome).await? {
            return Ok(());
        }
        let record = owned(store, owner, id).await?;
        if record.outcome.as_ref() == Some(outcome) {
            return Ok(());
        }
        check(&record, record.state.may_become(to), to)?;
    }
    Err(contended("finish"))
}

pub(super) async fn revise(
    store: &Store,
    owner: Owner,
    id: &PaymentId,
    outcome: &Outcome,
) -> Result<(), JournalError> {
    let to = outcome.state();
    for _ in 0..MAX_ROUNDS {
        let record = owned(store, owner, id).await?;
        if record.outcome.as_ref() == Some(outcome) {
            return Ok(());
        }
        check(&record, record.state.may_be_revised_to(to) && !record.sealed, to)?;
        let write = as_read(
            store,
            &record,
            "SET #state = :to, #updated_at_ms = :now, #outcome = :outcome",
            " AND #outcome = :before",
        );
        let before = record.outcome.as_ref().map(item::outcome).unwrap_or_else(|| text(""));
        let write = write.with("to", text(to.as_str())).with("before", before);
        if write_outcome(store, write, id, outcome).await? {
            return Ok(());
        }
    }
    Err(contended("revise"))
}

/// The write of an outcome, and with it the pointer from its transaction.
async fn write_outcome(
    store: &Store,
    write: Write,
    id: &PaymentId,
    outcome: &Outcome,
) -> Result<bool, JournalError> {
    let write = write.with("outcome", item::outcome(outcome));
    let transaction = match outcome {
        Outcome::Confirmed { transaction, .. } => Some(transaction),
        Outcome::Failed { transaction, .. } => transaction.as_ref(),
        Outcome::Expired { .. } => None,
    };
    match transaction {
        None => Ok(store.write(&write, ReturnValue::None).await?.is_some()),
        Some(transaction) => {
            let pointer = Write::put(keys::pointer(keys::transaction(transaction), id), []);
            Ok(store.write_all(vec![write, pointer]).await? == Written::All)
        }
    }
}

pub(super) async fn release(store: &Store, owner: Owner, id: &PaymentId) -> Result<(), JournalError> {
    for _ in 0..MAX_ROUNDS {
        let record = owned(store, owner, id).await?;
        if !record.state.is_releasable() {
            return Err(JournalError::NotReleasable { payment_id: id.clone(), state: record.state });
        }
        // The place tells it from the same payment claimed once more.
        let delete = Write::delete(keys::record(id))
            .when("#owner = :owner AND #state = :from AND #unsealed = :place")
            .with("owner", number(owner.number()))
            .with("from", text(record.state.as_str()))
            .with("place", text(keys::place(record.created_at_ms, id.as_str())));
        let pointer = keys::pointer(keys::payload(&record.settlement.payload), id);
        if store.write_all(vec![delete, Write::delete(pointer)]).await? == Written::All {
            return Ok(());
        }
    }
    Err(contended("release"))
}

pub(super) async fn take_over(
    store: &Store,
    id: &PaymentId,
    from: Owner,
    to: Owner,
) -> Result<Option<Record>, JournalError> {
    for _ in 0..MAX_ROUNDS {
        let write = Write::update(keys::record(id), "SET #owner = :to")
            .when("#owner = :from")
            .with("from", number(from.number()))
            .with("to", number(to.number()));
        if let Some(item) = store.write(&write, ReturnValue::AllNew).await? {
            return Ok(Some(whole(store, &item).await?));
        }
        match get(store, id).await? {
            None => return Ok(None),
            Some(record) if record.owner == to => return Ok(Some(record)),
            Some(record) if record.owner != from => return Ok(None),
            Some(_) => {}
        }
    }
    Err(contended("take over"))
}

/// An update to `to`, from every state that may become it.
fn moved(store: &Store, owner: Owner, id: &PaymentId, to: State, expression: &str) -> Write {
    let from: Vec<State> = State::ALL.into_iter().filter(|from| from.may_become(to)).collect();
    let names: Vec<String> = from.iter().map(|state| format!(":{state}")).collect();
    let write = Write::update(keys::record(id), expression)
        .when(format!("#owner = :owner AND #state IN ({})", names.join(", ")))
        .with("owner", number(owner.number()))
        .with("to", text(to.as_str()))
        .with("now", number(store.now_ms()));
    from.into_iter().fold(write, |write, state| write.with(state.as_str(), text(state.as_str())))
}

/// An update of a record that is as it was read, not sealed, and fulfils `further`.
pub(super) fn as_read(store: &Store, record: &Record, expression: &str, further: &str) -> Write {
    let key: Key = keys::record(&record.settlement.payment_id);
    Write::update(key, expression)
        .when(format!("#owner = :owner AND #state = :from AND attribute_exists(#unsealed){further}"))
        .with("owner", number(record.owner.number()))
        .with("from", text(record.state.as_str()))
        .with("now", number(store.now_ms()))
}

/// The record, if it is the caller's.
pub(super) async fn owned(store: &Store, owner: Owner, id: &PaymentId) -> Result<Record, JournalError> {
    let record = get(store, id).await?.ok_or_else(|| JournalError::NotFound { payment_id: id.clone() })?;
    if record.owner == owner {
        Ok(record)
    } else {
        Err(JournalError::Fenced { payment_id: id.clone(), owner: record.owner })
    }
}

pub(super) fn check(record: &Record, is_legal: bool, to: State) -> Result<(), JournalError> {
    if is_legal {
        Ok(())
    } else {
        let payment_id = record.settlement.payment_id.clone();
        Err(JournalError::IllegalTransition { payment_id, from: record.state, to })
    }
}

pub(super) fn contended(operation: &'static str) -> JournalError {
    Fault::Contended { operation, rounds: MAX_ROUNDS }.into()
}
