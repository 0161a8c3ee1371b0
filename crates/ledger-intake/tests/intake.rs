//! What is pushed comes into the ledger, and whoever works with it is told.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};

use chrono::{TimeDelta, Utc};
use connector_config::{Config, Product, SecretError, SecretPlace, SecretSource, Secrets};
use ledger_intake::{Intake, Watcher};
use secrecy::SecretSlice;
use sync_ledger::{
    AcdStore as _, ClaimedEvents, Inbox as _, PushedEvent, SqliteLedger, SqliteOptions, WorkerLock,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// `flex:secret`, as HTTP Basic has it.
const BASIC: &str = "ZmxleDpzZWNyZXQ=";

/// One ACD of quality management, one of workforce management, each with a path of its own.
const ACDS: &str = r#"
[[acd]]
name = "calls"
time_zone = "America/Chicago"
[acd.twilio]
account_sid = "AC00000000000000000000000000000001"
workspace_sid = "WS00000000000000000000000000000001"
api_key = { sid = "SK00000000000000000000000000000001", secret = { env = "SECRET" } }
[acd.calabrio]
base_url = "https://tenant.example.com"
username = "connector@example.com"
password = { env = "SECRET" }
[acd.intake]
path = "calls"
username = "flex"
password = { env = "SECRET" }

[[acd]]
name = "floor"
time_zone = "America/Chicago"
[acd.twilio]
account_sid = "AC00000000000000000000000000000002"
workspace_sid = "WS00000000000000000000000000000002"
api_key = { sid = "SK00000000000000000000000000000002", secret = { env = "SECRET" } }
[acd.calabrio]
base_url = "https://tenant.example.com"
username = "connector@example.com"
password = { env = "SECRET" }
acd_server_id = 5
[acd.products]
quality_management = []
workforce_management = true
[acd.insights]
username = "insights@example.com"
password = { env = "SECRET" }
project_id = "p1"
agent_productivity_report_id = "1001"
queue_historical_report_id = "1002"
[acd.wfm]
history = true
adherence = true
service_queue = "General"
transport = "http"
[acd.intake]
path = "floor"
username = "flex"
password = { env = "SECRET" }
"#;

const QM: &str = "public_url = \"https://connector.example.com/qm\"";
const WFM: &str = "wfm_public_url = \"https://connector.example.com/wfm\"";

struct Same;

impl SecretSource for Same {
    fn get(&self, _: &SecretPlace) -> Result<SecretSlice<u8>, SecretError> {
        Ok(SecretSlice::from(b"secret".to_vec()))
    }
}

/// The configuration with these lines on the intake, at ports that are free.
fn config(intake: &str) -> (Config, Secrets) {
    let text = format!("[intake]\n{intake}\n{ACDS}");
    let mut config = Config::parse(&text, Path::new("connector.toml")).unwrap();
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    (config.intake.listen, config.intake.wfm_listen) = (free, free);
    let secrets = config.resolve_secrets(&Same).unwrap();
    (config, secrets)
}

async fn ledger(directory: &TempDir) -> SqliteLedger {
    let path = directory.path().join("ledger.db");
    let lock = WorkerLock::acquire(&path).unwrap();
    SqliteLedger::open(lock, SqliteOptions::default())
        .await
        .unwrap()
}

/// Remembers what it is told.
#[derive(Default)]
struct Seen {
    committed: Mutex<Vec<PushedEvent>>,
    counts: Mutex<BTreeMap<(String, &'static str), u64>>,
}

impl Seen {
    fn ids(&self) -> Vec<String> {
        let committed = self.committed.lock().unwrap();
        committed.iter().map(|event| event.id.clone()).collect()
    }

    fn of(&self, acd: &str, what: &'static str) -> u64 {
        let counts = self.counts.lock().unwrap();
        counts.get(&(acd.to_owned(), what)).copied().unwrap_or(0)
    }
}

impl Watcher for Seen {
    fn committed(&self, events: Vec<PushedEvent>) {
        self.committed.lock().unwrap().extend(events);
    }

    fn count(&self, acd: &str, what: &'static str, count: u64) {
        let mut counts = self.counts.lock().unwrap();
        *counts.entry((acd.to_owned(), what)).or_default() += count;
    }
}

/// A ledger with a listener in front of it.
struct Centre {
    config: Config,
    ledger: SqliteLedger,
    seen: Arc<Seen>,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
    _directory: TempDir,
}

impl Centre {
    /// The listener of a program. `known` says whether the ledger knows the ACDs.
    async fn new(product: Product, known: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ledger = ledger(&directory).await;
        let (config, secrets) = config(&format!("{QM}\n{WFM}"));
        if known {
            for acd in &config.acds {
                ledger.register(&acd.key(), &acd.name).await.unwrap();
            }
        }
        let seen = Arc::new(Seen::default());
        let watcher: Arc<dyn Watcher> = Arc::clone(&seen) as _;
        let intake = Intake::bind(&config, product, &secrets, ledger.clone(), watcher);
        let intake = intake.await.unwrap().unwrap();
        let address = intake.local_addr();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            intake.run(stopped).await.unwrap();
        });
        Self {
            config,
            ledger,
            seen,
            address,
            stop,
            ended,
            _directory: directory,
        }
    }

    /// Pushes an event of an ACD to a path, and gives the status of the answer.
    async fn push(&self, path: &str, basic: &str, acd: u8, event: u8) -> String {
        let body = format!(
            r#"[{{"type": "com.twilio.taskrouter.reservation.completed", "id": "EZ1", "data": {{"sid": "EV{event:032}",
            "payload": {{"account_sid": "AC{acd:032}", "workspace_sid": "WS{acd:032}"}}}}}}]"#
        );
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {basic}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all((head + &body).as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    }

    async fn claimed(&self) -> ClaimedEvents {
        let now = Utc::now();
        let until = now + TimeDelta::minutes(1);
        self.ledger.claim_events(now, 99, until).await.unwrap()
    }

    async fn waiting(&self) -> u64 {
        let backlog = self.ledger.inbox_backlog().await.unwrap();
        backlog.iter().map(|row| row.waiting).sum()
    }

    async fn end(self) {
        drop(self.stop);
        self.ended.await.unwrap();
    }
}

fn id(event: u8) -> String {
    format!("EV{event:032}")
}

#[tokio::test]
async fn nothing_listens_without_a_public_url_of_that_program() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = ledger(&directory).await;
    for (intake, only) in [
        ("", None),
        (QM, Some(Product::QualityManagement)),
        (WFM, Some(Product::WorkforceManagement)),
    ] {
        let (config, secrets) = config(intake);
        for product in [Product::QualityManagement, Product::WorkforceManagement] {
            let watcher = Arc::new(Seen::default());
            let bound = Intake::bind(&config, product, &secrets, ledger.clone(), watcher);
            let listens = bound.await.unwrap().is_some();
            assert_eq!(listens, only == Some(product), "{intake} {product:?}");
        }
    }
}

#[tokio::test]
async fn a_request_becomes_a_durable_event_and_the_watcher_is_told() {
    let centre = Centre::new(Product::QualityManagement, true).await;
    assert_eq!(centre.push("/qm/calls", BASIC, 1, 1).await, "200");
    assert_eq!(centre.seen.ids(), [id(1)]);
    assert_eq!(centre.seen.of("", "stored"), 1);
    let claimed = centre.claimed().await.events;
    assert_eq!(claimed.len(), 1);
    let event = &claimed[0].event;
    assert_eq!(
        (&event.acd, &event.id),
        (&centre.config.acds[0].key(), &id(1))
    );
    assert_eq!(
        (event.kind.as_str(), event.form.as_str()),
        ("com.twilio.taskrouter.reservation.completed", "cloud-event")
    );
    let age = Utc::now() - event.received_at;
    assert!(age < TimeDelta::minutes(1), "{age}");
    // What is kept is what came, and what the watcher was told.
    let payload = String::from_utf8_lossy(&event.payload).into_owned();
    assert!(payload.contains("WS00000000000000000000000000000001"));
    assert_eq!(
        centre.seen.committed.lock().unwrap()[0].payload,
        event.payload
    );
    // Once more it is answered the same, is there once, and wakes nobody.
    assert_eq!(centre.push("/qm/calls", BASIC, 1, 1).await, "200");
    assert_eq!(centre.seen.ids(), [id(1)]);
    let counted = ["stored", "duplicate"].map(|what| centre.seen.of("", what));
    assert_eq!(counted, [1, 1]);
    assert_eq!(centre.waiting().await, 1);
    centre.end().await;
}

#[tokio::test]
async fn whoever_proves_nothing_brings_nothing_in() {
    let centre = Centre::new(Product::QualityManagement, true).await;
    let wrong = "ZmxleDpvdGhlcg==";
    assert_eq!(centre.push("/qm/calls", wrong, 1, 1).await, "401");
    // An event of another account than the path's is left out.
    assert_eq!(centre.push("/qm/calls", BASIC, 2, 2).await, "200");
    assert_eq!(centre.seen.ids(), [""; 0]);
    assert_eq!(centre.waiting().await, 0);
    let counts = centre.seen.counts.lock().unwrap().clone();
    assert!(counts.len() >= 3, "{counts:?}");
    assert!(counts.keys().all(|(acd, _)| acd == "calls"), "{counts:?}");
    centre.end().await;
}

#[tokio::test]
async fn each_program_listens_for_the_acds_that_have_its_product() {
    for (product, mine, other, number) in [
        (Product::QualityManagement, "/qm/calls", "/qm/floor", 1),
        (Product::WorkforceManagement, "/wfm/floor", "/wfm/calls", 2),
    ] {
        let centre = Centre::new(product, true).await;
        assert_eq!(centre.push(other, BASIC, 3 - number, 1).await, "404");
        assert_eq!(centre.push(mine, BASIC, number, 2).await, "200");
        assert_eq!(centre.seen.ids(), [id(2)]);
        let acd = &centre.config.acds[usize::from(number) - 1];
        assert_eq!(centre.claimed().await.events[0].event.acd, acd.key());
        centre.end().await;
    }
}

#[tokio::test]
async fn what_the_ledger_does_not_take_is_not_answered_as_taken() {
    let centre = Centre::new(Product::QualityManagement, false).await;
    assert_eq!(centre.push("/qm/calls", BASIC, 1, 1).await, "503");
    assert_eq!(centre.seen.ids(), [""; 0]);
    let counted = ["stored", "not-committed"].map(|what| centre.seen.of("", what));
    assert_eq!(counted, [0, 1]);
    // Twilio delivers again, and by then the ledger knows the ACD.
    let acd = centre.config.acds[0].key();
    centre.ledger.register(&acd, "calls").await.unwrap();
    assert_eq!(centre.push("/qm/calls", BASIC, 1, 1).await, "200");
    assert_eq!(centre.seen.ids(), [id(1)]);
    centre.end().await;
}
