//! How much the facilitator pays in network fees: per network, per payee and per payer, by hour and by day.
//!
//! A signature reserves the most that its transaction can cost, in one step with the check, so that
//! signatures made at the same moment cannot exceed a bound together. What is reserved counts until the
//! outcome is known, however long that takes; then the real fee takes its place. Amounts are the native
//! token's smallest units, whatever the family: wei, lamports, yoctonear, stroops.
//!
//! Everything is in memory: a restart begins with empty windows, and takes up what is still under way
//! ([`Vault::hold_fee`](crate::Vault::hold_fee)).

mod book;
mod ledger;
mod limits;
mod window;

pub(crate) use book::FeeBook;
pub use book::{BudgetRefusal, FeeReservation, Fees};
pub(crate) use ledger::{MAX_PARTIES, Party, Sponsored};
pub use limits::{Budget, Budgets, Limit};

#[cfg(test)]
mod tests;
