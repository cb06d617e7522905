//! The clocks of a call. The wall clock is the call's clock port and stands still. The monotonic clock
//! starts there and moves only when the guest waits: a wait ends at once and leaves the clock at its end.
//!
//! So a sleep costs no real time, a guest cannot hold an instance by sleeping, and what it sees does not
//! depend on how fast this machine was. A guest that polls a clock in a loop until it moves runs into its
//! CPU budget.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::clocks::{
    monotonic_clock,
    wall_clock::{self, Datetime},
};
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};

use crate::budget::HostState;

const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;
const MILLISECONDS_PER_SECOND: u64 = 1000;

/// The monotonic clock of a call, shared by the pollables that wait for it.
#[derive(Clone)]
pub(super) struct Time(Arc<Mutex<Instants>>);

struct Instants {
    /// Nanoseconds.
    now: u64,
    /// What is waited for; as many as the guest has handles, at most.
    wanted: Vec<u64>,
}

impl Time {
    pub(super) fn new(now_ms: u64) -> Self {
        let now = now_ms.saturating_mul(NANOSECONDS_PER_MILLISECOND);
        Self(Arc::new(Mutex::new(Instants { now, wanted: Vec::new() })))
    }

    fn lock(&self) -> MutexGuard<'_, Instants> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        self.lock().now
    }

    /// Nothing can happen before the earliest instant that is waited for: let it be now.
    fn skip(&self) {
        let mut instants = self.lock();
        if let Some(&earliest) = instants.wanted.iter().min() {
            instants.now = instants.now.max(earliest);
        }
    }
}

/// Somebody waits for an instant, until this is dropped.
struct Wanted<'a> {
    instant: u64,
    time: &'a Time,
}

impl<'a> Wanted<'a> {
    fn new(instant: u64, time: &'a Time) -> Self {
        time.lock().wanted.push(instant);
        Self { instant, time }
    }
}

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        let wanted = &mut self.time.lock().wanted;
        if let Some(at) = wanted.iter().position(|&instant| instant == self.instant) {
            wanted.swap_remove(at);
        }
    }
}

/// Ready at an instant of the call's clock.
struct Deadline {
    instant: u64,
    time: Time,
}

impl Pollable for Deadline {
    fn ready<'a, 'future>(&'a mut self) -> Pin<Box<dyn Future<Output = ()> + Send + 'future>>
    where
        'a: 'future,
    {
        Box::pin(Wait { instant: self.instant, time: &self.time, wanted: None })
    }
}

/// Says at its first poll what it waits for, so that all members of one `poll` have said so before the
/// clock moves to the earliest. It goes on saying so until it is dropped: otherwise those behind it would
/// move the clock once more in the same turn. A mere look (`pollable.ready`) polls once and moves nothing.
struct Wait<'a> {
    instant: u64,
    time: &'a Time,
    wanted: Option<Wanted<'a>>,
}

impl Future for Wait<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let (instant, time) = (self.instant, self.time);
        if self.wanted.is_some() {
            time.skip();
        }
        if instant <= time.now() {
            return Poll::Ready(());
        }
        self.wanted.get_or_insert_with(|| Wanted::new(instant, time));
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl HostState {
    fn wait_until(&mut self, instant: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let deadline = Deadline { instant, time: self.wasi.time.clone() };
        let deadline = self.wasi.table.push(deadline)?;
        subscribe(&mut self.wasi.table, deadline)
    }
}

impl wall_clock::Host for HostState {
    fn now(&mut self) -> wasmtime::Result<Datetime> {
        let milliseconds = u32::try_from(self.now_ms % MILLISECONDS_PER_SECOND)?;
        Ok(Datetime { seconds: self.now_ms / MILLISECONDS_PER_SECOND, nanoseconds: milliseconds * 1_000_000 })
    }

    fn resolution(&mut self) -> wasmtime::Result<Datetime> {
        Ok(Datetime { seconds: 0, nanoseconds: 1_000_000 })
    }
}

impl monotonic_clock::Host for HostState {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.wasi.time.now())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(NANOSECONDS_PER_MILLISECOND)
    }

    fn subscribe_instant(&mut self, instant: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.wait_until(instant)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.wait_until(self.wasi.time.now().saturating_add(duration))
    }
}
