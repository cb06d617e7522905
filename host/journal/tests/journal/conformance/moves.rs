//! The edges of the state machine, and no others.

use std::sync::Arc;

use facilitator_journal::{JournalError, Outcome, SignedBytes, State};
use futures_util::future::join_all;

use super::{Process, Store};
use crate::builders::{bring, bring_with, confirmed, expired, failed, id, numbered, outcome_of, signed};

pub(crate) async fn concurrent_settlements_do_not_disturb_each_other(store: &impl Store) {
    let processes = [Process::start(store, "one").await, Process::start(store, "two").await];
    // Each even one is settled, each odd one is refused a move while the others commit.
    let all = (0..64).map(|n| {
        let process = &processes[n / 2 % 2];
        let (journal, owner) = (Arc::clone(&process.journal), process.owner);
        tokio::spawn(async move {
            let name = format!("payment-{n:02}");
            if n % 2 == 0 {
                bring(&*journal, owner, &name, State::Confirmed).await;
            } else {
                bring(&*journal, owner, &name, State::Claimed).await;
                journal.broadcast(owner, &id(&name)).await.unwrap_err();
                journal.finish(owner, &id(&name), confirmed("0xnever")).await.unwrap_err();
            }
        })
    });
    join_all(all).await.into_iter().for_each(Result::unwrap);
    for n in 0..64 {
        let record = processes[0].record(&id(&format!("payment-{n:02}"))).await;
        assert_eq!(record.state, if n % 2 == 0 { State::Confirmed } else { State::Claimed });
    }
}

pub(crate) async fn every_illegal_move_is_refused_and_changes_nothing(store: &impl Store) {
    let process = Process::start(store, "one").await;
    let (journal, owner) = (&process.journal, process.owner);
    for from in State::ALL {
        for to in State::ALL.into_iter().filter(|to| *to != State::Claimed && *to != from) {
            let name = format!("{from}-{to}");
            bring(&**journal, owner, &name, from).await;
            let id = id(&name);
            let before = process.record(&id).await;
            let moved = match to {
                State::Approved => journal.approved(owner, &id).await,
                State::Signed => journal.signed(owner, &id, signed(&format!("0xother-{name}"))).await,
                State::Broadcast => journal.broadcast(owner, &id).await,
                _ => journal.finish(owner, &id, outcome_of(to)).await,
            };
            let after = process.record(&id).await;
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

pub(crate) async fn repeating_a_move_is_no_error(store: &impl Store) {
    let Process { journal, owner } = Process::start(store, "one").await;
    let id = id("again");
    bring(&*journal, owner, "again", State::Approved).await;
    journal.approved(owner, &id).await.unwrap();
    journal.signed(owner, &id, signed("0x1")).await.unwrap();
    journal.signed(owner, &id, signed("0x1")).await.unwrap();
    journal.broadcast(owner, &id).await.unwrap();
    journal.broadcast(owner, &id).await.unwrap();
    journal.replaced(owner, &id, signed("0x2")).await.unwrap();
    journal.replaced(owner, &id, signed("0x2")).await.unwrap();
    journal.finish(owner, &id, confirmed("0x2")).await.unwrap();
    let record = journal.get(&id).await.unwrap();
    journal.finish(owner, &id, confirmed("0x2")).await.unwrap();
    assert_eq!(journal.get(&id).await.unwrap(), record);
    journal.revise(owner, &id, failed(None)).await.unwrap();
    let record = journal.get(&id).await.unwrap();
    journal.revise(owner, &id, failed(None)).await.unwrap();
    assert_eq!(journal.get(&id).await.unwrap(), record);
    journal.seal(owner, &id).await.unwrap();
    let record = journal.get(&id).await.unwrap();
    journal.seal(owner, &id).await.unwrap();
    journal.finish(owner, &id, failed(None)).await.unwrap();
    journal.revise(owner, &id, failed(None)).await.unwrap();
    assert_eq!(journal.get(&id).await.unwrap(), record);
}

pub(crate) async fn other_bytes_or_another_outcome_are_refused(store: &impl Store) {
    let process = Process::start(store, "one").await;
    let (journal, owner, name) = (&process.journal, process.owner, id("other"));
    bring_with(&**journal, owner, "other", State::Signed, numbered("0xtx-other", 41)).await;
    let first = process.record(&name).await;
    for other in [
        SignedBytes { bytes: vec![0, 2], ..numbered("0xtx-other", 41) },
        numbered("0xtx-other", 42),
        numbered("0xtx-2", 41),
    ] {
        let refused = journal.signed(owner, &name, other).await;
        assert!(matches!(refused, Err(JournalError::IllegalTransition { from: State::Signed, .. })));
    }
    assert_eq!(process.record(&name).await, first);

    journal.finish(owner, &name, confirmed("0x1")).await.unwrap();
    let refused = journal.finish(owner, &name, confirmed("0x2")).await;
    assert!(matches!(refused, Err(JournalError::IllegalTransition { from: State::Confirmed, .. })));
    assert_eq!(process.record(&name).await.transaction(), Some("0x1"));
}

pub(crate) async fn an_unknown_payment_is_not_found(store: &impl Store) {
    let Process { journal, owner } = Process::start(store, "one").await;
    let unknown = id("unknown");
    let answers = [
        journal.approved(owner, &unknown).await,
        journal.signed(owner, &unknown, signed("0x1")).await,
        journal.broadcast(owner, &unknown).await,
        journal.replaced(owner, &unknown, signed("0x1")).await,
        journal.finish(owner, &unknown, expired()).await,
        journal.revise(owner, &unknown, expired()).await,
        journal.seal(owner, &unknown).await,
        journal.release(owner, &unknown).await,
    ];
    for answer in answers {
        assert!(
            matches!(&answer, Err(JournalError::NotFound { payment_id }) if *payment_id == unknown),
            "{answer:?}"
        );
    }
    assert_eq!(journal.take_over(&unknown, owner, owner).await.unwrap(), None);
    assert_eq!(journal.get(&unknown).await.unwrap(), None);
    assert_eq!(journal.find_by_transaction("0x1").await.unwrap(), None);
    // Nothing of the refused bytes was kept.
    assert_eq!(journal.lane(&crate::builders::lane(), 0).await.unwrap().slots, []);
}

pub(crate) async fn outcomes_are_told_again_as_they_were(store: &impl Store) {
    let process = Process::start(store, "one").await;
    let (journal, owner) = (&process.journal, process.owner);
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
        bring(&**journal, owner, name, State::Broadcast).await;
        journal.finish(owner, &id(name), outcome.clone()).await.unwrap();
        let record = process.record(&id(name)).await;
        assert_eq!(record.outcome.as_ref(), Some(&outcome));
        assert_eq!(record.transaction(), Some(transaction));
        assert!(!record.sealed, "an outcome may be revised");
        // What was signed stays, whatever came of it.
        assert_eq!(record.signed, Some(signed(&format!("0xtx-{name}"))));
        if let Outcome::Confirmed { payer, amount, .. } = outcome {
            assert_eq!((record.settlement.payer, record.settlement.amount), (payer, amount));
        }
    }
    // Before anything was signed a settlement can fail too, without a transaction.
    bring(&**journal, owner, "f", State::Claimed).await;
    journal.finish(owner, &id("f"), failed(None)).await.unwrap();
    assert_eq!(process.record(&id("f")).await.transaction(), None);
}
