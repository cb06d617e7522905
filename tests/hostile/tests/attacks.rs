//! Each attack is contained: one test per group, because a server takes longer to start than an attack.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use hostile::{
    catalogue::{self, Group},
    facilitator::Facilitator,
    run::run,
};

async fn contained(group: Group) {
    let facilitator = Facilitator::start().await.unwrap();
    let report = run(&facilitator, group).await.unwrap();
    let faults = report.faults();
    assert!(faults.is_empty(), "{report}\n{}", faults.join("\n"));
    assert_eq!(report.rows.len(), group.attacks.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_guest_is_not_loaded() {
    contained(catalogue::LOADING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_uses_more_than_it_may_is_stopped() {
    contained(catalogue::LIMITS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_granted_is_not_reached() {
    contained(catalogue::REACH).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_word_of_a_payment_signs_nothing() {
    contained(catalogue::CLAIMS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_than_the_payment_is_signed() {
    contained(catalogue::INTENTS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_word_of_a_transaction_is_not_the_outcome() {
    contained(catalogue::CONFIRMATIONS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_receipt_shows_no_guest_can_deny() {
    contained(catalogue::RECEIPTS).await;
}
