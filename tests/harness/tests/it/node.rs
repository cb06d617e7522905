//! A node on loopback that answers as a test tells it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use serde_json::{Value, json};

/// What the node answers to a request's body: status line and headers, and body.
type Answer = dyn Fn(&Value) -> (&'static str, String) + Send + Sync;

pub(crate) const OK: &str = "200 OK";

pub(crate) struct Node {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Value>>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Node {
    /// Listens until it is dropped.
    pub(crate) fn start(answer: impl Fn(&Value) -> (&'static str, String) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, stopped) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (heard, is_stopped) = (Arc::clone(&asked), Arc::clone(&stopped));
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if is_stopped.load(Ordering::SeqCst) {
                    break;
                }
                // A client that goes away is no fault of the node.
                let _ = serve(stream.unwrap(), &heard, &answer);
            }
        });
        Self { address, asked, stopped, thread: Some(thread) }
    }

    /// Answers each call by `outcome`: `{"result": …}` or `{"error": …}`.
    pub(crate) fn answering(outcome: impl Fn(&str, &Value) -> Value + Send + Sync + 'static) -> Self {
        Self::start(move |body| {
            let one = |call: &Value| {
                let mut message = outcome(call["method"].as_str().unwrap(), &call["params"]);
                message["jsonrpc"] = json!("2.0");
                message["id"] = call["id"].clone();
                message
            };
            let answer = match body {
                // Out of order: nodes may.
                Value::Array(calls) => Value::from(calls.iter().rev().map(one).collect::<Vec<_>>()),
                call => one(call),
            };
            (OK, answer.to_string())
        })
    }

    /// Its URL with `rest` as path and query.
    pub(crate) fn url(&self, rest: &str) -> String {
        format!("http://{}/{rest}", self.address)
    }

    /// Bodies of the requests so far.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes it from waiting for somebody.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(stream: TcpStream, heard: &Mutex<Vec<Value>>, answer: &Answer) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body: Value = serde_json::from_slice(&body)?;
    heard.lock().unwrap().push(body.clone());
    let (status, text) = answer(&body);
    let mut stream = stream;
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(text.as_bytes())
}
