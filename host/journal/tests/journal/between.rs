//! Somebody on the way to the store, who forwards requests and can do harm.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What is done to one request.
#[derive(Clone, Copy)]
pub(crate) enum Harm {
    /// None.
    Spare,
    /// It reaches the store, and its answer is lost.
    LoseAnswer,
    /// It is answered with this JSON error and does not reach the store.
    Refuse(&'static str),
}

/// A proxy to the store for requests on connections of HTTP/1.1.
pub(crate) struct Between {
    pub(crate) endpoint: String,
    harms: Arc<Mutex<VecDeque<Harm>>>,
}

impl Between {
    pub(crate) async fn start(store: &str) -> Self {
        let store = store.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let harms = Arc::new(Mutex::new(VecDeque::new()));
        let shared = Arc::clone(&harms);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, store.clone(), Arc::clone(&shared)));
            }
        });
        Self { endpoint, harms }
    }

    /// What is done to the next requests; those after them are spared.
    pub(crate) fn plan(&self, harms: &[Harm]) {
        *self.harms.lock().unwrap() = harms.iter().copied().collect();
    }

    /// How many planned harms were not done yet.
    pub(crate) fn left(&self) -> usize {
        self.harms.lock().unwrap().len()
    }
}

async fn serve(mut client: TcpStream, store: String, harms: Arc<Mutex<VecDeque<Harm>>>) -> io::Result<()> {
    loop {
        let request = read_message(&mut client).await?;
        let harm = harms.lock().unwrap().pop_front().unwrap_or(Harm::Spare);
        if let Harm::Refuse(body) = harm {
            let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.0\r\n";
            let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
            client.write_all(answer.as_bytes()).await?;
            continue;
        }
        let mut upstream = TcpStream::connect(&store).await?;
        upstream.write_all(&request).await?;
        let answer = read_message(&mut upstream).await?;
        if let Harm::LoseAnswer = harm {
            return Ok(());
        }
        client.write_all(&answer).await?;
    }
}

/// Head and body of a message that tells its length.
async fn read_message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        if stream.read_buf(&mut message).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some(end) = message.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&message[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let whole = end + 4 + length.map_or(0, |length| length.trim().parse::<usize>().unwrap());
        if message.len() >= whole {
            return Ok(message);
        }
    }
}
