//! What every backend of the journal must do. `conformance!(open)` makes one test of each check, on a store
//! of its own from `open`, an `async fn() -> impl Store`.

pub(crate) mod claims;
pub(crate) mod endings;
pub(crate) mod fencing;
pub(crate) mod lanes;
pub(crate) mod leases;
pub(crate) mod listings;
pub(crate) mod moves;
pub(crate) mod replacements;
pub(crate) mod slots;

use std::sync::Arc;

use facilitator_journal::{Journal, Liveness, Owner, PaymentId, Record};

/// A store that is empty at first. Dropping it may delete it.
pub(crate) trait Store {
    /// A new journal object on this store, as another process would open it.
    async fn journal(&self) -> Arc<dyn Journal>;
}

/// What a process has: a journal object of its own, and a lease.
pub(crate) struct Process {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) owner: Owner,
}

impl Process {
    pub(crate) async fn start(store: &impl Store, name: &str) -> Self {
        let journal = store.journal().await;
        let owner = journal.begin_lease(name).await.unwrap();
        Self { journal, owner }
    }

    /// The record of a payment, which must be there.
    pub(crate) async fn record(&self, id: &PaymentId) -> Record {
        self.journal.get(id).await.unwrap().unwrap()
    }

    /// What this process is told of the lease `owner`, if it is.
    pub(crate) async fn sees(&self, owner: Owner) -> Option<Liveness> {
        let leases = self.journal.leases().await.unwrap();
        leases.into_iter().find(|lease| lease.owner == owner).map(|lease| lease.liveness)
    }

    /// Ends the lease of `other`, which has fallen silent: by its silence where the store goes by that, else
    /// by dropping its journal, as the end of its process would.
    pub(crate) async fn bury(&self, other: Self) {
        let seen = self.sees(other.owner).await;
        assert!(seen.is_some_and(|seen| seen != Liveness::Ended), "{seen:?}");
        if !self.journal.end_lease(other.owner, seen).await.unwrap() {
            drop(other.journal);
            assert!(self.journal.end_lease(other.owner, seen).await.unwrap());
        }
        assert_eq!(self.sees(other.owner).await, Some(Liveness::Ended));
    }
}

macro_rules! conformance {
    ($open:path: $($file:ident: [$($check:ident),* $(,)?]),* $(,)?) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                let store = $open().await;
                $crate::conformance::$file::$check(&store).await;
            }
        )*)*
    };
    ($open:path) => {
        $crate::conformance::conformance!($open:
            claims: [
                a_claim_keeps_every_field,
                of_concurrent_claims_exactly_one_wins,
                released_payments_may_be_claimed_again,
                a_signed_payment_is_never_released,
                fields_out_of_bounds_are_refused,
            ],
            moves: [
                concurrent_settlements_do_not_disturb_each_other,
                every_illegal_move_is_refused_and_changes_nothing,
                repeating_a_move_is_no_error,
                other_bytes_or_another_outcome_are_refused,
                an_unknown_payment_is_not_found,
                outcomes_are_told_again_as_they_were,
            ],
            replacements: [
                replaced_bytes_are_kept_in_order,
                a_replacement_with_another_number_takes_its_slot_too,
                a_replacement_with_a_taken_number_changes_nothing,
                only_what_may_have_been_sent_and_is_not_sealed_is_replaced,
                a_payment_has_a_bounded_number_of_replacements,
            ],
            endings: [
                an_outcome_is_revised_until_it_is_sealed,
                only_what_has_ended_is_revised_or_sealed,
                a_revised_confirmation_tells_the_payment_as_verified,
                sealing_gives_up_the_slots_of_the_payment,
            ],
            fencing: [
                every_move_of_another_owner_is_fenced,
                a_zombie_moves_nothing_that_was_taken_over,
                of_concurrent_take_overs_exactly_one_succeeds,
                a_take_over_is_repeated_and_needs_the_right_owner,
                everything_of_an_ended_lease_is_taken_over,
                a_released_payment_belongs_to_who_claims_it_next,
            ],
            leases: [
                every_lease_has_a_higher_number,
                concurrent_leases_have_different_numbers,
                a_lease_lives_until_it_is_ended,
                a_lease_that_shows_signs_of_life_is_not_ended,
                a_silent_lease_is_ended_by_several_observers,
                an_unknown_lease_has_ended,
                a_long_name_may_be_cut,
            ],
            lanes: [
                an_unknown_lane_is_empty,
                concurrent_reservations_get_different_numbers,
                numbers_given_back_come_first_and_in_order,
                a_floor_is_kept,
                what_was_not_handed_out_is_not_taken_back,
                lanes_do_not_share_numbers,
                a_lane_is_reset_only_as_it_was_seen,
                lane_fields_out_of_bounds_are_refused,
            ],
            slots: [
                of_concurrent_bytes_with_one_number_exactly_one_is_recorded,
                numbers_of_other_lanes_are_free,
                bytes_without_a_number_take_no_slot,
                slots_are_told_in_order,
                a_free_or_filled_slot_is_filled,
                the_slot_of_a_payment_is_filled_once_the_payment_has_ended,
                a_filler_needs_a_number_and_the_signer_of_its_lane,
                used_fillers_are_forgotten,
            ],
            listings: [
                a_payload_leads_to_its_settlement,
                a_transaction_leads_to_its_settlement,
                unsealed_settlements_come_in_order_of_their_claims,
                unsealed_settlements_are_listed_by_owner,
                an_idempotency_key_stands_for_its_first_request,
                of_concurrent_requests_with_one_key_exactly_one_is_new,
                nothing_young_or_unsealed_is_purged,
            ],
        );
    };
}
pub(crate) use conformance;
