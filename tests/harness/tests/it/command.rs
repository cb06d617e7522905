//! What the command says of cases that pass, fail and are broken.

use std::{fs, path::Path, process::Command};

use facilitator_protocol::Family;

use crate::{
    repository::component,
    scratch::{Scratch, run},
};

#[test]
fn cases_pass_wherever_they_are() {
    let scratch = Scratch::new();
    scratch.copy("accepts_eoa_v2", "cases/one");
    scratch.copy("describes_itself", "cases/deeper/and/deeper/two");
    scratch.copy("supports_without_extra", "elsewhere");
    fs::create_dir_all(scratch.path("cases/node_modules/request.json")).unwrap();
    fs::create_dir_all(scratch.path("cases/.git")).unwrap();
    scratch.write("cases/.git/clock", "");

    // Without an argument: `cases` here. A case that is named twice is run once.
    for (arguments, of) in [(vec![], 2), (vec!["cases", "elsewhere", "cases/one"], 3), (vec!["cases/one"], 1)]
    {
        let ended = scratch.run(&arguments);
        assert_eq!(ended.told(), format!("evm 0.1.0: {of} of {of} cases passed"), "{arguments:?}");
        assert_eq!(ended.code, 0);
    }
    let told = scratch.run(["--verbose", "--filter", "deeper"]);
    assert_eq!(told.told(), "ok cases/deeper/and/deeper/two\nevm 0.1.0: 1 of 1 cases passed");
}

#[test]
fn another_answer_is_shown_where_it_differs() {
    let scratch = Scratch::new();
    scratch.copy("accepts_eoa_v2", "cases/a");
    scratch.copy("rejects_used_nonce", "cases/b");
    scratch.edit("cases/a/expect.json", "\"10000\"", "\"10001\"");
    scratch.edit("cases/b/expect.json", "\"invalid\"", "\"valid\"");
    let ended = scratch.run(["cases"]);
    assert_eq!(ended.code, 1);
    let expected = r#"FAIL cases/a
    another answer than in expect.json
    valid.amount
      expected: "10001"
      found:    "10000"

FAIL cases/b
    another answer than in expect.json
    valid
      expected: {
                  "message": "#;
    assert!(ended.told().starts_with(expected), "{}", ended.out);
    assert!(ended.told().ends_with("\n\nevm 0.1.0: 0 of 2 cases passed, 2 failed"), "{}", ended.out);
    assert!(!ended.out.contains('\u{1b}'), "no colours but on a terminal");
}

#[test]
fn other_rpc_calls_are_shown_with_their_round_trip() {
    let scratch = Scratch::new();
    for case in ["cases/a_other", "cases/b_more", "cases/c_less"] {
        scratch.copy("rejects_used_nonce", case);
    }
    let rpc = scratch.read("cases/a_other/rpc.jsonl");
    let lines: Vec<&str> = rpc.lines().collect();
    scratch.edit("cases/a_other/rpc.jsonl", "0x70a08231", "0x70a08232");
    scratch.write("cases/b_more/rpc.jsonl", &format!("{rpc}{}\n", lines[0]));
    scratch.write("cases/c_less/rpc.jsonl", &format!("{}\n", lines[0]));
    let ended = scratch.run(["cases"]);
    assert_eq!(ended.code, 1);
    let other = r#"FAIL cases/a_other
    other RPC calls than in rpc.jsonl, in round trip 2 (it has 2)
    requests[0].params[0].data
      expected: "0x70a08232"#;
    assert!(ended.out.starts_with(other), "{}", ended.out);
    let more = "FAIL cases/b_more
    other RPC calls than in rpc.jsonl, in round trip 3 (it has 3)
    recorded and not made:
      eth_call [{";
    assert!(ended.out.contains(more), "{}", ended.out);
    let less = "FAIL cases/c_less
    other RPC calls than in rpc.jsonl, in round trip 2 (it has 1)
    made and not recorded:
      eth_call [{";
    assert!(ended.out.contains(less), "{}", ended.out);
}

#[test]
fn a_broken_case_says_what_is_wrong() {
    let scratch = Scratch::new();
    scratch.copy("accepts_eoa_v2", "cases/fine");
    let request = scratch.read("cases/fine/request.json");
    let changed = |from: &str, to: &str| {
        assert!(request.contains(from), "{request}");
        Some(request.replace(from, to))
    };
    let text = |text: &str| Some(text.to_owned());
    // A file of the case, what stands in it if it is there, and what is said of it.
    let broken = [
        ("request.json", None, "no such file"),
        ("rpc.jsonl", None, "no such file"),
        ("clock", None, "no such file"),
        ("expect.json", None, "no such file"),
        ("request.json", text("{"), "EOF while parsing an object at line 1 column 1"),
        (
            "request.json",
            text(r#"{"call":"settle"}"#),
            "unknown variant `settle`, expected one of `describe`, `supported`, `verify`, `prepare`, `confirm` \
             at line 1 column 16",
        ),
        (
            "request.json",
            changed("\"x402Version\": 2,\n  \"scheme\"", "\"x402Version\": 3,\n  \"scheme\""),
            "x402Version: expected 1 or 2, found 3",
        ),
        (
            "request.json",
            changed("84532\",\n  \"payload\"", "\",\n  \"payload\""),
            "network: expected a CAIP-2 identifier such as eip155:8453",
        ),
        ("rpc.jsonl", text("\n{}\n"), "line 2: missing field `requests` at column 2"),
        ("clock", text("soon\u{1b}[2J\n"), "expected Unix milliseconds, found \"soon\\u{1b}[2J\""),
        ("expect.json", text("{\"valid\":\n}"), "expected value at line 2 column 1"),
        (
            "expect.json",
            Some(" ".repeat((1 << 20) + 1)),
            "has more than 1048576 bytes, which are the most that are read",
        ),
    ];
    let mut expected = String::new();
    for (index, (file, content, message)) in broken.iter().enumerate() {
        let name = format!("cases/{index:02}");
        let path = scratch.copy("accepts_eoa_v2", &name).join(file);
        match content {
            Some(content) => fs::write(path, content).unwrap(),
            None => fs::remove_file(path).unwrap(),
        }
        expected += &format!("BROKEN {name}\n    broken case: {file}: {message}\n\n");
    }
    let ended = scratch.run(["cases"]);
    expected += &format!("evm 0.1.0: 1 of {} cases passed, {} broken", broken.len() + 1, broken.len());
    assert_eq!(ended.told(), expected);
    assert_eq!(ended.code, 2);
}

#[test]
fn fail_fast_starts_no_other_case() {
    let scratch = Scratch::new();
    for name in ["a", "b", "c", "d"] {
        scratch.copy("describes_itself", format!("cases/{name}"));
    }
    scratch.edit("cases/b/expect.json", "0.1.0", "0.1.1");
    let ended = scratch.run(["--fail-fast", "--jobs", "1"]);
    assert!(ended.told().ends_with("evm 0.1.0: 1 of 4 cases passed, 1 failed, 2 not run"), "{}", ended.out);
    assert_eq!(ended.code, 1);
}

#[test]
fn what_cannot_be_used_is_told() {
    let scratch = Scratch::new();
    scratch.copy("accepts_eoa_v2", "cases/a");
    scratch.write("note.txt", "no component");
    let deep: String = (0..10).map(|depth| format!("{depth}/")).collect();
    fs::create_dir_all(scratch.path("deep").join(&deep)).unwrap();
    for (arguments, message) in [
        (vec!["nowhere"], "error: nowhere: No such file or directory (os error 2)\n"),
        (vec!["note.txt"], "error: note.txt: not a directory\n"),
        (vec!["cases", "--filter", "x\u{7}"], "error: --filter: no case's path contains \"x\\u{7}\"\n"),
        (vec!["deep"], "error: deep/0/1/2/3/4/5/6/7: more than 8 directories below the one that was named\n"),
        (vec!["cases", "--junit", "no/such/report.xml"], "error: --junit no/such/report.xml: "),
    ] {
        let ended = scratch.run(&arguments);
        assert!(ended.err.starts_with(message), "{arguments:?}: {}", ended.err);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""));
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    let ended = run(command.args(["note.txt", "cases"]).current_dir(scratch.path("")));
    assert!(ended.err.starts_with("error: note.txt: not a valid component: "), "{}", ended.err);
    assert_eq!(ended.code, 2);
    let ended = scratch.run(["cases/a", "--jobs", "0"]);
    assert!(ended.err.contains("0 is not in 1..=256"), "{}", ended.err);
    assert_eq!(ended.code, 2);
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    let ended = run(command.args(["nothing.wasm", "cases"]).current_dir(scratch.path("")));
    assert_eq!(ended.err, "error: nothing.wasm: No such file or directory (os error 2)\n");
}

#[cfg(unix)]
#[test]
fn links_are_not_followed_and_strange_names_are_harmless() {
    use std::{
        ffi::OsStr,
        os::unix::{ffi::OsStrExt as _, fs::symlink},
    };
    let scratch = Scratch::new();
    scratch.copy("describes_itself", "elsewhere/secret");
    scratch.copy("describes_itself", Path::new("cases").join(OsStr::from_bytes(b"x\xff\x1b[31m")));
    symlink(scratch.path("elsewhere"), scratch.path("cases/linked")).unwrap();
    symlink(scratch.path("cases"), scratch.path("cases/round")).unwrap();
    scratch.copy("describes_itself", "cases/y");
    fs::remove_file(scratch.path("cases/y/clock")).unwrap();
    symlink(scratch.path("elsewhere/secret/clock"), scratch.path("cases/y/clock")).unwrap();
    let ended = scratch.run(["--verbose"]);
    assert_eq!(
        ended.told(),
        "ok cases/x\u{fffd}\\u{1b}[31m\nBROKEN cases/y\n    broken case: clock: a symbolic link, which is not \
         followed\n\nevm 0.1.0: 1 of 2 cases passed, 1 broken"
    );
}

#[test]
fn cases_are_looked_for_beside_the_component_and_here() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path("built")).unwrap();
    fs::copy(component(Family::Evm), scratch.path("built/mine.wasm")).unwrap();
    let test = |directory: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
        run(command.args([&scratch.path("built/mine.wasm")]).current_dir(scratch.path(directory)))
    };
    let built = scratch.path("built").display().to_string();
    assert_eq!(
        test("").err,
        format!(
            "error: no CASES given, and there is no directory {built}/mine.cases, {built}/cases or cases\n"
        )
    );
    for (at, count) in [("cases", 1), ("built/cases", 2), ("built/mine.cases", 3)] {
        for index in 0..count {
            scratch.copy("describes_itself", format!("{at}/{index}"));
        }
        assert_eq!(test("").told(), format!("evm 0.1.0: {count} of {count} cases passed"));
    }
}
