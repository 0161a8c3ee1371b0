//! Where connections go, and where they never go.
#![allow(clippy::unwrap_used)]

use crate::common;

use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::receiver::{Receiver, Reply};
use common::{SECRET, at, endpoint, message, secret, settings};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use webhook_delivery::{
    AddressGuard, Addresses, Attempt, AttemptResult, Endpoint, FailureKind, Resolver, Sender,
    WebhookError,
};

const HOST: &str = "hooks.example.com";

/// A certificate for the host that vouches for itself, in PEM, and who speaks TLS with it.
fn certificate() -> (String, TlsAcceptor) {
    let key = rcgen::KeyPair::generate().unwrap();
    let parameters = rcgen::CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    (certificate.pem(), TlsAcceptor::from(Arc::new(config)))
}

/// Answers from a list, one entry per question, the last again and again; counts the questions.
fn answers(list: &[&str]) -> (Arc<dyn Resolver>, Arc<AtomicUsize>) {
    let list: Vec<IpAddr> = list.iter().map(|text| text.parse().unwrap()).collect();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let resolver = move |_: &str| -> Addresses {
        let index = count.fetch_add(1, Ordering::SeqCst).min(list.len() - 1);
        let answer = vec![list[index]];
        Box::pin(async move { Ok(answer) })
    };
    (Arc::new(resolver), asked)
}

fn sender(port: u16, guard: AddressGuard, pem: &str, resolver: Arc<dyn Resolver>) -> Sender {
    let url = format!("https://{HOST}:{port}/hook");
    let endpoint = Endpoint::new("a".parse().unwrap(), &url, guard, [secret(SECRET)]).unwrap();
    Sender::builder()
        .settings(settings())
        .root_certificates_pem(pem)
        .resolver(resolver)
        .build(endpoint)
        .unwrap()
}

async fn send(sender: &Sender) -> Attempt {
    sender
        .send(&message(1, "leg"), at(0))
        .await
        .unwrap()
        .attempt
}

fn refused(attempt: &Attempt) -> &str {
    match &attempt.result {
        AttemptResult::Failed {
            kind: FailureKind::Refused,
            reason,
        } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn rebinding_gains_nothing_because_the_address_that_was_judged_is_the_one_connected_to() {
    let (pem, acceptor) = certificate();
    // The good receiver is in a listed network; the one that the name turns to later is not, and has the same port.
    let good = Receiver::with_tls("127.0.0.1:0", acceptor.clone()).await;
    let port = good.address.port();
    let inner = Receiver::with_tls(&format!("127.0.0.2:{port}"), acceptor).await;
    let guard = AddressGuard::new().allow_network("127.0.0.1/32".parse().unwrap());
    let (resolver, asked) = answers(&["127.0.0.1", "127.0.0.2"]);
    let first = sender(port, guard.clone(), &pem, Arc::clone(&resolver));
    assert_eq!(send(&first).await.result, AttemptResult::Answered(204));
    // One question, one connection: there is no second question between the judgement and the connection.
    assert_eq!((asked.load(Ordering::SeqCst), good.connections()), (1, 1));
    let second = sender(port, guard.clone(), &pem, resolver);
    let attempt = send(&second).await;
    assert!(
        refused(&attempt).starts_with("127.0.0.2 is a loopback address"),
        "{attempt:?}"
    );
    assert_eq!((good.connections(), inner.connections()), (1, 0));
    // The connection that was judged goes on being used.
    assert_eq!(send(&first).await.result, AttemptResult::Answered(204));
    assert_eq!(
        (
            asked.load(Ordering::SeqCst),
            good.connections(),
            good.count()
        ),
        (2, 1, 2)
    );
}

#[tokio::test]
async fn a_name_that_leads_into_a_private_network_is_refused_at_every_attempt() {
    let receiver = Receiver::counting().await;
    let (pem, _) = certificate();
    for address in [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ] {
        let (resolver, _) = answers(&[address]);
        // That one address of this machine is listed for plain http does not open it for names.
        let guard = AddressGuard::new().allow_loopback(receiver.address);
        let attempt = send(&sender(receiver.address.port(), guard, &pem, resolver)).await;
        let address: IpAddr = address.parse().unwrap();
        assert!(
            refused(&attempt).starts_with(&format!("{address} is ")),
            "{attempt:?}"
        );
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_ends_the_attempt_before_anything_is_sent() {
    let (pem, acceptor) = certificate();
    let (other, _) = certificate();
    let receiver = Receiver::with_tls("127.0.0.1:0", acceptor).await;
    let guard = AddressGuard::new().allow_network("127.0.0.0/8".parse().unwrap());
    let port = receiver.address.port();
    let (resolver, _) = answers(&["127.0.0.1"]);
    let attempt = send(&sender(port, guard.clone(), &other, Arc::clone(&resolver))).await;
    assert!(
        matches!(
            attempt.result,
            AttemptResult::Failed {
                kind: FailureKind::NoConnection,
                ..
            }
        ),
        "{attempt:?}"
    );
    assert_eq!(receiver.count(), 0);
    let attempt = send(&sender(port, guard, &pem, resolver)).await;
    assert_eq!(attempt.result, AttemptResult::Answered(204));
}

#[test]
fn a_url_that_names_a_private_address_is_refused_before_anything_runs() {
    for url in [
        "https://10.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::ffff:192.168.0.1]/",
        "https://[fe80::1%25eth0]/",
        "http://hooks.example.com/",
        "https://user:hunter2@hooks.example.com/",
        "/hooks",
    ] {
        let refused = Endpoint::new(
            "crm".parse().unwrap(),
            url,
            AddressGuard::new(),
            [secret(SECRET)],
        );
        let error = refused.unwrap_err();
        assert!(matches!(error, WebhookError::Url { .. }), "{url}");
        assert!(
            error
                .to_string()
                .starts_with("the URL of the endpoint crm cannot be used: "),
            "{error}"
        );
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

const CHILD: &str = "WEBHOOK_DELIVERY_TEST_RECEIVER";

/// Runs this very test again as a process of its own whose environment names a proxy, since a process cannot safely change its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_of_the_environment_is_ignored() {
    if let Ok(address) = std::env::var(CHILD) {
        let address: SocketAddr = address.parse().unwrap();
        let guard = AddressGuard::new().allow_loopback(address);
        let url = format!("http://{address}/hook");
        let endpoint = Endpoint::new("a".parse().unwrap(), &url, guard, [secret(SECRET)]).unwrap();
        let sender = Sender::builder()
            .settings(settings())
            .build(endpoint)
            .unwrap();
        assert_eq!(send(&sender).await.result, AttemptResult::Answered(200));
        return;
    }
    let receiver = Receiver::start(|_, _| Reply::status(200)).await;
    let proxy = Receiver::counting().await;
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args([
        "--exact",
        "addresses::a_proxy_of_the_environment_is_ignored",
    ]);
    child.env(CHILD, receiver.address.to_string());
    for name in [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ] {
        child.env(name, format!("http://{}", proxy.address));
    }
    for name in ["no_proxy", "NO_PROXY", "REQUEST_METHOD"] {
        child.env_remove(name);
    }
    let output = tokio::task::spawn_blocking(move || child.output().unwrap())
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!((receiver.count(), proxy.connections()), (1, 0));
    let endpoint = endpoint("a", &receiver);
    assert!(endpoint.guard().networks().is_empty());
}
