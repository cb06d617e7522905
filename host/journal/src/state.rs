//! The states of a settlement and the moves between them. The only place that knows them.
//!
//! ```text
//! claimed ──> approved ──> signed ──> broadcast ──> confirmed
//!    │            │           │           │
//!    └────────────┴───────────┴───────────┴──────> failed | expired
//! ```
//! A payment may be confirmed from `signed`: the program can stop between sending and recording it. Until its
//! block is final and the record is sealed, a reorganisation of the chain may put another final state in place
//! of one. docs/SETTLEMENT.md tells who moves what, and what each state means after a crash.

use std::{fmt, str::FromStr};

/// How far a settlement has come. After a crash it tells what may have happened outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// One request owns the payment. Nothing was signed: it may be released.
    Claimed,
    /// The signing policy approved the intent. Nothing was signed: it may be released.
    Approved,
    /// Signed bytes are here and may have been sent. Only these bytes may ever be sent.
    Signed,
    /// The bytes were handed to the network.
    Broadcast,
    /// The exact transfer was seen on chain.
    Confirmed,
    /// It did not happen and will not.
    Failed,
    /// It did not happen in time and can no longer land.
    Expired,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Claimed,
        Self::Approved,
        Self::Signed,
        Self::Broadcast,
        Self::Confirmed,
        Self::Failed,
        Self::Expired,
    ];

    /// The word in records, logs and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Approved => "approved",
            Self::Signed => "signed",
            Self::Broadcast => "broadcast",
            Self::Confirmed => "confirmed",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }

    /// Whether the settlement has ended.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Confirmed | Self::Failed | Self::Expired)
    }

    /// Whether the record may be forgotten: nothing was signed.
    #[must_use]
    pub const fn is_releasable(self) -> bool {
        matches!(self, Self::Claimed | Self::Approved)
    }

    /// Whether a record may move from this state to `to`.
    #[must_use]
    pub const fn may_become(self, to: Self) -> bool {
        match to {
            Self::Claimed => false,
            Self::Approved => matches!(self, Self::Claimed),
            Self::Signed => matches!(self, Self::Approved),
            Self::Broadcast => matches!(self, Self::Signed),
            Self::Confirmed => matches!(self, Self::Signed | Self::Broadcast),
            Self::Failed | Self::Expired => !self.is_final(),
        }
    }

    /// Whether other bytes may take the place of those of a record that is not sealed: there are some. One that was
    /// confirmed may need a higher fee to come back after a reorganisation of the chain.
    #[must_use]
    pub const fn may_be_replaced(self) -> bool {
        !self.is_releasable()
    }

    /// Whether a record that is not sealed may be given `to` instead of this state.
    #[must_use]
    pub const fn may_be_revised_to(self, to: Self) -> bool {
        self.is_final() && to.is_final()
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the name of a settlement state")]
pub struct UnknownState;

impl FromStr for State {
    type Err = UnknownState;
    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownState)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_a_final_state_and_nothing_goes_back() {
        for from in State::ALL {
            for to in State::ALL {
                if from.may_become(to) {
                    assert!(!from.is_final() && from < to, "{from} to {to}");
                }
            }
            assert_eq!(from.as_str().parse(), Ok(from));
        }
    }

    #[test]
    fn nothing_is_confirmed_or_broadcast_that_was_not_signed() {
        for from in [State::Claimed, State::Approved] {
            assert!(!from.may_become(State::Confirmed) && !from.may_become(State::Broadcast), "{from}");
        }
    }
}
