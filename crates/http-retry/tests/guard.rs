//! The guard inside the client, against servers that must not be reached.
#![allow(clippy::unwrap_used)]

mod common;

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Deed, Raw, builder};
use http_retry::guard::AddressGuard;
use http_retry::{
    Addresses, Call, CallError, HttpClient, Idempotency, Outcome, Request, Response, SafeUrl,
    SetupError,
};

async fn get(client: &HttpClient, url: &str) -> Result<Response, CallError> {
    let url: SafeUrl = url.parse().unwrap();
    let call = Call::new("test.get", Idempotency::Idempotent);
    client.send(&call, |_| Request::get(url.clone())).await
}

/// Answers from a list, one entry per question, the last again and again; counts the questions.
fn answers(list: Vec<Vec<&str>>) -> (Arc<dyn http_retry::Resolver>, Arc<AtomicUsize>) {
    let list: Vec<Vec<IpAddr>> = list
        .into_iter()
        .map(|entry| {
            entry
                .into_iter()
                .map(|text| text.parse().unwrap())
                .collect()
        })
        .collect();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let resolver = move |_: &str| -> Addresses {
        let index = count.fetch_add(1, Ordering::SeqCst).min(list.len() - 1);
        let answer = list[index].clone();
        Box::pin(async move { Ok(answer) })
    };
    (Arc::new(resolver), asked)
}

/// Accepts and remembers who knocked.
async fn trap() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let knocks = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&knocks);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    (address, knocks)
}

#[tokio::test]
async fn a_name_that_resolves_to_a_private_address_is_not_connected_to() {
    let (address, knocks) = trap().await;
    for answer in [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
    ] {
        let (resolver, asked) = answers(vec![vec![answer]]);
        let client = builder()
            .guard(AddressGuard::new())
            .resolver(resolver)
            .build()
            .unwrap();
        let url = format!("https://hooks.example.com:{}/secret", address.port());
        let error = get(&client, &url).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Refused, "{error}");
        assert!(error.is_not_sent());
        assert_eq!((error.attempts(), asked.load(Ordering::SeqCst)), (1, 1));
        let address: IpAddr = answer.parse().unwrap();
        assert!(
            error.reason().starts_with(&format!("{address} is ")),
            "{error}"
        );
    }
    assert_eq!(knocks.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn of_several_addresses_only_those_that_pass_are_tried() {
    let (address, knocks) = trap().await;
    let (resolver, _) = answers(vec![vec![
        "10.255.255.255",
        "127.0.0.2",
        "127.0.0.1",
        "::1",
    ]]);
    let guard = AddressGuard::new().allow_network("127.0.0.1/32".parse().unwrap());
    let client = builder().guard(guard).resolver(resolver).build().unwrap();
    // The trap speaks no TLS: that it was reached at all is what counts.
    let url = format!("https://hooks.example.com:{}/", address.port());
    let waited = tokio::time::timeout(Duration::from_millis(500), get(&client, &url)).await;
    assert!(waited.is_err() || waited.unwrap().is_err());
    assert!(knocks.load(Ordering::SeqCst) >= 1);
}

#[tokio::test]
async fn literal_addresses_are_judged_at_each_attempt_although_no_resolver_is_asked() {
    let (address, knocks) = trap().await;
    let (resolver, asked) = answers(vec![vec!["8.8.8.8"]]);
    let client = builder()
        .guard(AddressGuard::new())
        .resolver(resolver)
        .build()
        .unwrap();
    for url in [
        format!("https://127.0.0.1:{}/", address.port()),
        format!("http://127.0.0.1:{}/", address.port()),
        format!("https://0x7f000001:{}/", address.port()),
    ] {
        assert_eq!(
            get(&client, &url).await.unwrap_err().outcome(),
            Outcome::Refused,
            "{url}"
        );
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    assert_eq!(knocks.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_listed_loopback_address_is_reached_over_plain_http() {
    let raw = Raw::start(vec![Deed::Echo]).await;
    let listed = SocketAddr::new("127.0.0.1".parse().unwrap(), raw.base.origin().port());
    let client = builder()
        .guard(AddressGuard::new().allow_loopback(listed))
        .build()
        .unwrap();
    let response = get(&client, &format!("{}/", raw.base)).await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_resolver_without_a_guard_is_asked_and_obeyed() {
    let raw = Raw::start(vec![Deed::Echo]).await;
    let names = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&names);
    let resolver = move |host: &str| -> Addresses {
        seen.lock().unwrap().push(host.to_owned());
        Box::pin(async { Ok(vec!["127.0.0.1".parse().unwrap()]) })
    };
    let client = builder().resolver(Arc::new(resolver)).build().unwrap();
    let url = format!("http://hooks.example.com:{}/", raw.base.origin().port());
    assert_eq!(get(&client, &url).await.unwrap().status(), 200);
    assert_eq!(*names.lock().unwrap(), ["hooks.example.com"]);
}

#[tokio::test]
async fn a_name_without_addresses_is_no_connection_and_may_be_tried_again() {
    let (resolver, asked) = answers(vec![vec![]]);
    let client = builder()
        .guard(AddressGuard::new())
        .resolver(resolver)
        .build()
        .unwrap();
    let error = get(&client, "https://hooks.example.com/")
        .await
        .unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(
        error.reason().contains("the host has no address"),
        "{error}"
    );
    assert_eq!(asked.load(Ordering::SeqCst), 4);
}

#[test]
fn a_guard_and_a_proxy_exclude_each_other() {
    let refused = HttpClient::builder()
        .guard(AddressGuard::new())
        .proxy("http://127.0.0.1:3128".parse().unwrap())
        .build();
    assert!(matches!(refused, Err(SetupError::GuardedProxy)));
}

#[tokio::test]
async fn every_status_is_an_answer_where_the_call_accepts_all() {
    let text =
        "HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 1000000000\r\n\r\n0123456789";
    let raw = Raw::start(vec![Deed::Write(
        vec![text, "rest"],
        Duration::from_mins(1),
    )])
    .await;
    let call = Call::new("test.get", Idempotency::Never).accept_all();
    let url: SafeUrl = format!("{}/", raw.base).parse().unwrap();
    let client = builder().build().unwrap();
    let mut response = client
        .send(&call, |_| Request::get(url.clone()))
        .await
        .unwrap();
    assert_eq!(
        (response.status(), response.header("retry-after")),
        (503, Some("7"))
    );
    assert_eq!(
        response.next_chunk().await.unwrap().unwrap().as_ref(),
        b"0123456789"
    );
    assert_eq!(raw.connections(), 1);
}
