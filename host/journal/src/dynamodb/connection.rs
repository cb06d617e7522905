//! The way to AWS: whose credentials, which region, how long it may take.
//!
//! All of it comes from where AWS puts it: the environment (`AWS_REGION`, `AWS_ACCESS_KEY_ID`,
//! `AWS_ENDPOINT_URL_DYNAMODB`, …), a profile, the role of a task or of an instance. Nothing is asked before the
//! first operation needs it.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_dynamodb::Client;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

/// How long the store may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// One attempt, connection and answer.
    pub attempt: Duration,
    /// How often a request is sent that fails for a reason that may pass, such as throttling.
    pub attempts: u32,
    /// A whole operation of the journal, with all its requests and attempts.
    pub operation: Duration,
}

impl Default for Limits {
    /// An answer takes some 5 ms. A lease is not relied on 4.5 s after its renewal, so an operation that takes
    /// longer than 5 s is of no use.
    fn default() -> Self {
        Self { attempt: Duration::from_secs(2), attempts: 3, operation: Duration::from_secs(5) }
    }
}

/// The configuration of this process.
pub(super) async fn from_environment() -> SdkConfig {
    let client = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(client).load().await
}

pub(super) fn client(config: &SdkConfig, limits: Limits) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(limits.attempt)
        .operation_attempt_timeout(limits.attempt)
        .operation_timeout(limits.operation)
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(limits.attempts)
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_secs(1));
    let config =
        aws_sdk_dynamodb::config::Builder::from(config).timeout_config(timeouts).retry_config(retries);
    Client::from_conf(config.build())
}
