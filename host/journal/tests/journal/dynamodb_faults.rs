//! The DynamoDB journal when the store, or the way to it, fails.

use std::{error::Error as _, time::Duration};

use facilitator_journal::{
    Claim, DynamoJournal, Journal, JournalError, LaneKey, Liveness, Owner, dynamodb::Limits,
};
use tokio::net::TcpListener;

use crate::{
    between::{Between, Harm},
    builders::{confirmed, failed, id, lane, numbered, settlement},
    moto::{PATIENT, RETENTION, Table, config},
};

/// Soon over, for stores that never answer.
const HASTY: Limits =
    Limits { attempt: Duration::from_millis(50), attempts: 2, operation: Duration::from_millis(200) };

/// Some operation of each kind: a write, a transaction, a read, a listing, a counter.
async fn some_operations(journal: &DynamoJournal) -> Vec<Result<(), JournalError>> {
    let owner = Owner::from_number(1);
    vec![
        journal.begin_lease("one").await.map(|_| ()),
        journal.claim(owner, settlement("p")).await.map(|_| ()),
        journal.approved(owner, &id("p")).await,
        journal.get(&id("p")).await.map(|_| ()),
        journal.unsealed(owner, None, 5).await.map(|_| ()),
        journal.reserve(&lane(), 0).await.map(|_| ()),
        journal.check().await,
        journal.create_table().await.map(|_| ()),
    ]
}

#[tokio::test]
async fn a_store_that_is_gone_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let table = Table { config: config(&endpoint), name: "journal".parse().unwrap() };
    let journal = DynamoJournal::with_config(&table.config, table.name, RETENTION, PATIENT);
    for answer in some_operations(&journal).await {
        let error = answer.unwrap_err();
        let cause = error.source().unwrap().to_string();
        assert!(matches!(error, JournalError::Storage(_)), "{error:?}");
        assert!(cause.contains("refused") && !cause.contains("secret"), "{cause}");
    }
}

#[tokio::test]
async fn a_store_that_never_answers_is_not_waited_for() {
    // Connections are accepted by the system, and nobody reads them.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let journal =
        DynamoJournal::with_config(&config(&endpoint), "journal".parse().unwrap(), RETENTION, HASTY);
    for answer in some_operations(&journal).await {
        assert!(matches!(answer, Err(JournalError::Storage(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn a_move_whose_answer_is_lost_is_made_once() {
    let table = Table::made().await;
    let between = Between::start(table.config.endpoint_url().unwrap()).await;
    let journal =
        DynamoJournal::with_config(&config(&between.endpoint), table.name.clone(), RETENTION, PATIENT);
    let (one, two) = (journal.begin_lease("one").await.unwrap(), journal.begin_lease("two").await.unwrap());
    let p = id("p");
    journal.claim(one, settlement("p")).await.unwrap();
    // `finish`, which writes before it reads, loses the first answer; moves that read first lose the second.
    let (first, second) = (&[Harm::LoseAnswer][..], &[Harm::Spare, Harm::LoseAnswer][..]);
    between.plan(first);
    journal.approved(one, &p).await.unwrap();
    between.plan(second);
    journal.signed(one, &p, numbered("0x1", 5)).await.unwrap();
    between.plan(first);
    journal.broadcast(one, &p).await.unwrap();
    between.plan(second);
    journal.replaced(one, &p, numbered("0x2", 6)).await.unwrap();
    between.plan(first);
    assert_eq!(journal.take_over(&p, one, two).await.unwrap().unwrap().owner, two);
    between.plan(first);
    journal.finish(two, &p, confirmed("0x2")).await.unwrap();
    between.plan(second);
    journal.revise(two, &p, failed(None)).await.unwrap();
    assert_eq!(between.left(), 0);
    let record = journal.get(&p).await.unwrap().unwrap();
    assert_eq!((record.earlier.len(), record.outcome.as_ref()), (1, Some(&failed(None))));
    between.plan(second);
    journal.seal(two, &p).await.unwrap();
    between.plan(first);
    assert!(journal.end_lease(two, Some(Liveness::Renewed(0))).await.unwrap());
    between.plan(first);
    let lane = LaneKey { signer: "0xother".to_owned(), ..lane() };
    assert!(journal.reset_lane(&lane, None, 7, [3].into()).await.is_ok());
    assert_eq!((journal.reserve(&lane, 0).await.unwrap(), between.left()), (3, 0));
}

const CONFLICT: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "message":"cancelled","CancellationReasons":[{"Code":"TransactionConflict"},{"Code":"None"}]}"#;
const SINGLE_CONFLICT: &str =
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"ongoing"}"#;
const INVALID: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "message":"cancelled","CancellationReasons":[{"Code":"ValidationError"},{"Code":"None"}]}"#;

#[tokio::test]
async fn writes_that_meet_others_are_tried_again_for_a_while() {
    let table = Table::made().await;
    let between = Between::start(table.config.endpoint_url().unwrap()).await;
    let journal =
        DynamoJournal::with_config(&config(&between.endpoint), table.name.clone(), RETENTION, PATIENT);
    let owner = journal.begin_lease("one").await.unwrap();
    between.plan(&[Harm::Refuse(CONFLICT); 3]);
    assert_eq!(journal.claim(owner, settlement("p")).await.unwrap(), Claim::Won);
    between.plan(&[Harm::Refuse(SINGLE_CONFLICT); 3]);
    journal.approved(owner, &id("p")).await.unwrap();
    assert_eq!(between.left(), 0);

    between.plan(&[Harm::Refuse(CONFLICT); 100]);
    let error = journal.claim(owner, settlement("q")).await.unwrap_err();
    assert!(error.source().unwrap().to_string().contains("changed by others"), "{error:?}");
    assert_eq!(between.left(), 92, "eight tries");
    // What does not pass is not tried again, and its reason is told.
    between.plan(&[Harm::Refuse(INVALID); 100]);
    let error = journal.claim(owner, settlement("q")).await.unwrap_err();
    assert!(error.source().unwrap().to_string().contains("ValidationError"), "{error:?}");
    assert_eq!(between.left(), 99);
    between.plan(&[]);
    assert_eq!(journal.get(&id("q")).await.unwrap(), None);
}
