//! What the commands refuse, what they say of it, and that nothing is left behind.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics, in its helpers too")]

use std::{fs, path::Path};

use clap::Parser;
use guest_tool::{ComponentError, Error, build, new};
use tempfile::TempDir;

#[derive(Debug, Parser)]
enum Cli {
    New(new::Arguments),
    Build(build::Arguments),
}

/// What `facilitator guest …` would do.
fn command(line: &[&str]) -> Result<Result<String, Error>, clap::Error> {
    Ok(match Cli::try_parse_from([&["guest"], line].concat())? {
        Cli::New(arguments) => new::create(&arguments).map(|directory| directory.display().to_string()),
        Cli::Build(arguments) => build::build(&arguments).map(|built| built.to_string()),
    })
}

fn refused(line: &[&str]) -> Error {
    command(line).unwrap().unwrap_err()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).unwrap().next().is_none()
}

#[test]
fn words_that_mean_nothing_are_refused_with_what_was_expected() {
    for (line, expected) in [
        (["new", "My_Guest", "--family", "evm"], "expected 1 to 40 characters"),
        (["new", "../guest", "--family", "evm"], "expected 1 to 40 characters"),
        (["new", "serde", "--family", "evm"], "the name is taken"),
        (["new", "guest", "--family", "bitcoin"], "expected one of evm, svm, near, stellar"),
    ] {
        let error = command(&line).unwrap_err().to_string();
        assert!(error.contains(expected), "{line:?}: {error}");
    }
    assert!(command(&["new", "guest"]).is_err(), "a family is needed");
}

#[test]
fn a_new_guest_goes_to_a_new_or_an_empty_directory() {
    let place = TempDir::new().unwrap();
    let new =
        |directory: &Path| command(&["new", "guest", "--family", "near", "--path", text(directory)]).unwrap();
    let fresh = place.path().join("fresh");
    new(&fresh).unwrap();
    for file in
        ["Cargo.toml", "Cargo.lock", ".gitignore", "src/lib.rs", "cases/README.md", "vendor/Cargo.toml"]
    {
        assert!(fresh.join(file).is_file(), "{file}");
    }
    let empty = place.path().join("empty");
    fs::create_dir(&empty).unwrap();
    new(&empty).unwrap();
    let before = fs::read(fresh.join("Cargo.toml")).unwrap();
    fs::write(fresh.join("src/lib.rs"), "mine").unwrap();
    assert!(matches!(new(&fresh), Err(Error::NotEmpty(path)) if path == fresh));
    assert_eq!(fs::read_to_string(fresh.join("src/lib.rs")).unwrap(), "mine");
    assert_eq!(fs::read(fresh.join("Cargo.toml")).unwrap(), before);
}

#[test]
fn nothing_is_left_of_a_guest_that_cannot_be_written() {
    let place = TempDir::new().unwrap();
    let missing = place.path().join("missing/guest");
    let error = refused(&["new", "guest", "--family", "evm", "--path", text(&missing)]);
    assert!(matches!(error, Error::File { what: "create", .. }), "{error}");
    let directory = place.path().join("guest");
    let line = ["new", "guest", "--family", "evm", "--path", text(&directory), "--sdk", text(place.path())];
    let error = refused(&line);
    assert!(matches!(error, Error::NoCheckout { missing: "guests/sdk/Cargo.toml", .. }), "{error}");
    assert!(is_empty(place.path()));
}

#[test]
fn the_sdk_of_a_checkout_is_used_where_it_lies() {
    let place = TempDir::new().unwrap();
    let checkout = fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap();
    let directory = place.path().join("guest");
    let line = ["new", "guest", "--family", "svm", "--path", text(&directory), "--sdk", text(&checkout)];
    command(&line).unwrap().unwrap();
    assert!(!directory.join("vendor").exists());
    let manifest = fs::read_to_string(directory.join("Cargo.toml")).unwrap();
    assert!(
        manifest.contains(&format!("guest-sdk = {{ path = \"{}/guests/sdk\" }}", checkout.display())),
        "{manifest}"
    );
}

/// A crate without dependencies.
fn crate_of(manifest: &str, source: &str) -> TempDir {
    let place = TempDir::new().unwrap();
    fs::create_dir(place.path().join("src")).unwrap();
    fs::write(place.path().join("Cargo.toml"), manifest).unwrap();
    fs::write(place.path().join("src/lib.rs"), source).unwrap();
    place
}

const PACKAGE: &str = "[package]\nname = \"guest\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n";
const CDYLIB: &str = "[lib]\ncrate-type = [\"cdylib\"]\n";
const PROFILE: &str = "[profile.guest]\ninherits = \"release\"\npanic = \"abort\"\n";

fn build_of(manifest: &str, source: &str) -> Error {
    let place = crate_of(manifest, source);
    let target = text(place.path()).to_owned() + "/target";
    refused(&["build", text(place.path()), "--target-dir", &target])
}

#[test]
fn what_is_no_guest_is_not_built() {
    let place = TempDir::new().unwrap();
    assert!(matches!(refused(&["build", text(place.path())]), Error::NoCrate(_)));
    let missing = place.path().join("missing");
    assert!(matches!(refused(&["build", text(&missing)]), Error::File { what: "find", .. }));
    assert!(
        matches!(build_of(&[PACKAGE, PROFILE].concat(), ""), Error::NoModule { package } if package == "guest")
    );
    let error = build_of(&[PACKAGE, CDYLIB].concat(), "");
    assert!(
        matches!(&error, Error::NoProfile { .. }) && error.to_string().contains("[profile.guest]"),
        "{error}"
    );
    let error = build_of(&[PACKAGE, CDYLIB, PROFILE].concat(), "not rust");
    assert!(matches!(error, Error::Build), "{error}");
    let error = build_of(
        &[PACKAGE, CDYLIB, PROFILE].concat(),
        "#![no_std]\n#[panic_handler]\nfn p(_: &core::panic::PanicInfo) -> ! { loop {} }",
    );
    assert!(matches!(error, Error::Component(ComponentError::Export { .. })), "{error}");
}

#[test]
fn of_a_workspace_with_two_guests_one_has_to_be_named() {
    let place =
        crate_of(&["[workspace]\nresolver = \"3\"\nmembers = [\"a\", \"b\"]\n", PROFILE].concat(), "");
    for name in ["a", "b"] {
        let member = place.path().join(name);
        fs::create_dir_all(member.join("src")).unwrap();
        let manifest = PACKAGE.replace("\"guest\"", &format!("\"{name}\"")).replace("[workspace]\n", CDYLIB);
        fs::write(member.join("Cargo.toml"), manifest).unwrap();
        fs::write(member.join("src/lib.rs"), "").unwrap();
    }
    let error = refused(&["build", text(place.path())]);
    let Error::Workspace { members, .. } = &error else { panic!("{error}") };
    assert_eq!(members.len(), 2, "{error}");
    assert!(error.to_string().contains("/a, "), "{error}");
}
