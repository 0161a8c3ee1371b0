//! How many pushed events are received, authenticated and durably committed in a second, on one core.
//!
//! ```text
//! cargo run --release -p qm-pipeline --example pushed_events -- [seconds] [connections] [events in a request]
//! ```
//!
//! prints one line of JSON; what it measures of the processor and of memory is `null` where the system does not tell.
//!
//! The listener and the ledger are those of the connector: every event is sealed and written to an SQLite file that is
//! flushed to disk before the request is answered. The file is in a temporary directory, so `TMPDIR` says which disk is
//! measured; one in memory measures nothing. The listener runs on one thread, and the ledger's connection, as always, on one
//! that it starts itself; nothing processes what arrives. The clients sign on the main thread, whose CPU time does not
//! count; their memory does. A run ends early before the inbox is full.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    dead_code,
    reason = "a bench may end here, and prints what it found; what it shares with another it need not use"
)]

#[path = "../tests/it/common/config.rs"]
mod config;
mod measure;

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use config::{ACCOUNT, Facts, TOKEN, WORKSPACE};
use measure::{cpu_of_other_threads, peak, rate, runtime, sealed};
use qm_pipeline::Witness;
use serde_json::json;
use sync_ledger::{AcdStore as _, Inbox as _, SqliteLedger, WorkerLock};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::LocalSet;

const PUBLIC: &str = "https://connector.example.com/twilio";
/// Stands in the text of an event where its number comes.
const NUMBER: &str = "#number#";
/// A little less than the inbox has room for.
const MOST_EVENTS: u64 = 190_000;

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|text| text.parse::<u64>().unwrap());
    let mut next = |default| arguments.next().unwrap_or(default);
    let (seconds, connections, each) = (next(5), next(64), next(1));

    let directory = tempfile::tempdir().unwrap();
    let ledger = directory.path().join("ledger.db");
    let intake = format!("[intake]\npublic_url = \"{PUBLIC}\"\nlisten = \"127.0.0.1:9465\"");
    let facts = Facts {
        before: &intake,
        ..Facts::default()
    };
    let (mut config, secrets) = config::load(directory.path(), &facts);
    // Whichever is free: nobody needs to know it beforehand.
    config.intake.listen.set_port(0);
    let path = format!("/{}", config.acds[0].intake_path());
    let commits = Arc::new(Commits::default());

    let (tell, told) = mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let (at, witness) = (ledger.clone(), commits.clone());
    let server = std::thread::spawn(move || {
        runtime().block_on(async move {
            let ledger = SqliteLedger::open(WorkerLock::acquire(&at).unwrap(), sealed())
                .await
                .unwrap();
            let acd = &config.acds[0];
            ledger.register(&acd.key(), &acd.name).await.unwrap();
            let pushed = Arc::new(Notify::new());
            let intake = qm_pipeline::intake(&config, &secrets, ledger.clone(), pushed, witness)
                .await
                .unwrap()
                .unwrap();
            tell.send(intake.local_addr()).unwrap();
            let ended = async {
                // Gone or told: either ends it.
                let _ = stopped.await;
            };
            intake.run(ended).await.unwrap();
            ledger.close().await;
        });
    });
    let address = told.recv().unwrap();

    let cpu_before = cpu_of_other_threads();
    let started = Instant::now();
    let load = Rc::new(Load::new(address, path, each, seconds));
    let clients = LocalSet::new();
    for _ in 0..connections {
        clients.spawn_local(client(Rc::clone(&load)));
    }
    runtime().block_on(clients);
    let wall = started.elapsed().as_secs_f64();
    let cpu = cpu_of_other_threads()
        .zip(cpu_before)
        .map(|(after, before)| after.saturating_sub(before).as_secs_f64());
    let peak = peak();
    drop(stop);
    server.join().unwrap();

    // Whoever opens the file afterwards finds what was answered.
    let waiting = waiting_in(&ledger);
    let events = load.taken.get() * each;
    assert!(waiting >= events, "{events} were taken, {waiting} are kept");
    if load.refused.get() == 0 {
        assert_eq!(waiting, events, "every event once");
    }

    let report = json!({
        "connections": connections,
        "events_in_a_request": each,
        "seconds": wall,
        "requests_per_second": rate(load.taken.get(), wall),
        "events_per_second": rate(events, wall),
        "commits_per_second": rate(commits.count(), wall),
        "events_in_the_ledger": waiting,
        "requests_not_taken": load.refused.get(),
        "slowest_answer_ms": load.slowest.get().as_secs_f64() * 1e3,
        "share_of_one_core": cpu.map(|cpu| cpu / wall),
        "events_per_cpu_second": cpu.map(|cpu| rate(events, cpu)),
        "peak_memory_mib": peak,
    });
    println!("{report}");
}

/// What the clients share. They run on one thread.
struct Load {
    address: SocketAddr,
    /// Of the ACD, below the public URL.
    path: String,
    event: String,
    key: hmac::Key,
    each: u64,
    until: Instant,
    sent: Cell<u64>,
    taken: Cell<u64>,
    refused: Cell<u64>,
    slowest: Cell<Duration>,
}

impl Load {
    fn new(address: SocketAddr, path: String, each: u64, seconds: u64) -> Self {
        Self {
            address,
            path,
            event: event(),
            key: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN.as_bytes()),
            each,
            until: Instant::now() + Duration::from_secs(seconds),
            sent: Cell::new(0),
            taken: Cell::new(0),
            refused: Cell::new(0),
            slowest: Cell::new(Duration::ZERO),
        }
    }

    /// The next request, signed as Twilio signs JSON; none when time or room is up.
    fn request(&self) -> Option<Vec<u8>> {
        let first = self.sent.get();
        let end = first + self.each;
        if end > MOST_EVENTS || Instant::now() >= self.until {
            return None;
        }
        self.sent.set(end);
        let events: Vec<_> = (first..end)
            .map(|number| self.event.replace(NUMBER, &format!("{number:032}")))
            .collect();
        let body = format!("[{}]", events.join(","));
        let target = format!(
            "{}?bodySHA256={}",
            self.path,
            hex::encode(digest(&SHA256, body.as_bytes()))
        );
        let signature = hmac::sign(&self.key, format!("{PUBLIC}{target}").as_bytes());
        let request = format!(
            "POST /twilio{target} HTTP/1.1\r\nHost: connector.example.com\r\nContent-Type: application/json\r\n\
             X-Twilio-Signature: {}\r\nContent-Length: {}\r\n\r\n{body}",
            STANDARD.encode(signature),
            body.len()
        );
        Some(request.into_bytes())
    }
}

/// One connection: the next request as soon as the one before is answered.
async fn client(load: Rc<Load>) {
    let mut stream = TcpStream::connect(load.address).await.unwrap();
    let mut answer = vec![0; 4096];
    while let Some(request) = load.request() {
        let sent = Instant::now();
        stream.write_all(&request).await.unwrap();
        let read = stream.read(&mut answer).await.unwrap();
        load.slowest.set(load.slowest.get().max(sent.elapsed()));
        let counted = if answer[..read].starts_with(b"HTTP/1.1 200") {
            &load.taken
        } else {
            &load.refused
        };
        counted.set(counted.get() + 1);
    }
}

/// The text of an event of `TaskRouter`, of 640 bytes.
fn event() -> String {
    let sid = |prefix: &str| format!("{prefix}{NUMBER}");
    json!({
        "specversion": "1.0", "type": "com.twilio.taskrouter.reservation.completed", "id": sid("EZ"),
        "time": "2026-03-02T10:14:30.250Z",
        "data": {"sid": sid("EV"), "account_sid": ACCOUNT, "timestamp": "2026-03-02T10:14:30.250Z",
            "payload": {"sid": sid("EV"), "account_sid": ACCOUNT, "workspace_sid": WORKSPACE,
                "task_sid": sid("WT"), "task_attributes": "{\"name\":\"Ada Example\"}",
                "reservation_sid": sid("WR"), "timestamp": "2026-03-02T10:14:30.250Z"}}
    })
    .to_string()
}

fn waiting_in(ledger: &Path) -> u64 {
    runtime().block_on(async {
        let ledger = SqliteLedger::open_beside(ledger, sealed()).await.unwrap();
        let backlog = ledger.inbox_backlog().await.unwrap();
        ledger.close().await;
        backlog.iter().map(|acd| acd.waiting).sum()
    })
}

/// Counts what was committed.
#[derive(Default)]
struct Commits(AtomicU64);

impl Commits {
    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Witness for Commits {
    fn pushed(&self, _acd: &str, outcome: &'static str, _count: u64) {
        if outcome == "stored" {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}
