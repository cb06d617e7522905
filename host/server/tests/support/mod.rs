//! An app in this process without networks, a directory of guests, and HTTP to its router.

use std::{collections::HashMap, fs, path::Path, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use facilitator_protocol::Family;
use facilitator_server::{
    app::App,
    config::Settings,
    guests::lock::{Grant, Lock, Pin},
    http::router,
};
use http_body_util::BodyExt;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tower::ServiceExt;

/// The admin token of these tests.
pub(crate) const TOKEN: &str = "a token for tests only";

const EVM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/evm.wasm"));

/// The EVM guest as another component: with a custom section at its end, which means nothing.
pub(crate) fn variant(number: u8) -> Vec<u8> {
    [EVM, &[0, 5, 3], b"tag", &[number]].concat()
}

/// Digest of a component, hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// An app with these variables, which serves no network.
pub(crate) async fn app(variables: &[(&str, String)]) -> anyhow::Result<Arc<App>> {
    let data = tempfile::tempdir()?.keep();
    let mut variables: HashMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    variables.insert("FACILITATOR_DATA_DIR".to_owned(), data.display().to_string());
    let lookup = |name: &str| variables.get(name).cloned();
    App::build(Settings::load(None, &lookup)?, &lookup).await
}

/// A directory of guests.
pub(crate) struct Directory(tempfile::TempDir);

impl Directory {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn text(&self) -> String {
        self.path().display().to_string()
    }

    pub(crate) fn write(&self, file: &str, content: &[u8]) {
        fs::write(self.path().join(file), content).unwrap();
    }

    /// Enters a file, which holds the EVM guest in some form, in the lock as it is.
    pub(crate) fn pin(&self, file: &str) {
        let path = self.path().join("guests.lock");
        let mut lock = Lock::read(&path).unwrap();
        lock.put(Pin {
            name: "evm".to_owned(),
            file: file.to_owned(),
            family: Family::Evm,
            version: "0.1.0".to_owned(),
            abi: "0.1.0".to_owned(),
            sha256: sha256(&fs::read(self.path().join(file)).unwrap()),
            wasi: Grant::None,
        });
        lock.write(&path).unwrap();
    }

    /// Makes a component the pinned `evm.wasm`.
    pub(crate) fn put(&self, component: &[u8]) {
        self.write("evm.wasm", component);
        self.pin("evm.wasm");
    }
}

/// The router of an app.
pub(crate) struct Http(Router);

impl Http {
    pub(crate) fn of(app: Arc<App>) -> Self {
        Self(router(app))
    }

    /// Sends a request without a body; the answer's JSON, or null.
    pub(crate) async fn send(&self, method: &str, path: &str, token: Option<&str>) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = self.0.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}
