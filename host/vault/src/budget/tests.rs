//! What the bounds promise: never more in any window, however many sign at once; and room again later.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use proptest::prelude::*;

use super::{book::FeeBook, limits::DAY_IN_HOURS, *};
use crate::{MonotonicClock, rule};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// A clock that tests move, seconds.
#[derive(Debug, Default)]
struct TestClock(AtomicU64);

impl TestClock {
    fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl MonotonicClock for TestClock {
    fn elapsed(&self) -> Duration {
        Duration::from_secs(self.now())
    }
}

const fn at_most(hour: u128, day: u128) -> Budget {
    Budget { hour: Limit::AtMost(hour), day: Limit::AtMost(day) }
}

const OPEN: Budgets =
    Budgets { network: Budget::UNLIMITED, pay_to: Budget::UNLIMITED, payer: Budget::UNLIMITED };

fn book_of(budgets: Budgets, max_parties: usize) -> (Arc<FeeBook>, Arc<TestClock>) {
    let clock = Arc::new(TestClock::default());
    let shared: Arc<dyn MonotonicClock> = Arc::clone(&clock) as _;
    (Arc::new(FeeBook::new(budgets, shared, max_parties)), clock)
}

fn book(budgets: Budgets) -> (Arc<FeeBook>, Arc<TestClock>) {
    book_of(budgets, 100)
}

fn from_to(payer: u32, pay_to: u32) -> Sponsored {
    Sponsored { pay_to: Party::new(&pay_to.to_be_bytes()), payer: Party::new(&payer.to_be_bytes()) }
}

fn spend(book: &Arc<FeeBook>, sponsored: Sponsored, amount: u128) -> Result<(), &'static str> {
    let reservation = book.reserve(sponsored, amount).map_err(|refusal| refusal.rule)?;
    assert_eq!(reservation.settle(amount), 0);
    Ok(())
}

#[test]
fn each_bound_lets_through_what_fits_and_refuses_one_unit_more() {
    for (budgets, refusing) in [
        (Budgets { network: at_most(10, 99), ..OPEN }, rule::BUDGET_NETWORK_HOUR),
        (Budgets { network: at_most(99, 10), ..OPEN }, rule::BUDGET_NETWORK_DAY),
        (Budgets { pay_to: at_most(10, 99), ..OPEN }, rule::BUDGET_PAY_TO_HOUR),
        (Budgets { pay_to: at_most(99, 10), ..OPEN }, rule::BUDGET_PAY_TO_DAY),
        (Budgets { payer: at_most(10, 99), ..OPEN }, rule::BUDGET_PAYER_HOUR),
        (Budgets { payer: at_most(99, 10), ..OPEN }, rule::BUDGET_PAYER_DAY),
    ] {
        let (book, _clock) = book(budgets);
        spend(&book, from_to(1, 2), 4).unwrap();
        let _held = book.reserve(from_to(1, 2), 5).unwrap();
        let refusal = book.reserve(from_to(1, 2), 2).unwrap_err();
        assert_eq!(refusal, BudgetRefusal { rule: refusing, needed: 2, left: 1 });
        assert!(book.reserve(from_to(1, 2), u128::MAX).is_err());
        spend(&book, from_to(1, 2), 1).unwrap();
        assert_eq!(spend(&book, from_to(1, 2), 1), Err(refusing));
        spend(&book, from_to(1, 2), 0).unwrap();
    }
}

#[test]
fn accounts_have_budgets_of_their_own_within_that_of_the_network() {
    let (book, _clock) =
        book(Budgets { network: at_most(30, 300), pay_to: at_most(20, 200), payer: at_most(10, 100) });
    spend(&book, from_to(1, 9), 10).unwrap();
    assert_eq!(spend(&book, from_to(1, 8), 1), Err(rule::BUDGET_PAYER_HOUR));
    spend(&book, from_to(2, 9), 10).unwrap();
    assert_eq!(spend(&book, from_to(3, 9), 1), Err(rule::BUDGET_PAY_TO_HOUR));
    spend(&book, from_to(3, 8), 10).unwrap();
    assert_eq!(spend(&book, from_to(4, 7), 1), Err(rule::BUDGET_NETWORK_HOUR));
}

#[test]
fn a_refusal_reserves_nothing_anywhere() {
    let (book, _clock) = book(Budgets { payer: at_most(1, 1), ..Budgets::of_worst_fee(100) });
    book.reserve(from_to(1, 2), 2).unwrap_err();
    assert_eq!((book.fees().held, book.parties()), (0, (0, 0)));
}

#[test]
fn a_raised_reservation_counts_the_difference_everywhere_or_nowhere() {
    let (book, _clock) =
        book(Budgets { network: at_most(100, 1_000), pay_to: at_most(60, 600), payer: at_most(40, 400) });
    let mut raised = book.reserve(from_to(1, 9), 10).unwrap();
    let _of_another = book.reserve(from_to(2, 9), 30).unwrap();
    // 20 of the payee's 60 are left, and 30 of the payer's 40.
    let refusal = raised.raise(41).unwrap_err();
    assert_eq!(refusal, BudgetRefusal { rule: rule::BUDGET_PAY_TO_HOUR, needed: 31, left: 20 });
    assert_eq!((raised.reserved(), book.fees().held), (10, 40));
    raised.raise(30).unwrap();
    assert_eq!((raised.reserved(), book.fees().held), (30, 60));
    // What costs less takes nothing back: the one replaced may land yet.
    raised.raise(5).unwrap();
    assert_eq!((raised.reserved(), book.fees().held), (30, 60));
    assert_eq!(spend(&book, from_to(1, 8), 11), Err(rule::BUDGET_PAYER_HOUR));
    assert_eq!(spend(&book, from_to(3, 9), 1), Err(rule::BUDGET_PAY_TO_HOUR));
    assert_eq!(raised.settle(31), 1);
    assert_eq!((book.fees().held, book.fees().spent_hour), (30, 31));
    assert_eq!(spend(&book, from_to(1, 8), 10), Err(rule::BUDGET_PAYER_HOUR));
    spend(&book, from_to(1, 8), 9).unwrap();
}

#[test]
fn what_is_counted_for_the_network_alone_is_raised_for_it_alone() {
    let (book, _clock) =
        book_of(Budgets { network: at_most(100, 100), pay_to: at_most(10, 10), payer: at_most(10, 10) }, 1);
    let mut own = book.reserve_own(20).unwrap();
    let mut unknown = book.hold(None, 20);
    own.raise(60).unwrap();
    assert_eq!(unknown.raise(41).unwrap_err().left, 20);
    unknown.raise(40).unwrap();
    assert_eq!((book.fees().held, book.parties()), (100, (0, 0)));
    assert_eq!(book.reserve_own(1).unwrap_err().rule, rule::BUDGET_NETWORK_HOUR);
}

#[test]
fn a_reservation_shrinks_to_what_was_spent() {
    let (book, _clock) = book(Budgets { network: at_most(100, 1_000), ..OPEN });
    let fees = || (book.fees().held, book.fees().spent_hour, book.fees().spent_day);

    let reservation = book.reserve(from_to(1, 2), 80).unwrap();
    assert_eq!((reservation.reserved(), fees()), (80, (80, 0, 0)));
    assert_eq!(reservation.settle(30), 0);
    assert_eq!(fees(), (0, 30, 30));

    book.reserve(from_to(1, 2), 70).unwrap().release();
    assert_eq!(fees(), (0, 30, 30), "nothing landed, nothing is charged");

    drop(book.reserve(from_to(1, 2), 20).unwrap());
    assert_eq!(fees(), (0, 50, 50), "forgotten: all of it is charged");

    assert_eq!(book.reserve(from_to(1, 2), 20).unwrap().settle(70), 50);
    assert_eq!(fees(), (0, 120, 120), "what was spent is charged, even above the bound");
    assert_eq!(book.reserve(from_to(1, 2), 1).unwrap_err().left, 0);

    let leaked = book.hold(None, 5);
    std::mem::forget(leaked);
    assert_eq!(fees(), (5, 120, 120), "never told of again: reserved for good");
}

#[test]
fn what_is_under_way_counts_however_long_it_takes() {
    let (book, clock) = book(Budgets { network: at_most(100, 100), ..OPEN });
    let slow = book.reserve(from_to(1, 2), 60).unwrap();
    clock.advance(3 * DAY);
    assert_eq!(spend(&book, from_to(1, 2), 41), Err(rule::BUDGET_NETWORK_HOUR));
    // It is spent when it lands, and counts from then on.
    assert_eq!(slow.settle(60), 0);
    clock.advance(HOUR - 1);
    assert_eq!(spend(&book, from_to(1, 2), 41), Err(rule::BUDGET_NETWORK_HOUR));
}

#[test]
fn a_window_lasts_its_length_and_at_most_one_slot_more() {
    for (budget, refusing, length, slot) in [
        (at_most(10, 100), rule::BUDGET_NETWORK_HOUR, HOUR, 5 * 60),
        (at_most(100, 10), rule::BUDGET_NETWORK_DAY, DAY, HOUR),
    ] {
        for begin in [0, 1, slot - 1, slot, 7 * slot + 11] {
            let (book, clock) = book(Budgets { network: budget, ..OPEN });
            clock.advance(begin);
            spend(&book, from_to(1, 2), 10).unwrap();
            clock.advance(length);
            assert_eq!(spend(&book, from_to(1, 2), 1), Err(refusing), "{begin}");
            clock.advance(slot);
            spend(&book, from_to(1, 2), 10).unwrap();
        }
    }
}

#[test]
fn a_clock_that_goes_back_gives_nothing_back() {
    let (book, clock) = book(Budgets { network: at_most(10, 100), ..OPEN });
    clock.advance(10 * HOUR);
    spend(&book, from_to(1, 2), 6).unwrap();
    clock.0.store(0, Ordering::SeqCst);
    assert_eq!(spend(&book, from_to(1, 2), 5), Err(rule::BUDGET_NETWORK_HOUR));
    spend(&book, from_to(1, 2), 4).unwrap();
    clock.0.store(10 * HOUR, Ordering::SeqCst);
    assert_eq!(spend(&book, from_to(1, 2), 1), Err(rule::BUDGET_NETWORK_HOUR));
}

#[test]
fn a_full_table_takes_no_new_accounts_until_old_ones_do_not_count_any_more() {
    let (book, clock) = book_of(Budgets::of_worst_fee(1_000), 3);
    for payer in 0..3 {
        spend(&book, from_to(payer, payer), 1).unwrap();
    }
    assert_eq!(spend(&book, from_to(9, 0), 1), Err(rule::BUDGET_PAYER_PARTIES));
    assert_eq!(spend(&book, from_to(0, 9), 1), Err(rule::BUDGET_PAY_TO_PARTIES));
    spend(&book, from_to(0, 2), 1).unwrap();

    clock.advance(DAY - 1);
    assert_eq!(spend(&book, from_to(9, 0), 1), Err(rule::BUDGET_PAYER_PARTIES));
    let _held = book.reserve(from_to(0, 0), 1).unwrap();
    clock.advance(DAY + HOUR);
    spend(&book, from_to(9, 9), 1).unwrap();
    assert_eq!(book.parties(), (2, 2), "the one that is reserved for, and the new one");
}

#[test]
fn an_account_for_which_nothing_was_spent_takes_no_room() {
    let (book, _clock) = book_of(Budgets::of_worst_fee(1_000), 1);
    let first = book.reserve(from_to(1, 1), 10).unwrap();
    assert_eq!(book.reserve(from_to(2, 2), 10).unwrap_err().rule, rule::BUDGET_PAY_TO_PARTIES);
    first.release();
    book.reserve(from_to(2, 2), 10).unwrap().release();
    assert_eq!(book.parties(), (0, 0));
}

#[test]
fn without_a_bound_nobody_is_remembered() {
    let (book, _clock) = book_of(Budgets { network: at_most(100, 100), ..OPEN }, 1);
    let _held: Vec<_> = (0..50).map(|payer| book.reserve(from_to(payer, payer), 2).unwrap()).collect();
    assert_eq!(book.parties(), (0, 0));
    assert_eq!(spend(&book, from_to(50, 50), 1), Err(rule::BUDGET_NETWORK_HOUR));
}

#[test]
fn what_is_signed_already_is_counted_above_every_bound_and_given_back_exactly() {
    let (book, _clock) = book_of(
        Budgets { network: at_most(100, 100), pay_to: at_most(100, 100), payer: at_most(100, 100) },
        1,
    );
    let held = book.hold(Some(from_to(1, 1)), 500);
    // The table is full: these count for the network alone.
    let beyond = book.hold(Some(from_to(2, 2)), 500);
    let unknown = book.hold(None, 500);
    assert_eq!((book.fees().held, book.parties()), (1_500, (1, 1)));
    assert_eq!(spend(&book, from_to(1, 1), 1), Err(rule::BUDGET_NETWORK_HOUR));
    held.release();
    // Its place in the table is free: closing one that never had a place must not touch the new one.
    let new = book.hold(Some(from_to(2, 2)), 40);
    beyond.release();
    unknown.release();
    assert_eq!(book.reserve(from_to(2, 2), 61).unwrap_err().left, 60);
    new.release();
    spend(&book, from_to(1, 1), 100).unwrap();
}

#[test]
fn defaults_are_bounds_and_grow_with_the_worst_fee() {
    let Budgets { network, pay_to, payer } = Budgets::of_worst_fee(1_000);
    for (budget, hour) in [(network, 40_000), (pay_to, 20_000), (payer, 10_000)] {
        assert_eq!(budget, at_most(hour, hour * DAY_IN_HOURS));
    }
    let Budgets { network, .. } = Budgets::of_worst_fee(u128::MAX);
    assert_eq!(network, at_most(u128::MAX, u128::MAX));
}

#[test]
fn many_threads_never_reserve_more_than_there_is() {
    const LIMIT: u128 = 1_000;
    let (book, _clock) = book(Budgets {
        network: at_most(LIMIT, LIMIT),
        pay_to: at_most(LIMIT / 2, LIMIT),
        payer: at_most(LIMIT / 4, LIMIT),
    });
    let begin = std::sync::Barrier::new(8);
    // Everything is kept: at the end, all that was allowed is reserved at once.
    let kept: Vec<(u32, u128, FeeReservation)> = std::thread::scope(|threads| {
        let running: Vec<_> = (0..8_u32)
            .map(|thread| {
                let (book, begin) = (&book, &begin);
                threads.spawn(move || {
                    begin.wait();
                    let mut kept = Vec::new();
                    for round in 0..2_000_u32 {
                        let payer = (thread + round) % 6;
                        let amount = u128::from(round % 7 + 1);
                        match book.reserve(from_to(payer, payer % 3), amount) {
                            Ok(reservation) if round % 3 == 0 => kept.push((payer, amount, reservation)),
                            Ok(reservation) => reservation.release(),
                            Err(refusal) => assert!(refusal.left < amount),
                        }
                    }
                    kept
                })
            })
            .collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let sum_of = |chosen: &dyn Fn(u32) -> bool| -> u128 {
        kept.iter().filter(|(payer, ..)| chosen(*payer)).map(|(_, amount, _)| amount).sum()
    };
    assert_eq!(book.fees().held, sum_of(&|_| true), "no reservation is lost");
    assert!(sum_of(&|_| true) <= LIMIT);
    assert!(sum_of(&|_| true) + 7 > LIMIT, "and all of it is used");
    for account in 0..6 {
        assert!(sum_of(&|payer| payer == account) <= LIMIT / 4);
        assert!(sum_of(&|payer| payer % 3 == account) <= LIMIT / 2);
    }
}

/// What happens to a book, one after the other.
#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Reserve { payer: u32, pay_to: u32, amount: u128 },
    Raise { which: usize, more: u128 },
    Settle { which: usize, part: u128 },
    Release(usize),
    Forget(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (1..2 * HOUR).prop_map(Step::Wait),
        1 => (1..600_u64).prop_map(Step::Wait),
        6 => (0..3_u32, 0..2_u32, 1..60_u128)
            .prop_map(|(payer, pay_to, amount)| Step::Reserve { payer, pay_to, amount }),
        2 => (any::<usize>(), 0..30_u128).prop_map(|(which, more)| Step::Raise { which, more }),
        3 => (any::<usize>(), 0..=100_u128).prop_map(|(which, part)| Step::Settle { which, part }),
        1 => any::<usize>().prop_map(Step::Release),
        1 => any::<usize>().prop_map(Step::Forget),
    ]
}

/// What a payment cost, when, and whose it was.
struct Cost {
    at: u64,
    amount: u128,
    payer: u32,
    pay_to: u32,
}

/// Most that `costs` come to in any stretch of `length` seconds.
fn most_within<'a>(costs: impl Iterator<Item = &'a Cost> + Clone, length: u64) -> u128 {
    let until = |end: u64| {
        costs.clone().filter(|cost| cost.at <= end && end < cost.at + length).map(|cost| cost.amount).sum()
    };
    costs.clone().map(|cost| until(cost.at)).max().unwrap_or(0)
}

proptest! {
    /// Whatever happens, in no stretch of an hour or a day more is spent than the bound; and once all of
    /// it is past, everything is there again.
    #[test]
    fn no_window_holds_more_than_its_bound(steps in prop::collection::vec(step(), 1..120)) {
        let budgets =
            Budgets { network: at_most(300, 900), pay_to: at_most(200, 600), payer: at_most(100, 300) };
        let (book, clock) = book(budgets);
        let mut open: Vec<(u32, u32, FeeReservation)> = Vec::new();
        let mut costs: Vec<Cost> = Vec::new();
        for step in steps {
            let mut close = |which: usize, spent: &dyn Fn(u128) -> u128| {
                if open.is_empty() {
                    return None;
                }
                let (payer, pay_to, reservation) = open.swap_remove(which % open.len());
                let amount = spent(reservation.reserved());
                costs.push(Cost { at: clock.now(), amount, payer, pay_to });
                Some(reservation)
            };
            match step {
                Step::Wait(seconds) => clock.advance(seconds),
                Step::Reserve { payer, pay_to, amount } => {
                    if let Ok(reservation) = book.reserve(from_to(payer, pay_to), amount) {
                        open.push((payer, pay_to, reservation));
                    }
                }
                Step::Raise { which, more } => {
                    if !open.is_empty() {
                        let at = which % open.len();
                        let (.., reservation) = &mut open[at];
                        let before = reservation.reserved();
                        let raised = reservation.raise(before + more).is_ok();
                        prop_assert_eq!(reservation.reserved(), before + if raised { more } else { 0 });
                    }
                }
                Step::Settle { which, part } => {
                    let spent = |reserved| reserved * part / 100;
                    if let Some(reservation) = close(which, &spent) {
                        let spent = spent(reservation.reserved());
                        prop_assert_eq!(reservation.settle(spent), 0);
                    }
                }
                Step::Release(which) => {
                    if let Some(reservation) = close(which, &|_| 0) {
                        reservation.release();
                    }
                }
                Step::Forget(which) => drop(close(which, &|reserved| reserved)),
            }
        }
        // What is still open may all be spent at this very moment.
        for (payer, pay_to, reservation) in open {
            costs.push(Cost { at: clock.now(), amount: reservation.reserved(), payer, pay_to });
        }
        for (budget, kind) in [(budgets.network, 0), (budgets.pay_to, 1), (budgets.payer, 2)] {
            for account in 0..3 {
                let counts = |cost: &&Cost| match kind {
                    0 => true,
                    1 => cost.pay_to == account,
                    _ => cost.payer == account,
                };
                for (limit, length) in [(budget.hour, HOUR), (budget.day, DAY)] {
                    let Limit::AtMost(limit) = limit else { continue };
                    let most = most_within(costs.iter().filter(counts), length);
                    prop_assert!(most <= limit, "{most} of {limit} in {length} s");
                }
            }
        }
        clock.advance(DAY + HOUR);
        spend(&book, from_to(0, 0), 100).unwrap();
        spend(&book, from_to(1, 0), 100).unwrap();
        spend(&book, from_to(2, 1), 100).unwrap();
        prop_assert_eq!(book.parties(), (2, 3));
    }

    /// A window never takes more room than its slots, and never tells less than was charged within it.
    #[test]
    fn a_window_is_bounded_and_tells_enough(
        charges in prop::collection::vec((prop_oneof![0..900_u64, 0..20_000_u64], 0..1_000_u128), 1..300)
    ) {
        for (window, length, slots) in [(window::Window::HOUR, HOUR, 12), (window::Window::DAY, DAY, 24)] {
            let mut spent = window::Spent::default();
            let mut truth: Vec<(u64, u128)> = Vec::new();
            let mut now = 0;
            for &(wait, amount) in &charges {
                now += wait;
                spent.charge(window, Duration::from_secs(now), amount);
                truth.push((now, amount));
                let told = spent.within(window, Duration::from_secs(now));
                let within = |length| -> u128 {
                    truth.iter().filter(|(at, _)| now - at < length).map(|(_, amount)| amount).sum()
                };
                prop_assert!(within(length) <= told && told <= within(length + length / slots));
                prop_assert!(spent.slot_count() as u64 <= slots + 1);
            }
        }
    }
}
