//! Content that is large, slow or cut off, from a server that writes what it likes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::{RESULT, client, report, settings};
use flex_insights_client::{InsightsError, Report, ReportStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const BLOCK: usize = 64 * 1024;

#[derive(Clone)]
struct Answer {
    head: String,
    opening: &'static str,
    /// Blocks of rows after the opening.
    blocks: usize,
    /// Keeps the connection open and silent at the end.
    hangs: bool,
}

impl Answer {
    fn new(head: &str, opening: &'static str) -> Self {
        Self {
            head: head.to_owned(),
            opening,
            blocks: 0,
            hangs: false,
        }
    }
}

async fn serve(mut socket: TcpStream, answer: Answer, written: Arc<AtomicU64>) -> Option<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        head.push(socket.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let length = head.split("content-length: ").nth(1);
    let length = length.and_then(|rest| rest.split("\r\n").next()?.parse().ok());
    socket
        .read_exact(&mut vec![0; length.unwrap_or(0)])
        .await
        .ok()?;
    let body = if head.contains("/login") {
        r#"{"userLogin":{"profile":"/gdc/account/profile/u","token":"s"}}"#.to_owned()
    } else if head.contains("/token") {
        r#"{"userToken":{"token":"t"}}"#.to_owned()
    } else if head.starts_with("post") {
        format!(r#"{{"uri":"{RESULT}"}}"#)
    } else {
        let text = format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\n{}\r\n{}",
            answer.head, answer.opening
        );
        socket.write_all(text.as_bytes()).await.ok()?;
        let block = vec![b'x'; BLOCK];
        for _ in 0..answer.blocks {
            socket.write_all(&block).await.ok()?;
            written.fetch_add(BLOCK as u64, Ordering::SeqCst);
        }
        if answer.hangs {
            tokio::time::sleep(Duration::from_mins(1)).await;
        }
        socket.shutdown().await.ok()?;
        return Some(());
    };
    let text = format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(text.as_bytes()).await.ok()
}

/// The base address, and how many bytes of blocks were written.
async fn start(answer: Answer) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let written = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&written);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket, answer.clone(), Arc::clone(&counter)));
        }
    });
    (base, written)
}

async fn end(mut rows: ReportStream) -> InsightsError {
    loop {
        match rows.next_chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a report that was cut off was taken for whole"),
            Err(error) => {
                assert!(rows.next_chunk().await.is_err(), "it never ends well");
                return error;
            }
        }
    }
}

async fn rows(base: &str) -> ReportStream {
    match client(settings(base)).report(&report()).await.unwrap() {
        Report::Rows(rows) => *rows,
        Report::Empty(empty) => panic!("{empty:?}"),
    }
}

#[tokio::test]
async fn a_report_that_was_cut_off_is_an_error_however_its_end_was_announced() {
    for head in ["content-length: 100\r\n", "transfer-encoding: chunked\r\n"] {
        let opening = if head.starts_with("content") {
            "a\n1\n"
        } else {
            "4\r\na\n1\n\r\n"
        };
        let (base, _) = start(Answer::new(head, opening)).await;
        let error = end(rows(&base).await).await;
        assert!(
            matches!(error, InsightsError::Broken { received: 4, .. }),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_header_that_was_cut_off_is_no_empty_report() {
    let (base, _) = start(Answer::new("content-length: 100\r\n", "a,b\n")).await;
    let error = client(settings(&base)).report(&report()).await.unwrap_err();
    assert!(matches!(error, InsightsError::Broken { .. }), "{error}");
}

#[tokio::test]
async fn an_answer_whose_end_proves_nothing_is_refused() {
    let (base, _) = start(Answer::new("", "a\n1\n")).await;
    let error = client(settings(&base)).report(&report()).await.unwrap_err();
    assert!(matches!(error, InsightsError::Broken { .. }), "{error}");
}

#[tokio::test]
async fn a_report_above_the_cap_that_announced_no_length_ends_in_an_error() {
    let mut answer = Answer::new("transfer-encoding: chunked\r\n", "100000\r\na\n1\n");
    answer.blocks = 4;
    answer.hangs = true;
    let (base, _) = start(answer).await;
    let mut settings = settings(&base);
    settings.max_report_bytes = 100_000;
    let Report::Rows(rows) = client(settings).report(&report()).await.unwrap() else {
        panic!("it has rows")
    };
    let error = end(*rows).await;
    assert!(
        matches!(error, InsightsError::TooLarge { cap: 100_000, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_silent_server_and_a_slow_one_end_in_errors() {
    let mut answer = Answer::new("content-length: 100\r\n", "a\n1\n");
    answer.hangs = true;
    let (base, _) = start(answer).await;
    let mut silent = settings(&base);
    silent.deadlines.idle = Duration::from_millis(200);
    let mut slow = settings(&base);
    slow.download_within = Duration::from_millis(200);
    for (settings, is_slow) in [(silent, false), (slow, true)] {
        let Report::Rows(rows) = client(settings).report(&report()).await.unwrap() else {
            panic!("it has rows")
        };
        let error = end(*rows).await;
        assert_eq!(
            matches!(error, InsightsError::TooSlow { .. }),
            is_slow,
            "{error}"
        );
        assert_eq!(
            matches!(error, InsightsError::Broken { .. }),
            !is_slow,
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_large_report_is_never_held_whole_and_the_server_waits_for_a_reader_that_pauses() {
    const BLOCKS: usize = 1024;
    // What the sockets' own buffers may take, far below the 64 MiB.
    const BUFFERS: u64 = 24 * 1024 * 1024;
    let total = (BLOCKS * BLOCK + 4) as u64;
    let mut answer = Answer::new(&format!("content-length: {total}\r\n"), "a\n1\n");
    answer.blocks = BLOCKS;
    let (base, written) = start(answer).await;
    let mut rows = rows(&base).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(written.load(Ordering::SeqCst) < BUFFERS, "nobody reads");
    let mut read = 0;
    while let Some(chunk) = rows.next_chunk().await.unwrap() {
        read += chunk.len() as u64;
        assert!(chunk.len() <= 1024 * 1024);
        assert!(written.load(Ordering::SeqCst).saturating_sub(read) < BUFFERS);
    }
    assert_eq!((read, rows.received()), (total, total));
}
