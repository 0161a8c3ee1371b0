//! Events pushed to a listener, as the connector's would be.
#![allow(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]

use crate::common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::*;
use flex_simulator::scenario::{Kind, Push, Scenario, Span};
use flex_simulator::{FaultLevel, Simulator};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What a listener saw.
#[derive(Default)]
struct Seen {
    /// Events by id, as often as they came in requests that were accepted.
    events: BTreeMap<String, u32>,
    types: BTreeSet<String>,
    forms: Vec<BTreeMap<String, String>>,
    forged: u32,
    broken: u32,
    most: usize,
    requests: u32,
}

struct Intake {
    seen: Arc<Mutex<Seen>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Intake {
    /// Listens, and refuses the first `refusals` requests that are authentic.
    fn listen(listener: TcpListener, token: String, url: String, refusals: u32) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let task = tokio::spawn({
            let seen = Arc::clone(&seen);
            async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    let mut raw = Vec::new();
                    let whole = loop {
                        if stream.read_buf(&mut raw).await.unwrap_or(0) == 0 {
                            break false;
                        }
                        if is_whole(&raw) {
                            break true;
                        }
                    };
                    let status = if whole {
                        seen.lock().unwrap().take(&raw, &token, &url, refusals)
                    } else {
                        seen.lock().unwrap().broken += 1;
                        400
                    };
                    let answer = format!("HTTP/1.1 {status} Whatever\r\nContent-Length: 0\r\n\r\n");
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            }
        });
        Self { seen, task }
    }
}

fn split(raw: &[u8]) -> Option<(String, Vec<u8>)> {
    let end = raw.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8(raw[..end].to_vec()).unwrap();
    Some((head, raw[end + 4..].to_vec()))
}

fn field<'h>(head: &'h str, name: &str) -> &'h str {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(key, _)| *key == name).unwrap().1
}

fn is_whole(raw: &[u8]) -> bool {
    split(raw).is_some_and(|(head, body)| {
        body.len() == field(&head, "Content-Length").parse::<usize>().unwrap()
    })
}

fn sign(token: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

impl Seen {
    fn take(&mut self, raw: &[u8], token: &str, url: &str, refusals: u32) -> u16 {
        let (head, body) = split(raw).unwrap();
        let target = head.split(' ').nth(1).unwrap().to_owned();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        assert!(url.ends_with(path), "{path}");
        assert_eq!(field(&head, "Host"), "connector.example");
        let signature = field(&head, "X-Twilio-Signature");
        let json = field(&head, "Content-Type") == "application/json";
        let text = if json {
            let hash = digest::digest(&digest::SHA256, &body);
            let told = query.strip_prefix("bodySHA256=").unwrap();
            for (byte, hex) in hash.as_ref().iter().zip(told.as_bytes().chunks(2)) {
                assert_eq!(format!("{byte:02x}").as_bytes(), hex);
            }
            assert_eq!(told.len(), 64);
            format!("{url}?{query}")
        } else {
            let mut fields: Vec<(String, String)> =
                url::form_urlencoded::parse(&body).into_owned().collect();
            fields.sort();
            let fields: String = fields
                .into_iter()
                .map(|(name, value)| name + &value)
                .collect();
            format!("{url}{fields}")
        };
        let with_port = text.replacen("connector.example", "connector.example:443", 1);
        if ![sign(token, &text), sign(token, &with_port)].contains(&signature.to_owned()) {
            self.forged += 1;
            return 403;
        }
        self.requests += 1;
        if self.requests <= refusals {
            return 503;
        }
        if !json {
            self.forms
                .push(url::form_urlencoded::parse(&body).into_owned().collect());
            return 204;
        }
        let events: Vec<Value> = serde_json::from_slice(&body).unwrap();
        self.most = self.most.max(events.len());
        for event in events {
            assert_eq!(event["specversion"], "1.0");
            let id = event["id"].as_str().unwrap().to_owned();
            *self.events.entry(id).or_default() += 1;
            self.types
                .insert(event["type"].as_str().unwrap().to_owned());
        }
        204
    }
}

async fn pushing(faults: FaultLevel, callback: bool, refusals: u32) -> (Simulator, Intake) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut push = Push::default();
    push.intake = listener.local_addr().unwrap();
    push.callback = callback;
    let mut scenario = Scenario::default();
    scenario.contacts = 4;
    scenario.kinds = [(Kind::ConferenceMono, 1), (Kind::Chat, 1)].into();
    scenario.live_contacts = 4;
    scenario.live_ms = Span::new(6_000, 7_000);
    scenario.push = Some(push);
    let options = flex_simulator::SimulatorOptions {
        scenario,
        seed: 3,
        faults,
        ..Default::default()
    };
    let simulator = Simulator::start(options).await.unwrap();
    assert_eq!(simulator.intake(), Some(listener.local_addr().unwrap()));
    let world = simulator.world();
    let url = format!(
        "https://connector.example/twilio/{}",
        world.workspace_sid().to_lowercase()
    );
    let intake = Intake::listen(listener, world.auth_token().to_owned(), url, refusals);
    (simulator, intake)
}

/// Waits until everything was pushed that there is to push.
async fn pushed_out(simulator: &Simulator) {
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let counts = simulator.pushed();
        let settled = chrono::Utc::now() > simulator.world().settles();
        if settled && counts.events > 0 && counts.accepted == counts.events {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_is_pushed_signed_in_both_forms_and_again_until_it_is_taken() {
    let (simulator, intake) = pushing(FaultLevel::None, true, 3).await;
    tokio::time::timeout(Duration::from_secs(40), pushed_out(&simulator))
        .await
        .unwrap();
    let counts = simulator.pushed();
    assert_eq!((counts.failed, counts.duplicates, counts.forged), (3, 0, 0));
    {
        let seen = intake.seen.lock().unwrap();
        assert!(seen.events.values().all(|times| *times == 1));
        assert!(seen.most > 1, "events come in batches");
        for kind in [
            "com.twilio.taskrouter.reservation.completed",
            "com.twilio.taskrouter.task.completed",
            "com.twilio.voice.status-callback.conference.participant.updated",
            "com.twilio.voice.status-callback.conference.updated",
        ] {
            assert!(seen.types.contains(kind), "{kind}");
        }
        // The callback tells of tasks what Event Streams tells of them.
        let sids: BTreeSet<&String> = seen.forms.iter().map(|form| &form["Sid"]).collect();
        let events: BTreeSet<&String> = seen
            .events
            .keys()
            .filter(|id| id.starts_with("EV"))
            .collect();
        assert!(!sids.is_empty());
        assert_eq!(sids, events);
        assert!(
            seen.forms
                .iter()
                .all(|form| form.contains_key("TaskAttributes"))
        );
    }
    assert_eq!(tell(&simulator, "pushed").await["events"], counts.events);
    assert_eq!(simulator.violations(), []);
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_faults_events_come_twice_broken_off_and_forged() {
    let (simulator, intake) = pushing(FaultLevel::Hostile, false, 0).await;
    tokio::time::timeout(Duration::from_secs(40), pushed_out(&simulator))
        .await
        .unwrap();
    // The last duplicates are still on their way.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let counts = simulator.pushed();
    {
        let seen = intake.seen.lock().unwrap();
        assert!(counts.duplicates > 0 && seen.events.values().any(|times| *times > 1));
        assert!(counts.forged > 0);
        assert_eq!(u64::from(seen.forged), counts.forged);
        assert_eq!(counts.forged_accepted, 0);
        assert_eq!(u64::from(seen.broken), counts.failed);
        assert!(seen.broken > 0);
    }
    assert_eq!(simulator.violations(), []);
    simulator.stop().await;
}

#[tokio::test]
async fn a_free_port_is_chosen_for_the_connector_and_written_into_its_configuration() {
    let simulator =
        start_with("contacts = 1\nrte_messaging = true\ndelete_source = true\n[push]\n").await;
    let intake = simulator.intake().unwrap();
    assert_ne!(intake.port(), 0);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("connector.toml");
    simulator.write_config(&file).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("public_url = \"https://connector.example/twilio\""));
    assert!(text.contains(&format!("listen = \"{intake}\"")));
    assert!(text.contains("rte_messaging = true"));
    assert!(text.contains("delete_source = \"after-complete\""));
    simulator.stop().await;
}
