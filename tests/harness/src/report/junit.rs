//! The report for machines: `JUnit` XML, as CI systems read it.

use std::time::Duration;

use facilitator_protocol::Descriptor;
use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::{failure_lines, human, log_lines, printable};
use crate::{
    case::Failure,
    suite::{Outcome, Verdict},
};

/// The XML text. What strangers wrote in it has no control characters left; the rest is escaped.
///
/// # Errors
/// When it cannot be written, which is not known to happen.
pub(crate) fn junit(
    guest: &Descriptor,
    outcomes: &[Outcome],
    took: Duration,
) -> Result<String, SerializeError> {
    let name = printable(&format!("{} {}", guest.name, guest.version));
    let mut suite = TestSuite::new(name);
    suite.set_time(took);
    suite.add_test_cases(outcomes.iter().map(test_case));
    let mut report = Report::new("guest cases");
    report.set_time(took);
    report.add_test_suite(suite);
    report.to_string()
}

fn test_case(outcome: &Outcome) -> TestCase {
    let path = human::name(&outcome.directory);
    let (class, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let mut case = TestCase::new(name, status(&outcome.verdict));
    if !class.is_empty() {
        case.set_classname(class);
    }
    case.set_time(outcome.duration);
    if !outcome.log.is_empty() {
        case.set_system_out(log_lines(&outcome.log).join("\n"));
    }
    case
}

fn status(verdict: &Verdict) -> TestCaseStatus {
    let (kind, word, failure) = match verdict {
        Verdict::Passed | Verdict::Updated(_) => return TestCaseStatus::success(),
        Verdict::NotRun => {
            let mut status = TestCaseStatus::skipped();
            status.set_message("a case before it had failed");
            return status;
        }
        Verdict::Failed(failure) => match failure {
            Failure::Broken(_) => (NonSuccessKind::Error, "broken-case", failure),
            Failure::Ended(_) => (NonSuccessKind::Error, "no-answer", failure),
            Failure::Calls(_) => (NonSuccessKind::Failure, "rpc-calls", failure),
            Failure::Answer { .. } => (NonSuccessKind::Failure, "answer", failure),
        },
    };
    let lines = failure_lines(failure);
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(word);
    status.set_message(lines.first().map_or("", String::as_str));
    status.set_description(lines.join("\n"));
    status
}
