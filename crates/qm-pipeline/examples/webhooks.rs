//! How many webhooks are delivered from the connector's own ledger in a second, on one core.
//!
//! ```text
//! cargo run --release -p qm-pipeline --example webhooks -- [messages] [contacts]
//! ```
//!
//! prints one line of JSON; what it measures of the processor and of memory is `null` where the system does not tell.
//!
//! The outbox is the ledger's: each message is claimed and settled in an SQLite file that is flushed to disk at every
//! commit. The file is in a temporary directory, so `TMPDIR` says which disk is measured; it is filled beforehand, in memory
//! where the system has room for files there. Deliverer and ledger are those of the connector, on one thread and on those
//! that they start; the receiver is on the main thread, whose CPU time does not count. It checks that each message comes,
//! once, and those of a contact in order.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    dead_code,
    reason = "a bench may end here, and prints what it found; what it shares with another it need not use"
)]

#[path = "../tests/it/common/config.rs"]
mod config;
mod measure;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::Utc;
use config::Facts;
use connector_config::Config;
use contact_model::{
    AcdKey, CcrId, Channel, Contact, ContactStatus, Discovered, FailureReason, Leg, LegId,
    LegTimes, Stage,
};
use measure::{cpu_of_other_threads, memory, peak, rate, runtime, sealed};
use qm_pipeline::report::AcdNames;
use qm_pipeline::{EVENTS_STREAM, Nobody, deliverer, endpoint_id};
use secrecy::SecretString;
use serde_json::{Value, json};
use sync_ledger::{
    AcdStore as _, Advance, ContactStore as _, CursorId, CursorStore as _, NewLeg,
    OutboxStore as _, Schedule, SqliteLedger, Tell, WorkerLock, keep,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::LocalSet;
use webhook_delivery::{AddressGuard, Endpoint, SigningSecret};

/// Files in memory, where the system has them.
const IN_MEMORY: &str = "/dev/shm";
/// Longer than any run takes.
const TIMEOUT: Duration = Duration::from_mins(10);

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|text| text.parse::<u32>().unwrap());
    let mut next = |default| arguments.next().unwrap_or(default);
    let (messages, contacts) = (next(20_000), next(1_000));
    let messages = messages / contacts * contacts;

    let directory = tempfile::tempdir().unwrap();
    let ledger = directory.path().join("ledger.db");
    let config = config::configuration(directory.path(), &Facts::default());
    fill(&config, &ledger, contacts, messages / contacts);
    let before = memory("VmRSS:");

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let at = ledger.clone();
    let (cpu_before, started) = (cpu_of_other_threads(), Instant::now());
    let deliverer = std::thread::spawn(move || deliver(&config, &at, address, stopped));
    let told = Rc::new(Told::new(messages));
    let (wall, cpu) = LocalSet::new().block_on(&runtime(), async {
        let receiving = tokio::task::spawn_local(receive(listener, Rc::clone(&told)));
        tokio::time::timeout(TIMEOUT, told.all.notified())
            .await
            .unwrap();
        let wall = started.elapsed().as_secs_f64();
        let cpu = cpu_of_other_threads()
            .zip(cpu_before)
            .map(|(after, before)| after.saturating_sub(before).as_secs_f64());
        // What was answered last is settled before the deliverer ends.
        drop(stop);
        while !deliverer.is_finished() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        receiving.abort();
        (wall, cpu)
    });
    deliverer.join().unwrap();
    let peak = peak();

    let count = u64::from(messages);
    assert_eq!(
        told.contacts(),
        u64::from(contacts),
        "every contact is told of"
    );
    assert_eq!(
        delivered_in(&ledger),
        (count, 0),
        "the ledger knows it all as delivered, and nothing as waiting"
    );
    let report = json!({
        "messages": messages,
        "contacts": contacts,
        "seconds": wall,
        "deliveries_per_second": rate(count, wall),
        "share_of_one_core": cpu.map(|cpu| cpu / wall),
        "deliveries_per_cpu_second": cpu.map(|cpu| rate(count, cpu)),
        "memory_before_mib": before,
        "peak_memory_mib": peak,
    });
    println!("{report}");
}

/// Registers the ACD and puts so many messages of each contact into the outbox, in a file that is then moved to its place.
fn fill(config: &Config, place: &Path, contacts: u32, each: u32) {
    let quick = Path::new(IN_MEMORY).is_dir().then_some(IN_MEMORY);
    let directory = quick.map_or_else(tempfile::tempdir, tempfile::tempdir_in);
    let path = directory.as_ref().unwrap().path().join("ledger.db");
    runtime().block_on(async {
        let ledger = SqliteLedger::open(WorkerLock::acquire(&path).unwrap(), sealed())
            .await
            .unwrap();
        let acd = config.acds[0].key();
        ledger.register(&acd, "bench").await.unwrap();
        let step = Advance {
            cursor: CursorId::Live {
                acd: acd.clone(),
                stream: EVENTS_STREAM.to_owned(),
            },
            from: None,
            to: Utc::now(),
            legs: (1..=contacts).map(|number| leg(&acd, number)).collect(),
            at: Utc::now(),
        };
        ledger.advance(step, &keep).await.unwrap();
        for turn in 1..=each {
            for number in 1..=contacts {
                tell(&ledger, &acd, number, turn).await;
            }
        }
        ledger.close().await;
    });
    std::fs::copy(path, place).unwrap();
}

fn leg(acd: &AcdKey, number: u32) -> NewLeg {
    let now = Utc::now();
    let leg = Leg {
        acd: acd.clone(),
        id: leg_id(number),
        task: format!("WT{number:032}").parse().unwrap(),
        worker: format!("WK{number:032}").parse().unwrap(),
        queue: None,
        workflow: None,
        channel: Channel::Voice,
        direction: None,
        session: None,
        times: LegTimes {
            ended: Some(now),
            ..LegTimes::default()
        },
        hold: None,
    };
    NewLeg {
        contact: Contact {
            leg,
            stage: Stage::Discovered(Discovered { at: now }),
        },
        details: None,
        schedule: Schedule::at(now),
    }
}

fn leg_id(number: u32) -> LegId {
    format!("WR{number:032}").parse().unwrap()
}

/// Puts a message into the outbox. That it names another contact of Calabrio's than the one before makes it news.
async fn tell(ledger: &SqliteLedger, acd: &AcdKey, number: u32, turn: u32) {
    let row = ledger.get(acd, leg_id(number)).await.unwrap().unwrap().row;
    let body = json!({
        "ccrId": turn, "sessionId": format!("CA{number:032}"), "legId": leg_id(number).to_string(), "tenantId": 42,
        "status": "FAILED", "failureReason": "NOT_RECORDED",
    });
    let tell = Tell {
        status: ContactStatus::Failed {
            reason: FailureReason::NotRecorded,
        },
        ccr: Some(CcrId::try_from(i64::from(turn)).unwrap()),
        message_id: format!("msg_{number:010}{turn:010}"),
        body: Bytes::from(body.to_string()),
    };
    let now = Utc::now();
    let change = row
        .change(row.contact.clone(), Schedule::at(now), now)
        .tell(tell);
    ledger.save(change).await.unwrap();
}

/// Delivers as `sync-qm run` does, until `stopped` ends.
fn deliver(config: &Config, path: &Path, address: SocketAddr, stopped: oneshot::Receiver<()>) {
    runtime().block_on(async {
        let ledger = SqliteLedger::open(WorkerLock::acquire(path).unwrap(), sealed())
            .await
            .unwrap();
        let acd = config.acds[0].key();
        let secret = SigningSecret::parse(&SecretString::from(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ));
        let endpoint = Endpoint::new(
            endpoint_id(&acd).unwrap(),
            &format!("http://{address}/told"),
            AddressGuard::new().allow_loopback(address),
            [secret.unwrap()],
        );
        let endpoints = BTreeMap::from([(acd, endpoint.unwrap())]);
        let names = AcdNames::configured(config);
        let deliverer =
            deliverer(ledger.clone(), &endpoints, &names, Arc::new(Nobody), None).unwrap();
        // Gone or told: either ends it.
        deliverer.run(async { drop(stopped.await) }).await;
        drop(deliverer);
        ledger.close().await;
    });
}

/// How many messages of the ledger were delivered, and how many wait.
fn delivered_in(ledger: &Path) -> (u64, u64) {
    runtime().block_on(async {
        let ledger = SqliteLedger::open_beside(ledger, sealed()).await.unwrap();
        let counts = ledger.outbox_counts(None).await.unwrap();
        ledger.close().await;
        (counts[0].delivered, counts[0].pending)
    })
}

/// What the receiver was told.
struct Told {
    left: Cell<u32>,
    ids: RefCell<BTreeSet<String>>,
    /// The last message of each contact.
    last: RefCell<BTreeMap<String, u64>>,
    all: Notify,
}

impl Told {
    fn new(messages: u32) -> Self {
        Self {
            left: Cell::new(messages),
            ids: RefCell::default(),
            last: RefCell::default(),
            all: Notify::new(),
        }
    }

    fn note(&self, head: &str, body: &[u8]) {
        let id = header(head, "webhook-id").unwrap();
        assert!(
            header(head, "webhook-signature")
                .unwrap()
                .starts_with("v1,")
        );
        assert!(
            self.ids.borrow_mut().insert(id.to_owned()),
            "{id} came twice"
        );
        let body: Value = serde_json::from_slice(body).unwrap();
        let leg = body["legId"].as_str().unwrap().to_owned();
        let turn = body["ccrId"].as_u64().unwrap();
        let before = self.last.borrow_mut().insert(leg, turn).unwrap_or(0);
        assert_eq!(turn, before + 1, "in order");
        self.left.set(self.left.get() - 1);
        if self.left.get() == 0 {
            self.all.notify_one();
        }
    }

    fn contacts(&self) -> u64 {
        self.last.borrow().len() as u64
    }
}

async fn receive(listener: std::net::TcpListener, told: Rc<Told>) {
    listener.set_nonblocking(true).unwrap();
    let listener = TcpListener::from_std(listener).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::task::spawn_local(answer(stream, Rc::clone(&told)));
    }
}

/// Reads requests from one connection and answers each with 204.
async fn answer(mut stream: TcpStream, told: Rc<Told>) {
    let mut read = Vec::new();
    loop {
        while let Some((head, end)) = whole(&read) {
            told.note(&head, &read[head.len()..end]);
            read.drain(..end);
            if stream
                .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                .await
                .is_err()
            {
                return;
            }
        }
        match stream.read_buf(&mut read).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// The head of the first request and where its body ends, once all of it was read.
fn whole(read: &[u8]) -> Option<(String, usize)> {
    let end = read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8(read[..end].to_vec()).unwrap();
    let length: usize = header(&head, "content-length").unwrap().parse().unwrap();
    (read.len() >= end + length).then_some((head, end + length))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}
