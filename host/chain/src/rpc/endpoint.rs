//! One endpoint: its secret URL, and one bounded round trip. What its answers say of it is kept elsewhere.

use std::{fmt, str::FromStr, time::Duration};

use url::{Host, Url};

use super::wire::{Answer, BATCH_REFUSED, Call, decode, encode};

/// An endpoint's URL. Often it carries a key, so it is shown as its host name only.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointUrl(Url);

/// Text that is no endpoint. Does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an http or https URL with a host")]
pub struct NotAnEndpoint;

impl FromStr for EndpointUrl {
    type Err = NotAnEndpoint;
    fn from_str(text: &str) -> Result<Self, NotAnEndpoint> {
        let url = Url::parse(text.trim()).map_err(|_| NotAnEndpoint)?;
        if matches!(url.scheme(), "http" | "https") && url.host_str().is_some() {
            Ok(Self(url))
        } else {
            Err(NotAnEndpoint)
        }
    }
}

impl EndpointUrl {
    /// Whether it is on this machine, as the endpoints of local development chains are.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// Parts that may be a key: user, password, long path segments, query values. Nodes quote them in
    /// their error messages ("project … is over its limit").
    fn secrets(&self) -> Vec<String> {
        const SHORTEST_KEY: usize = 6;
        let url = &self.0;
        let mut parts = vec![url.username().to_owned()];
        parts.extend(url.password().map(str::to_owned));
        parts.extend(url.path_segments().into_iter().flatten().map(str::to_owned));
        parts.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
        parts.retain(|part| part.len() >= SHORTEST_KEY);
        parts
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.host_str().unwrap_or("endpoint"))
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndpointUrl({self})")
    }
}

pub(super) const TIMED_OUT: &str = "timed out";

/// One endpoint of a network.
pub(super) struct Endpoint {
    url: EndpointUrl,
    http: reqwest::Client,
}

impl Endpoint {
    pub(super) const fn new(url: EndpointUrl, http: reqwest::Client) -> Self {
        Self { url, http }
    }

    /// Takes every part of the URL that may be a secret out of a node's text.
    fn redact(&self, answers: &mut [Answer]) {
        let secrets = self.url.secrets();
        for error in answers.iter_mut().filter_map(|answer| answer.as_mut().err()) {
            for secret in &secrets {
                error.message = error.message.replace(secret.as_str(), "…");
                error.data = error.data.as_ref().map(|data| data.replace(secret.as_str(), "…"));
            }
        }
    }

    /// Host name, for logs.
    pub(super) const fn name(&self) -> &EndpointUrl {
        &self.url
    }

    /// One round trip.
    ///
    /// # Errors
    /// What went wrong, without any part of the URL or the body.
    pub(super) async fn round_trip(
        &self,
        calls: &[Call],
        timeout: Duration,
        max_bytes: usize,
    ) -> Result<Vec<Answer>, &'static str> {
        let answered = tokio::time::timeout(timeout, async {
            match self.exchange(calls, max_bytes).await {
                Err(BATCH_REFUSED) if calls.len() > 1 => self.one_by_one(calls, max_bytes).await,
                answers => answers,
            }
        });
        match answered.await.unwrap_or(Err(TIMED_OUT)) {
            Ok(answers) if answers.iter().any(is_overload) => Err("rate limit"),
            answers => answers,
        }
    }

    /// For endpoints that take no batches: the same calls side by side.
    async fn one_by_one(&self, calls: &[Call], max_bytes: usize) -> Result<Vec<Answer>, &'static str> {
        let single = calls.iter().map(|call| self.exchange(std::slice::from_ref(call), max_bytes));
        let answers = futures_util::future::try_join_all(single).await?;
        Ok(answers.into_iter().flatten().collect())
    }

    async fn exchange(&self, calls: &[Call], max_bytes: usize) -> Result<Vec<Answer>, &'static str> {
        let request = self
            .http
            .post(self.url.0.clone())
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(encode(calls));
        let mut response = request
            .send()
            .await
            .map_err(|error| if error.is_connect() { "cannot connect" } else { "connection broke" })?;
        let status = response.status();
        let mut body = Vec::with_capacity(1024);
        while let Some(chunk) = response.chunk().await.map_err(|_| "connection broke")? {
            if body.len().saturating_add(chunk.len()) > max_bytes {
                return Err("answer too large");
            }
            body.extend_from_slice(&chunk);
        }
        match (decode(&body, calls.len()), status.as_u16()) {
            (_, 429) => Err("rate limit"),
            (_, 500..) => Err("server error"),
            // Some nodes send JSON-RPC errors with status 400.
            (Ok(mut answers), _) => {
                self.redact(&mut answers);
                Ok(answers)
            }
            (Err(_), 400..) => Err("refused"),
            (Err(what), _) => Err(what),
        }
    }
}

/// Whether the node says that it has too much to do, which another endpoint may not have.
fn is_overload(answer: &Answer) -> bool {
    match answer {
        Err(error) => {
            matches!(error.code, -32005 | -32097 | 429)
                || error.message.to_ascii_lowercase().contains("rate limit")
        }
        Ok(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyed_url_is_shown_as_its_host() {
        let url: EndpointUrl = "https://user:hunter2@rpc.example/v2/s3cret?key=s3cret".parse().unwrap();
        assert_eq!(format!("{url} {url:?}"), "rpc.example EndpointUrl(rpc.example)");
    }

    #[test]
    fn a_key_that_a_node_quotes_is_taken_out() {
        let url: EndpointUrl = "https://rpc.example/v2/s3cretkey?apikey=0therkey".parse().unwrap();
        let endpoint = Endpoint::new(url, reqwest_client());
        let mut answers = [Err(super::super::wire::RemoteError {
            code: -32000,
            message: "project s3cretkey over limit".to_owned(),
            data: Some("\"0therkey\"".to_owned()),
        })];
        endpoint.redact(&mut answers);
        assert_eq!(answers[0].as_ref().unwrap_err().message, "project … over limit");
        assert_eq!(answers[0].as_ref().unwrap_err().data.as_deref(), Some("\"…\""));
    }

    fn reqwest_client() -> reqwest::Client {
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::new()
    }

    #[test]
    fn loopback_is_told_by_the_host_alone() {
        let is_loopback = |text: &str| text.parse::<EndpointUrl>().unwrap().is_loopback();
        for text in ["http://127.0.0.1:8545", "http://127.9.9.9", "http://localhost:1/x", "http://[::1]:8545"]
        {
            assert!(is_loopback(text), "{text}");
        }
        for text in ["http://10.0.0.1", "https://localhost.example", "https://rpc.example/localhost"] {
            assert!(!is_loopback(text), "{text}");
        }
    }

    #[test]
    fn a_bad_url_is_not_repeated() {
        for text in ["s3cret", "ftp://rpc.example/s3cret", "https://", ""] {
            let error = text.parse::<EndpointUrl>().unwrap_err();
            assert!(!error.to_string().contains("s3cret"), "{text}");
        }
    }
}
