//! A server that does on each connection exactly what a test says, and a client that waits next to nothing.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http_retry::{BaseUrl, Deadlines, HttpClient, HttpClientBuilder, RetryPolicy, RetrySettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a raw server does with one connection.
#[derive(Debug, Clone)]
pub enum Deed {
    /// Closes at once, before it reads.
    Close,
    /// Reads the request's head, then resets the connection.
    Reset,
    /// Reads the request's head, then says nothing.
    Silence,
    /// Reads the request's head and writes these pieces, with so long a pause before each but the first, then closes.
    Write(Vec<&'static str>, Duration),
    /// Reads the request's head, writes this and resets the connection.
    WriteAndReset(&'static str),
    /// Reads the whole request and answers with how its head looked and how many bytes of body came.
    Echo,
}

pub struct Raw {
    pub base: BaseUrl,
    connections: Arc<AtomicU32>,
    task: tokio::task::JoinHandle<()>,
}

impl Raw {
    /// The deeds, one per connection; the last one is repeated.
    pub async fn start(deeds: Vec<Deed>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let connections = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            let mut tasks = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let index = count.fetch_add(1, Ordering::SeqCst) as usize;
                tasks.spawn(serve(stream, deeds[index.min(deeds.len() - 1)].clone()));
            }
        });
        Self {
            base,
            connections,
            task,
        }
    }

    pub fn connections(&self) -> u32 {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[allow(clippy::needless_pass_by_value)]
fn reset(stream: TcpStream) {
    // Lingering for no time turns the close into a reset.
    stream.set_zero_linger().unwrap();
}

async fn head(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return (String::from_utf8(bytes).unwrap(), rest);
        }
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&buffer[..read]),
            _ => return (String::from_utf8(bytes).unwrap(), Vec::new()),
        }
    }
}

async fn serve(mut stream: TcpStream, deed: Deed) {
    if matches!(deed, Deed::Close) {
        return;
    }
    let (head, rest) = head(&mut stream).await;
    match deed {
        Deed::Close => {}
        Deed::Reset => reset(stream),
        Deed::Silence => std::future::pending().await,
        Deed::Write(pieces, pause) => {
            for (index, piece) in pieces.iter().enumerate() {
                if index > 0 {
                    tokio::time::sleep(pause).await;
                }
                if stream.write_all(piece.as_bytes()).await.is_err() {
                    return;
                }
            }
            let _ = stream.shutdown().await;
        }
        Deed::WriteAndReset(text) => {
            stream.write_all(text.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
            // Let the text arrive before the reset overtakes it.
            tokio::time::sleep(Duration::from_millis(50)).await;
            reset(stream);
        }
        Deed::Echo => {
            let lower = head.to_ascii_lowercase();
            let length: usize = lower
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .map_or(0, |text| text.trim().parse().unwrap());
            let mut body = rest;
            let mut buffer = vec![0; 65536];
            while body.len() < length {
                match stream.read(&mut buffer).await {
                    Ok(read) if read > 0 => body.extend_from_slice(&buffer[..read]),
                    _ => break,
                }
            }
            let text = format!("{lower}\u{1}{}", body.len());
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
                text.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    }
}

pub fn quick() -> RetrySettings {
    RetrySettings {
        attempts: 4,
        backoff_base: Duration::from_millis(1),
        backoff_max: Duration::from_millis(2),
        retry_after_max: Duration::from_millis(20),
        budget: Duration::from_secs(20),
        ..RetrySettings::default()
    }
}

/// Few milliseconds between attempts; half a second for headers and pieces.
pub fn builder() -> HttpClientBuilder {
    HttpClient::builder()
        .policy(RetryPolicy::new(quick()).unwrap())
        .deadlines(Deadlines {
            connect: Duration::from_secs(5),
            headers: Duration::from_millis(500),
            idle: Duration::from_millis(500),
            slot: Duration::from_secs(5),
        })
}

pub fn client() -> HttpClient {
    builder().build().unwrap()
}
