//! How far it is, for somebody who waits at a terminal.

use std::io::{self, IsTerminal as _, Write as _};

use crate::suite::{Outcome, Verdict};

/// Fewer cases than these are done before anybody could read.
const WORTH_TELLING: usize = 50;

/// One line on stderr, written over and over.
pub(crate) struct Progress {
    is_shown: bool,
    done: usize,
    failed: usize,
    of: usize,
}

impl Progress {
    /// Shown on a terminal only, and only for many cases.
    pub(crate) fn of(cases: usize) -> Self {
        let is_shown = cases >= WORTH_TELLING && io::stderr().is_terminal();
        Self { is_shown, done: 0, failed: 0, of: cases }
    }

    /// Another case has ended.
    pub(crate) fn step(&mut self, outcome: &Outcome) {
        self.done += 1;
        self.failed += usize::from(matches!(outcome.verdict, Verdict::Failed(_)));
        // At most a hundred lines, however many cases.
        if self.is_shown && self.done.is_multiple_of((self.of / 100).max(1)) {
            let Self { done, of, failed, .. } = self;
            let failed = if *failed > 0 { format!(", {failed} failed") } else { String::new() };
            // Nobody misses it if it cannot be written.
            let _ = write!(io::stderr(), "\r\u{1b}[K{done}/{of}{failed}");
        }
    }

    /// Takes the line away.
    pub(crate) fn end(self) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}
