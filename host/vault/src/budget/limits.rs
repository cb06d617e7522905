//! The operator's bounds.

/// Most that may be spent in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Smallest units of the native token.
    AtMost(u128),
    /// No bound. Only an operator says this, no default does.
    Unlimited,
}

/// What may be spent by the hour and by the day. Both hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// In any hour.
    pub hour: Limit,
    /// In any 24 hours.
    pub day: Limit,
}

/// The bounds of one network. All hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// For everybody together.
    pub network: Budget,
    /// For the payments to one payee.
    pub pay_to: Budget,
    /// For the payments of one payer.
    pub payer: Budget,
}

/// Hours' worth of budget that a day has by default.
pub(crate) const DAY_IN_HOURS: u128 = 8;

impl Budgets {
    /// Bounds where the operator sets none: by the hour 40 times what the most expensive transaction may
    /// cost, half of it for one payee and half of that for one payer; by the day 8 times as much.
    ///
    /// A cap on fees stands far above usual prices, so this is room for thousands of usual payments. One
    /// payer alone cannot use up a payee's budget, nor one payee the network's.
    #[must_use]
    pub const fn of_worst_fee(worst_fee: u128) -> Self {
        Self {
            network: Budget::of_hour(worst_fee.saturating_mul(40)),
            pay_to: Budget::of_hour(worst_fee.saturating_mul(20)),
            payer: Budget::of_hour(worst_fee.saturating_mul(10)),
        }
    }
}

impl Budget {
    /// A budget by the hour, with the day that belongs to it by default: 8 times as much.
    #[must_use]
    pub const fn of_hour(hour: u128) -> Self {
        Self { hour: Limit::AtMost(hour), day: Limit::AtMost(hour.saturating_mul(DAY_IN_HOURS)) }
    }

    /// No bound at all.
    pub const UNLIMITED: Self = Self { hour: Limit::Unlimited, day: Limit::Unlimited };
}
