//! The book of one network: what is reserved and spent, and the reservations that are out.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    Budgets, Sponsored,
    ledger::{Ledger, Parties, Party, Rules},
};
use crate::MonotonicClock;

/// A bound on fees that does not leave room for one more transaction. It is nobody's fault, and passes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: the bound for network fees that this facilitator pays is reached; try again later")]
pub struct BudgetRefusal {
    /// Name of the rule, one of [`rule`](crate::rule).
    pub rule: &'static str,
    /// Most that the transaction can cost, native units. For the operator: never told to a client.
    pub needed: u128,
    /// What is left under the bound, native units. For the operator: never told to a client.
    pub left: u128,
}

/// Fees of a network, native units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fees {
    /// Reserved for transactions whose outcome is not known.
    pub held: u128,
    /// Spent in the last 60 to 65 minutes.
    pub spent_hour: u128,
    /// Spent in the last 24 to 25 hours.
    pub spent_day: u128,
}

/// What one network spends.
pub(crate) struct FeeBook {
    budgets: Budgets,
    clock: Arc<dyn MonotonicClock>,
    accounts: Mutex<Accounts>,
}

#[derive(Debug)]
struct Accounts {
    network: Ledger,
    pay_to: Parties,
    payer: Parties,
}

impl FeeBook {
    /// An empty book that keeps at most `max_parties` payees and as many payers in mind.
    pub(crate) fn new(budgets: Budgets, clock: Arc<dyn MonotonicClock>, max_parties: usize) -> Self {
        let accounts = Accounts {
            network: Ledger::default(),
            pay_to: Parties::new(budgets.pay_to, Rules::PAY_TO, max_parties),
            payer: Parties::new(budgets.payer, Rules::PAYER, max_parties),
        };
        Self { budgets, clock, accounts: Mutex::new(accounts) }
    }

    /// Reserves the most that a transaction can cost, if every bound has room for it.
    ///
    /// # Errors
    /// [`BudgetRefusal`] with the first bound that has not; nothing is reserved then.
    pub(crate) fn reserve(
        self: &Arc<Self>,
        sponsored: Sponsored,
        worst_fee: u128,
    ) -> Result<FeeReservation, BudgetRefusal> {
        self.reserve_for(Some(sponsored), worst_fee)
    }

    /// The same for a transaction of our own, that nobody is sponsored by: the network's bound alone.
    ///
    /// # Errors
    /// As [`reserve`](Self::reserve).
    pub(crate) fn reserve_own(self: &Arc<Self>, worst_fee: u128) -> Result<FeeReservation, BudgetRefusal> {
        self.reserve_for(None, worst_fee)
    }

    fn reserve_for(
        self: &Arc<Self>,
        sponsored: Option<Sponsored>,
        worst_fee: u128,
    ) -> Result<FeeReservation, BudgetRefusal> {
        let mut accounts = self.accounts();
        let parties = (sponsored.map(|of| of.pay_to), sponsored.map(|of| of.payer));
        self.check(&mut accounts, parties, worst_fee)?;
        Ok(self.hold_in(&mut accounts, sponsored, worst_fee))
    }

    /// Whether every bound has room for `amount` more, for payee and payer as far as there are any.
    fn check(
        &self,
        accounts: &mut Accounts,
        (pay_to, payer): (Option<Party>, Option<Party>),
        amount: u128,
    ) -> Result<(), BudgetRefusal> {
        let now = self.clock.elapsed();
        accounts.network.check(&self.budgets.network, Rules::NETWORK, now, amount)?;
        if let Some(pay_to) = pay_to {
            accounts.pay_to.check(pay_to, now, amount)?;
        }
        if let Some(payer) = payer {
            accounts.payer.check(payer, now, amount)?;
        }
        Ok(())
    }

    /// Reserves whatever the bounds say: for a transaction that is signed already.
    pub(crate) fn hold(self: &Arc<Self>, sponsored: Option<Sponsored>, worst_fee: u128) -> FeeReservation {
        self.hold_in(&mut self.accounts(), sponsored, worst_fee)
    }

    fn hold_in(
        self: &Arc<Self>,
        accounts: &mut Accounts,
        sponsored: Option<Sponsored>,
        reserved: u128,
    ) -> FeeReservation {
        accounts.network.hold(reserved);
        FeeReservation {
            book: Arc::clone(self),
            pay_to: sponsored.and_then(|sponsored| accounts.pay_to.hold(sponsored.pay_to, reserved)),
            payer: sponsored.and_then(|sponsored| accounts.payer.hold(sponsored.payer, reserved)),
            reserved,
            is_open: true,
        }
    }

    pub(crate) fn fees(&self) -> Fees {
        let accounts = self.accounts();
        let (spent_hour, spent_day) = accounts.network.spent(self.clock.elapsed());
        Fees { held: accounts.network.held(), spent_hour, spent_day }
    }

    /// A panic elsewhere leaves the numbers usable: at worst a reservation counts on.
    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn parties(&self) -> (usize, usize) {
        let accounts = self.accounts();
        (accounts.pay_to.len(), accounts.payer.len())
    }
}

/// The most that a signed transaction can cost, counted until it is known what it did cost. Dropping it
/// counts all of it as spent: whoever forgets it spends less, never more.
#[must_use = "dropping it counts the whole reservation as spent"]
pub struct FeeReservation {
    book: Arc<FeeBook>,
    /// Where it is counted; none where nothing is remembered.
    pay_to: Option<Party>,
    payer: Option<Party>,
    reserved: u128,
    is_open: bool,
}

impl FeeReservation {
    /// What is reserved, native units.
    #[must_use]
    pub const fn reserved(&self) -> u128 {
        self.reserved
    }

    /// Another transaction took the place of the one that this is for, and can cost `worst_fee`. At most
    /// one of the two lands, so only the difference is reserved on top; nothing if it costs no more.
    ///
    /// # Errors
    /// [`BudgetRefusal`] with the first bound that has no room for the difference; everything is as it was
    /// then.
    pub fn raise(&mut self, worst_fee: u128) -> Result<(), BudgetRefusal> {
        let more = worst_fee.saturating_sub(self.reserved);
        if more == 0 {
            return Ok(());
        }
        let mut accounts = self.book.accounts();
        self.book.check(&mut accounts, (self.pay_to, self.payer), more)?;
        accounts.network.hold(more);
        self.pay_to = self.pay_to.and_then(|party| accounts.pay_to.hold(party, more));
        self.payer = self.payer.and_then(|party| accounts.payer.hold(party, more));
        self.reserved = worst_fee;
        Ok(())
    }

    /// The transaction is on chain and cost `spent` native units: that is charged in full, even above
    /// what was reserved.
    ///
    /// Returns by how much it was above.
    pub fn settle(mut self, spent: u128) -> u128 {
        self.close(spent);
        spent.saturating_sub(self.reserved)
    }

    /// The transaction is not on chain and never will be: nothing was spent.
    pub fn release(mut self) {
        self.close(0);
    }

    fn close(&mut self, spent: u128) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        let mut accounts = self.book.accounts();
        let now = self.book.clock.elapsed();
        accounts.network.close(now, self.reserved, spent);
        accounts.pay_to.close(self.pay_to, now, self.reserved, spent);
        accounts.payer.close(self.payer, now, self.reserved, spent);
    }
}

impl Drop for FeeReservation {
    fn drop(&mut self) {
        self.close(self.reserved);
    }
}

impl fmt::Debug for FeeReservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeeReservation").field("reserved", &self.reserved).finish_non_exhaustive()
    }
}

impl fmt::Debug for FeeBook {
    /// The sums alone: who paid whom is nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeeBook").field("budgets", &self.budgets).field("fees", &self.fees()).finish()
    }
}
