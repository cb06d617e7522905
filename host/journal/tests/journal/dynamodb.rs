//! The DynamoDB journal against the conformance suite, and what only it has to do.

use std::{
    collections::HashMap,
    error::Error as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
        TimeToLiveSpecification,
    },
};
use facilitator_journal::{
    Claim, Journal, JournalError, Liveness, MAX_EARLIER, NewSettlement, Owner, SignedBytes, State,
    dynamodb::Created,
};

use crate::{
    builders::{bring, bring_with, confirmed, failed, id, lane, numbered, settlement},
    conformance::conformance,
    moto::{RETENTION, Table},
};

conformance!(Table::made);

#[tokio::test]
async fn a_table_is_made_once() {
    let table = Table::named();
    let journal = table.open();
    let missing = journal.check().await.unwrap_err();
    assert!(matches!(&missing, JournalError::NoTable { table: told } if *told == table.name.to_string()));
    assert!(missing.to_string().contains("facilitator journal create-table"), "{missing}");
    let error = journal.renew_lease(Owner::from_number(1)).await.unwrap_err();
    assert!(matches!(error, JournalError::Storage(_)));
    assert!(error.source().unwrap().to_string().contains("ResourceNotFoundException"));

    assert_eq!(journal.create_table().await.unwrap(), Created::New);
    journal.check().await.unwrap();
    assert_eq!(table.open().create_table().await.unwrap(), Created::Existing);
    journal.begin_lease("one").await.unwrap();

    // What somebody took away of it is missed, and put back.
    let off = TimeToLiveSpecification::builder().enabled(false).attribute_name("ttl").build().unwrap();
    let client = Client::new(&table.config);
    let sent = client.update_time_to_live().table_name(table.name.as_str());
    sent.time_to_live_specification(off).send().await.unwrap();
    let error = journal.check().await.unwrap_err().to_string();
    assert!(error.contains("expected expiry by ttl, found no expiry"), "{error}");
    assert_eq!(journal.create_table().await.unwrap(), Created::Existing);
    journal.check().await.unwrap();
}

#[tokio::test]
async fn a_table_of_something_else_is_refused() {
    let table = Table::named();
    let client = Client::new(&table.config);
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash).build().unwrap();
    let definition =
        AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::N).build();
    let sent = client.create_table().table_name(table.name.as_str()).billing_mode(BillingMode::PayPerRequest);
    sent.key_schema(key).attribute_definitions(definition.unwrap()).send().await.unwrap();
    let journal = table.open();
    for refused in [journal.check().await, journal.create_table().await.map(|_| ())] {
        let error = refused.unwrap_err();
        assert!(matches!(error, JournalError::WrongTable { .. }), "{error:?}");
        let told = error.to_string();
        assert!(told.contains("expected keys HASH pk (S), RANGE sk (S), found keys HASH id (N)"), "{told}");
    }
}

/// Every item of the table, by its keys.
async fn items(table: &Table) -> HashMap<(String, String), HashMap<String, AttributeValue>> {
    let client = Client::new(&table.config);
    let answer = client.scan().table_name(table.name.as_str()).send().await.unwrap();
    let key = |item: &HashMap<String, AttributeValue>, name: &str| item[name].as_s().unwrap().clone();
    answer.items.unwrap().into_iter().map(|item| ((key(&item, "pk"), key(&item, "sk")), item)).collect()
}

#[tokio::test]
async fn what_is_sealed_expires_with_everything_that_leads_to_it() {
    let table = Table::made().await;
    let journal = table.open().with_clock(Arc::new(|| 5_000_000));
    let owner = journal.begin_lease("one").await.unwrap();
    for name in ["sealed", "open"] {
        let bytes = |fee: u64| SignedBytes { lane_sequence: None, ..numbered(&format!("0x{name}-{fee}"), 0) };
        bring_with(&journal, owner, name, State::Broadcast, bytes(1)).await;
        journal.replaced(owner, &id(name), bytes(2)).await.unwrap();
        journal.finish(owner, &id(name), confirmed(&format!("0x{name}-other"))).await.unwrap();
    }
    journal.seal(owner, &id("sealed")).await.unwrap();
    let key = "a".parse().unwrap();
    journal.remember(&key, &"request".parse().unwrap()).await.unwrap();

    let expires = |item: &HashMap<String, AttributeValue>| item.get("ttl").cloned();
    let at = AttributeValue::N((5_000 + RETENTION.as_secs()).to_string());
    let mut expiring = 0;
    for ((partition, sort), item) in items(&table).await {
        let belongs_to_sealed = partition.contains("sealed") || partition.starts_with("idempotency");
        assert_eq!(expires(&item), belongs_to_sealed.then(|| at.clone()), "{partition} {sort}");
        expiring += usize::from(belongs_to_sealed);
    }
    assert_eq!(expiring, 7, "record, earlier bytes, payload, three transactions; the request");
}

#[tokio::test]
async fn an_ended_lease_is_forgotten_when_it_owns_nothing_any_more() {
    let table = Table::made().await;
    let now_ms = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&now_ms);
    let journal = table.open().with_clock(Arc::new(move || clock.load(Ordering::Relaxed)));
    let gone = journal.begin_lease("gone").await.unwrap();
    let heir = journal.begin_lease("heir").await.unwrap();
    bring(&journal, gone, "p", State::Signed).await;
    assert!(journal.end_lease(gone, None).await.unwrap());
    let told = async || {
        journal.purge().await.unwrap();
        let leases = journal.leases().await.unwrap();
        leases.into_iter().map(|lease| (lease.owner, lease.liveness)).collect::<Vec<_>>()
    };
    let both = [(gone, Liveness::Ended), (heir, Liveness::Renewed(0))];
    assert_eq!(told().await, both);
    now_ms.store(3_600_000, Ordering::Relaxed);
    assert_eq!(told().await, both, "somebody has to take the payment over");
    journal.take_over(&id("p"), gone, heir).await.unwrap().unwrap();
    now_ms.store(3_599_999, Ordering::Relaxed);
    assert_eq!(told().await, both, "too young");
    now_ms.store(3_600_000, Ordering::Relaxed);
    assert_eq!(told().await, [(heir, Liveness::Renewed(0))]);
    assert!(matches!(journal.renew_lease(gone).await, Err(JournalError::LeaseEnded { .. })));
}

#[tokio::test]
async fn the_largest_settlement_has_its_place() {
    let table = Table::made().await;
    let journal = table.open();
    let owner = journal.begin_lease("one").await.unwrap();
    let new = NewSettlement { request: "x".repeat(128 << 10), ..settlement("p") };
    assert_eq!(journal.claim(owner, new.clone()).await.unwrap(), Claim::Won);
    journal.approved(owner, &id("p")).await.unwrap();
    let bytes = |n: u8| SignedBytes { bytes: vec![n; 128 << 10], ..numbered(&format!("0x{n}"), n.into()) };
    journal.signed(owner, &id("p"), bytes(0)).await.unwrap();
    for n in 1..=MAX_EARLIER {
        journal.replaced(owner, &id("p"), bytes(u8::try_from(n).unwrap())).await.unwrap();
    }
    let record = journal.get(&id("p")).await.unwrap().unwrap();
    assert_eq!(record.settlement, new);
    assert_eq!(record.earlier, (0..16).map(bytes).collect::<Vec<_>>());
    assert_eq!(journal.unsealed(owner, None, 1).await.unwrap().records, [record]);
    journal.finish(owner, &id("p"), failed(Some("0x16"))).await.unwrap();
    journal.seal(owner, &id("p")).await.unwrap();
    assert_eq!(journal.lane(&lane(), 0).await.unwrap().slots, []);
    assert_eq!(journal.get(&id("p")).await.unwrap().unwrap().earlier.len(), MAX_EARLIER);
}
