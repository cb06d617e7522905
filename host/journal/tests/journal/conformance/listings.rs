//! Finding records again, and what is kept of requests.

use std::sync::Arc;

use facilitator_journal::{Fingerprint, IdempotencyKey, Journal, Owner, Remembered, State};
use futures_util::future::join_all;

use super::{Process, Store};
use crate::builders::{bring, confirmed, id, settlement};

pub(crate) async fn a_payload_leads_to_its_settlement(store: &impl Store) {
    let Process { journal, owner } = Process::start(store, "one").await;
    bring(&*journal, owner, "x", State::Claimed).await;
    bring(&*journal, owner, "y", State::Confirmed).await;
    for payment in ["x", "y"] {
        let payload = settlement(payment).payload;
        let record = journal.find_by_payload(&payload).await.unwrap().unwrap();
        assert_eq!(record.settlement.payment_id, id(payment));
    }
    journal.release(owner, &id("x")).await.unwrap();
    for gone in ["x", "z"] {
        assert_eq!(journal.find_by_payload(&settlement(gone).payload).await.unwrap(), None);
    }
}

pub(crate) async fn a_transaction_leads_to_its_settlement(store: &impl Store) {
    let Process { journal, owner } = Process::start(store, "one").await;
    bring(&*journal, owner, "x", State::Signed).await;
    bring(&*journal, owner, "y", State::Broadcast).await;
    journal.finish(owner, &id("y"), confirmed("0xfront-run")).await.unwrap();
    for (transaction, payment) in [("0xtx-x", "x"), ("0xtx-y", "y"), ("0xfront-run", "y")] {
        let record = journal.find_by_transaction(transaction).await.unwrap().unwrap();
        assert_eq!(record.settlement.payment_id, id(payment), "{transaction}");
    }
    assert_eq!(journal.find_by_transaction("0xtx").await.unwrap(), None);
    // Sealed settlements are found too.
    journal.seal(owner, &id("y")).await.unwrap();
    assert!(journal.find_by_transaction("0xtx-y").await.unwrap().unwrap().sealed);
}

/// Names of the unsealed settlements, in pages of `limit`.
async fn unsealed(journal: &dyn Journal, owner: Owner, limit: usize) -> Vec<String> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = journal.unsealed(owner, after, limit).await.unwrap();
        assert!(page.records.len() <= limit);
        assert!(page.records.iter().all(|record| record.owner == owner && !record.sealed));
        found.extend(page.records.iter().map(|record| record.settlement.payment_id.to_string()));
        match page.next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

pub(crate) async fn unsealed_settlements_come_in_order_of_their_claims(store: &impl Store) {
    let Process { journal, owner } = Process::start(store, "one").await;
    for n in 0..14 {
        bring(&*journal, owner, &format!("open-{n:02}"), State::ALL[n % State::ALL.len()]).await;
    }
    for state in [State::Confirmed, State::Failed, State::Expired] {
        bring(&*journal, owner, state.as_str(), state).await;
        journal.seal(owner, &id(state.as_str())).await.unwrap();
    }
    let expected: Vec<_> = (0..14).map(|n| format!("open-{n:02}")).collect();
    for limit in [5, 7, 100] {
        assert_eq!(unsealed(&*journal, owner, limit).await, expected);
    }
    assert_eq!(journal.unsealed(owner, None, 0).await.unwrap().records.len(), 1, "a page holds something");
}

pub(crate) async fn unsealed_settlements_are_listed_by_owner(store: &impl Store) {
    let (one, two) = (Process::start(store, "one").await, Process::start(store, "two").await);
    for (name, process) in [("a", &one), ("b", &two), ("c", &one), ("d", &two)] {
        bring(&*process.journal, process.owner, name, State::Broadcast).await;
    }
    two.journal.take_over(&id("c"), one.owner, two.owner).await.unwrap();
    assert_eq!(unsealed(&*one.journal, one.owner, 10).await, ["a"]);
    assert_eq!(unsealed(&*one.journal, two.owner, 10).await, ["b", "c", "d"]);
    assert_eq!(unsealed(&*one.journal, Owner::from_number(0), 10).await, [""; 0]);
}

fn key(text: &str) -> IdempotencyKey {
    text.parse().unwrap()
}

fn request(text: &str) -> Fingerprint {
    text.parse().unwrap()
}

pub(crate) async fn an_idempotency_key_stands_for_its_first_request(store: &impl Store) {
    let (one, two) = (store.journal().await, store.journal().await);
    assert_eq!(one.recall(&key("k")).await.unwrap(), None);
    assert_eq!(one.remember(&key("k"), &request("first")).await.unwrap(), Remembered::New);
    for journal in [&one, &two] {
        assert_eq!(journal.remember(&key("k"), &request("first")).await.unwrap(), Remembered::Same);
        let other = journal.remember(&key("k"), &request("second")).await.unwrap();
        assert_eq!(other, Remembered::Other(request("first")));
        assert_eq!(journal.recall(&key("k")).await.unwrap(), Some(request("first")));
    }
    assert_eq!(two.remember(&key("l"), &request("second")).await.unwrap(), Remembered::New);
}

pub(crate) async fn of_concurrent_requests_with_one_key_exactly_one_is_new(store: &impl Store) {
    let journals = [store.journal().await, store.journal().await];
    let all = (0..20).map(|n| {
        let journal = Arc::clone(&journals[n % 2]);
        tokio::spawn(async move {
            let request = request(&format!("request-{n}"));
            (journal.remember(&key("k"), &request).await.unwrap(), request)
        })
    });
    let answers: Vec<_> = join_all(all).await.into_iter().map(Result::unwrap).collect();
    let new: Vec<_> = answers.iter().filter(|(told, _)| *told == Remembered::New).collect();
    assert_eq!(new.len(), 1);
    for (told, _) in answers.iter().filter(|(told, _)| *told != Remembered::New) {
        assert_eq!(*told, Remembered::Other(new[0].1.clone()));
    }
}

pub(crate) async fn nothing_young_or_unsealed_is_purged(store: &impl Store) {
    let process = Process::start(store, "one").await;
    let (journal, owner) = (&process.journal, process.owner);
    for state in State::ALL {
        bring(&**journal, owner, state.as_str(), state).await;
    }
    journal.seal(owner, &id("confirmed")).await.unwrap();
    journal.remember(&key("k"), &request("first")).await.unwrap();
    assert_eq!(journal.purge().await.unwrap(), 0);
    for state in State::ALL {
        assert_eq!(process.record(&id(state.as_str())).await.state, state);
    }
    assert_eq!(journal.remember(&key("k"), &request("first")).await.unwrap(), Remembered::Same);
    journal.renew_lease(owner).await.unwrap();
}
