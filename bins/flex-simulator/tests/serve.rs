//! The command as a script would use it.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// Ends the process, whatever becomes of the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(arguments: &[&str]) -> Running {
    Running(
        Command::new(env!("CARGO_BIN_EXE_flex-simulator"))
            .arg("serve")
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    )
}

fn get(address: &str, path: &str) -> Value {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

#[test]
fn it_says_when_it_is_ready_writes_a_configuration_and_ends_on_sigterm() {
    let directory = tempfile::tempdir().unwrap();
    let scenario = directory.path().join("scenario.toml");
    std::fs::write(&scenario, "contacts = 3\nlive_contacts = 0\n").unwrap();
    let config = directory.path().join("connector.toml");
    let mut running = serve(&[
        "--scenario",
        scenario.to_str().unwrap(),
        "--seed",
        "7",
        "--push",
        "--write-config",
        config.to_str().unwrap(),
    ]);
    let mut line = String::new();
    let mut stdout = BufReader::new(running.0.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    assert!(ready["account_sid"].as_str().unwrap().starts_with("AC"));
    assert_eq!(ready["config"], config.to_str().unwrap());
    for key in ready["key_files"].as_array().unwrap() {
        let pem = std::fs::read_to_string(key["file"].as_str().unwrap()).unwrap();
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----"));
    }
    let text = std::fs::read_to_string(&config).unwrap();
    assert!(text.contains(ready["workspace_sid"].as_str().unwrap()));
    assert!(text.contains(ready["intake"].as_str().unwrap()));
    assert!(text.contains(ready["webhook_url"].as_str().unwrap()));

    let address = ready["address"].as_str().unwrap();
    assert_eq!(get(address, "/__simulator/received")["count"], 0);
    let expected = get(address, "/__simulator/expected");
    assert_eq!(expected["count"], ready["legs"]);

    let pid = running.0.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert!(running.0.wait().unwrap().success());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[test]
fn a_scenario_with_an_unknown_field_is_refused_with_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let scenario = directory.path().join("scenario.toml");
    std::fs::write(&scenario, "contact = 3\n").unwrap();
    let mut running = serve(&["--scenario", scenario.to_str().unwrap()]);
    assert_eq!(running.0.wait().unwrap().code(), Some(1));
    let mut message = String::new();
    let mut stderr = running.0.stderr.take().unwrap();
    stderr.read_to_string(&mut message).unwrap();
    assert!(
        message.contains("scenario.toml") && message.contains("`contact`"),
        "{message}"
    );
}

#[test]
fn an_unknown_level_of_faults_is_refused() {
    let mut running = serve(&["--faults", "wild"]);
    assert_eq!(running.0.wait().unwrap().code(), Some(2));
    let mut message = String::new();
    let mut stderr = running.0.stderr.take().unwrap();
    stderr.read_to_string(&mut message).unwrap();
    assert!(
        message.contains("choose none, mild or hostile"),
        "{message}"
    );
}
