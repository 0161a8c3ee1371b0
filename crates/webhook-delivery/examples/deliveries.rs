//! Measures deliveries per second over loopback, and what memory they take.
//!
//! `cargo run --release -p webhook-delivery --example deliveries -- [messages] [keys]` prints one line of JSON. The receiver runs in
//! this process on a thread of its own; the deliverer runs on one thread.
#![allow(
    clippy::unwrap_used,
    clippy::format_push_string,
    clippy::print_stdout,
    dead_code,
    unreachable_pub
)]

#[path = "../tests/it/common/receiver.rs"]
mod receiver;

use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use chrono::Utc;
use receiver::Receiver;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use webhook_delivery::{
    AddressGuard, Deliverer, Endpoint, MemoryOutbox, Message, MessageId, SigningSecret,
};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: usize| {
        arguments
            .next()
            .map_or(default, |text| text.parse().unwrap())
    };
    let (messages, keys) = (number(20_000), number(1_000));

    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async {
            let receiver = Receiver::counting().await;
            tell.send((receiver.address, receiver.url())).unwrap();
            std::future::pending::<()>().await;
        });
    });
    let (address, url) = told.recv().unwrap();
    let secret = SigningSecret::parse(&SecretString::from(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ))
    .unwrap();
    let guard = AddressGuard::new().allow_loopback(address);
    let endpoint = Endpoint::new("bench".parse().unwrap(), &url, guard, [secret]).unwrap();

    let outbox = Arc::new(MemoryOutbox::new());
    let payload = serde_json::json!({
        "ccrId": 4711, "sessionId": "CA00000000000000000000000000000001", "legId": "WR00000000000000000000000000000001",
        "tenantId": 42, "status": "COMPLETE", "failureReason": null,
    });
    for index in 0..messages {
        let id = MessageId::from_random(rand::random());
        let key = format!("leg-{}", index % keys).parse().unwrap();
        outbox.put(Message::new(id, endpoint.id().clone(), key, &payload, Utc::now()).unwrap());
    }
    let before = resident();
    let began = Instant::now();
    runtime().block_on(async {
        let deliverer = Deliverer::builder(Arc::clone(&outbox))
            .endpoint(endpoint)
            .build()
            .unwrap();
        let stop = CancellationToken::new();
        let watch = async {
            while outbox.waiting() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            stop.cancel();
        };
        tokio::join!(watch, deliverer.run(stop.cancelled()));
    });
    let seconds = began.elapsed().as_secs_f64();
    let report = serde_json::json!({
        "messages": messages,
        "seconds": (seconds * 1000.0).round() / 1000.0,
        "deliveries_per_second": (f64::from(u32::try_from(messages).unwrap()) / seconds).round(),
        "memory_before_mib": before,
        "memory_peak_mib": peak(),
    });
    println!("{report}");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// The memory that is resident now, in MiB; 0 where the system does not tell.
fn resident() -> u64 {
    status("VmRSS:")
}

/// The most that ever was.
fn peak() -> u64 {
    status("VmHWM:")
}

fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}
