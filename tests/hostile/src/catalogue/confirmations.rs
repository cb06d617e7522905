//! Guests that let a good payment be sent and then say something false of what became of it.

use crate::{
    attack::{Attack, Expect, Told},
    payment::Offer,
};

pub(super) const ATTACKS: &[Attack] = &[
    Attack::lie("confirm-paid-though-reverted", Expect::sent(Told::Sent("unexpected_settle_error")))
        .during(Offer::RevertsInBlock),
    Attack::lie("confirm-unknown", Expect::sent(Told::Sent("settlement_pending"))),
    Attack::lie("trap-confirm", Expect::sent(Told::Sent("settlement_pending"))),
    Attack::lie("confirm-reason-html", Expect::sent(Told::Sent("settlement_pending"))),
    Attack::lie("confirm-a-payer-with-escapes", Expect::sent(Told::Sent("settlement_pending"))),
];

/// The receipt shows the payment, and the guest says something else.
pub(super) const AGAINST_THE_RECEIPT: &[Attack] = &[
    Attack::lie("confirm-failed-though-paid", Expect::sent(Told::Sent("settlement_pending"))),
    Attack::lie("confirm-another-payer", Expect::sent(Told::Paid)),
    Attack::lie("confirm-another-amount", Expect::sent(Told::Sent("settlement_pending"))),
];
