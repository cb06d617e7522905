//! The report for people: a line for each case that does not pass, with the reason below it.

use std::{fmt::Write as _, path::Path, time::Duration};

use facilitator_protocol::Descriptor;

use super::{Style, Tone, failure_lines, log_lines, printable};
use crate::{
    case::Failure,
    record::Recorded,
    suite::{Outcome, Verdict},
};

/// How many cases ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) updated: usize,
    pub(crate) failed: usize,
    pub(crate) broken: usize,
    pub(crate) not_run: usize,
}

impl Counts {
    pub(crate) fn of(outcomes: &[Outcome]) -> Self {
        let mut counts = Self::default();
        for outcome in outcomes {
            *match outcome.verdict {
                Verdict::Passed => &mut counts.passed,
                Verdict::Updated(_) => &mut counts.updated,
                Verdict::Failed(Failure::Broken(_)) => &mut counts.broken,
                Verdict::Failed(_) => &mut counts.failed,
                Verdict::NotRun => &mut counts.not_run,
            } += 1;
        }
        counts
    }

    const fn all(self) -> usize {
        self.passed + self.updated + self.failed + self.broken + self.not_run
    }
}

/// A directory as it is printed, which can be given to the command again unless it is a strange one.
pub(crate) fn name(directory: &Path) -> String {
    printable(directory.strip_prefix(".").unwrap_or(directory).to_string_lossy().as_ref())
}

/// A case that was run; empty for one that passed, unless all are to be told.
pub(crate) fn case(outcome: &Outcome, is_verbose: bool, update: bool, style: Style) -> String {
    let name = name(&outcome.directory);
    let (tone, word, failure) = match &outcome.verdict {
        Verdict::Passed if is_verbose => (Tone::Good, "ok", None),
        Verdict::Passed | Verdict::NotRun => return String::new(),
        Verdict::Updated(failure) => (Tone::Changed, "updated", Some(failure)),
        Verdict::Failed(failure @ Failure::Broken(_)) => (Tone::Bad, "BROKEN", Some(failure)),
        Verdict::Failed(failure) => (Tone::Bad, "FAIL", Some(failure)),
    };
    let mut text = format!("{} {name}\n", style.paint(tone, word));
    let indented = |text: &mut String, lines: Vec<String>| {
        for line in lines {
            text.push_str("    ");
            text.push_str(&line);
            text.push('\n');
        }
    };
    if let Some(failure) = failure {
        indented(&mut text, failure_lines(failure));
        if update && matches!(outcome.verdict, Verdict::Failed(Failure::Calls(_))) {
            indented(
                &mut text,
                vec!["not updated: its round trips have to be recorded again (--record)".into()],
            );
        }
        indented(&mut text, log_lines(&outcome.log));
        text.push('\n');
    } else if is_verbose {
        indented(&mut text, log_lines(&outcome.log));
    }
    text
}

/// The last line.
pub(crate) fn summary(guest: &Descriptor, counts: Counts, took: Duration, style: Style) -> String {
    let is_good = counts.failed + counts.broken == 0;
    let mut text = format!(
        "{} {}: {} of {} cases passed",
        printable(&guest.name),
        printable(&guest.version),
        counts.passed,
        counts.all()
    );
    for (count, word) in [
        (counts.updated, "updated"),
        (counts.failed, "failed"),
        (counts.broken, "broken"),
        (counts.not_run, "not run"),
    ] {
        if count > 0 {
            // Writing to a string cannot fail.
            let _ = write!(text, ", {count} {word}");
        }
    }
    let text = style.paint(if is_good { Tone::Good } else { Tone::Bad }, &text);
    format!("{text} {}\n", style.paint(Tone::Aside, &format!("({:.2} s)", took.as_secs_f64())))
}

/// A case that was recorded.
pub(crate) fn recorded(directory: &Path, recorded: &Recorded, style: Style) -> String {
    let Recorded { round_trips, answer, log, .. } = recorded;
    let mut text = format!(
        "{} {}: {round_trips} round {}, replayed strictly with the same answer:\n",
        style.paint(Tone::Good, "recorded"),
        name(directory),
        if *round_trips == 1 { "trip" } else { "trips" }
    );
    for line in answer.text().lines().map(printable).chain(log_lines(log)) {
        let _ = writeln!(text, "    {line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use facilitator_engine::LogLevel;

    use super::*;
    use crate::files::EXPECT;

    fn outcome(verdict: Verdict) -> Outcome {
        Outcome {
            directory: PathBuf::from("./cases/a_rule"),
            verdict,
            log: vec![(LogLevel::Error, "panicked at \u{1b}[2Jlib.rs".to_owned())],
            duration: Duration::ZERO,
        }
    }

    #[test]
    fn a_failing_case_is_told_with_the_log_of_the_guest() {
        let failed = || outcome(Verdict::Failed(Failure::Ended("trap".to_owned())));
        let text = "FAIL cases/a_rule\n    the guest ended without an answer: trap\n    log of the guest\n      error \
                    panicked at \\u{1b}[2Jlib.rs\n\n";
        assert_eq!(case(&failed(), false, false, Style::Plain), text);
        assert!(case(&failed(), false, false, Style::Coloured).starts_with("\u{1b}[1;31mFAIL\u{1b}[0m "));
    }

    #[test]
    fn a_case_that_passes_is_told_when_asked_for() {
        assert_eq!(case(&outcome(Verdict::Passed), false, false, Style::Plain), "");
        let text = case(&outcome(Verdict::Passed), true, false, Style::Plain);
        assert!(text.starts_with("ok cases/a_rule\n    log of the guest\n"), "{text}");
    }

    #[test]
    fn the_summary_counts_what_there_is() {
        let outcomes = [
            outcome(Verdict::Passed),
            outcome(Verdict::Failed(Failure::Ended(String::new()))),
            outcome(Verdict::Failed(EXPECT.broken("no such file").into())),
            outcome(Verdict::NotRun),
        ];
        let guest = Descriptor {
            name: "mine".to_owned(),
            version: "1.2.3".to_owned(),
            abi: String::new(),
            family: facilitator_protocol::Family::Evm,
            kinds: Vec::new(),
            rpc_methods: Vec::new(),
        };
        assert_eq!(
            summary(&guest, Counts::of(&outcomes), Duration::from_millis(120), Style::Plain),
            "mine 1.2.3: 1 of 4 cases passed, 1 failed, 1 broken, 1 not run (0.12 s)\n"
        );
    }
}
