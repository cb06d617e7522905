//! Records of this process that nobody drives: the journal failed in the middle, a guest could not tell, a
//! task died. They are taken up again by [`recover`](super::recover).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use facilitator_journal::PaymentId;

/// Most that are kept. Beyond it they wait for the next start, as all did once.
const MAX_KEPT: usize = 100_000;
/// How long a payment rests whose outcome could not be decided.
const REST: Duration = Duration::from_secs(30);

/// Payments to be looked at again.
#[derive(Clone, Debug, Default)]
pub struct Orphans(Arc<Mutex<HashMap<PaymentId, Instant>>>);

/// Puts a payment among the orphans when it is dropped: whoever was at it failed, panicked or was cancelled.
#[derive(Debug)]
pub(super) struct Unless(Option<(Orphans, PaymentId)>);

impl Unless {
    /// The payment is in somebody's hands, or needs nobody.
    pub(super) fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for Unless {
    fn drop(&mut self) {
        if let Some((orphans, payment_id)) = self.0.take() {
            orphans.add(&payment_id);
        }
    }
}

impl Orphans {
    fn kept(&self) -> MutexGuard<'_, HashMap<PaymentId, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add_at(&self, payment_id: &PaymentId, at: Instant) {
        let mut kept = self.kept();
        if kept.len() < MAX_KEPT {
            kept.entry(payment_id.clone()).or_insert(at);
        } else {
            tracing::error!(event = "orphan_dropped", payment_id = payment_id.as_str());
        }
    }

    /// To be taken up at the next look.
    pub(super) fn add(&self, payment_id: &PaymentId) {
        self.add_at(payment_id, Instant::now());
    }

    /// To be taken up after a rest: what nobody could decide now.
    pub(super) fn add_later(&self, payment_id: &PaymentId) {
        self.add_at(payment_id, Instant::now() + REST);
    }

    /// To be taken up at the next look, unless it is said that this is done.
    pub(super) fn unless_done(&self, payment_id: &PaymentId) -> Unless {
        Unless(Some((self.clone(), payment_id.clone())))
    }

    /// Those whose time has come, which are not kept any more.
    pub(super) fn take_due(&self) -> Vec<PaymentId> {
        let now = Instant::now();
        let mut kept = self.kept();
        let due: Vec<PaymentId> =
            kept.iter().filter(|(_, at)| **at <= now).map(|(payment_id, _)| payment_id.clone()).collect();
        for payment_id in &due {
            kept.remove(payment_id);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orphan_is_given_out_once_and_after_its_rest() {
        let orphans = Orphans::default();
        let (now, later) = ("now".parse().unwrap(), "later".parse().unwrap());
        orphans.add(&now);
        orphans.add(&now);
        orphans.add_later(&later);
        assert_eq!(orphans.take_due(), [now]);
        assert_eq!(orphans.take_due(), []);
        assert_eq!(orphans.kept().len(), 1);
    }

    #[test]
    fn what_is_left_in_the_middle_is_an_orphan_and_what_is_done_is_none() {
        let orphans = Orphans::default();
        orphans.unless_done(&"done".parse().unwrap()).done();
        assert_eq!(orphans.take_due(), []);
        drop(orphans.unless_done(&"left".parse().unwrap()));
        assert_eq!(orphans.take_due(), ["left".parse().unwrap()]);
    }
}
