//! A guest's own cases, on a loaded guest.

use std::{fs, time::Duration};

use facilitator_engine::{Guest, Wasi};
use facilitator_protocol::Family;
use harness::{SelfTestError, engine, find::FindError, load, self_test};
use tokio::time::Instant;

use crate::{
    repository::{cases_root, component},
    scratch::Scratch,
};

async fn guest() -> Guest {
    load(&engine(1, None).unwrap(), &component(Family::Evm), Wasi::Refused).await.unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

#[tokio::test]
async fn counts_what_passes_and_names_what_does_not() {
    let scratch = Scratch::new();
    scratch.copy("accepts_eoa_v2", "shipped/good");
    scratch.copy("accepts_eoa_v2", "shipped/group/wrong\u{1b}");
    scratch.copy("accepts_eoa_v2", "shipped/broken");
    scratch.edit("shipped/group/wrong\u{1b}/expect.json", "\"10000\"", "\"10001\"");
    scratch.write("shipped/broken/clock", "\u{1b}");
    let found = self_test(&guest().await, &scratch.path("shipped"), soon()).await.unwrap();
    assert_eq!((found.passed, found.failed, found.is_passed()), (1, 2, false));
    let told: Vec<_> = found.failures.iter().map(|case| (&*case.name, &*case.reason)).collect();
    let wrong =
        "another answer than in expect.json\nvalid.amount\n  expected: \"10001\"\n  found:    \"10000\"";
    let broken = "broken case: clock: expected Unix milliseconds, found \"\\u{1b}\"";
    assert_eq!(told, [("broken", broken), ("group/wrong\\u{1b}", wrong)]);
}

#[tokio::test]
async fn passes_the_cases_of_the_repository() {
    let found = self_test(&guest().await, &cases_root().join("evm"), soon()).await.unwrap();
    assert!(found.is_passed() && found.passed > 200, "{found:?}");
}

#[tokio::test]
async fn ends_in_time_and_within_its_bounds() {
    let scratch = Scratch::new();
    let guest = guest().await;
    fs::create_dir(scratch.path("empty")).unwrap();
    let found = self_test(&guest, &scratch.path("empty"), soon()).await;
    assert!(matches!(found, Err(SelfTestError::Find(FindError::None { .. }))), "{found:?}");
    let found = self_test(&guest, &scratch.path("nowhere"), soon()).await;
    assert!(matches!(found, Err(SelfTestError::Find(FindError::Unreadable { .. }))), "{found:?}");
    scratch.copy("describes_itself", "one/case");
    let found = self_test(&guest, &scratch.path("one"), Instant::now()).await;
    assert!(matches!(found, Err(SelfTestError::OutOfTime { .. })), "{found:?}");
    for index in 0..=1_000 {
        let case = scratch.path(format!("many/{index}"));
        fs::create_dir_all(&case).unwrap();
        fs::write(case.join("clock"), "").unwrap();
    }
    let found = self_test(&guest, &scratch.path("many"), soon()).await;
    assert!(matches!(found, Err(SelfTestError::Find(FindError::TooManyCases(1_000)))), "{found:?}");
    fs::remove_dir_all(scratch.path("many/0")).unwrap();
    let found = self_test(&guest, &scratch.path("many"), soon()).await.unwrap();
    assert_eq!((found.passed, found.failed, found.failures.len()), (0, 1_000, 20), "few are told");
}
