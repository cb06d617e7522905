//! Every attack, in groups that each run in a process of their own.

mod claims;
mod confirmations;
mod intents;
mod limits;
mod loading;
mod reach;

use crate::attack::Attack;

/// A group of attacks.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// Its name.
    pub name: &'static str,
    /// Its attacks.
    pub attacks: &'static [Attack],
}

/// What must not be loaded.
pub const LOADING: Group = Group { name: "loading", attacks: loading::ATTACKS };
/// What uses more than it may, or dies.
pub const LIMITS: Group = Group { name: "limits", attacks: limits::ATTACKS };
/// What reaches for what it is not given.
pub const REACH: Group = Group { name: "reach", attacks: reach::ATTACKS };
/// What says something false of a payment.
pub const CLAIMS: Group = Group { name: "claims", attacks: claims::ATTACKS };
/// What has something else signed.
pub const INTENTS: Group = Group { name: "intents", attacks: intents::ATTACKS };
/// What says something false of a transaction.
pub const CONFIRMATIONS: Group = Group { name: "confirmations", attacks: confirmations::ATTACKS };
/// What contradicts a receipt that shows the payment.
pub const RECEIPTS: Group = Group { name: "receipts", attacks: confirmations::AGAINST_THE_RECEIPT };

/// The groups that a host must contain.
pub const GROUPS: &[Group] = &[LOADING, LIMITS, REACH, CLAIMS, INTENTS, CONFIRMATIONS, RECEIPTS];
