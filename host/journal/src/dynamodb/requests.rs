//! Names that clients give to their requests.

use aws_sdk_dynamodb::types::ReturnValue;

use super::{
    item::Fields,
    keys,
    moves::{MAX_ROUNDS, contended},
    store::Store,
    write::{Write, number, text},
};
use crate::{Fingerprint, IdempotencyKey, JournalError, Remembered};

pub(super) async fn remember(
    store: &Store,
    key: &IdempotencyKey,
    request: &Fingerprint,
) -> Result<Remembered, JournalError> {
    for _ in 0..MAX_ROUNDS {
        // What is over the time may be there still: the store takes its time to forget.
        let attributes = [("fingerprint", text(request.as_str())), ("ttl", number(store.expiry()))];
        let write = Write::put(keys::idempotency(key), attributes)
            .when("attribute_not_exists(#pk) OR #ttl < :now")
            .with("now", number(store.now_ms() / 1000));
        if store.write(&write, ReturnValue::None).await?.is_some() {
            return Ok(Remembered::New);
        }
        if let Some(first) = recall(store, key).await? {
            return Ok(if first == *request { Remembered::Same } else { Remembered::Other(first) });
        }
    }
    Err(contended("remember"))
}

/// Tells also what the store is late to forget.
pub(super) async fn recall(store: &Store, key: &IdempotencyKey) -> Result<Option<Fingerprint>, JournalError> {
    let Some(item) = store.get(keys::idempotency(key)).await? else { return Ok(None) };
    Fields::of(&item).parsed("fingerprint").map(Some)
}
