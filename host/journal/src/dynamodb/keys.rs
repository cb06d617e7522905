//! Where each thing is in the one table. Nothing else knows how keys are written.
//!
//! | `pk` | `sk` | item |
//! |---|---|---|
//! | `settlement#PAYMENT` | `record` | a settlement |
//! | `settlement#PAYMENT` | `earlier#NN` | bytes of it that were replaced: an item holds 400 KB |
//! | `payload#DIGEST` | `PAYMENT` | pointer to the settlement |
//! | `transaction#HASH` | `PAYMENT` | pointer to the settlement; two may end with one transaction of others |
//! | `lane#NETWORK#SIGNER` | `lane` | counter and numbers given back |
//! | `lane#NETWORK#SIGNER` | `slot#NUMBER` | a slot |
//! | `leases` | `counter` | the last number |
//! | `leases` | `lease#NUMBER` | a lease |
//! | `idempotency#KEY` | `request` | what a client's name stands for |
//!
//! Numbers in keys have 20 digits, so that the order of keys is that of numbers. The index `unsealed` holds the
//! keys of settlements with an attribute `unsealed`: by `owner`, in the order of their claims.

use facilitator_protocol::Caip2;

use super::write::Key;
use crate::{IdempotencyKey, Owner, PayloadDigest, PaymentId};

/// The index of settlements that are not sealed.
pub(super) const UNSEALED: &str = "unsealed";
/// Partition of the leases.
pub(super) const LEASES: &str = "leases";

const SETTLEMENT: &str = "settlement#";

pub(super) fn settlement(id: &PaymentId) -> String {
    format!("{SETTLEMENT}{id}")
}

/// The payment of a settlement's partition.
pub(super) fn payment_of(partition: &str) -> Option<PaymentId> {
    partition.strip_prefix(SETTLEMENT)?.parse().ok()
}

pub(super) fn record(id: &PaymentId) -> Key {
    Key::new(settlement(id), "record")
}

pub(super) fn earlier(id: &PaymentId, index: usize) -> Key {
    Key::new(settlement(id), format!("earlier#{index:02}"))
}

pub(super) fn payload(digest: &PayloadDigest) -> String {
    format!("payload#{digest}")
}

pub(super) fn transaction(hash: &str) -> String {
    format!("transaction#{hash}")
}

/// A pointer to a payment.
pub(super) fn pointer(partition: String, to: &PaymentId) -> Key {
    Key::new(partition, to.as_str())
}

/// The lane of a signer; no network has a `#` in its name.
pub(super) fn lane(network: &Caip2, signer: &str) -> String {
    format!("lane#{}#{signer}", network.as_str())
}

pub(super) fn counter_of_lane(lane: String) -> Key {
    Key::new(lane, "lane")
}

pub(super) fn slot(lane: String, sequence: u64) -> Key {
    Key::new(lane, slot_name(sequence))
}

pub(super) fn slot_name(sequence: u64) -> String {
    format!("slot#{sequence:020}")
}

pub(super) fn lease(owner: Owner) -> Key {
    Key::new(LEASES, format!("lease#{:020}", owner.number()))
}

pub(super) fn counter_of_leases() -> Key {
    Key::new(LEASES, "counter")
}

pub(super) fn idempotency(key: &IdempotencyKey) -> Key {
    Key::new(format!("idempotency#{key}"), "request")
}

/// Place of a settlement in the index: by its claim, then by its name.
pub(super) fn place(created_at_ms: u64, id: &str) -> String {
    format!("{created_at_ms:020}#{id}")
}
