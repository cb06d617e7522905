//! Guests from a directory: pins, swaps, failures that change nothing, rollbacks, and the admin API.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests, their helpers too")]

mod support;

use std::{fs, path::Path, sync::Arc};

use axum::http::StatusCode;
use facilitator_engine::{Found, Generation, Route};
use facilitator_protocol::{Family, X402Version};
use facilitator_server::{
    app::App,
    guests::{Guests, Trigger},
};
use support::{Directory, Http, TOKEN, app, variant};

fn route() -> Route {
    Route { family: Family::Evm, scheme: "exact".to_owned(), x402_version: X402Version::V2 }
}

fn serving(guests: &Guests) -> Arc<Generation> {
    match guests.find(&route()).expect("a guest serves EVM") {
        Found::Serving(generation) => generation,
        Found::Resting(_) => panic!("it rests"),
    }
}

async fn started(directory: &Directory, mode: &str) -> anyhow::Result<Arc<App>> {
    app(&[("FACILITATOR_GUESTS_DIR", directory.text()), ("FACILITATOR_GUESTS_MODE", mode.to_owned())]).await
}

async fn refusal(directory: &Directory, mode: &str) -> String {
    format!("{:#}", started(directory, mode).await.err().expect("it does not start"))
}

#[tokio::test]
async fn without_a_directory_the_embedded_guest_serves() {
    let app = app(&[]).await.unwrap();
    let generation = serving(&app.guests);
    assert_eq!((generation.number(), generation.origin().to_string().as_str()), (1, "embedded"));
    let report = app.guests.reload(Trigger::Signal, false).await.unwrap();
    assert!(report.changes.is_empty(), "there is nothing to reload");
}

#[tokio::test]
async fn production_runs_what_is_pinned_and_nothing_else() {
    let directory = Directory::new();
    directory.write("evm.wasm", &variant(1));
    let unpinned = refusal(&directory, "production").await;
    assert!(unpinned.contains("evm.wasm") && unpinned.contains("guest pin"), "{unpinned}");

    directory.pin("evm.wasm");
    let app = started(&directory, "production").await.unwrap();
    let generation = serving(&app.guests);
    assert_eq!(generation.origin().to_string(), "evm.wasm");
    assert_eq!(generation.sha256(), support::sha256(&variant(1)));

    directory.write("evm.wasm", &variant(2));
    let other = refusal(&directory, "production").await;
    assert!(
        other.contains(&support::sha256(&variant(1))) && other.contains(&support::sha256(&variant(2))),
        "{other}"
    );

    fs::remove_file(directory.path().join("evm.wasm")).unwrap();
    let missing = refusal(&directory, "production").await;
    assert!(missing.contains("not in the directory"), "{missing}");
}

#[tokio::test]
async fn a_pin_holds_what_the_guest_says_of_itself() {
    for (from, to, what) in [
        ("version = \"0.1.0\"", "version = \"0.1.1\"", "version"),
        ("name = \"evm\"", "name = \"evn\"", "name"),
        ("abi = \"0.1.0\"", "abi = \"0.2.0\"", "abi"),
        ("family = \"evm\"", "family = \"svm\"", "family"),
    ] {
        let directory = Directory::new();
        directory.write("evm.wasm", &variant(1));
        directory.pin("evm.wasm");
        let lock = directory.path().join("guests.lock");
        let text = fs::read_to_string(&lock).unwrap();
        assert!(text.contains(from), "{text}");
        // The format's own version stands first.
        let (head, entry) = text.split_once("[[guest]]").unwrap();
        fs::write(&lock, format!("{head}[[guest]]{}", entry.replace(from, to))).unwrap();
        let refusal = refusal(&directory, "production").await;
        assert!(refusal.contains("evm.wasm") && refusal.contains(what), "{what}: {refusal}");
    }
}

#[tokio::test]
async fn dev_mode_runs_what_is_there() {
    let directory = Directory::new();
    directory.write("evm.wasm", &variant(1));
    let app = started(&directory, "dev").await.unwrap();
    assert_eq!(serving(&app.guests).sha256(), support::sha256(&variant(1)));
}

#[tokio::test]
async fn a_reload_swaps_and_a_request_keeps_its_generation() {
    let directory = Directory::new();
    directory.put(&variant(1));
    let app = started(&directory, "production").await.unwrap();
    let held = serving(&app.guests);
    directory.put(&variant(2));
    let report = app.guests.reload(Trigger::Admin, false).await.unwrap();
    assert_eq!(report.changes.len(), 1);
    let now = serving(&app.guests);
    assert!(now.number() > held.number());
    assert_eq!(
        (held.sha256(), now.sha256()),
        (support::sha256(&variant(1)).as_str(), support::sha256(&variant(2)).as_str())
    );
    let again = app.guests.reload(Trigger::Admin, false).await.unwrap();
    assert!(again.changes.is_empty(), "the same file is the same generation");
    assert_eq!(serving(&app.guests).number(), now.number());
    // What was begun is finished by the component that began it, while that is at hand.
    let finishing = app.guests.find_for(&route(), held.sha256()).unwrap();
    assert_eq!(finishing.sha256(), held.sha256());
    assert_eq!(app.guests.find_for(&route(), "unknown").unwrap().sha256(), now.sha256());
}

#[tokio::test]
async fn whatever_fails_those_in_use_stay() {
    let directory = Directory::new();
    directory.put(&variant(1));
    let app = started(&directory, "production").await.unwrap();
    let before = serving(&app.guests);
    let lock = fs::read(directory.path().join("guests.lock")).unwrap();
    let truncated = variant(1)[..1000].to_vec();
    for (what, file, content) in [
        ("not as pinned", "evm.wasm", variant(2)),
        ("no component", "evm.wasm", b"garbage".to_vec()),
        ("half written", "evm.wasm", truncated),
        ("unpinned beside it", "other.wasm", variant(3)),
        ("no lock", "guests.lock", b"version = ".to_vec()),
        ("no file", "guests.lock", Vec::new()),
    ] {
        directory.write(file, &content);
        let refused = app.guests.reload(Trigger::Signal, false).await;
        assert!(refused.is_err(), "{what}");
        assert_eq!(serving(&app.guests).number(), before.number(), "{what}");
        assert!(app.guests.last_failure().is_some(), "{what}");
        directory.write("evm.wasm", &variant(1));
        directory.write("guests.lock", &lock);
        let _only_where_it_was_written = fs::remove_file(directory.path().join("other.wasm"));
        app.guests.reload(Trigger::Signal, false).await.unwrap();
        assert!(app.guests.last_failure().is_none(), "{what}: good again");
    }
}

#[tokio::test]
async fn two_guests_that_serve_the_same_are_refused() {
    let directory = Directory::new();
    directory.write("a.wasm", &variant(1));
    directory.write("b.wasm", &variant(2));
    let refusal = refusal(&directory, "dev").await;
    assert!(refusal.contains("two guests are named evm"), "{refusal}");
}

#[tokio::test]
async fn a_rollback_lasts_until_the_file_changes() {
    let directory = Directory::new();
    directory.put(&variant(1));
    let app = started(&directory, "production").await.unwrap();
    directory.put(&variant(2));
    app.guests.reload(Trigger::Admin, false).await.unwrap();
    let bad = serving(&app.guests);

    app.guests.rollback("evm", Trigger::Admin).await.unwrap();
    let good = serving(&app.guests);
    assert_eq!(good.sha256(), support::sha256(&variant(1)));
    assert!(good.number() > bad.number(), "a use of its own");

    let report = app.guests.reload(Trigger::Signal, false).await.unwrap();
    assert_eq!(report.kept, ["evm.wasm"]);
    assert_eq!(serving(&app.guests).number(), good.number(), "the bad file is still there, and left alone");
    let report = app.guests.reload(Trigger::Admin, true).await.unwrap();
    assert_eq!((report.changes.len(), serving(&app.guests).sha256()), (1, bad.sha256()));

    directory.put(&variant(3));
    app.guests.reload(Trigger::Signal, false).await.unwrap();
    assert_eq!(serving(&app.guests).sha256(), support::sha256(&variant(3)));
    assert!(app.guests.rollback("nobody", Trigger::Admin).await.is_err());
}

#[tokio::test]
async fn the_first_file_can_be_rolled_back_to_what_is_embedded() {
    let directory = Directory::new();
    directory.put(&variant(1));
    let app = started(&directory, "production").await.unwrap();
    app.guests.rollback("evm", Trigger::Admin).await.unwrap();
    assert_eq!(serving(&app.guests).origin().to_string(), "embedded");
}

#[tokio::test]
async fn cases_beside_a_guest_are_run_before_it_serves() {
    let directory = Directory::new();
    directory.put(&variant(1));
    let app = started(&directory, "production").await.unwrap();
    let case = directory.path().join("evm.cases/refuses_an_expired_payment");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/evm/accepts_eoa_v2"), &case);
    directory.put(&variant(2));
    app.guests.reload(Trigger::Admin, false).await.unwrap();
    let passed = serving(&app.guests);
    assert_eq!(passed.sha256(), support::sha256(&variant(2)));

    fs::write(case.join("expect.json"), r#"{"invalid":{"reason":"no","message":"no"}}"#).unwrap();
    directory.put(&variant(3));
    let refused = app.guests.reload(Trigger::Admin, false).await.unwrap_err().to_string();
    assert!(refused.contains("self-test") && refused.contains("refuses_an_expired_payment"), "{refused}");
    assert_eq!(serving(&app.guests).number(), passed.number());
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[tokio::test]
async fn without_a_token_there_is_no_admin_api() {
    let http = Http::of(app(&[]).await.unwrap());
    for path in ["/admin/guests", "/admin/guests/reload", "/admin/guests/rollback?guest=evm"] {
        let (status, _) = http.send("POST", path, Some(TOKEN)).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_admin_api_wants_its_token() {
    let http = Http::of(app(&[("FACILITATOR_ADMIN_TOKEN", TOKEN.to_owned())]).await.unwrap());
    for token in [None, Some(""), Some("wrong"), Some(&TOKEN[1..]), Some(&format!("{TOKEN}x"))] {
        let (status, body) = http.send("GET", "/admin/guests", token).await;
        assert_eq!(
            (status, body["error"].as_str()),
            (StatusCode::UNAUTHORIZED, Some("unauthorized")),
            "{token:?}"
        );
    }
    let (status, body) = http.send("GET", "/admin/guests", Some(TOKEN)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["inUse"][0]["guest"], "evm");
    let (status, _) = http.send("GET", "/admin/guests/reload", Some(TOKEN)).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn the_admin_api_reloads_rolls_back_and_says_why_not() {
    let directory = Directory::new();
    directory.put(&variant(1));
    let variables =
        [("FACILITATOR_GUESTS_DIR", directory.text()), ("FACILITATOR_ADMIN_TOKEN", TOKEN.to_owned())];
    let http = Http::of(app(&variables).await.unwrap());
    directory.put(&variant(2));
    let (status, report) = http.send("POST", "/admin/guests/reload", Some(TOKEN)).await;
    assert_eq!(
        (status, &report["changes"][0]["now"]["sha256"]),
        (StatusCode::OK, &support::sha256(&variant(2)).into())
    );

    let (status, report) = http.send("POST", "/admin/guests/rollback?guest=evm", Some(TOKEN)).await;
    assert_eq!(
        (status, &report["changes"][0]["now"]["sha256"]),
        (StatusCode::OK, &support::sha256(&variant(1)).into())
    );
    let (status, _) = http.send("POST", "/admin/guests/rollback?guest=nobody", Some(TOKEN)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);

    directory.write("evm.wasm", b"garbage");
    let (status, refused) = http.send("POST", "/admin/guests/reload", Some(TOKEN)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused["message"].as_str().unwrap().contains("evm.wasm"), "{refused}");
    let (_, told) = http.send("GET", "/admin/guests", Some(TOKEN)).await;
    assert!(told["lastFailure"]["reason"].as_str().unwrap().contains("evm.wasm"), "{told}");
    // Everybody may know that it failed, only the operator why.
    let (_, ready) = http.send("GET", "/ready", None).await;
    assert_eq!(ready["guests"]["inUse"][0]["guest"], "evm");
    assert!(
        ready["guests"]["lastFailure"]["at"].is_u64() && ready["guests"]["lastFailure"]["reason"].is_null()
    );
}
