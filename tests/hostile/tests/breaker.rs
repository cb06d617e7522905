//! A guest that traps again and again is taken out of service, alone, and an earlier one takes its place.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests, their helpers too")]

use std::{sync::Arc, time::Duration};

use facilitator_server::guests::{Trigger, supervise};
use hostile::{
    component::lying,
    facilitator::{Answer, Facilitator},
    payment::{Offer, payment},
};
use serde_json::Value;

const REST: Duration = Duration::from_secs(600);

async fn verify(facilitator: &Facilitator) -> Answer {
    let payment = payment(Offer::Good, &facilitator.token, None).unwrap();
    facilitator.post("/verify", &payment.body).await.unwrap()
}

async fn kinds(facilitator: &Facilitator) -> usize {
    let supported = facilitator.get("/supported").await.unwrap();
    supported.body["kinds"].as_array().unwrap().len()
}

async fn guest(facilitator: &Facilitator) -> Value {
    facilitator.get("/ready").await.unwrap().body["guests"]["inUse"][0].clone()
}

async fn with_trapping_guest(automatic: bool) -> Facilitator {
    let facilitator = Facilitator::start_with(|settings| {
        settings.guests.breaker.faults = 4;
        settings.guests.breaker.rest = REST;
        settings.guests.automatic_rollback = automatic;
    })
    .await
    .unwrap();
    assert_eq!(verify(&facilitator).await.body["isValid"], true);
    facilitator.installer.install(&facilitator.app, lying("trap-verify").unwrap()).await.unwrap().unwrap();
    facilitator
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_traps_again_and_again_rests() {
    let facilitator = with_trapping_guest(false).await;
    let listed = kinds(&facilitator).await;
    assert!(listed > 0);
    for _ in 0..4 {
        assert_eq!(verify(&facilitator).await.status, 500);
    }
    let refused = verify(&facilitator).await;
    assert_eq!((refused.status, &refused.body["isValid"]), (503, &Value::Bool(false)), "{}", refused.text);
    assert_eq!(kinds(&facilitator).await, 0, "its kinds have left /supported");
    let resting = guest(&facilitator).await;
    assert_eq!((&resting["state"], &resting["faults"]), (&"resting".into(), &4.into()));
    assert!(resting["lastFault"].is_null(), "what a guest said is not for everybody");

    facilitator.app.guests.rollback("evm", Trigger::Admin).await.unwrap();
    assert_eq!(verify(&facilitator).await.body["isValid"], true);
    assert_eq!(kinds(&facilitator).await, listed);
    assert_eq!(guest(&facilitator).await["origin"], "embedded");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_operator_wants_it_the_generation_before_comes_back_by_itself() {
    let facilitator = with_trapping_guest(true).await;
    let app = Arc::clone(&facilitator.app);
    tokio::spawn(async move { supervise(&app.guests).await });
    // Requests go on; the rollback happens beside them.
    let mut healed = false;
    for _ in 0..200 {
        let answer = verify(&facilitator).await;
        healed = answer.body["isValid"] == true;
        if healed {
            break;
        }
        assert!([500, 503].contains(&answer.status), "{}", answer.text);
    }
    assert!(healed, "{}", guest(&facilitator).await);
    let restored = guest(&facilitator).await;
    assert_eq!((&restored["origin"], &restored["state"]), (&"embedded".into(), &"in_service".into()));
    assert_eq!(restored["previous"]["faults"], 4);
    // The bad file is still there, and a reload leaves it alone.
    let report = facilitator.app.guests.reload(Trigger::Signal, false).await.unwrap();
    assert_eq!((report.changes.len(), report.kept.as_slice()), (0, ["evm.wasm".to_owned()].as_slice()));
    assert_eq!(verify(&facilitator).await.body["isValid"], true);
}
