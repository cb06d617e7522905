//! What happens when a guest's breaker trips.

use facilitator_engine::Generation;

use super::{Guests, Trigger};

/// Tells of guests that were taken out of service, and goes back to the generation before where the
/// operator wants that. Never ends.
pub async fn supervise(guests: &Guests) {
    loop {
        guests.engine.tripped().await;
        for (current, previous) in guests.generations() {
            if current.is_resting() {
                rest_or_roll_back(guests, &current, previous.as_deref()).await;
            }
        }
    }
}

async fn rest_or_roll_back(guests: &Guests, current: &Generation, previous: Option<&Generation>) {
    let usage = current.usage();
    tracing::error!(
        event = "guest_resting",
        guest = current.name(),
        generation = current.number(),
        sha256 = current.sha256(),
        faults = usage.faults,
        calls = usage.calls,
        rests_for_ms = usage.rests_for.map(|rest| u64::try_from(rest.as_millis()).unwrap_or(u64::MAX)),
        reason = usage.last_fault,
    );
    // One that rests itself is no better; and two that trip would be exchanged for ever.
    let is_better =
        previous.is_some_and(|previous| !previous.is_resting() && !guests.was_rolled_back(previous));
    if guests.settings.automatic_rollback
        && is_better
        && let Err(error) = guests.rollback(current.name(), Trigger::Breaker).await
    {
        tracing::error!(event = "guest_rollback_failed", guest = current.name(), reason = %error);
    }
}
