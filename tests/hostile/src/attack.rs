//! What an attack is, and what the host is to answer to it.

use crate::{
    component::Component,
    facilitator::{Answer, Facilitator},
    payment::{Offer, Payment},
};

/// One attack.
#[derive(Clone, Copy, Debug)]
pub struct Attack {
    /// Its name.
    pub name: &'static str,
    /// The guest.
    pub component: Component,
    /// What the client offers meanwhile.
    pub offer: Offer,
    /// What the host is to do.
    pub expect: Expect,
    /// What else must hold.
    pub also: Option<Check>,
}

/// Looks at what an attack left behind.
pub type Check = fn(&Seen<'_>) -> anyhow::Result<()>;

/// What an attack left behind.
pub struct Seen<'a> {
    /// The host.
    pub facilitator: &'a Facilitator,
    /// The payment that was asked about.
    pub payment: &'a Payment,
    /// Log lines since the guest was loaded.
    pub log: &'a [serde_json::Value],
    /// Answer of `/verify`.
    pub verify: &'a Answer,
    /// Answer of `/settle`.
    pub settle: &'a Answer,
}

/// What the host is to do.
#[derive(Clone, Copy, Debug)]
pub enum Expect {
    /// Refuse the component, with an error that holds these words.
    NotLoaded(&'static str),
    /// Leave its kinds out of `/supported`.
    NotListed,
    /// Answer so.
    Answers {
        /// `/verify`.
        verify: Told,
        /// `/settle`, asked afterwards.
        settle: Told,
        /// Signatures made, each of which is a transaction on the node.
        signatures: u64,
    },
}

/// What a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// `/verify`: the payment is good.
    Valid,
    /// HTTP 200 with a refusal of this reason, and no transaction.
    Refused(&'static str),
    /// HTTP 200: the guest said yes, and the host's own rule of this name said no.
    ByPolicy(&'static str),
    /// HTTP 200: the transaction is named, and its outcome is not known or not good, for this reason.
    Sent(&'static str),
    /// HTTP 200: paid.
    Paid,
    /// HTTP 500: our fault or the guest's.
    Internal,
}

impl Attack {
    /// An attack by a lie of the hostile guest, during a good payment.
    #[must_use]
    pub const fn lie(name: &'static str, expect: Expect) -> Self {
        Self { name, component: Component::Lie(name), offer: Offer::Good, expect, also: None }
    }

    /// An attack by another component.
    #[must_use]
    pub const fn by(name: &'static str, component: Component, expect: Expect) -> Self {
        Self { name, component, offer: Offer::Good, expect, also: None }
    }

    /// The same during another payment.
    #[must_use]
    pub const fn during(self, offer: Offer) -> Self {
        Self { offer, ..self }
    }

    /// The same with another check.
    #[must_use]
    pub const fn and(self, also: Check) -> Self {
        Self { also: Some(also), ..self }
    }
}

impl Expect {
    /// Nothing is signed.
    #[must_use]
    pub const fn unsigned(verify: Told, settle: Told) -> Self {
        Self::Answers { verify, settle, signatures: 0 }
    }

    /// The good payment is signed and sent; the guest lies about what became of it.
    #[must_use]
    pub const fn sent(settle: Told) -> Self {
        Self::Answers { verify: Told::Valid, settle, signatures: 1 }
    }

    /// The guest's call comes to nothing.
    pub const FAILS: Self = Self::unsigned(Told::Internal, Told::Internal);
}
