//! The endpoints of one network held against each other: who is asked, in which order, and who is not.
//!
//! Pure, as [`super::quality`] is. Heads are compared with each other before they are compared with our
//! clock, which may be wrong by half a minute. What another endpoint claims is believed up to a bound:
//! one that says it is far ahead is taken to be the better one, unless it is ahead of our clock, too.

use std::time::Duration;

use super::quality::{ChainSeen, HeadBounds, Outcome, Quality, Reason, Seen, Sighting};

/// Heads further ahead of our clock than this are not believed while another endpoint's is not: 30 s that
/// our clock may be wrong, and 15 s that chains let a block's time run ahead.
const FURTHEST_AHEAD_SECONDS: u64 = 45;
/// How long a head counts as known to its endpoint when others are held against it.
const HEAD_COUNTS_FOR: Duration = Duration::from_secs(60);
/// Answers this far apart count as given at the same moment.
const SAME_MOMENT: Duration = Duration::from_secs(1);

/// A moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Since the start, never set.
    pub(super) steady: Duration,
    /// Unix seconds, as good as the machine's clock.
    pub(super) wall: u64,
}

/// An endpoint whose state changed: passed over for a reason from now on, or good again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) endpoint: usize,
    pub(super) quarantined: Option<Reason>,
}

/// All endpoints of a network, by their place in the operator's order.
#[derive(Debug)]
pub(super) struct Roster {
    bounds: HeadBounds,
    endpoints: Vec<Quality>,
}

impl Roster {
    pub(super) fn new(count: usize) -> Self {
        let endpoints = (0..count).map(|_| Quality::new()).collect();
        Self { bounds: HeadBounds::default(), endpoints }
    }

    pub(super) const fn set_bounds(&mut self, bounds: HeadBounds) {
        self.bounds = bounds;
    }

    pub(super) fn qualities(&self) -> &[Quality] {
        &self.endpoints
    }

    /// Places of the good endpoints in the operator's order.
    pub(super) fn good(&self) -> Vec<usize> {
        self.places().filter(|(_, quality)| quality.quarantine().is_none()).map(|(at, _)| at).collect()
    }

    /// Places in the order in which they are asked: the good ones, then the others, least bad first. One
    /// of another chain is never asked.
    pub(super) fn order(&self) -> Vec<usize> {
        let mut order = self.good();
        let mut others: Vec<_> = self
            .places()
            .filter_map(|(at, quality)| quality.quarantine().map(|reason| (reason, at)))
            .filter(|(reason, _)| !matches!(reason, Reason::WrongChain { .. }))
            .map(|(reason, at)| (reason.badness(), at))
            .collect();
        others.sort_unstable();
        order.extend(others.into_iter().map(|(_, at)| at));
        order
    }

    /// Endpoints that have rested from their failures are tried again.
    pub(super) fn wake(&mut self, now: Duration) -> Vec<Change> {
        let mut changes = Vec::new();
        for at in 0..self.endpoints.len() {
            if !self.quality(at).is_some_and(|quality| quality.has_rested(now)) {
                continue;
            }
            // It may have fallen behind before it began to fail.
            let about_chain = self.about_chain(at, now);
            let Some(quality) = self.endpoints.get_mut(at) else { continue };
            match about_chain {
                Some(reason) => changes.extend(condemned(at, quality, reason, now)),
                None => {
                    quality.try_again();
                    changes.push(Change { endpoint: at, quarantined: None });
                }
            }
        }
        changes
    }

    /// Counts a request. Answers alone bring no endpoint back: they do not say that it knows the newest block,
    /// and a busy network would see it come and go many times a second.
    pub(super) fn count(&mut self, at: usize, outcome: Outcome, now: Duration) -> Option<Change> {
        self.endpoints.get_mut(at)?.count(outcome);
        let is_good = self.quality(at)?.quarantine().is_none();
        if outcome != Outcome::Failed && !is_good {
            return None;
        }
        let verdict = if is_good { self.quality(at)?.conduct() } else { self.verdict(at, now) };
        let quality = self.endpoints.get_mut(at)?;
        if let Some(reason) = verdict {
            return condemned(at, quality, reason, now);
        }
        if outcome == Outcome::Failed {
            quality.found_mute();
        }
        None
    }

    /// Takes over what a look at an endpoint showed. Others are judged, too: they may be behind it.
    pub(super) fn observe(&mut self, at: usize, sighting: Sighting, now: Moment) -> Vec<Change> {
        let Some(quality) = self.endpoints.get_mut(at) else { return Vec::new() };
        let is_whole = sighting.chain == ChainSeen::Right && sighting.head.is_some();
        match sighting.chain {
            ChainSeen::Right => quality.wrong_chain = None,
            ChainSeen::Wrong { expected, found } => {
                quality.wrong_chain = Some(Reason::WrongChain { expected, found });
            }
            ChainSeen::Unknown => {}
        }
        if let Some(head) = sighting.head {
            quality.seen = Some(Seen { head, at: now.steady, wall: now.wall });
        }
        if let Some(knows_pending) = sighting.knows_pending {
            quality.lacks_pending = !knows_pending;
        }
        let mut changes = Vec::new();
        for other in 0..self.endpoints.len() {
            let verdict = if other == at {
                self.verdict(other, now.steady)
            } else {
                self.about_chain(other, now.steady)
            };
            let Some(quality) = self.endpoints.get_mut(other) else { continue };
            match verdict {
                Some(reason) if other == at || quality.quarantine().is_none() => {
                    changes.extend(condemned(other, quality, reason, now.steady));
                }
                None if other == at && is_whole => changes.extend(cleared(other, quality)),
                None if other == at => quality.found_mute(),
                _ => {}
            }
        }
        changes
    }

    fn places(&self) -> impl Iterator<Item = (usize, &Quality)> {
        self.endpoints.iter().enumerate()
    }

    fn quality(&self, at: usize) -> Option<&Quality> {
        self.endpoints.get(at)
    }

    /// What speaks against an endpoint.
    fn verdict(&self, at: usize, now: Duration) -> Option<Reason> {
        self.about_chain(at, now).or_else(|| self.quality(at)?.conduct())
    }

    /// What speaks against what an endpoint says of the chain.
    fn about_chain(&self, at: usize, now: Duration) -> Option<Reason> {
        let quality = self.quality(at)?;
        if let Some(wrong_chain) = &quality.wrong_chain {
            return Some(wrong_chain.clone());
        }
        let own = quality.seen.filter(|seen| is_known(seen, now))?;
        let peers: Vec<Seen> = self
            .places()
            .filter(|(place, peer)| *place != at && peer.wrong_chain.is_none())
            .filter_map(|(_, peer)| peer.seen.filter(|seen| is_known(seen, now)))
            .collect();
        let ahead = seconds_ahead(&own);
        if ahead > FURTHEST_AHEAD_SECONDS && peers.iter().any(is_credible) {
            return Some(Reason::Ahead { seconds: ahead });
        }
        let behind = peers
            .iter()
            // If nobody is credible, it is our clock that is wrong.
            .filter(|peer| is_credible(peer) || !is_credible(&own))
            .filter_map(|peer| self.behind(&own, peer))
            .max_by_key(Reason::badness);
        behind.or_else(|| self.old(&own))
    }

    /// Whether `own` is too far behind `peer`, which must not have been asked later.
    fn behind(&self, own: &Seen, peer: &Seen) -> Option<Reason> {
        if own.at.saturating_add(SAME_MOMENT) < peer.at {
            return None;
        }
        let blocks = peer.head.number.saturating_sub(own.head.number);
        let seconds = peer.head.time.saturating_sub(own.head.time);
        // Both: a fast chain makes many blocks between two answers, and one that mines on demand makes a
        // single block that is much newer than the one before.
        (blocks > self.bounds.lag_blocks && seconds > self.bounds.lag.as_secs())
            .then_some(Reason::Behind { blocks, seconds })
    }

    fn old(&self, own: &Seen) -> Option<Reason> {
        let at_most = self.bounds.max_age?.as_secs();
        let seconds = own.wall.saturating_sub(own.head.time);
        (seconds > at_most).then_some(Reason::Old { seconds, at_most })
    }
}

fn is_known(seen: &Seen, now: Duration) -> bool {
    seen.at.saturating_add(HEAD_COUNTS_FOR) >= now
}

const fn seconds_ahead(seen: &Seen) -> u64 {
    seen.head.time.saturating_sub(seen.wall)
}

const fn is_credible(seen: &Seen) -> bool {
    seconds_ahead(seen) <= FURTHEST_AHEAD_SECONDS
}

fn condemned(endpoint: usize, quality: &mut Quality, reason: Reason, now: Duration) -> Option<Change> {
    let told = reason.clone();
    quality.condemn(reason, now).then_some(Change { endpoint, quarantined: Some(told) })
}

fn cleared(endpoint: usize, quality: &mut Quality) -> Option<Change> {
    quality.found_well().then_some(Change { endpoint, quarantined: None })
}

#[cfg(test)]
mod tests;
