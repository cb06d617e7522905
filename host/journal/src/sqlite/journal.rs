//! The interface: what is out of bounds is refused here, what asks or writes goes to its thread.

use std::collections::BTreeSet;

use super::{SqliteJournal, endings, lanes, leases, moves, questions, retention, slots};
use crate::{
    Answer, Claim, Cursor, Fingerprint, IdempotencyKey, Journal, JournalError, LaneKey, LaneView, Lease,
    Liveness, MAX_SLOTS, NewSettlement, Outcome, Owner, Page, PayloadDigest, PaymentId, Record, Remembered,
    SignedBytes, State,
};

/// An answer that is known without asking the store.
fn refused<'a, T: Send + 'a>(error: JournalError) -> Answer<'a, T> {
    Box::pin(std::future::ready(Err(error)))
}

impl Journal for SqliteJournal {
    fn begin_lease<'a>(&'a self, name: &'a str) -> Answer<'a, Owner> {
        let (name, files) = (crate::lease::cut_name(name).to_owned(), self.lease_files.clone());
        Box::pin(async move {
            let (owner, file) =
                self.write_synced(move |connection, _| leases::begin(connection, &files, &name)).await??;
            self.held().insert(owner, file);
            Ok(owner)
        })
    }

    fn renew_lease(&self, owner: Owner) -> Answer<'_, ()> {
        self.read(move |connection| match leases::has_ended(connection, owner)? {
            true => Err(JournalError::LeaseEnded { owner }),
            false => Ok(()),
        })
    }

    fn leases(&self) -> Answer<'_, Vec<Lease>> {
        let files = self.lease_files.clone();
        Box::pin(async move {
            let seen = self.read(move |connection| leases::seen(connection, &files)).await??;
            if !seen.dead.is_empty() {
                self.end(seen.dead).await?;
            }
            Ok(seen.leases)
        })
    }

    fn end_lease(&self, owner: Owner, seen: Option<Liveness>) -> Answer<'_, bool> {
        let files = self.lease_files.clone();
        Box::pin(async move {
            // The operating system knows better than whoever saw no sign of it.
            if seen.is_some() {
                let liveness =
                    self.read(move |connection| leases::liveness(connection, &files, owner)).await??;
                if liveness != Liveness::Ended {
                    return Ok(false);
                }
            }
            self.end(vec![owner]).await?;
            Ok(true)
        })
    }

    fn claim(&self, owner: Owner, settlement: NewSettlement) -> Answer<'_, Claim> {
        match settlement.check() {
            Ok(()) => self.write(move |connection, now| moves::claim(connection, owner, &settlement, now)),
            Err(error) => refused(error),
        }
    }

    fn approved<'a>(&'a self, owner: Owner, id: &'a PaymentId) -> Answer<'a, ()> {
        let id = id.clone();
        self.write(move |connection, now| moves::advance(connection, owner, &id, State::Approved, now))
    }

    fn signed<'a>(&'a self, owner: Owner, id: &'a PaymentId, signed: SignedBytes) -> Answer<'a, ()> {
        let id = id.clone();
        match signed.check() {
            Ok(()) => {
                self.write_synced(move |connection, now| moves::signed(connection, owner, &id, &signed, now))
            }
            Err(error) => refused(error),
        }
    }

    fn broadcast<'a>(&'a self, owner: Owner, id: &'a PaymentId) -> Answer<'a, ()> {
        let id = id.clone();
        self.write(move |connection, now| moves::advance(connection, owner, &id, State::Broadcast, now))
    }

    fn replaced<'a>(&'a self, owner: Owner, id: &'a PaymentId, signed: SignedBytes) -> Answer<'a, ()> {
        let id = id.clone();
        match signed.check() {
            Ok(()) => self
                .write_synced(move |connection, now| moves::replaced(connection, owner, &id, &signed, now)),
            Err(error) => refused(error),
        }
    }

    fn finish<'a>(&'a self, owner: Owner, id: &'a PaymentId, outcome: Outcome) -> Answer<'a, ()> {
        let id = id.clone();
        match outcome.bounded() {
            Ok(outcome) => {
                self.write(move |connection, now| endings::finish(connection, owner, &id, &outcome, now))
            }
            Err(error) => refused(error),
        }
    }

    fn revise<'a>(&'a self, owner: Owner, id: &'a PaymentId, outcome: Outcome) -> Answer<'a, ()> {
        let id = id.clone();
        match outcome.bounded() {
            Ok(outcome) => {
                self.write(move |connection, now| endings::revise(connection, owner, &id, &outcome, now))
            }
            Err(error) => refused(error),
        }
    }

    fn seal<'a>(&'a self, owner: Owner, id: &'a PaymentId) -> Answer<'a, ()> {
        let id = id.clone();
        self.write(move |connection, now| endings::seal(connection, owner, &id, now))
    }

    fn release<'a>(&'a self, owner: Owner, id: &'a PaymentId) -> Answer<'a, ()> {
        let id = id.clone();
        self.write(move |connection, _| moves::release(connection, owner, &id))
    }

    fn take_over<'a>(&'a self, id: &'a PaymentId, from: Owner, to: Owner) -> Answer<'a, Option<Record>> {
        let id = id.clone();
        self.write(move |connection, _| moves::take_over(connection, &id, from, to))
    }

    fn get<'a>(&'a self, id: &'a PaymentId) -> Answer<'a, Option<Record>> {
        let id = id.clone();
        self.read(move |connection| questions::get(connection, &id))
    }

    fn find_by_payload<'a>(&'a self, payload: &'a PayloadDigest) -> Answer<'a, Option<Record>> {
        let payload = payload.clone();
        self.read(move |connection| questions::find_by_payload(connection, &payload))
    }

    fn find_by_transaction<'a>(&'a self, transaction: &'a str) -> Answer<'a, Option<Record>> {
        let transaction = transaction.to_owned();
        self.read(move |connection| questions::find_by_transaction(connection, &transaction))
    }

    fn unsealed(&self, owner: Owner, after: Option<Cursor>, limit: usize) -> Answer<'_, Page> {
        self.read(move |connection| questions::unsealed(connection, owner, after.as_ref(), limit))
    }

    fn reserve<'a>(&'a self, lane: &'a LaneKey, floor: u64) -> Answer<'a, u64> {
        let lane = lane.clone();
        match lane.check() {
            Ok(()) => self.write(move |connection, _| lanes::reserve(connection, &lane, floor)),
            Err(error) => refused(error),
        }
    }

    fn give_back<'a>(&'a self, lane: &'a LaneKey, sequence: u64) -> Answer<'a, ()> {
        let lane = lane.clone();
        match lane.check() {
            Ok(()) => self.write(move |connection, _| lanes::give_back(connection, &lane, sequence)),
            Err(error) => refused(error),
        }
    }

    fn lane<'a>(&'a self, lane: &'a LaneKey, from: u64) -> Answer<'a, LaneView> {
        let lane = lane.clone();
        self.read(move |connection| lanes::lane(connection, &lane, from))
    }

    fn reset_lane<'a>(
        &'a self,
        lane: &'a LaneKey,
        seen: Option<u64>,
        next: u64,
        free: BTreeSet<u64>,
    ) -> Answer<'a, bool> {
        let lane = lane.clone();
        match lane.check().and_then(|()| crate::record::at_most("numbers given back", free.len(), MAX_SLOTS))
        {
            Ok(()) => self.write(move |connection, _| lanes::reset(connection, &lane, seen, next, &free)),
            Err(error) => refused(error),
        }
    }

    fn fill<'a>(
        &'a self,
        owner: Owner,
        lane: &'a LaneKey,
        filler: SignedBytes,
        instead_of: Option<&'a PaymentId>,
    ) -> Answer<'a, ()> {
        let (lane, instead_of) = (lane.clone(), instead_of.cloned());
        match lane.check_filler(&filler) {
            Ok(()) => self.write_synced(move |connection, _| {
                slots::fill(connection, owner, &lane, &filler, instead_of.as_ref())
            }),
            Err(error) => refused(error),
        }
    }

    fn forget_fillers<'a>(&'a self, lane: &'a LaneKey, below: u64) -> Answer<'a, ()> {
        let lane = lane.clone();
        self.write(move |connection, _| slots::forget_fillers(connection, &lane, below))
    }

    fn recall<'a>(&'a self, key: &'a IdempotencyKey) -> Answer<'a, Option<Fingerprint>> {
        let key = key.clone();
        self.read(move |connection| retention::recall(connection, &key))
    }

    fn remember<'a>(&'a self, key: &'a IdempotencyKey, request: &'a Fingerprint) -> Answer<'a, Remembered> {
        let (key, request) = (key.clone(), request.clone());
        self.write_synced(move |connection, now| retention::remember(connection, &key, &request, now))
    }

    fn purge(&self) -> Answer<'_, usize> {
        let keep_ms = self.keep_ms;
        Box::pin(async move {
            let purged =
                self.write(move |connection, now| retention::purge(connection, keep_ms, now)).await?;
            if !purged.leases.is_empty() {
                self.remove_files(purged.leases).await?;
            }
            Ok(purged.count)
        })
    }
}
