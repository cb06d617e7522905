//! Taking a payment for settlement, and giving it up.

use std::sync::Arc;

use facilitator_journal::{Claim, JournalError, NewSettlement, Outcome, SignedBytes, State};
use facilitator_protocol::X402Version;
use futures_util::future::join_all;

use super::{Process, Store};
use crate::builders::{bring, confirmed, id, settlement, signed};

pub(crate) async fn a_claim_keeps_every_field(store: &impl Store) {
    let process = Process::start(store, "one").await;
    let journal = &process.journal;
    for (name, version) in [("v1", X402Version::V1), ("v2", X402Version::V2)] {
        let new = NewSettlement { x402_version: version, ..settlement(name) };
        assert_eq!(journal.claim(process.owner, new.clone()).await.unwrap(), Claim::Won);
        let record = process.record(&new.payment_id).await;
        assert_eq!(record.settlement, new);
        assert_eq!((record.owner, record.state, record.sealed), (process.owner, State::Claimed, false));
        assert_eq!(
            (record.signed.as_ref(), record.earlier.len(), record.outcome.as_ref(), record.transaction()),
            (None, 0, None, None)
        );
        assert!(record.created_at_ms > 0 && record.created_at_ms == record.updated_at_ms);

        // The second claim is told of the first, and leaves it as it is.
        let other = NewSettlement { fingerprint: "other".parse().unwrap(), ..new };
        let second = Process::start(store, "two").await;
        assert_eq!(
            second.journal.claim(second.owner, other).await.unwrap(),
            Claim::Existing(Box::new(record.clone()))
        );
        assert_eq!(process.record(&record.settlement.payment_id).await, record);
    }
}

pub(crate) async fn of_concurrent_claims_exactly_one_wins(store: &impl Store) {
    let processes = [Process::start(store, "one").await, Process::start(store, "two").await];
    let claims = (0..50).map(|n| {
        let process = &processes[n % 2];
        let (journal, owner) = (Arc::clone(&process.journal), process.owner);
        let fingerprint = format!("request-{n}").parse().unwrap();
        let new = NewSettlement { fingerprint, ..settlement("one") };
        tokio::spawn(
            async move { (new.fingerprint.clone(), owner, journal.claim(owner, new).await.unwrap()) },
        )
    });
    let answers: Vec<_> = join_all(claims).await.into_iter().map(Result::unwrap).collect();
    let winners: Vec<_> = answers.iter().filter(|(_, _, claim)| *claim == Claim::Won).collect();
    assert_eq!(winners.len(), 1);
    for (_, _, claim) in &answers {
        if let Claim::Existing(record) = claim {
            assert_eq!((&record.settlement.fingerprint, record.owner), (&winners[0].0, winners[0].1));
        }
    }
}

pub(crate) async fn released_payments_may_be_claimed_again(store: &impl Store) {
    let Process { journal, owner } = Process::start(store, "one").await;
    for state in [State::Claimed, State::Approved] {
        bring(&*journal, owner, "free", state).await;
        journal.release(owner, &id("free")).await.unwrap();
        assert_eq!(journal.get(&id("free")).await.unwrap(), None);
    }
    bring(&*journal, owner, "free", State::Confirmed).await;
}

pub(crate) async fn a_signed_payment_is_never_released(store: &impl Store) {
    let Process { journal, owner } = Process::start(store, "one").await;
    for state in [State::Signed, State::Broadcast, State::Confirmed, State::Failed, State::Expired] {
        let name = state.as_str();
        bring(&*journal, owner, name, state).await;
        let refused = journal.release(owner, &id(name)).await;
        assert!(
            matches!(refused, Err(JournalError::NotReleasable { state: told, .. }) if told == state),
            "{refused:?}"
        );
        assert!(journal.get(&id(name)).await.unwrap().is_some());
    }
}

pub(crate) async fn fields_out_of_bounds_are_refused(store: &impl Store) {
    let Process { journal, owner } = Process::start(store, "one").await;
    let is_out_of_range =
        |answer: &JournalError| matches!(answer, JournalError::OutOfRange { field: _, limit: _ });
    let long = "x".repeat(200 << 10);
    let new = NewSettlement { request: long.clone(), ..settlement("long") };
    assert!(is_out_of_range(&journal.claim(owner, new).await.unwrap_err()));
    assert_eq!(journal.get(&id("long")).await.unwrap(), None);

    bring(&*journal, owner, "long", State::Approved).await;
    let bad = [
        SignedBytes { bytes: long.clone().into_bytes(), ..signed("0x1") },
        SignedBytes { lane_sequence: Some(u64::MAX), ..signed("0x1") },
        signed(&long),
    ];
    for bad in bad.clone() {
        assert!(is_out_of_range(&journal.signed(owner, &id("long"), bad).await.unwrap_err()));
    }
    assert_eq!(journal.get(&id("long")).await.unwrap().unwrap().signed, None);
    journal.signed(owner, &id("long"), signed("0x1")).await.unwrap();
    for bad in bad {
        assert!(is_out_of_range(&journal.replaced(owner, &id("long"), bad).await.unwrap_err()));
    }
    assert!(is_out_of_range(&journal.finish(owner, &id("long"), confirmed(&long)).await.unwrap_err()));

    // A message is for people: it is cut, and the outcome kept.
    let message = "é".repeat(2_000);
    let outcome = Outcome::Failed { reason: "r".to_owned(), message: message.clone(), transaction: None };
    journal.finish(owner, &id("long"), outcome.clone()).await.unwrap();
    journal.finish(owner, &id("long"), outcome.clone()).await.unwrap();
    journal.revise(owner, &id("long"), outcome).await.unwrap();
    assert!(is_out_of_range(&journal.revise(owner, &id("long"), confirmed(&long)).await.unwrap_err()));
    match journal.get(&id("long")).await.unwrap().unwrap().outcome {
        Some(Outcome::Failed { message: kept, .. }) => {
            assert!(message.starts_with(&kept) && kept.len() > 900)
        }
        other => panic!("{other:?}"),
    }
}
