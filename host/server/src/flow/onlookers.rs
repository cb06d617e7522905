//! Requests for payments that another process settles: they look on, and answer what comes of it.
//!
//! There can be many of them, and each asks the journal again and again. A slow journal is left to those that
//! settle: few look at a time, and the others wait for their turn.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use facilitator_journal::Record;
use facilitator_protocol::SettleResponse;
use tokio::sync::Semaphore;

use super::answer;
use crate::app::App;

/// Between two looks at a record that another process moves: the first and the longest.
const LOOK_FIRST: Duration = Duration::from_millis(100);
const LOOK_LONGEST: Duration = Duration::from_millis(800);
/// Most that look at a time: a quarter of what the shared journal is asked at once.
const MAX_LOOKING: usize = 8;

/// Whoever looks on, in this process.
pub struct Onlookers(Semaphore);

impl Default for Onlookers {
    fn default() -> Self {
        Self(Semaphore::new(MAX_LOOKING))
    }
}

impl Onlookers {
    /// Waits for what another process does with a payment. None if it gave the payment up: then this one may
    /// begin.
    pub(super) async fn look_on(
        &self,
        app: &Arc<App>,
        network: &str,
        mut record: Record,
        deadline: Instant,
    ) -> Option<SettleResponse> {
        let mut interval = LOOK_FIRST;
        // If nobody has it any more, it is taken up here.
        app.orphans.add(&record.settlement.payment_id);
        while record.outcome.is_none() && Instant::now() < deadline {
            tokio::time::sleep_until((Instant::now() + interval).min(deadline).into()).await;
            interval = (interval * 2).min(LOOK_LONGEST);
            let read = async {
                // Never closed.
                let _turn = self.0.acquire().await;
                app.journal.get(&record.settlement.payment_id).await
            };
            match tokio::time::timeout_at(deadline.into(), read).await {
                Ok(Ok(Some(later))) => record = later,
                Ok(Ok(None)) => return None,
                // What is known is what was read last.
                Err(_too_late) => break,
                Ok(Err(error)) => tracing::warn!(event = "journal_failed", reason = %error),
            }
        }
        Some(answer::of_record(network, &record))
    }
}
