//! What was spent in the last hour and in the last day, in a few coarse slots.
//!
//! A slot counts until all of it is longer ago than the window. So a window is at least as long as it
//! says and at most one slot longer: in no stretch of its length is more spent than its bound.

use std::time::Duration;

/// Length and resolution of a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    slot_seconds: u64,
    /// Slots of its length; the one that has begun comes on top.
    slots: u64,
}

impl Window {
    /// 60 minutes, told as 60 to 65.
    pub(super) const HOUR: Self = Self { slot_seconds: 5 * 60, slots: 12 };
    /// 24 hours, told as 24 to 25.
    pub(super) const DAY: Self = Self { slot_seconds: 60 * 60, slots: 24 };

    /// Number of the slot that has begun.
    pub(super) const fn slot(self, now: Duration) -> u64 {
        now.as_secs() / self.slot_seconds
    }

    /// Number of the oldest slot that counts.
    const fn oldest(self, now: Duration) -> u64 {
        self.slot(now).saturating_sub(self.slots)
    }
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    number: u64,
    amount: u128,
}

/// Amounts of one window: at most one slot more than the window has.
#[derive(Debug, Default)]
pub(super) struct Spent {
    /// In order, none empty.
    slots: Vec<Slot>,
}

impl Spent {
    /// What counts now. Saturates, which is more than any bound.
    pub(super) fn within(&self, window: Window, now: Duration) -> u128 {
        let oldest = window.oldest(now);
        let counting = self.slots.iter().filter(|slot| slot.number >= oldest);
        counting.fold(0, |sum, slot| sum.saturating_add(slot.amount))
    }

    pub(super) fn charge(&mut self, window: Window, now: Duration, amount: u128) {
        let oldest = window.oldest(now);
        self.slots.retain(|slot| slot.number >= oldest);
        if amount == 0 {
            return;
        }
        let number = window.slot(now);
        match self.slots.last_mut() {
            Some(last) if last.number >= number => last.amount = last.amount.saturating_add(amount),
            _ => {
                // Most payers pay once: no room is taken for what may never come.
                self.slots.reserve_exact(1);
                self.slots.push(Slot { number, amount });
            }
        }
    }

    #[cfg(test)]
    pub(super) fn slot_count(&self) -> usize {
        self.slots.len()
    }
}
