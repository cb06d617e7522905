//! Guests that say something false of a payment.

use crate::{
    attack::{Attack, Expect, Told},
    component::Component,
    payment::Offer,
};

const GUEST_CLAIMS: Expect = Expect::unsigned(Told::Valid, Told::ByPolicy("guest_claims"));

/// A node finds that it would fail, before anything is signed.
const SIMULATION: Expect = Expect::unsigned(Told::Valid, Told::ByPolicy("simulation"));
/// What counts is what is said before signing.
const TWO_FACES: Expect = Expect::Answers { verify: Told::Refused("no"), settle: Told::Paid, signatures: 1 };
/// The outcome of a payment is told to who made it.
const DUPLICATE: Expect = Expect::unsigned(Told::Valid, Told::Refused("duplicate_settlement"));

const fn refuses(name: &'static str, reason: &'static str) -> Attack {
    Attack::lie(name, Expect::unsigned(Told::Refused(reason), Told::Refused(reason)))
}

const fn fails(name: &'static str) -> Attack {
    Attack::lie(name, Expect::FAILS)
}

pub(super) const ATTACKS: &[Attack] = &[
    fails("reason-html"),
    fails("reason-newline"),
    fails("reason-10-kib"),
    fails("reason-empty"),
    fails("message-1-mib"),
    refuses("message-escapes", "no"),
    fails("invalid-names-payer-with-escapes"),
    fails("claim-a-payer-with-escapes"),
    fails("claim-no-id"),
    fails("claim-an-id-of-1-mib"),
    fails("claim-no-number"),
    fails("carry-1-mib"),
    Attack::by("valid-though-nobody-signed", Component::Lie("says-valid"), SIMULATION)
        .during(Offer::GarbageSignature),
    Attack::by("valid-though-unfunded", Component::Lie("says-valid"), SIMULATION).during(Offer::Unfunded),
    Attack::lie("simulates-under-an-override", SIMULATION).during(Offer::GarbageSignature),
    Attack::lie("simulates-in-the-past", SIMULATION).during(Offer::Unfunded),
    Attack::lie("two-faces", TWO_FACES),
    Attack::lie("claim-the-id-of-a-paid-one", DUPLICATE).during(Offer::PassesForThePaidOne),
    Attack::lie("claim-another-id", GUEST_CLAIMS),
    Attack::lie("claim-an-id-in-upper-case", GUEST_CLAIMS),
    Attack::lie("claim-another-payer", GUEST_CLAIMS),
    Attack::lie("claim-a-later-expiry", GUEST_CLAIMS),
    Attack::lie("claim-an-earlier-expiry", GUEST_CLAIMS),
    Attack::lie("claim-more", Expect::unsigned(Told::Valid, Told::ByPolicy("guest_claims"))),
    Attack::lie("claim-less", Expect::unsigned(Told::Valid, Told::ByPolicy("guest_claims"))),
];
