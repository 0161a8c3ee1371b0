//! One request to the connector, as the proxy before it would pass it on: by plain HTTP, under the name of the public address.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long Twilio waits for an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// The most of an answer that is read.
const ANSWER: usize = 16 * 1024;

/// What is sent.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) to: SocketAddr,
    /// The host of the public address.
    pub(super) host: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) content_type: &'static str,
    pub(super) signature: Option<String>,
    pub(super) authorization: Option<String>,
    pub(super) body: Vec<u8>,
    /// The connection breaks off in the middle of the body.
    pub(super) broken: bool,
}

/// Sends it; the status of the answer.
pub(super) async fn send(request: &Request) -> io::Result<u16> {
    let sending = async {
        let mut stream = TcpStream::connect(request.to).await?;
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}{}\
             User-Agent: TwilioProxy/1.1\r\nAccept: */*\r\nConnection: close\r\n\r\n",
            request.target,
            request.host,
            request.content_type,
            request.body.len(),
            line("X-Twilio-Signature", request.signature.as_deref()),
            line("Authorization", request.authorization.as_deref()),
        );
        stream.write_all(head.as_bytes()).await?;
        if request.broken {
            stream
                .write_all(&request.body[..request.body.len() / 2])
                .await?;
            return Err(io::Error::other("the connection broke off"));
        }
        stream.write_all(&request.body).await?;
        let mut answer = Vec::new();
        let mut taken = (&mut stream).take(ANSWER as u64);
        while !answer.ends_with(b"\r\n") {
            if taken.read_buf(&mut answer).await? == 0 {
                break;
            }
        }
        status(&answer).ok_or_else(|| io::Error::other("the answer is no HTTP"))
    };
    tokio::time::timeout(PATIENCE, sending)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// A header's line, where there is such a header.
fn line(name: &str, value: Option<&str>) -> String {
    value.map_or_else(String::new, |value| format!("{name}: {value}\r\n"))
}

fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    words
        .next()
        .filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_stands_in_the_first_line() {
        assert_eq!(status(b"HTTP/1.1 204 No Content\r\n\r\n"), Some(204));
        assert_eq!(status(b"HTTP/1.1 403\r\nA: b\r\n"), Some(403));
        assert_eq!(status(b"SSH-2.0\r\n"), None);
        assert_eq!(status(b""), None);
    }
}
