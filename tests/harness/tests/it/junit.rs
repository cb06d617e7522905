//! The report for machines.

use quick_junit::{NonSuccessKind, Report, TestCaseStatus};

use crate::scratch::Scratch;

#[test]
fn xml_can_be_read_whatever_strangers_wrote() {
    let scratch = Scratch::new();
    scratch.copy("describes_itself", "cases/fine");
    scratch.copy("describes_itself", "cases/<a & \"b\">");
    scratch.copy("describes_itself", "cases/broken");
    scratch.copy("describes_itself", "cases/hostile");
    scratch.write("cases/broken/clock", "]]>\u{0}\u{1b}[31m\u{ffff}<&\n");
    scratch.write("cases/hostile/expect.json", r#"{"descriptor":"]]><failure>\u001b\u0000&\ufffe"}"#);
    let ended = scratch.run(["cases", "--junit", "report.xml"]);
    assert_eq!(ended.code, 2);

    let xml = scratch.read("report.xml");
    assert!(
        xml.chars().all(|c| c == '\n' || !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}')),
        "{xml}"
    );
    let report = Report::deserialize_from_str(&xml).unwrap();
    let [suite] = report.test_suites.as_slice() else { panic!("{xml}") };
    assert_eq!((suite.name.as_str(), suite.tests, suite.failures, suite.errors), ("evm 0.1.0", 4, 1, 1));
    let cases: Vec<_> = suite.test_cases.iter().map(|case| (case.name.as_str(), &case.status)).collect();
    let [
        (odd, TestCaseStatus::Success { .. }),
        (_, broken),
        (_, TestCaseStatus::Success { .. }),
        (_, hostile),
    ] = cases.as_slice()
    else {
        panic!("{cases:?}")
    };
    assert_eq!(*odd, "<a & \"b\">");
    assert_eq!(suite.test_cases[0].classname.as_ref().unwrap().as_str(), "cases");
    for (status, expected_kind, word, text) in [
        (broken, NonSuccessKind::Error, "broken-case", r#"found "]]>\0\u{1b}[31m\u{ffff}<&""#),
        (hostile, NonSuccessKind::Failure, "answer", r#"expected: "]]><failure>\u001b\u0000&\u{fffe}""#),
    ] {
        let TestCaseStatus::NonSuccess { kind, ty, description, .. } = status else { panic!("{status:?}") };
        assert_eq!((*kind, ty.as_ref().unwrap().as_str()), (expected_kind, word));
        let description = description.as_ref().unwrap().as_str();
        assert!(description.contains(text), "{description}");
    }
}

#[test]
fn cases_that_were_not_run_are_skipped() {
    let scratch = Scratch::new();
    for name in ["a", "b"] {
        scratch.copy("describes_itself", format!("cases/{name}"));
    }
    scratch.edit("cases/a/expect.json", "0.1.0", "0.1.1");
    scratch.run(["--fail-fast", "--jobs", "1", "--junit", "report.xml"]);
    let report = Report::deserialize_from_str(&scratch.read("report.xml")).unwrap();
    assert!(matches!(report.test_suites[0].test_cases[1].status, TestCaseStatus::Skipped { .. }));
}
