//! What every backend of the journal must do. `conformance!(open)` makes one test of each check, on a
//! journal of its own from `open`.

use std::sync::Arc;

use facilitator_journal::{Claim, Journal, JournalError, NewSettlement, Outcome, SignedBytes, State};
use facilitator_protocol::X402Version;
use futures_util::future::join_all;

use crate::builders::{bring, confirmed, expired, failed, id, outcome_of, settlement, signed};

macro_rules! conformance {
    ($open:path: $($check:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                let (journal, _guard) = $open();
                $crate::conformance::$check(journal).await;
            }
        )*
    };
    ($open:path) => {
        $crate::conformance::conformance!($open:
            a_claim_keeps_every_field,
            of_concurrent_claims_exactly_one_wins,
            concurrent_settlements_do_not_disturb_each_other,
            every_illegal_move_is_refused_and_changes_nothing,
            repeating_a_move_is_no_error,
            other_bytes_or_another_outcome_are_refused,
            released_payments_may_be_claimed_again,
            a_signed_payment_is_never_released,
            an_unknown_payment_is_not_found,
            outcomes_are_told_again_as_they_were,
            a_payload_leads_to_its_settlement,
            a_transaction_leads_to_its_settlement,
            unfinished_settlements_come_in_order_of_their_claims,
            fields_out_of_bounds_are_refused,
        );
    };
}
pub(crate) use conformance;

type Shared = Arc<dyn Journal>;

pub(crate) async fn a_claim_keeps_every_field(journal: Shared) {
    for (name, version) in [("v1", X402Version::V1), ("v2", X402Version::V2)] {
        let new = NewSettlement { x402_version: version, ..settlement(name) };
        assert_eq!(journal.claim(new.clone()).await.unwrap(), Claim::Won);
        let record = journal.get(&new.payment_id).await.unwrap().unwrap();
        assert_eq!(record.settlement, new);
        assert_eq!(record.state, State::Claimed);
        assert_eq!(
            (record.signed.as_ref(), record.outcome.as_ref(), record.transaction()),
            (None, None, None)
        );
        assert!(record.created_at_ms > 0 && record.created_at_ms == record.updated_at_ms);

        // The second claim is told of the first, and leaves it as it is.
        let other = NewSettlement { fingerprint: "other".parse().unwrap(), ..new };
        assert_eq!(journal.claim(other).await.unwrap(), Claim::Existing(Box::new(record)));
    }
}

pub(crate) async fn of_concurrent_claims_exactly_one_wins(journal: Shared) {
    let claims = (0..50).map(|n| {
        let journal = Arc::clone(&journal);
        let fingerprint = format!("request-{n}").parse().unwrap();
        let new = NewSettlement { fingerprint, ..settlement("one") };
        tokio::spawn(async move { (new.fingerprint.clone(), journal.claim(new).await.unwrap()) })
    });
    let answers: Vec<_> = join_all(claims).await.into_iter().map(Result::unwrap).collect();
    let winners: Vec<_> = answers.iter().filter(|(_, claim)| *claim == Claim::Won).collect();
    assert_eq!(winners.len(), 1);
    for (_, claim) in &answers {
        if let Claim::Existing(record) = claim {
            assert_eq!(record.settlement.fingerprint, winners[0].0);
        }
    }
}

pub(crate) async fn concurrent_settlements_do_not_disturb_each_other(journal: Shared) {
    // Each even one is settled, each odd one is refused a move while the others commit.
    let all = (0..64).map(|n| {
        let journal = Arc::clone(&journal);
        tokio::spawn(async move {
            let name = format!("payment-{n:02}");
            if n % 2 == 0 {
                bring(&*journal, &name, State::Confirmed).await;
            } else {
                bring(&*journal, &name, State::Claimed).await;
                journal.broadcast(&id(&name)).await.unwrap_err();
                journal.finish(&id(&name), confirmed("0xnever")).await.unwrap_err();
            }
        })
    });
    join_all(all).await.into_iter().for_each(Result::unwrap);
    for n in 0..64 {
        let record = journal.get(&id(&format!("payment-{n:02}"))).await.unwrap().unwrap();
        assert_eq!(record.state, if n % 2 == 0 { State::Confirmed } else { State::Claimed });
    }
}

pub(crate) async fn every_illegal_move_is_refused_and_changes_nothing(journal: Shared) {
    for from in State::ALL {
        for to in State::ALL.into_iter().filter(|to| *to != State::Claimed && *to != from) {
            let name = format!("{from}-{to}");
            bring(&*journal, &name, from).await;
            let id = id(&name);
            let before = journal.get(&id).await.unwrap().unwrap();
            let moved = match to {
                State::Approved => journal.approved(&id).await,
                State::Signed => journal.signed(&id, signed("0xother")).await,
                State::Broadcast => journal.broadcast(&id).await,
                _ => journal.finish(&id, outcome_of(to)).await,
            };
            let after = journal.get(&id).await.unwrap().unwrap();
            if from.may_become(to) {
                moved.unwrap();
                assert_eq!(after.state, to, "{name}");
            } else {
                match moved {
                    Err(JournalError::IllegalTransition { payment_id, from: told_from, to: told_to }) => {
                        assert_eq!((payment_id, told_from, told_to), (id, from, to));
                    }
                    other => panic!("{name}: {other:?}"),
                }
                assert_eq!(after, before, "{name}");
            }
        }
    }
}

pub(crate) async fn repeating_a_move_is_no_error(journal: Shared) {
    let id = id("again");
    bring(&*journal, "again", State::Approved).await;
    journal.approved(&id).await.unwrap();
    journal.signed(&id, signed("0x1")).await.unwrap();
    journal.signed(&id, signed("0x1")).await.unwrap();
    journal.broadcast(&id).await.unwrap();
    journal.broadcast(&id).await.unwrap();
    journal.finish(&id, confirmed("0x1")).await.unwrap();
    let record = journal.get(&id).await.unwrap();
    journal.finish(&id, confirmed("0x1")).await.unwrap();
    assert_eq!(journal.get(&id).await.unwrap(), record);
}

pub(crate) async fn other_bytes_or_another_outcome_are_refused(journal: Shared) {
    let name = id("other");
    bring(&*journal, "other", State::Signed).await;
    let first = journal.get(&name).await.unwrap().unwrap();
    for other in [
        SignedBytes { bytes: vec![0, 2], ..signed("0xtx-other") },
        SignedBytes { lane_sequence: Some(42), ..signed("0xtx-other") },
        signed("0xtx-2"),
    ] {
        let refused = journal.signed(&name, other).await;
        assert!(matches!(refused, Err(JournalError::IllegalTransition { from: State::Signed, .. })));
    }
    assert_eq!(journal.get(&name).await.unwrap().unwrap(), first);

    journal.finish(&name, confirmed("0x1")).await.unwrap();
    let refused = journal.finish(&name, confirmed("0x2")).await;
    assert!(matches!(refused, Err(JournalError::IllegalTransition { from: State::Confirmed, .. })));
    assert_eq!(journal.get(&name).await.unwrap().unwrap().transaction(), Some("0x1"));
}

pub(crate) async fn released_payments_may_be_claimed_again(journal: Shared) {
    for state in [State::Claimed, State::Approved] {
        bring(&*journal, "free", state).await;
        journal.release(&id("free")).await.unwrap();
        assert_eq!(journal.get(&id("free")).await.unwrap(), None);
    }
    bring(&*journal, "free", State::Confirmed).await;
}

pub(crate) async fn a_signed_payment_is_never_released(journal: Shared) {
    for state in [State::Signed, State::Broadcast, State::Confirmed, State::Failed, State::Expired] {
        let name = state.as_str();
        bring(&*journal, name, state).await;
        let refused = journal.release(&id(name)).await;
        assert!(
            matches!(refused, Err(JournalError::NotReleasable { state: told, .. }) if told == state),
            "{refused:?}"
        );
        assert!(journal.get(&id(name)).await.unwrap().is_some());
    }
}

pub(crate) async fn an_unknown_payment_is_not_found(journal: Shared) {
    let unknown = id("unknown");
    let answers = [
        journal.approved(&unknown).await,
        journal.signed(&unknown, signed("0x1")).await,
        journal.broadcast(&unknown).await,
        journal.finish(&unknown, expired()).await,
        journal.release(&unknown).await,
    ];
    for answer in answers {
        assert!(
            matches!(&answer, Err(JournalError::NotFound { payment_id }) if *payment_id == unknown),
            "{answer:?}"
        );
    }
    assert_eq!(journal.get(&unknown).await.unwrap(), None);
    assert_eq!(journal.find_by_transaction("0x1").await.unwrap(), None);
}

pub(crate) async fn outcomes_are_told_again_as_they_were(journal: Shared) {
    let someone_else = Outcome::Confirmed {
        payer: "0xelse".to_owned(),
        amount: "999".parse().unwrap(),
        transaction: "0xfront-run".to_owned(),
    };
    for (name, outcome, transaction) in [
        ("a", confirmed("0xtx-a"), "0xtx-a"),
        ("b", someone_else, "0xfront-run"),
        ("c", failed(Some("0xtx-c")), "0xtx-c"),
        ("d", failed(None), "0xtx-d"),
        ("e", expired(), "0xtx-e"),
    ] {
        bring(&*journal, name, State::Broadcast).await;
        journal.finish(&id(name), outcome.clone()).await.unwrap();
        let record = journal.get(&id(name)).await.unwrap().unwrap();
        assert_eq!(record.outcome.as_ref(), Some(&outcome));
        assert_eq!(record.transaction(), Some(transaction));
        // What was signed stays, whatever came of it.
        assert_eq!(record.signed, Some(signed(&format!("0xtx-{name}"))));
        if let Outcome::Confirmed { payer, amount, .. } = outcome {
            assert_eq!((record.settlement.payer, record.settlement.amount), (payer, amount));
        }
    }
    // Before anything was signed a settlement can fail too, without a transaction.
    bring(&*journal, "f", State::Claimed).await;
    journal.finish(&id("f"), failed(None)).await.unwrap();
    assert_eq!(journal.get(&id("f")).await.unwrap().unwrap().transaction(), None);
}

pub(crate) async fn a_payload_leads_to_its_settlement(journal: Shared) {
    bring(&*journal, "x", State::Claimed).await;
    bring(&*journal, "y", State::Confirmed).await;
    for payment in ["x", "y"] {
        let payload = settlement(payment).payload;
        let record = journal.find_by_payload(&payload).await.unwrap().unwrap();
        assert_eq!(record.settlement.payment_id, id(payment));
    }
    journal.release(&id("x")).await.unwrap();
    for gone in ["x", "z"] {
        assert_eq!(journal.find_by_payload(&settlement(gone).payload).await.unwrap(), None);
    }
}

pub(crate) async fn a_transaction_leads_to_its_settlement(journal: Shared) {
    bring(&*journal, "x", State::Signed).await;
    bring(&*journal, "y", State::Broadcast).await;
    journal.finish(&id("y"), confirmed("0xfront-run")).await.unwrap();
    for (transaction, payment) in [("0xtx-x", "x"), ("0xtx-y", "y"), ("0xfront-run", "y")] {
        let record = journal.find_by_transaction(transaction).await.unwrap().unwrap();
        assert_eq!(record.settlement.payment_id, id(payment), "{transaction}");
    }
    assert_eq!(journal.find_by_transaction("0xtx").await.unwrap(), None);
}

pub(crate) async fn unfinished_settlements_come_in_order_of_their_claims(journal: Shared) {
    let states = [State::Claimed, State::Approved, State::Signed, State::Broadcast];
    for n in 0..12 {
        bring(&*journal, &format!("open-{n:02}"), states[n % 4]).await;
    }
    for state in [State::Confirmed, State::Failed, State::Expired] {
        bring(&*journal, state.as_str(), state).await;
    }
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = journal.unfinished(after, 5).await.unwrap();
        assert!(page.records.len() <= 5);
        found.extend(page.records.iter().map(|record| record.settlement.payment_id.to_string()));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(found, (0..12).map(|n| format!("open-{n:02}")).collect::<Vec<_>>());
    assert_eq!(journal.unfinished(None, 0).await.unwrap().records.len(), 1, "a page holds something");
}

pub(crate) async fn fields_out_of_bounds_are_refused(journal: Shared) {
    let is_out_of_range =
        |answer: &JournalError| matches!(answer, JournalError::OutOfRange { field: _, limit: _ });
    let long = "x".repeat(200 << 10);
    let new = NewSettlement { request: long.clone(), ..settlement("long") };
    assert!(is_out_of_range(&journal.claim(new).await.unwrap_err()));
    assert_eq!(journal.get(&id("long")).await.unwrap(), None);

    bring(&*journal, "long", State::Approved).await;
    for bad in [
        SignedBytes { bytes: long.clone().into_bytes(), ..signed("0x1") },
        SignedBytes { lane_sequence: Some(u64::MAX), ..signed("0x1") },
        signed(&long),
    ] {
        assert!(is_out_of_range(&journal.signed(&id("long"), bad).await.unwrap_err()));
    }
    journal.signed(&id("long"), signed("0x1")).await.unwrap();
    assert!(is_out_of_range(&journal.finish(&id("long"), confirmed(&long)).await.unwrap_err()));

    // A message is for people: it is cut, and the outcome kept.
    let message = "é".repeat(2_000);
    let outcome = Outcome::Failed { reason: "r".to_owned(), message: message.clone(), transaction: None };
    journal.finish(&id("long"), outcome.clone()).await.unwrap();
    journal.finish(&id("long"), outcome).await.unwrap();
    match journal.get(&id("long")).await.unwrap().unwrap().outcome {
        Some(Outcome::Failed { message: kept, .. }) => {
            assert!(message.starts_with(&kept) && kept.len() > 900)
        }
        other => panic!("{other:?}"),
    }
}
