//! A Twilio that signs, and a client that says exactly what it is told to.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use event_intake::{
    AcdKey, BasicCredentials, EventIntake, Fate, FeedSettings, Inbox, IntakeError, IntakeSettings,
    Limits, MemoryInbox, Observation, Observer, Outcome,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub const PUBLIC: &str = "https://connector.example.com/twilio";
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub const WORKSPACE: &str = "WS00000000000000000000000000000001";
pub const PATH: &str = "/twilio/ws1";

pub fn feed(acd: &str, path: &str) -> FeedSettings {
    FeedSettings {
        acd: AcdKey::new(acd),
        path: path.to_owned(),
        account: ACCOUNT.parse().unwrap(),
        workspace: WORKSPACE.parse().unwrap(),
        auth_tokens: vec![TOKEN.into()],
        credentials: None,
        secret_path: None,
    }
}

pub fn settings() -> IntakeSettings {
    IntakeSettings {
        public_url: PUBLIC.to_owned(),
        listen: "127.0.0.1:0".parse().unwrap(),
        beyond_loopback: false,
        feeds: vec![feed("main", "ws1")],
        limits: Limits::default(),
    }
}

pub fn credentials() -> BasicCredentials {
    BasicCredentials {
        username: "flex".to_owned(),
        password: "s3cret".into(),
    }
}

pub fn with_feed(change: impl FnOnce(&mut FeedSettings)) -> IntakeSettings {
    let mut settings = settings();
    change(&mut settings.feeds[0]);
    settings
}

pub async fn start(settings: IntakeSettings) -> (Running, Arc<MemoryInbox>) {
    let inbox = Arc::new(MemoryInbox::new(10_000));
    (Running::start(settings, inbox.clone()).await, inbox)
}

/// One thing that was observed, in words.
#[derive(Debug, Clone, Default)]
pub struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub fn count(&self, what: &str) -> usize {
        self.all()
            .iter()
            .filter(|seen| seen.starts_with(what))
            .count()
    }
}

impl Observer for Seen {
    fn observe(&self, observation: Observation<'_>) {
        let seen = match observation {
            Observation::Committed {
                requests,
                stored,
                duplicates,
                ..
            } => format!("committed {requests} requests, {stored} stored, {duplicates} duplicates"),
            Observation::NotCommitted { requests, .. } => {
                format!("not committed {requests} requests")
            }
            Observation::Answered { acd, outcome, .. } => {
                assert_eq!(acd.is_none(), outcome == Outcome::UnknownPath);
                format!("answered {}", outcome.as_str())
            }
            Observation::LeftOut { fate, members, .. } => {
                assert!(Fate::ALL.contains(&fate));
                format!("left out {members} {}", fate.as_str())
            }
            Observation::SinkTest { test_id, .. } => format!("sink test {test_id:?}"),
            _ => "something new".to_owned(),
        };
        self.0.lock().unwrap().push(seen);
    }
}

/// A listener that runs.
pub struct Running {
    pub address: SocketAddr,
    pub seen: Seen,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), IntakeError>>,
}

impl Running {
    pub async fn start<I: Inbox>(settings: IntakeSettings, inbox: I) -> Self {
        let seen = Seen::default();
        let intake = EventIntake::bind(settings, inbox, seen.clone())
            .await
            .unwrap();
        let address = intake.local_addr();
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(intake.run(async move {
            // Gone or asked: either ends it.
            let _ = stopped.await;
        }));
        Self {
            address,
            seen,
            stop,
            ended,
        }
    }

    pub async fn in_memory() -> (Self, Arc<MemoryInbox>) {
        start(settings()).await
    }

    pub async fn stop(self) -> Result<(), IntakeError> {
        drop(self.stop);
        self.ended.await.unwrap()
    }

    pub async fn ended(self) -> Result<(), IntakeError> {
        self.ended.await.unwrap()
    }

    pub async fn send(&self, request: Request) -> Response {
        send(self.address, request).await
    }
}

/// A request as it goes over the wire.
#[derive(Debug, Clone)]
pub struct Request {
    pub keep_alive: bool,
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            keep_alive: false,
            method: "POST".to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// JSON as Twilio signs it, over the public URL.
    pub fn signed_json(path: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let query = format!("bodySHA256={}", hex::encode(digest(&SHA256, &body)));
        let signature = sign(TOKEN, &format!("{}?{query}", public(path)));
        Self::post(&format!("{path}?{query}"), body)
            .header("X-Twilio-Signature", &signature)
            .header("Content-Type", "application/json")
    }

    /// A form as Twilio signs it.
    pub fn signed_form(path: &str, fields: &[(&str, &str)]) -> Self {
        let mut sorted = fields.to_vec();
        sorted.sort_unstable();
        let text: Vec<_> = sorted
            .iter()
            .flat_map(|(name, value)| [*name, *value])
            .collect();
        let text = text.concat();
        let body: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", escape(value)))
            .collect();
        Self::post(path, body.join("&"))
            .header(
                "X-Twilio-Signature",
                &sign(TOKEN, &format!("{}{text}", public(path))),
            )
            .header(
                "Content-Type",
                "application/x-www-form-urlencoded; charset=UTF-8",
            )
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn keep_alive(mut self) -> Self {
        self.keep_alive = true;
        self
    }

    pub fn basic(self, username: &str, password: &str) -> Self {
        let value = STANDARD.encode(format!("{username}:{password}"));
        self.header("Authorization", &format!("Basic {value}"))
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut lines = vec![
            format!("{} {} HTTP/1.1", self.method, self.target),
            "Host: attacker.example".to_owned(),
            format!("Content-Length: {}", self.body.len()),
        ];
        if !self.keep_alive {
            lines.push("Connection: close".to_owned());
        }
        let headers = self.headers.iter();
        lines.extend(headers.map(|(name, value)| format!("{name}: {value}")));
        let head = lines.join("\r\n") + "\r\n\r\n";
        [head.as_bytes(), &self.body].concat()
    }
}

fn public(path: &str) -> String {
    format!("{PUBLIC}{}", path.strip_prefix("/twilio").unwrap_or(path))
}

fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b' ' => "+".to_owned(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

pub fn sign(token: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

pub async fn send(address: SocketAddr, request: Request) -> Response {
    send_raw(address, &request.bytes()).await
}

pub fn parse(answer: &[u8]) -> Response {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {text}"));
    Response {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// A `CloudEvent` of TaskRouter.
pub fn event(number: usize) -> Value {
    json!({
        "specversion": "1.0", "type": "com.twilio.taskrouter.reservation.completed", "id": format!("EZ{number:032}"),
        "time": "2026-03-02T10:14:30.250Z",
        "data": {"sid": format!("EV{number:032}"), "account_sid": ACCOUNT, "timestamp": "2026-03-02T10:14:30.250Z",
            "payload": {"sid": format!("EV{number:032}"), "account_sid": ACCOUNT, "workspace_sid": WORKSPACE,
                "task_sid": format!("WT{number:032}"), "task_attributes": "{\"name\":\"Ada Example\"}",
                "reservation_sid": format!("WR{number:032}"), "timestamp": "2026-03-02T10:14:30.250Z"}}
    })
}

pub fn batch(numbers: std::ops::Range<usize>) -> String {
    Value::from(numbers.map(event).collect::<Vec<_>>()).to_string()
}

pub fn callback() -> Vec<(&'static str, &'static str)> {
    vec![
        ("EventType", "reservation.completed"),
        ("AccountSid", ACCOUNT),
        ("WorkspaceSid", WORKSPACE),
        ("Sid", "EV00000000000000000000000000000077"),
        ("TimestampMs", "1772446470250"),
        ("TaskSid", "WT00000000000000000000000000000001"),
        ("ReservationSid", "WR00000000000000000000000000000001"),
        ("TaskAttributes", "{\"name\": \"Ada & Bob\"}"),
    ]
}

pub fn worker_change() -> String {
    json!({"product": "Flex", "object": "WFMWorkerChange", "version": 1, "records": [
        {"account_sid": ACCOUNT, "workspace_sid": WORKSPACE, "date_last_processed_event": "2026-03-02T11:09:09.240Z",
         "worker": {"sid": "WK00000000000000000000000000000001"}, "channels": null}]})
    .to_string()
}

/// Sends bytes as they are, and reads until the other side closes.
pub async fn send_raw(address: SocketAddr, bytes: &[u8]) -> Response {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The other side may answer and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let _ = tokio::time::timeout(Duration::from_secs(20), read)
        .await
        .unwrap();
    parse(&answer)
}
