//! `--update`: what the guest answers becomes what is expected, and nothing else is touched.

use std::fs;

use facilitator_protocol::Family;

use crate::{
    repository::cases_of,
    scratch::{Scratch, copy_case},
};

#[test]
fn every_expectation_is_written_as_it_is_committed() {
    let scratch = Scratch::new();
    let cases = cases_of(Family::Evm);
    for case in &cases {
        copy_case(case, &scratch.path("cases").join(case.file_name().unwrap()));
    }
    let committed = scratch.tree();
    for (index, case) in cases.iter().enumerate() {
        let expect = scratch.path("cases").join(case.file_name().unwrap()).join("expect.json");
        // Something else, or nothing yet.
        if index % 2 == 0 {
            fs::write(expect, "{\"unknown\":[]}").unwrap()
        } else {
            fs::remove_file(expect).unwrap()
        }
    }
    let ended = scratch.run(["--update"]);
    let count = cases.len();
    assert!(
        ended.told().ends_with(&format!("evm 0.1.0: 0 of {count} cases passed, {count} updated")),
        "{}",
        ended.out
    );
    assert_eq!(ended.code, 0);
    assert!(scratch.tree() == committed, "byte for byte, and nothing temporary is left");
    assert_eq!(scratch.run(["--update"]).told(), format!("evm 0.1.0: {count} of {count} cases passed"));
}

#[test]
fn an_update_tells_what_changed_and_leaves_the_rest() {
    let scratch = Scratch::new();
    scratch.copy("accepts_eoa_v2", "cases/changed");
    scratch.copy("accepts_eoa_v2", "cases/laid_out_otherwise");
    scratch.edit("cases/changed/expect.json", "\"10000\"", "\"10001\"");
    scratch.edit("cases/laid_out_otherwise/expect.json", "\n", " ");
    let before = scratch.tree();
    let ended = scratch.run(["--update"]);
    let text = r#"updated cases/changed
    another answer than in expect.json
    valid.amount
      expected: "10001"
      found:    "10000"

evm 0.1.0: 1 of 2 cases passed, 1 updated"#;
    assert_eq!((ended.told(), ended.code), (text, 0));
    let after = scratch.tree();
    let changed: Vec<_> =
        before.iter().filter(|(path, old)| after[*path] != **old).map(|(path, _)| path).collect();
    assert_eq!(changed, [&scratch.path("cases/changed/expect.json")]);
    assert_eq!(before.len(), after.len());
}

#[test]
fn what_only_a_recording_or_a_person_can_mend_is_left_alone() {
    let scratch = Scratch::new();
    scratch.copy("rejects_used_nonce", "cases/calls");
    scratch.copy("describes_itself", "cases/garbled");
    scratch.edit("cases/calls/rpc.jsonl", "0x70a08231", "0x70a08232");
    fs::remove_file(scratch.path("cases/calls/expect.json")).unwrap();
    scratch.write("cases/garbled/expect.json", "{\"descriptor\": my notes");
    let before = scratch.tree();
    let ended = scratch.run(["--update"]);
    assert!(
        ended.out.contains("\n    not updated: its round trips have to be recorded again (--record)\n"),
        "{}",
        ended.out
    );
    assert!(ended.told().ends_with("evm 0.1.0: 0 of 2 cases passed, 1 failed, 1 broken"), "{}", ended.out);
    assert_eq!(ended.code, 2);
    assert!(scratch.tree() == before);
    assert_eq!(scratch.run(["cases/calls", "--update"]).code, 1);
}
