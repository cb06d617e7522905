//! Asking a running facilitator.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;

/// Which facilitator is asked.
#[derive(Args)]
pub(crate) struct Running {
    /// Address of the running facilitator.
    #[arg(long, value_name = "URL", env = "FACILITATOR_URL", default_value = "http://127.0.0.1:8402")]
    url: String,
    /// File with the admin token, instead of the environment's FACILITATOR_ADMIN_TOKEN.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// A client of the admin API.
pub(super) struct AdminClient {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
}

/// A reload compiles components.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Largest answer, bytes.
const MAX_ANSWER_BYTES: usize = 4 << 20;

impl AdminClient {
    pub(super) fn new(running: &Running) -> anyhow::Result<Self> {
        // Fails only if a provider is there already, which is as good.
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let token = match &running.token_file {
            Some(path) => Some(
                std::fs::read_to_string(path).with_context(|| format!("token file {}", path.display()))?,
            ),
            None => std::env::var("FACILITATOR_ADMIN_TOKEN").ok(),
        };
        let http = reqwest::Client::builder()
            .no_proxy()
            // The token goes to the address that was given, and nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()?;
        Ok(Self {
            http,
            url: running.url.trim_end_matches('/').to_owned(),
            token: token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty()),
        })
    }

    /// The guests in use: from the admin API with a token, else what `/ready` tells everybody.
    pub(super) async fn guests(&self) -> anyhow::Result<Value> {
        if self.token.is_some() {
            return self.answer(self.http.get(self.at("/admin/guests"))).await;
        }
        // Not ready is an answer, too: 503.
        let (_, mut ready) = self.send(self.http.get(self.at("/ready"))).await?;
        let guests = ready.get_mut("guests").map(Value::take);
        guests.with_context(|| format!("{}/ready tells nothing of guests: is it a facilitator?", self.url))
    }

    /// Has something done.
    pub(super) async fn post(&self, path: &str) -> anyhow::Result<Value> {
        if self.token.is_none() {
            bail!("set FACILITATOR_ADMIN_TOKEN to the token that the facilitator was started with");
        }
        self.answer(self.http.post(self.at(path))).await
    }

    /// Goes back to the generation of `guest` before the one in use.
    pub(super) async fn rollback(&self, guest: &str) -> anyhow::Result<Value> {
        let is_name =
            !guest.is_empty() && guest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_name {
            bail!("{guest:?} is no name of a guest");
        }
        self.post(&format!("/admin/guests/rollback?guest={guest}")).await
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        let (status, body) = self.send(request).await?;
        if status.is_success() {
            return Ok(body);
        }
        let message = body.get("message").and_then(Value::as_str).unwrap_or("no message");
        match status.as_u16() {
            404 => bail!("{message} (the admin API exists only where FACILITATOR_ADMIN_TOKEN is set)"),
            401 => bail!("the facilitator does not admit this token"),
            _ => bail!("{message}"),
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> anyhow::Result<(reqwest::StatusCode, Value)> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let mut response =
            request.send().await.with_context(|| format!("no facilitator answers at {}", self.url))?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                bail!("more than {MAX_ANSWER_BYTES} bytes from {}", self.url);
            }
            body.extend_from_slice(&chunk);
        }
        let json = serde_json::from_slice(&body)
            .with_context(|| format!("{} does not answer as a facilitator does", self.url))?;
        Ok((response.status(), json))
    }
}
