//! A guest outlives the handle of the engine that loaded it, and stays bounded.

use facilitator_engine::{CallError, Engine, EngineConfig, Exhausted, GuestRequest};
use facilitator_protocol::{Family, Phase, X402Version};
use hostile::{
    component::{Component, Text},
    payment::NETWORK,
    ports::nowhere,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_ends_though_the_engine_was_dropped() {
    let text = Text { verify: "(loop (br 0)) (i32.const 0)", ..Text::HARMLESS };
    let engine = Engine::new(EngineConfig::default()).unwrap();
    let guest = engine.load(Family::Evm, Component::Text(text).bytes().unwrap()).await.unwrap();
    drop(engine);
    let request = GuestRequest {
        x402_version: X402Version::V2,
        scheme: "exact".to_owned(),
        network: NETWORK.parse().unwrap(),
        payload: "{}".to_owned(),
        requirements: "{}".to_owned(),
        settings: "{}".into(),
    };
    let looping = tokio::spawn(async move {
        guest.verify(nowhere(request.network.clone()), &request, Phase::Verify).await.unwrap_err()
    });
    let Ok(ended) = tokio::time::timeout(std::time::Duration::from_secs(60), looping).await else {
        // The loop holds a thread that the runtime would wait for: the test could not even fail.
        std::process::abort()
    };
    let error = ended.unwrap();
    assert!(matches!(error, CallError::Exhausted(Exhausted::Cpu)), "{error}");
}
