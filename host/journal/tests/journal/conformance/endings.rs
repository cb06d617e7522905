//! Outcomes that a reorganisation may change, until they are sealed.

use facilitator_journal::{JournalError, Outcome, State};

use super::{Process, Store};
use crate::builders::{bring, bring_with, confirmed, expired, failed, id, lane, numbered, outcome_of};

const FINAL: [State; 3] = [State::Confirmed, State::Failed, State::Expired];

pub(crate) async fn an_outcome_is_revised_until_it_is_sealed(store: &impl Store) {
    let process = Process::start(store, "one").await;
    let (journal, owner) = (&process.journal, process.owner);
    for from in FINAL {
        for revised in [confirmed("0xother"), failed(Some("0xother")), failed(None), expired()] {
            let name = format!(
                "{from}-{}-{}",
                revised.state(),
                matches!(revised, Outcome::Failed { transaction: None, .. })
            );
            bring(&**journal, owner, &name, from).await;
            let id = id(&name);
            journal.revise(owner, &id, revised.clone()).await.unwrap();
            let record = process.record(&id).await;
            assert_eq!(
                (record.state, record.outcome.as_ref(), record.sealed),
                (revised.state(), Some(&revised), false)
            );
            journal.seal(owner, &id).await.unwrap();
            let sealed = process.record(&id).await;
            assert!(sealed.sealed);
            assert_eq!((sealed.state, sealed.outcome.as_ref()), (revised.state(), Some(&revised)));

            let refused = journal.revise(owner, &id, failed(Some("0xlate"))).await;
            assert!(
                matches!(refused, Err(JournalError::IllegalTransition { from, .. }) if from == revised.state()),
                "{refused:?}"
            );
            assert_eq!(process.record(&id).await, sealed);
        }
    }
    let found = journal.find_by_transaction("0xother").await.unwrap().unwrap();
    assert_eq!(found.transaction(), Some("0xother"));
}

pub(crate) async fn only_what_has_ended_is_revised_or_sealed(store: &impl Store) {
    let process = Process::start(store, "one").await;
    let (journal, owner) = (&process.journal, process.owner);
    for state in [State::Claimed, State::Approved, State::Signed, State::Broadcast] {
        let name = state.as_str();
        bring(&**journal, owner, name, state).await;
        let before = process.record(&id(name)).await;
        for refused in [
            journal.revise(owner, &id(name), confirmed("0x1")).await,
            journal.revise(owner, &id(name), expired()).await,
            journal.seal(owner, &id(name)).await,
        ] {
            assert!(
                matches!(&refused, Err(JournalError::IllegalTransition { payment_id, from, .. })
                    if *payment_id == id(name) && *from == state),
                "{refused:?}"
            );
        }
        assert_eq!(process.record(&id(name)).await, before);
    }
}

pub(crate) async fn a_revised_confirmation_tells_the_payment_as_verified(store: &impl Store) {
    let process = Process::start(store, "one").await;
    let (journal, owner) = (&process.journal, process.owner);
    let someone_else = Outcome::Confirmed {
        payer: "0xelse".to_owned(),
        amount: "999".parse().unwrap(),
        transaction: "0xfront-run".to_owned(),
    };
    bring(&**journal, owner, "p", State::Broadcast).await;
    let verified = process.record(&id("p")).await.settlement;
    journal.finish(owner, &id("p"), someone_else.clone()).await.unwrap();
    assert_eq!(process.record(&id("p")).await.settlement.payer, "0xelse");
    journal.revise(owner, &id("p"), outcome_of(State::Failed)).await.unwrap();
    assert_eq!(process.record(&id("p")).await.settlement, verified);
    journal.revise(owner, &id("p"), someone_else.clone()).await.unwrap();
    let record = process.record(&id("p")).await;
    assert_eq!((record.settlement.payer.as_str(), record.outcome), ("0xelse", Some(someone_else)));
    assert_eq!(record.settlement.amount, "999".parse().unwrap());
}

pub(crate) async fn sealing_gives_up_the_slots_of_the_payment(store: &impl Store) {
    let process = Process::start(store, "one").await;
    let (journal, owner) = (&process.journal, process.owner);
    bring_with(&**journal, owner, "p", State::Signed, numbered("0x1", 5)).await;
    bring_with(&**journal, owner, "q", State::Signed, numbered("0x2", 6)).await;
    journal.replaced(owner, &id("p"), numbered("0x3", 7)).await.unwrap();
    journal.fill(owner, &lane(), numbered("0xfill", 8), None).await.unwrap();
    journal.finish(owner, &id("p"), expired()).await.unwrap();
    journal.fill(owner, &lane(), numbered("0xcancel", 5), Some(&id("p"))).await.unwrap();
    let taken = async || -> Vec<u64> {
        let slots = journal.lane(&lane(), 0).await.unwrap().slots;
        slots.iter().map(|slot| slot.sequence).collect()
    };
    assert_eq!(taken().await, [5, 6, 7, 8], "an ended payment keeps its slots until it is sealed");
    journal.seal(owner, &id("p")).await.unwrap();
    assert_eq!(taken().await, [6, 8]);
    // What was signed is told as before.
    let record = process.record(&id("p")).await;
    assert_eq!((record.signed, record.earlier), (Some(numbered("0x3", 7)), vec![numbered("0x1", 5)]));
}
