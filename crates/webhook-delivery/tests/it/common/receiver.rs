//! A receiver that does with each request exactly what it is told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// One request.
#[derive(Debug, Clone)]
pub struct Received {
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Received {
    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }
}

/// What to do with a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Answers with this status, these headers and this body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// The same after a while.
    Late(Duration, u16),
    /// Writes the head, then this piece again and again with this pause between.
    Drip(&'static str, &'static str, Duration),
    /// Writes the head of an answer of 1 GB, and as much of it as is taken.
    Flood,
    /// Says nothing.
    Silence,
    /// Closes the connection.
    Close,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self::Answer(status, vec![], String::new())
    }
}

type Script = dyn Fn(usize, &Received) -> Reply + Send + Sync;

struct Inner {
    script: Box<Script>,
    received: Mutex<Vec<Received>>,
    count: AtomicUsize,
    written: AtomicU64,
    connections: AtomicUsize,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    keep: bool,
}

pub struct Receiver {
    pub address: SocketAddr,
    inner: Arc<Inner>,
    task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    /// Asks `script` about each request; it is given the number of requests before.
    pub async fn start(script: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen("127.0.0.1:0", None, true, Box::new(script)).await
    }

    /// Answers 204 to everything and remembers nothing but numbers.
    pub async fn counting() -> Self {
        Self::listen(
            "127.0.0.1:0",
            None,
            false,
            Box::new(|_, _| Reply::status(204)),
        )
        .await
    }

    /// Answers 204 to everything over TLS, at this address.
    pub async fn with_tls(address: &str, acceptor: TlsAcceptor) -> Self {
        Self::listen(
            address,
            Some(acceptor),
            true,
            Box::new(|_, _| Reply::status(204)),
        )
        .await
    }

    async fn listen(
        address: &str,
        tls: Option<TlsAcceptor>,
        keep: bool,
        script: Box<Script>,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner {
            script,
            received: Mutex::default(),
            count: AtomicUsize::new(0),
            written: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
            keep,
        });
        let shared = Arc::clone(&inner);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let (inner, tls) = (Arc::clone(&shared), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => serve(stream, &inner).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &inner).await;
                            }
                        }
                    }
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            address,
            inner,
            task,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub fn received(&self) -> Vec<Received> {
        self.inner.received.lock().unwrap().clone()
    }

    pub fn ids(&self) -> Vec<String> {
        self.received()
            .iter()
            .map(|one| one.id().to_owned())
            .collect()
    }

    pub fn bodies(&self) -> Vec<String> {
        self.received()
            .into_iter()
            .map(|one| String::from_utf8(one.body).unwrap())
            .collect()
    }

    pub fn count(&self) -> usize {
        self.inner.count.load(Ordering::SeqCst)
    }

    pub fn connections(&self) -> usize {
        self.inner.connections.load(Ordering::SeqCst)
    }

    pub fn written(&self) -> u64 {
        self.inner.written.load(Ordering::SeqCst)
    }

    pub fn most_under_way(&self) -> usize {
        self.inner.most_under_way.load(Ordering::SeqCst)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, inner: &Inner) {
    let mut buffer = Vec::with_capacity(4096);
    while let Some(request) = read(&mut stream, &mut buffer).await {
        let under_way = inner.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        inner.most_under_way.fetch_max(under_way, Ordering::SeqCst);
        let number = inner.count.fetch_add(1, Ordering::SeqCst);
        let reply = (inner.script)(number, &request);
        if inner.keep {
            inner.received.lock().unwrap().push(request);
        }
        if let Reply::Late(pause, _) = reply {
            tokio::time::sleep(pause).await;
        }
        // Whoever has the answer may come again before we look the next time.
        let is_over = matches!(reply, Reply::Answer(..) | Reply::Late(..));
        if is_over {
            inner.under_way.fetch_sub(1, Ordering::SeqCst);
        }
        let goes_on = answer(&mut stream, reply, inner).await;
        if !is_over {
            inner.under_way.fetch_sub(1, Ordering::SeqCst);
        }
        if goes_on.is_none() {
            return;
        }
    }
}

/// `None` when the connection is over.
async fn answer<S: AsyncWrite + Unpin>(stream: &mut S, reply: Reply, inner: &Inner) -> Option<()> {
    let text = |status: u16, headers: &[(&str, String)], body: &str| {
        let mut text = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text + "\r\n" + body
    };
    match reply {
        Reply::Answer(status, headers, body) => {
            let text = match status {
                204 => "HTTP/1.1 204 X\r\n\r\n".to_owned(),
                _ => text(status, &headers, &body),
            };
            stream.write_all(text.as_bytes()).await.ok()
        }
        Reply::Late(_, status) => stream
            .write_all(text(status, &[], "").as_bytes())
            .await
            .ok(),
        Reply::Drip(head, piece, pause) => {
            stream.write_all(head.as_bytes()).await.ok()?;
            loop {
                stream.write_all(piece.as_bytes()).await.ok()?;
                tokio::time::sleep(pause).await;
            }
        }
        Reply::Flood => {
            let head = "HTTP/1.1 200 X\r\ncontent-length: 1000000000\r\n\r\n";
            stream.write_all(head.as_bytes()).await.ok()?;
            let block = vec![b'x'; 64 * 1024];
            loop {
                stream.write_all(&block).await.ok()?;
                inner
                    .written
                    .fetch_add(block.len() as u64, Ordering::SeqCst);
            }
        }
        Reply::Silence => std::future::pending().await,
        Reply::Close => None,
    }
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut Vec<u8>) -> Option<Received> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        more(stream, buffer).await?;
    };
    let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
    let headers: BTreeMap<String, String> = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    assert!(head.starts_with("POST "), "{head}");
    let length: usize = headers["content-length"].parse().unwrap();
    while buffer.len() < end + length {
        more(stream, buffer).await?;
    }
    let rest = buffer.split_off(end + length);
    let body = buffer.split_off(end);
    *buffer = rest;
    Some(Received { headers, body })
}

async fn more<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut Vec<u8>) -> Option<()> {
    match stream.read_buf(buffer).await {
        Ok(read) if read > 0 => Some(()),
        _ => None,
    }
}
