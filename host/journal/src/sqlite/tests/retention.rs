//! What is purged, and how much of lanes is told.

use super::*;
use crate::{IdempotencyKey, MAX_SLOTS, Remembered};

const KEEP_MS: u64 = 3_600_000;

/// Brings a payment to its end, with bytes for a number of its own.
async fn settle(journal: &SqliteJournal, name: &str, number: u64) -> PaymentId {
    let id: PaymentId = name.parse().unwrap();
    journal.claim(OWNER, new(name)).await.unwrap();
    journal.approved(OWNER, &id).await.unwrap();
    journal.signed(OWNER, &id, bytes(&format!("0x{name}"), number)).await.unwrap();
    journal.replaced(OWNER, &id, bytes(&format!("0x{name}-2"), number)).await.unwrap();
    journal.finish(OWNER, &id, failed()).await.unwrap();
    id
}

#[tokio::test]
async fn sealed_settlements_and_keys_are_forgotten_once_they_are_old() {
    let (_directory, path) = directory();
    let now = Arc::new(AtomicU64::new(1_000));
    let journal = open_at(&path, &now);
    let key: IdempotencyKey = "key".parse().unwrap();
    journal.remember(&key, &"first".parse().unwrap()).await.unwrap();
    let old = settle(&journal, "old", 5).await;
    journal.seal(OWNER, &old).await.unwrap();
    let open = settle(&journal, "open", 6).await;

    now.store(1_000 + KEEP_MS, Ordering::SeqCst);
    let young = settle(&journal, "young", 7).await;
    journal.seal(OWNER, &young).await.unwrap();
    assert_eq!(journal.purge().await.unwrap(), 0);
    now.fetch_add(1, Ordering::SeqCst);
    assert_eq!(journal.purge().await.unwrap(), 2);
    assert_eq!(journal.purge().await.unwrap(), 0);
    assert_eq!(journal.get(&old).await.unwrap(), None);
    for transaction in ["0xold", "0xold-2"] {
        assert_eq!(journal.find_by_transaction(transaction).await.unwrap(), None);
    }
    assert!(journal.get(&open).await.unwrap().is_some_and(|record| record.earlier.len() == 1));
    let second = "second".parse().unwrap();
    assert_eq!(journal.remember(&key, &second).await.unwrap(), Remembered::New);

    // Sealed late, and kept from then on.
    journal.seal(OWNER, &open).await.unwrap();
    assert_eq!(journal.purge().await.unwrap(), 0);
    now.fetch_add(KEEP_MS + 1, Ordering::SeqCst);
    assert_eq!(journal.purge().await.unwrap(), 3);
    for id in [&open, &young] {
        assert_eq!(journal.get(id).await.unwrap(), None);
    }
    // The payment may be tried again, and nothing is left of the first time.
    assert_eq!(settle(&journal, "open", 6).await, open);
    assert_eq!(journal.get(&open).await.unwrap().unwrap().earlier.len(), 1);
}

#[tokio::test]
async fn one_call_forgets_a_bounded_part() {
    let (_directory, path) = directory();
    let now = Arc::new(AtomicU64::new(1_000));
    let journal = open_at(&path, &now);
    let claims = (0..510).map(|n| {
        let (journal, name) = (&journal, format!("p{n}"));
        async move {
            let id: PaymentId = name.parse().unwrap();
            journal.claim(OWNER, new(&name)).await?;
            journal.finish(OWNER, &id, failed()).await?;
            journal.seal(OWNER, &id).await?;
            journal.remember(&name.parse().unwrap(), &"request".parse().unwrap()).await
        }
    });
    join_all(claims).await.into_iter().for_each(|kept| assert_eq!(kept.unwrap(), Remembered::New));
    now.fetch_add(KEEP_MS + 1, Ordering::SeqCst);
    for count in [500, 500, 20, 0] {
        assert_eq!(journal.purge().await.unwrap(), count);
    }
}

/// A time before the beginning of time: nothing is old.
#[tokio::test]
async fn a_clock_that_went_back_purges_nothing() {
    let (_directory, path) = directory();
    let now = Arc::new(AtomicU64::new(u64::MAX));
    let journal = open_at(&path, &now);
    let id = settle(&journal, "p", 5).await;
    journal.seal(OWNER, &id).await.unwrap();
    now.store(0, Ordering::SeqCst);
    assert_eq!(journal.purge().await.unwrap(), 0);
    assert!(journal.get(&id).await.unwrap().is_some());
}

#[tokio::test]
async fn of_many_slots_the_lowest_are_told() {
    let (_directory, path) = directory();
    let journal = open(&path).unwrap();
    let most = MAX_SLOTS as u64;
    let (lane, journal) = (&lane(), &journal);
    let fills = (0..most + 10).rev().map(|n| journal.fill(OWNER, lane, bytes("0xfill", n), None));
    join_all(fills).await.into_iter().for_each(Result::unwrap);
    let slots = journal.lane(lane, 0).await.unwrap().slots;
    assert!(slots.iter().map(|slot| slot.sequence).eq(0..most));
    journal.forget_fillers(lane, 10).await.unwrap();
    let slots = journal.lane(lane, 0).await.unwrap().slots;
    assert!(slots.iter().map(|slot| slot.sequence).eq(10..most + 10));
}
