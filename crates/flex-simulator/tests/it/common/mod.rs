//! A small HTTP client: requests as they stand on the wire, answers as they come.
#![allow(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
#![allow(dead_code, reason = "not every test needs all of it")]

use std::fmt::Write as _;
use std::time::Duration;

use flex_simulator::scenario::Scenario;
use flex_simulator::{FaultLevel, Simulator, SimulatorOptions, Timings};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body is as long as `Content-Length` promised.
    pub(crate) whole: bool,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Sends one request on a connection of its own; nothing where the connection ends without an answer.
pub(crate) async fn send(
    simulator: &Simulator,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<Answer> {
    let mut stream = TcpStream::connect(simulator.address()).await.unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        write!(head, "Host: {}\r\n", simulator.address()).unwrap();
    }
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    if !body.is_empty() {
        write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
    }
    head += "\r\n";
    stream.write_all(head.as_bytes()).await.ok()?;
    // The server may end the connection before it has read everything.
    let _ = stream.write_all(body).await;
    let mut raw = Vec::new();
    let _ = stream.read_to_end(&mut raw).await;
    parse(&raw)
}

fn parse(raw: &[u8]) -> Option<Answer> {
    let end = raw.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&raw[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let body = raw[end + 4..].to_vec();
    let promised = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .and_then(|(_, value)| value.parse::<usize>().ok());
    Some(Answer {
        status,
        headers,
        whole: promised.is_none_or(|length| length == body.len()),
        body,
    })
}

/// A simulator with few contacts and short delays.
pub(crate) async fn start(faults: FaultLevel, seed: u64) -> Simulator {
    let mut scenario = Scenario::default();
    scenario.contacts = 4;
    begin(scenario, faults, seed).await
}

/// The same with the contacts that a scenario file names.
pub(crate) async fn start_with(scenario: &str) -> Simulator {
    let scenario = Scenario::from_toml(scenario).unwrap();
    begin(scenario, FaultLevel::None, 1).await
}

/// The same with a scenario, faults and a seed.
pub(crate) async fn begin(mut scenario: Scenario, faults: FaultLevel, seed: u64) -> Simulator {
    scenario.live_contacts = 0;
    scenario.abandoned = 0;
    let timings = Timings {
        index_delay: Duration::from_millis(40),
        processing: Duration::from_millis(40),
        late: Duration::from_millis(20),
        ..Timings::default()
    };
    let options = SimulatorOptions {
        scenario,
        seed,
        faults,
        timings,
        ..SimulatorOptions::default()
    };
    Simulator::start(options).await.unwrap()
}

/// Logs in; gives the value of the `Cookie` header. Repeats while faults are in the way.
pub(crate) async fn log_in(simulator: &Simulator) -> String {
    let (user, password) = simulator.calabrio_credentials();
    let body = serde_json::json!({"userId": user, "password": password, "language": "en"});
    loop {
        let answer = send(
            simulator,
            "POST",
            "/calabrio.example/api/rest/authorize",
            &[("Content-Type", "application/json")],
            body.to_string().as_bytes(),
        )
        .await;
        if let Some(answer) = answer.filter(|answer| answer.status == 200 && answer.whole)
            && let Ok(body) = serde_json::from_slice::<Value>(&answer.body)
            && let Some(id) = body["sessionId"].as_str()
        {
            return format!("hazelcast.sessionId={id}");
        }
    }
}

/// The JSON part of an import, as a correct connector would write it for a leg.
pub(crate) fn document(simulator: &Simulator, leg: &str) -> Value {
    let leg = simulator
        .expected()
        .iter()
        .find(|expected| expected.leg == leg)
        .unwrap();
    let mut metadata = vec![serde_json::json!({"key": "Twilio-Leg-key", "value": leg.leg})];
    for (key, value) in leg
        .metadata
        .iter()
        .filter(|(key, _)| *key != "Twilio-Leg-key")
    {
        metadata.push(serde_json::json!({"key": key, "value": value}));
    }
    let (ani, dnis) = if leg.direction == "outbound" {
        (&leg.business, &leg.customer)
    } else {
        (&leg.customer, &leg.business)
    };
    serde_json::json!({"contacts": [{
        "startTime": leg.accepted_at.timestamp_millis(),
        "callDuration": 1_000,
        "contactType": "CALL",
        "ani": ani,
        "dnis": dnis,
        "assocCallId": leg.session,
        "callId": leg.leg,
        "acdId": leg.worker,
        "acdServerId": 7,
        "direction": leg.direction,
        "fileName": format!("{}.wav", leg.leg),
        "metadata": metadata,
    }]})
}

pub(crate) const BOUNDARY: &str = "a-boundary";

/// The bytes of a multipart body.
pub(crate) fn multipart(parts: &[(&str, &str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, kind, file, content) in parts {
        let file = file.map_or_else(String::new, |file| format!("; filename=\"{file}\""));
        body.extend_from_slice(
            format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\nContent-Type: {kind}\r\n\r\n"
            )
            .as_bytes(),
        );
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

/// Imports a body.
pub(crate) async fn import(simulator: &Simulator, cookie: &str, body: &[u8]) -> Option<Answer> {
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    send(
        simulator,
        "POST",
        "/calabrio.example/api/upload/contacts",
        &[("Content-Type", &kind), ("Cookie", cookie)],
        body,
    )
    .await
}

/// Imports a leg with some audio.
pub(crate) async fn import_leg(
    simulator: &Simulator,
    cookie: &str,
    leg: &str,
    wav: &[u8],
) -> Option<Answer> {
    let document = document(simulator, leg).to_string();
    let file = format!("{leg}.wav");
    let body = multipart(&[
        ("JSON", "application/json", None, document.as_bytes()),
        ("WAV", "audio/x-wav", Some(&file), wav),
    ]);
    import(simulator, cookie, &body).await
}

/// A mono WAV file of one second.
pub(crate) fn wav() -> Vec<u8> {
    let samples: Vec<u8> = (0..8_000_i16).flat_map(i16::to_le_bytes).collect();
    let length = u32::try_from(samples.len()).unwrap();
    let mut file = Vec::new();
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(36 + length).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend_from_slice(&8_000_u32.to_le_bytes());
    file.extend_from_slice(&16_000_u32.to_le_bytes());
    file.extend_from_slice(b"\x02\0\x10\0data");
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(&samples);
    file
}

/// The control surface.
pub(crate) async fn tell(simulator: &Simulator, what: &str) -> Value {
    let path = format!("/__simulator/{what}");
    send(simulator, "GET", &path, &[], &[])
        .await
        .unwrap()
        .json()
}
