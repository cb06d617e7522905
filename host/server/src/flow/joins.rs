//! Settlements under way in this process, for others with the same payment to wait on.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use facilitator_journal::PaymentId;
use tokio::sync::watch;

use super::Ended;

/// How far a settlement is.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// Hash, once the transaction was handed to the network.
    pub(super) transaction: Option<String>,
    /// The end, once it is in the journal.
    pub(super) ended: Option<Ended>,
}

type Running = HashMap<PaymentId, watch::Receiver<Progress>>;

/// Settlements under way.
#[derive(Clone, Debug, Default)]
pub struct Joins {
    running: Arc<Mutex<Running>>,
}

/// The place of the one that settles. Dropping it ends the waiting of the others.
#[derive(Debug)]
pub(super) struct Place {
    joins: Joins,
    payment_id: PaymentId,
    progress: watch::Sender<Progress>,
}

impl Joins {
    /// A panic elsewhere leaves the map whole: it is changed by single calls.
    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers the one that settles a payment; the journal has made sure that there is only one.
    pub(super) fn register(&self, payment_id: &PaymentId) -> Place {
        let (progress, receiver) = watch::channel(Progress::default());
        self.running().insert(payment_id.clone(), receiver);
        Place { joins: self.clone(), payment_id: payment_id.clone(), progress }
    }

    /// The settlement of a payment, if it is under way here.
    pub(super) fn find(&self, payment_id: &PaymentId) -> Option<watch::Receiver<Progress>> {
        self.running().get(payment_id).cloned()
    }

    /// Settlements under way.
    #[must_use]
    pub fn count(&self) -> usize {
        self.running().len()
    }
}

impl Place {
    pub(super) fn sent(&self, transaction: &str) {
        self.progress.send_modify(|progress| progress.transaction = Some(transaction.to_owned()));
    }

    pub(super) fn end(self, ended: Ended) {
        self.progress.send_modify(|progress| progress.ended = Some(ended));
    }

    pub(super) fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.joins.running().remove(&self.payment_id);
    }
}
