//! Every case of every family, natively and as a component: both have to give the answer of the case.

use std::path::PathBuf;

use facilitator_engine::Wasi;
use facilitator_protocol::Family;
use guest_evm::ExactEvm;
use harness::{
    case::{Case, Failure, Found},
    engine,
    files::Broken,
    load, native, replay,
};

use crate::repository::{FAMILIES, cases_of, component};

fn run_natively(family: Family, case: &Case) -> Result<Found, Broken> {
    match family {
        Family::Evm => native::run::<ExactEvm>(case),
        other => panic!("no guest of family {other}"),
    }
}

fn report(failures: &[(PathBuf, Failure)], of: usize) {
    let told: String = failures
        .iter()
        .map(|(case, failure)| format!("\n\n{}\n{failure}", case.file_name().unwrap().display()))
        .collect();
    assert!(failures.is_empty(), "{} of {of} cases fail{told}", failures.len());
}

#[test]
fn native_guests_pass_their_cases() {
    for family in FAMILIES {
        let cases = cases_of(family);
        let judge = |directory: &PathBuf| {
            let case = Case::read(directory)?;
            case.compare(run_natively(family, &case)?)
        };
        let failures: Vec<_> =
            cases.iter().filter_map(|case| Some((case.clone(), judge(case).err()?))).collect();
        report(&failures, cases.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn components_pass_their_cases() {
    for family in FAMILIES {
        let engine = engine(1, None).unwrap();
        let guest = load(&engine, &component(family), Wasi::Refused).await.unwrap();
        assert_eq!(guest.descriptor().family, family);
        let cases = cases_of(family);
        let mut failures = Vec::new();
        for directory in &cases {
            let case = Case::read(directory).unwrap();
            let judged = replay(&guest, &case).await.found.and_then(|found| case.compare(found));
            failures.extend(judged.err().map(|failure| (directory.clone(), failure)));
        }
        report(&failures, cases.len());
    }
}

#[test]
fn answers_are_written_as_the_cases_have_them() {
    for family in FAMILIES {
        for directory in cases_of(family) {
            let case = Case::read(&directory).unwrap();
            let text = run_natively(family, &case).unwrap().answer.text();
            let committed = std::fs::read_to_string(directory.join("expect.json")).unwrap();
            assert_eq!(text, committed, "{}", directory.display());
        }
    }
}
