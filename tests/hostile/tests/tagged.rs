//! The guest that shows which generation was asked, for tests that swap.

use facilitator_engine::{CallError, Engine, EngineConfig, GuestFault, GuestRequest};
use facilitator_protocol::{Family, GuestSettings, Valid, X402Version};
use hostile::{
    component::lying,
    facilitator::Facilitator,
    logs,
    payment::{AMOUNT, NETWORK, Offer, payment},
    ports::nowhere,
};

#[tokio::test(flavor = "multi_thread")]
async fn one_generation_is_asked_from_verify_to_confirm_and_says_so() {
    let facilitator = Facilitator::start().await.unwrap();
    let mark = facilitator.logs.mark();
    facilitator.installer.install(&facilitator.app, lying("tagged:blue").unwrap()).await.unwrap().unwrap();
    let payment = payment(Offer::Good, &facilitator.token, None).unwrap();
    facilitator.post("/verify", &payment.body).await.unwrap();
    let mut settled = false;
    for _ in 0..20 {
        let answer = facilitator.post("/settle", &payment.body).await.unwrap();
        settled = answer.body["success"] == true;
        if settled {
            break;
        }
    }
    assert!(settled);
    let log = facilitator.logs.since(mark).unwrap();
    let told = logs::of_guests(&log);
    let line = |phase: &str| format!("generation blue {phase} {:#x}", payment.nonce);
    assert_eq!(told, ["verify", "settle", "prepare", "confirm"].map(line));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_generation_verified_is_not_prepared() {
    let facilitator = Facilitator::start().await.unwrap();
    let engine = Engine::new(EngineConfig::default()).unwrap();
    let green = engine.load(Family::Evm, lying("tagged:green").unwrap()).await.unwrap();
    let payment = payment(Offer::Good, &facilitator.token, None).unwrap();
    let settings = GuestSettings {
        network_name: "base-sepolia".to_owned(),
        block_time_ms: 2_000,
        assets: facilitator
            .app
            .settings
            .networks
            .iter()
            .flat_map(|n| n.facts.assets.clone())
            .map(Into::into)
            .collect(),
        sender: payment.payer.to_string(),
        signers: Vec::new(),
        min_validity_seconds: 6,
        min_amount: "1".parse().unwrap(),
        erc6492_factories: Vec::new(),
        max_gas: 500_000,
        max_fee_per_gas: None,
    };
    let request = GuestRequest {
        x402_version: X402Version::V2,
        scheme: "exact".to_owned(),
        network: NETWORK.parse().unwrap(),
        payload: payment.body["paymentPayload"].to_string(),
        requirements: payment.body["paymentRequirements"].to_string(),
        settings: serde_json::to_string(&settings).unwrap().into(),
    };
    let prepare = async |carry: &str| {
        let valid = Valid {
            payer: payment.payer.to_string(),
            amount: AMOUNT.to_string().parse().unwrap(),
            payment_id: payment.id.clone(),
            expires_at: u64::MAX,
            carry: carry.to_owned(),
        };
        green.prepare(nowhere(request.network.clone()), &request, &valid).await
    };
    prepare("green|").await.unwrap();
    for carry in ["blue|", "", "blue|green|"] {
        let error = prepare(carry).await.unwrap_err();
        assert!(matches!(&error, CallError::Guest(GuestFault::Internal(_))), "{carry}: {error}");
        assert!(error.to_string().contains("generation green is to prepare what"), "{error}");
    }
}
