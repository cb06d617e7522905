//! A node's URL. Often it carries a key, so it is shown as its host name only, and its parts are known, so
//! that they can be kept out of what is written.

use std::{fmt, str::FromStr};

use url::Url;

/// Shorter parts are words such as `v2` or a network's name and no keys.
const SHORTEST_REDACTED: usize = 6;
/// From here on a path segment or a value is taken for a key and not for a word.
const SHORTEST_KEY: usize = 16;

/// Where a node is asked.
#[derive(Clone, PartialEq, Eq)]
pub struct NodeUrl {
    url: Url,
    /// Parts that are taken out of a node's own words, longest first.
    redacted: Vec<String>,
    /// Those among them that must not be written anywhere.
    keys: Vec<String>,
}

/// Text that is no URL of a node. Does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an http or https URL with a host")]
pub struct NotANodeUrl;

impl FromStr for NodeUrl {
    type Err = NotANodeUrl;
    fn from_str(text: &str) -> Result<Self, NotANodeUrl> {
        let url = Url::parse(text.trim()).map_err(|_| NotANodeUrl)?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(NotANodeUrl);
        }
        let credentials = [url.username(), url.password().unwrap_or_default()].map(str::to_owned);
        let mut words: Vec<String> = url.path_segments().into_iter().flatten().map(str::to_owned).collect();
        let query = url.query().unwrap_or_default();
        words.extend(query.split('&').flat_map(|pair| pair.split('=')).map(str::to_owned));
        words.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
        let forms = |parts: &[String], shortest: usize| -> Vec<String> {
            parts.iter().flat_map(|part| forms(part)).filter(|part| part.len() >= shortest).collect()
        };
        let mut keys = forms(&credentials, SHORTEST_REDACTED);
        keys.extend(forms(&words, SHORTEST_KEY));
        let mut redacted = forms(&credentials, SHORTEST_REDACTED);
        redacted.extend(forms(&words, SHORTEST_REDACTED));
        redacted.sort_by_key(|part| std::cmp::Reverse(part.len()));
        Ok(Self { url, redacted, keys })
    }
}

/// A part as it stands in the URL, decoded, and as it would stand in JSON.
fn forms(part: &str) -> [String; 3] {
    // The decoder of a query takes `+` for a space; a key with a plus is found as it stands.
    let decoded: String = url::form_urlencoded::parse(part.as_bytes()).map(|(key, _)| key).collect();
    let in_json = serde_json::Value::from(decoded.as_str()).to_string();
    [part.to_owned(), decoded, in_json.trim_matches('"').to_owned()]
}

impl NodeUrl {
    /// For the HTTP client alone.
    pub(super) const fn secret(&self) -> &Url {
        &self.url
    }

    /// Takes every part that may be a key out of a node's text: nodes quote them ("project … is over its
    /// limit").
    pub(super) fn redact(&self, text: &str) -> String {
        self.redacted.iter().fold(text.to_owned(), |text, part| text.replace(part.as_str(), "…"))
    }

    /// Whether a part that is taken for a key stands in `text`.
    pub(super) fn is_in(&self, text: &str) -> bool {
        self.keys.iter().any(|key| text.contains(key.as_str()))
    }
}

impl fmt::Display for NodeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.host_str().unwrap_or("the node"))
    }
}

impl fmt::Debug for NodeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYED: &str =
        "https://user:hunter2@rpc.example/v2/base-mainnet/0123456789abcdef?apikey=0th%22rk%2Fey0123456789";

    #[test]
    fn is_shown_as_its_host() {
        let url: NodeUrl = KEYED.parse().unwrap();
        assert_eq!(format!("{url} {url:?}"), "rpc.example NodeUrl(rpc.example)");
        for text in ["s3cret", "ftp://rpc.example/s3cret", "https://", ""] {
            assert!(!text.parse::<NodeUrl>().unwrap_err().to_string().contains("s3cret"), "{text}");
        }
    }

    #[test]
    fn knows_its_key_in_every_form() {
        let url: NodeUrl = KEYED.parse().unwrap();
        for text in [
            "x hunter2 x",
            "key 0123456789abcdef",
            "0th%22rk%2Fey0123456789",
            "0th\"rk/ey0123456789",
            r#""0th\"rk/ey0123456789""#,
        ] {
            assert!(url.is_in(text), "{text}");
            assert!(!url.is_in(&url.redact(text)), "{text}");
        }
        assert_eq!(url.redact("project 0123456789abcdef on base-mainnet v2"), "project … on … v2");
        assert!(!url.is_in("base-mainnet v2 user"), "words are no keys");
    }
}
