//! Every case of every family, natively and as a component.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics, in its helpers too")]

use std::{path::PathBuf, sync::Arc};

use facilitator_protocol::Family;
use harness::{case::Case, cases_of, check, component::Components, native};
use tokio::task::JoinSet;

fn name(case: &std::path::Path) -> String {
    case.file_name().unwrap().to_string_lossy().into_owned()
}

fn report(failures: &[(PathBuf, String)], of: usize) {
    let text: String =
        failures.iter().map(|(case, failure)| format!("\n\n{}\n{failure}", name(case))).collect();
    assert!(failures.is_empty(), "{} of {of} cases fail{text}", failures.len());
}

#[test]
fn native_guests_pass_their_cases() {
    let cases = cases_of(Family::Evm).unwrap();
    let mut failures = Vec::new();
    for directory in &cases {
        let result = Case::read(directory)
            .and_then(|case| native::run(&case).and_then(|found| case.compare("native code", found)));
        if let Err(failure) = result {
            failures.push((directory.clone(), failure.to_string()));
        }
    }
    report(&failures, cases.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn components_pass_their_cases() {
    let components = Arc::new(Components::load().await.unwrap());
    let cases = cases_of(Family::Evm).unwrap();
    let mut running = JoinSet::new();
    for directory in cases.clone() {
        let components = Arc::clone(&components);
        running.spawn(async move {
            let result = check(&components, &directory).await;
            (directory, result)
        });
    }
    let mut failures: Vec<_> = running
        .join_all()
        .await
        .into_iter()
        .filter_map(|(directory, result)| Some((directory, result.err()?.to_string())))
        .collect();
    failures.sort();
    report(&failures, cases.len());
}
