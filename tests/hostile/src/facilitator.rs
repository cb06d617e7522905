//! The server under attack: built from settings as the binary builds it, and asked over HTTP as a client
//! asks it.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use alloy_primitives::{Address, address};
use anyhow::Context;
use facilitator_server::{app::App, config::Settings, http::router, serve};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::{
    accounts::{Account, FACILITATOR_KEY},
    install::Installer,
    logs::Logs,
    node::{Node, Token},
    payment::CHAIN_ID,
};

/// Avalanche Fuji: the network next door, which no payment here names.
const OTHER_CHAIN_ID: u64 = 43_113;
/// USDC on Base Sepolia.
const USDC: Address = address!("0x036CbD53842c5426634e7929541eC2318f3dCF7e");
/// The second asset that the operator allows.
const EURC: Address = address!("0x808456652fdb597867f38412077A9182bf77359F");
/// USDC on Avalanche Fuji.
const OTHER_USDC: Address = address!("0x5425890298aed601595a70AB815c96711a31Bc65");

/// Time after which `/settle` answers that it does not know yet. Short, because some attacks leave an outcome
/// open for ever; a good payment that takes longer is asked for again, as clients do.
const SETTLE_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Nothing that answers takes so long; what takes longer hangs.
const LONGEST_ANSWER: Duration = Duration::from_secs(60);
const FIRST_ATTESTATION: Duration = Duration::from_secs(30);

/// A running facilitator with its nodes.
pub struct Facilitator {
    /// The server's parts.
    pub app: Arc<App>,
    /// Swaps its guests.
    pub installer: Installer,
    /// The chain that payments are made on.
    pub node: Node,
    /// The chain next door.
    pub other_node: Node,
    /// The token that is paid with.
    pub token: Token,
    /// Its log.
    pub logs: Logs,
    address: SocketAddr,
    http: reqwest::Client,
    _data: TempDir,
}

/// An HTTP answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `content-type`.
    pub content_type: String,
    /// The body as it came.
    pub text: String,
    /// The body.
    pub body: Value,
}

impl Facilitator {
    /// Builds and serves one.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> anyhow::Result<Self> {
        let logs = Logs::of_this_process()?;
        let holders =
            vec![(Account::payer()?.address, u64::MAX), (Account::facilitator()?.address, u64::MAX)];
        let token = |address, name, holders| Token { address, name, version: "2", holders };
        let usdc = token(USDC, "USDC", holders.clone());
        let node = Node::start(CHAIN_ID, vec![usdc.clone(), token(EURC, "EURC", holders)]).await?;
        let other_node = Node::start(OTHER_CHAIN_ID, vec![token(OTHER_USDC, "USD Coin", Vec::new())]).await?;
        let data = tempfile::tempdir()?;
        let guests = data.path().join("guests");
        std::fs::create_dir(&guests)?;
        let mut settings = settings(data.path(), &node, &other_node)?;
        change(&mut settings);
        let app = App::build(settings, &variables).await?;
        // Ends with the test.
        let _recovering = serve::take_part(&app).await;
        app.networks.first_attested(FIRST_ATTESTATION).await;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let routes = router(Arc::clone(&app));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let http = reqwest::Client::builder().no_proxy().timeout(LONGEST_ANSWER).build()?;
        let installer = Installer::new(guests);
        Ok(Self { app, installer, node, other_node, token: usdc, logs, address, http, _data: data })
    }

    /// `POST` of a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let request = self.http.post(format!("http://{}{path}", self.address));
        let request = request.header("content-type", "application/json").body(body.to_string());
        read(path, request).await
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        read(path, self.http.get(format!("http://{}{path}", self.address))).await
    }
}

async fn read(path: &str, request: reqwest::RequestBuilder) -> anyhow::Result<Answer> {
    let response = request.send().await.with_context(|| format!("{path} answers"))?;
    let status = response.status().as_u16();
    let header = response.headers().get("content-type");
    let content_type = header.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let text = response.text().await?;
    let body = serde_json::from_str(&text).with_context(|| format!("{path} answers JSON"))?;
    Ok(Answer { status, content_type, text, body })
}

fn variables(name: &str) -> Option<String> {
    (name == "EVM_PRIVATE_KEY_TESTNET").then(|| FACILITATOR_KEY.to_owned())
}

fn settings(data: &Path, node: &Node, other_node: &Node) -> anyhow::Result<Settings> {
    let asset = |address: Address, symbol: &str| {
        format!(
            r#"{{ symbol = "{symbol}", address = "{address}", decimals = 6, eip712_name = "{symbol}", eip712_version = "2" }}"#
        )
    };
    let file = data.join("facilitator.toml");
    let text = format!(
        r#"
            data_dir = "{data}"
            [guests]
            dir = "{data}/guests"
            mode = "dev"
            [networks.base-sepolia]
            rpc = ["{}"]
            block_time_ms = 250
            assets = [{}, {}]
            [networks.avalanche-fuji]
            rpc = ["{}"]
        "#,
        node.url(),
        asset(USDC, "USDC"),
        asset(EURC, "EURC"),
        other_node.url(),
        data = data.display(),
    );
    std::fs::write(&file, text)?;
    let mut settings = Settings::load(Some(&file), &variables)?;
    settings.http.settle_timeout = SETTLE_TIMEOUT;
    Ok(settings)
}
