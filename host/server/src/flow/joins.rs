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

    /// Registers the one that settles a payment; the journal has made sure that there is only one. Should an
    /// earlier one be here still, it has lost the record: others wait on the new one from now on.
    pub(super) fn register(&self, payment_id: &PaymentId) -> Place {
        let (progress, receiver) = watch::channel(Progress::default());
        self.running().insert(payment_id.clone(), receiver);
        Place { joins: self.clone(), payment_id: payment_id.clone(), progress }
    }

    /// Registers whoever goes on with a settlement. None if somebody is at it here: two with one record would
    /// not be told apart by the journal, and could both sign.
    pub(super) fn register_alone(&self, payment_id: &PaymentId) -> Option<Place> {
        let mut running = self.running();
        if running.contains_key(payment_id) {
            return None;
        }
        let (progress, receiver) = watch::channel(Progress::default());
        running.insert(payment_id.clone(), receiver);
        Some(Place { joins: self.clone(), payment_id: payment_id.clone(), progress })
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
        let mut running = self.joins.running();
        // Another one may have been registered since.
        let own = self.progress.subscribe();
        if running.get(&self.payment_id).is_some_and(|registered| registered.same_channel(&own)) {
            running.remove(&self.payment_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> PaymentId {
        "p".parse().unwrap()
    }

    #[test]
    fn the_end_of_an_earlier_one_leaves_the_later_one_registered() {
        let joins = Joins::default();
        let earlier = joins.register(&id());
        let later = joins.register(&id());
        drop(earlier);
        let found = joins.find(&id()).unwrap();
        assert!(found.same_channel(&later.watch()));
        later.sent("0x1");
        assert_eq!(found.borrow().transaction.as_deref(), Some("0x1"));
        drop(later);
        assert!(joins.find(&id()).is_none());
        assert_eq!(joins.count(), 0);
    }

    #[test]
    fn nobody_goes_on_with_what_somebody_is_at() {
        let joins = Joins::default();
        let first = joins.register_alone(&id()).unwrap();
        assert!(joins.register_alone(&id()).is_none());
        drop(first);
        assert!(joins.register_alone(&id()).is_some());
    }

    #[tokio::test]
    async fn whoever_waits_is_told_the_end_and_that_there_will_be_none() {
        let joins = Joins::default();
        let ended = Ended::Undecided { transaction: "0x1".to_owned(), payer: "0x2".to_owned() };
        let place = joins.register(&id());
        let mut waiting = joins.find(&id()).unwrap();
        place.end(ended.clone());
        let seen = waiting.wait_for(|progress| progress.ended.is_some()).await.unwrap();
        assert_eq!(seen.ended, Some(ended));
        let place = joins.register(&id());
        let mut waiting = joins.find(&id()).unwrap();
        drop(place);
        assert!(waiting.wait_for(|progress| progress.ended.is_some()).await.is_err());
    }
}
