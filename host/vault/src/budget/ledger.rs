//! What is reserved and spent for one account, and the accounts that are kept in mind.

use std::{collections::HashMap, time::Duration};

use alloy_primitives::{B256, keccak256};

use super::{
    book::BudgetRefusal,
    limits::{Budget, Limit},
    window::{Spent, Window},
};
use crate::rule;

/// Payees, and as many payers, that are kept in mind per network: those for which something is reserved,
/// or was spent in the last day. 11 MB when full of those that pay once, 55 MB if all pay all day long.
pub(crate) const MAX_PARTIES: usize = 50_000;

/// A payee or payer. Digest of its canonical bytes: all families' accounts take the same room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Party(B256);

impl Party {
    /// `canonical` is the one form of the account in bytes, so that no other spelling has a budget of its
    /// own.
    pub(crate) fn new(canonical: &[u8]) -> Self {
        Self(keccak256(canonical))
    }
}

/// For whom a fee is paid, as the policy decoded it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sponsored {
    pub(crate) pay_to: Party,
    pub(crate) payer: Party,
}

/// Names of the rules of one kind of budget.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    hour: &'static str,
    day: &'static str,
    /// There is no room for one more account.
    parties: &'static str,
}

impl Rules {
    /// There is one network, and always room for it.
    pub(super) const NETWORK: Self = Self {
        hour: rule::BUDGET_NETWORK_HOUR,
        day: rule::BUDGET_NETWORK_DAY,
        parties: rule::BUDGET_NETWORK_DAY,
    };
    pub(super) const PAY_TO: Self = Self {
        hour: rule::BUDGET_PAY_TO_HOUR,
        day: rule::BUDGET_PAY_TO_DAY,
        parties: rule::BUDGET_PAY_TO_PARTIES,
    };
    pub(super) const PAYER: Self = Self {
        hour: rule::BUDGET_PAYER_HOUR,
        day: rule::BUDGET_PAYER_DAY,
        parties: rule::BUDGET_PAYER_PARTIES,
    };
}

/// One account's fees.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Reserved for transactions whose outcome is not known. Counts in both windows.
    held: u128,
    hour: Spent,
    day: Spent,
}

impl Ledger {
    pub(super) const fn held(&self) -> u128 {
        self.held
    }

    pub(super) fn spent(&self, now: Duration) -> (u128, u128) {
        (self.hour.within(Window::HOUR, now), self.day.within(Window::DAY, now))
    }

    /// Whether `amount` more stays within both bounds.
    pub(super) fn check(
        &self,
        budget: &Budget,
        rules: Rules,
        now: Duration,
        amount: u128,
    ) -> Result<(), BudgetRefusal> {
        let (hour, day) = self.spent(now);
        for (limit, spent, rule) in [(budget.hour, hour, rules.hour), (budget.day, day, rules.day)] {
            let Limit::AtMost(limit) = limit else { continue };
            let left = limit.saturating_sub(self.held.saturating_add(spent));
            if amount > left {
                return Err(BudgetRefusal { rule, needed: amount, left });
            }
        }
        Ok(())
    }

    pub(super) fn hold(&mut self, amount: u128) {
        self.held = self.held.saturating_add(amount);
    }

    /// A reservation becomes what was really spent.
    pub(super) fn close(&mut self, now: Duration, reserved: u128, spent: u128) {
        self.held = self.held.saturating_sub(reserved);
        self.hour.charge(Window::HOUR, now, spent);
        self.day.charge(Window::DAY, now, spent);
    }

    /// Whether it may be forgotten: nothing is reserved and the longest window is empty.
    fn is_blank(&self, now: Duration) -> bool {
        self.held == 0 && self.day.within(Window::DAY, now) == 0
    }
}

/// The accounts of one kind, at most `capacity` of them.
#[derive(Debug)]
pub(super) struct Parties {
    ledgers: HashMap<Party, Ledger>,
    budget: Budget,
    rules: Rules,
    capacity: usize,
    purged_in: u64,
}

impl Parties {
    pub(super) fn new(budget: Budget, rules: Rules, capacity: usize) -> Self {
        Self { ledgers: HashMap::new(), budget, rules, capacity, purged_in: 0 }
    }

    /// Without a bound there is nothing to remember.
    fn is_tracked(&self) -> bool {
        self.budget != Budget::UNLIMITED
    }

    /// Whether `amount` more may be reserved for an account. A full table takes no new ones: forgetting
    /// one that counts would give it its budget again.
    pub(super) fn check(&mut self, party: Party, now: Duration, amount: u128) -> Result<(), BudgetRefusal> {
        if !self.is_tracked() {
            return Ok(());
        }
        self.purge(now);
        if let Some(ledger) = self.ledgers.get(&party) {
            return ledger.check(&self.budget, self.rules, now, amount);
        }
        if self.ledgers.len() >= self.capacity {
            return Err(BudgetRefusal { rule: self.rules.parties, needed: amount, left: 0 });
        }
        Ledger::default().check(&self.budget, self.rules, now, amount)
    }

    /// Counts a reservation for an account. Gives back the account if it did, for [`close`](Self::close).
    pub(super) fn hold(&mut self, party: Party, amount: u128) -> Option<Party> {
        let has_room = self.ledgers.len() < self.capacity || self.ledgers.contains_key(&party);
        if !(self.is_tracked() && has_room) {
            return None;
        }
        self.ledgers.entry(party).or_default().hold(amount);
        Some(party)
    }

    /// Ends a reservation that [`hold`](Self::hold) counted.
    pub(super) fn close(&mut self, party: Option<Party>, now: Duration, reserved: u128, spent: u128) {
        let Some(party) = party else { return };
        let Some(ledger) = self.ledgers.get_mut(&party) else { return };
        ledger.close(now, reserved, spent);
        if ledger.is_blank(now) {
            self.ledgers.remove(&party);
        }
    }

    /// Forgets the accounts that do not count any more. That changes with the slots of the day alone, so
    /// the table is looked through once in each.
    fn purge(&mut self, now: Duration) {
        let slot = Window::DAY.slot(now);
        if slot > self.purged_in {
            self.purged_in = slot;
            self.ledgers.retain(|_, ledger| !ledger.is_blank(now));
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.ledgers.len()
    }
}
