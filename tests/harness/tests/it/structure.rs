//! What the harness may know: it is linked into the facilitator's binary.

use std::process::Command;

#[test]
fn the_library_knows_no_guest_and_no_server() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(["--package", "harness"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let names = text.lines().filter_map(|line| line.split_whitespace().next());
    let mut ours: Vec<_> =
        names.filter(|n| n.starts_with("facilitator-") || n.starts_with("guest-")).collect();
    ours.sort_unstable();
    ours.dedup();
    assert_eq!(ours, ["facilitator-engine", "facilitator-protocol", "guest-sdk"]);
}
