//! How many pushed events are received, authenticated and handed over in a second, on one core.
//!
//! ```text
//! cargo run --release -p event-intake --example intake_bench -- [seconds] [connections] [events in a request] [ms of a commit]
//! ```
//!
//! The listener runs on one thread of its own. The requests are signed beforehand; the clients run on another thread. A commit takes as long as is asked for, as a
//! synchronous write to disk would.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench may end here, and prints what it found"
)]

#[path = "../tests/it/support/mod.rs"]
#[allow(clippy::unwrap_used, reason = "a bench may end here")]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use event_intake::{EventIntake, InboundEvent, Inbox, InboxError, Receipt};
use support::{PATH, Request, batch, settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Debug)]
struct Counting {
    commits: AtomicU64,
    events: AtomicU64,
    commit: Duration,
}

impl Inbox for Counting {
    async fn receive(
        &self,
        events: Vec<InboundEvent>,
        _: DateTime<Utc>,
    ) -> Result<Receipt, InboxError> {
        if !self.commit.is_zero() {
            tokio::time::sleep(self.commit).await;
        }
        let stored = events.len() as u64;
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.events.fetch_add(stored, Ordering::Relaxed);
        Ok(Receipt {
            stored,
            duplicates: 0,
        })
    }
}

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|text| text.parse::<u64>().unwrap());
    let mut next = |default| arguments.next().unwrap_or(default);
    let (seconds, connections, each, commit) = (next(5), next(64), next(1), next(5));

    let inbox = Arc::new(Counting {
        commits: AtomicU64::new(0),
        events: AtomicU64::new(0),
        commit: Duration::from_millis(commit),
    });
    let (address_sender, address) = std::sync::mpsc::channel();
    let server_inbox = inbox.clone();
    let server = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let intake = EventIntake::bind(settings(), server_inbox, ())
                .await
                .unwrap();
            address_sender.send(intake.local_addr()).unwrap();
            let end = tokio::time::sleep(Duration::from_secs(seconds) + Duration::from_millis(200));
            intake.run(end).await.unwrap();
            cpu_of_this_thread()
        })
    });
    let address = address.recv().unwrap();

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let started = Instant::now();
    let (answered, slowest) = runtime.block_on(async move {
        let clients: Vec<_> = (0..connections)
            .map(|client| {
                let first = usize::try_from(client * each).unwrap();
                let body = batch(first..first + usize::try_from(each).unwrap());
                let bytes = Request::signed_json(PATH, body).keep_alive().bytes();
                tokio::spawn(async move {
                    let mut stream = TcpStream::connect(address).await.unwrap();
                    let (mut answered, mut slowest) = (0_u64, Duration::ZERO);
                    let mut buffer = vec![0; 4096];
                    while started.elapsed() < Duration::from_secs(seconds) {
                        let sent = Instant::now();
                        stream.write_all(&bytes).await.unwrap();
                        let read = stream.read(&mut buffer).await.unwrap();
                        assert!(buffer[..read].starts_with(b"HTTP/1.1 200"), "not taken");
                        slowest = slowest.max(sent.elapsed());
                        answered += 1;
                    }
                    (answered, slowest)
                })
            })
            .collect();
        let mut total = (0, Duration::ZERO);
        for client in clients {
            let (answered, slowest) = client.await.unwrap();
            total = (total.0 + answered, total.1.max(slowest));
        }
        total
    });
    let wall = started.elapsed().as_secs_f64();
    let cpu = server.join().unwrap();
    let events = inbox.events.load(Ordering::Relaxed);
    let commits = inbox.commits.load(Ordering::Relaxed);
    assert_eq!(
        events,
        answered * each,
        "every event that was answered was committed"
    );
    let rate = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / wall;
    println!("connections             {connections}");
    println!("events in a request     {each}");
    println!("a commit takes          {commit} ms");
    println!("requests per second     {:.0}", rate(answered));
    println!("events per second       {:.0}", rate(events));
    println!("commits per second      {:.0}", rate(commits));
    println!(
        "slowest answer          {:.1} ms",
        slowest.as_secs_f64() * 1e3
    );
    if let Some(cpu) = cpu {
        println!(
            "listener's share of one core  {:.0} %",
            cpu.as_secs_f64() / wall * 100.0
        );
        println!(
            "events per second of a core   {:.0}",
            rate(events) * wall / cpu.as_secs_f64()
        );
    }
}

/// Processor time of the calling thread, where the system tells it.
fn cpu_of_this_thread() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = stat.split(' ').next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}
