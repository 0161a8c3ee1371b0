//! The listener over real connections.

#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use std::net::SocketAddr;

use secrecy::SecretString;
use service_runtime::{AdminServer, AdminSettings, Health, Metrics, RuntimeError, Stop};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

struct Running {
    address: SocketAddr,
    health: Health,
    metrics: Metrics,
    stop: Stop,
    task: JoinHandle<()>,
}

async fn start(listen: &str, token: Option<&str>) -> Result<Running, RuntimeError> {
    let (metrics, health, stop) = (Metrics::new("test"), Health::new(), Stop::new());
    let listen: SocketAddr = listen.parse().map_err(std::io::Error::other)?;
    let settings = AdminSettings {
        listen,
        bearer_token: token.map(SecretString::from),
    };
    let server = AdminServer::bind(settings, metrics.clone(), health.clone()).await?;
    let address = server.local_addr();
    let task = tokio::spawn(server.run(stop.clone()));
    Ok(Running {
        address,
        health,
        metrics,
        stop,
        task,
    })
}

/// Sends a whole request and returns status line and body.
async fn ask(address: SocketAddr, request: &str) -> (String, String) {
    let reach = SocketAddr::from(([127, 0, 0, 1], address.port()));
    let mut stream = TcpStream::connect(reach).await.unwrap();
    stream
        .write_all(format!("{request}Host: x\r\nConnection: close\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[tokio::test]
async fn it_tells_metrics_life_and_readiness() {
    let running = start("127.0.0.1:0", None).await.unwrap();
    running
        .metrics
        .counters("contacts", "contacts", [])
        .with([])
        .add(5);
    let (status, body) = ask(running.address, "GET /metrics HTTP/1.1\r\n").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(
        body.contains("test_contacts_total{} 5") && body.ends_with("# EOF\n"),
        "{body}"
    );
    assert_eq!(
        ask(running.address, "GET /livez HTTP/1.1\r\n").await.1,
        "alive\n"
    );
    assert_eq!(
        ask(running.address, "GET /readyz HTTP/1.1\r\n").await.1,
        "ready\n"
    );

    let ledger = running.health.condition("ledger");
    let (status, body) = ask(running.address, "GET /readyz HTTP/1.1\r\n").await;
    assert_eq!(
        (status.as_str(), body.as_str()),
        ("HTTP/1.1 503 Service Unavailable", "not ready: ledger\n")
    );
    ledger.set(true);
    assert_eq!(
        ask(running.address, "GET /readyz HTTP/1.1\r\n").await.1,
        "ready\n"
    );

    assert_eq!(
        ask(running.address, "POST /metrics HTTP/1.1\r\n").await.0,
        "HTTP/1.1 405 Method Not Allowed"
    );
    assert_eq!(
        ask(running.address, "GET /secret HTTP/1.1\r\n").await.0,
        "HTTP/1.1 404 Not Found"
    );
}

#[tokio::test]
async fn with_a_token_only_its_holder_sees_more_than_life() {
    let running = start("0.0.0.0:0", Some("hunter2")).await.unwrap();
    let _ledger = running.health.condition("ledger");
    for header in [
        "",
        "Authorization: Bearer hunter3\r\n",
        "Authorization: Bearer \r\n",
        "Authorization: Basic hunter2\r\n",
    ] {
        let (status, body) = ask(
            running.address,
            &format!("GET /metrics HTTP/1.1\r\n{header}"),
        )
        .await;
        assert_eq!(status, "HTTP/1.1 401 Unauthorized", "{header}");
        assert!(!body.contains("EOF"));
        assert_eq!(
            ask(
                running.address,
                &format!("GET /readyz HTTP/1.1\r\n{header}")
            )
            .await
            .1,
            "not ready\n"
        );
    }
    assert_eq!(
        ask(running.address, "GET /livez HTTP/1.1\r\n").await.0,
        "HTTP/1.1 200 OK"
    );
    let with = |path: &str| format!("GET {path} HTTP/1.1\r\nAuthorization: Bearer hunter2\r\n");
    assert_eq!(
        ask(running.address, &with("/metrics")).await.0,
        "HTTP/1.1 200 OK"
    );
    assert_eq!(
        ask(running.address, &with("/readyz")).await.1,
        "not ready: ledger\n"
    );
}

#[tokio::test]
async fn an_address_that_others_can_reach_is_refused_without_a_token() {
    for token in [None, Some("")] {
        let error = start("0.0.0.0:0", token).await.err().unwrap();
        assert!(matches!(error, RuntimeError::OpenListener(_)));
        assert!(
            error
                .to_string()
                .contains("set one, or listen at 127.0.0.1")
        );
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let running = start("127.0.0.1:0", None).await.unwrap();
    let error = start(&running.address.to_string(), None)
        .await
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .starts_with(&format!("{} cannot be listened at: ", running.address)),
        "{error}"
    );
}

#[tokio::test]
async fn it_ends_when_a_stop_is_asked_for_even_with_a_connection_open() {
    let running = start("127.0.0.1:0", None).await.unwrap();
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    assert_eq!(
        ask(running.address, "GET /livez HTTP/1.1\r\n").await.1,
        "alive\n"
    );
    running.stop.request();
    running.task.await.unwrap();
    assert_eq!(idle.read(&mut [0; 8]).await.unwrap_or(0), 0);
    assert!(TcpStream::connect(running.address).await.is_err());
}
