//! One listener for every host, its configuration and its end.
#![allow(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]

use crate::common;

use base64::Engine as _;
use common::*;
use flex_simulator::{FaultLevel, Simulator, SimulatorError, SimulatorOptions};
use tokio::net::TcpStream;

fn basic(simulator: &Simulator) -> String {
    let world = simulator.world();
    let pair = format!("{}:{}", world.account_sid(), world.auth_token());
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(pair)
    )
}

#[tokio::test]
async fn a_host_is_reached_by_header_and_by_segment_and_links_lead_back_the_same_way() {
    let simulator = start(FaultLevel::None, 1).await;
    let auth = basic(&simulator);
    let path = format!(
        "/v1/Workspaces/{}/Workers?PageSize=1",
        simulator.world().workspace_sid()
    );
    let next = |answer: &Answer| {
        answer.json()["meta"]["next_page_url"]
            .as_str()
            .unwrap()
            .to_owned()
    };

    let headers = [
        ("Host", "taskrouter.twilio.com"),
        ("Authorization", auth.as_str()),
    ];
    let by_header = send(&simulator, "GET", &path, &headers, &[]).await.unwrap();
    assert!(
        next(&by_header).starts_with("http://taskrouter.twilio.com/v1/"),
        "{}",
        next(&by_header)
    );

    let by_segment = format!("/taskrouter.twilio.com{path}");
    let by_segment = send(&simulator, "GET", &by_segment, &headers[1..], &[])
        .await
        .unwrap();
    let prefix = format!("http://{}/taskrouter.twilio.com/v1/", simulator.address());
    assert!(
        next(&by_segment).starts_with(&prefix),
        "{}",
        next(&by_segment)
    );
    assert_eq!(simulator.violations(), []);
    simulator.stop().await;
}

#[tokio::test]
async fn what_it_expects_is_what_it_tells() {
    let simulator = start(FaultLevel::None, 1).await;
    let told = tell(&simulator, "expected").await;
    assert_eq!(told["count"], simulator.expected().len());
    assert_eq!(told["legs"][0]["leg"], simulator.expected()[0].leg);
    let account = simulator.account();
    assert_eq!(account.complete, 0);
    assert_eq!(account.lost + account.withheld, account.expected);
    simulator.stop().await;
}

#[tokio::test]
async fn after_a_stop_nobody_listens() {
    let simulator = start(FaultLevel::None, 1).await;
    let address = simulator.address();
    simulator.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn an_address_in_use_is_told() {
    let simulator = start(FaultLevel::None, 1).await;
    let options = SimulatorOptions {
        listen: simulator.address(),
        ..SimulatorOptions::default()
    };
    let error = Simulator::start(options).await.unwrap_err();
    assert!(matches!(error, SimulatorError::Listen { .. }));
    simulator.stop().await;
}

#[tokio::test]
async fn an_impossible_scenario_is_told() {
    let mut options = SimulatorOptions::default();
    options.scenario.agents = 0;
    let error = Simulator::start(options).await.unwrap_err();
    assert!(matches!(error, SimulatorError::Scenario(_)), "{error}");
}

#[tokio::test]
async fn a_configuration_is_written_with_secrets_that_only_the_owner_reads() {
    let simulator = start(FaultLevel::Hostile, 1).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("connector.toml");
    let written = simulator.write_config(&file).unwrap();
    // A second time replaces the first.
    assert_eq!(simulator.write_config(&file).unwrap(), written);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains(simulator.world().auth_token()));
    assert!(!text.contains(simulator.calabrio_credentials().1));
    assert!(text.contains(&format!("base_url = \"{}\"", simulator.calabrio_url())));
    assert!(text.contains("leg_key_field = \"Twilio-Leg-key\""));
    assert_eq!(
        written.key_files.len(),
        simulator.world().private_keys().len()
    );
    #[cfg(unix)]
    for entry in std::fs::read_dir(&written.secrets).unwrap() {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let ready = simulator.ready(Some(&written));
    assert_eq!(ready.config.as_deref(), Some(file.as_path()));
    simulator.stop().await;
}

#[tokio::test]
async fn a_configuration_that_cannot_be_written_is_told() {
    let simulator = start(FaultLevel::None, 1).await;
    let directory = tempfile::tempdir().unwrap();
    let occupied = directory.path().join("occupied");
    std::fs::write(&occupied, "a file where a directory is wanted").unwrap();
    let error = simulator
        .write_config(&occupied.join("connector.toml"))
        .unwrap_err();
    assert!(matches!(error, SimulatorError::Write { .. }), "{error}");
    simulator.stop().await;
}

#[tokio::test]
async fn with_tls_its_own_authority_vouches_for_every_host() {
    use std::sync::Arc;

    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, ServerName};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let mut options = SimulatorOptions {
        tls: true,
        ..SimulatorOptions::default()
    };
    options.scenario.contacts = 1;
    let simulator = Simulator::start(options).await.unwrap();
    assert!(simulator.base_url().starts_with("https://127.0.0.1:"));

    let mut roots = rustls::RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(simulator.ca_pem().unwrap().as_bytes()).unwrap();
    roots.add(ca).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    for name in ["127.0.0.1", "api.twilio.com", "calabrio.example"] {
        let stream = TcpStream::connect(simulator.address()).await.unwrap();
        let server = ServerName::try_from(name).unwrap();
        let mut stream = connector.connect(server, stream).await.unwrap();
        let request = format!(
            "GET /__simulator/violations HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        // The server may end without a close_notify; what came is what counts.
        let _ = stream.read_to_string(&mut answer).await;
        assert!(
            answer.ends_with("{\"count\":0,\"violations\":[]}"),
            "{answer}"
        );
    }
    simulator.stop().await;
}
