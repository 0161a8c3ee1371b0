//! The command as a script would use it.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use chrono::{DateTime, Utc};
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

#[test]
fn a_floor_is_lived_through_and_tells_where_its_reports_are() {
    let directory = tempfile::tempdir().unwrap();
    let floor = directory.path().join("floor.toml");
    std::fs::write(
        &floor,
        "pace = 60\n[scenario]\nagents = 12\n[insights]\nloads = \"hourly\"\n",
    )
    .unwrap();
    let drop = directory.path().join("drop");
    let mut running = serve(&[
        "--floor",
        floor.to_str().unwrap(),
        "--drop-folder",
        drop.to_str().unwrap(),
    ]);
    let mut line = String::new();
    let mut stdout = BufReader::new(running.0.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(ready["legs"], 0);
    assert_eq!(ready["wfm_token"].as_str().unwrap().len(), 32);
    assert!(drop.is_dir());
    assert_eq!(ready["floor"]["zone"], "Europe/Berlin");
    let url = ready["floor"]["insights_url"].as_str().unwrap();
    assert!(url.ends_with("/analytics.ytica.com"), "{url}");
    assert!(
        ready["floor"]["insights"]["project_id"]
            .as_str()
            .unwrap()
            .len()
            > 8
    );
    let expected = get(ready["address"].as_str().unwrap(), "/__simulator/expected");
    assert_eq!(expected["floor"]["agents"].as_array().unwrap().len(), 12);

    std::fs::write(&floor, "paces = 60\n").unwrap();
    let mut running = serve(&["--floor", floor.to_str().unwrap()]);
    assert_eq!(running.0.wait().unwrap().code(), Some(1));
    let mut message = String::new();
    running
        .0
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut message)
        .unwrap();
    assert!(
        message.contains("floor.toml") && message.contains("`paces`"),
        "{message}"
    );
}

#[test]
fn a_floor_goes_on_by_the_real_clock_unless_its_file_says_when_it_begins() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("floor.toml");
    let config = directory.path().join("connector.toml");
    let arguments = [
        "--floor",
        file.to_str().unwrap(),
        "--floor-began",
        "3",
        "--write-config",
        config.to_str().unwrap(),
    ];
    for (text, began) in [
        ("[scenario]\nagents = 12\n", None),
        (
            "[scenario]\nagents = 12\nfrom = \"2026-03-01T00:00:00Z\"\n",
            Some("2026-03-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap()),
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let started = Utc::now();
        let mut running = serve(&arguments);
        let mut line = String::new();
        let mut stdout = BufReader::new(running.0.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let from: DateTime<Utc> = ready["floor"]["from"].as_str().unwrap().parse().unwrap();
        let told = get(ready["address"].as_str().unwrap(), "/__simulator/expected");
        let clock: DateTime<Utc> = told["floor"]["clock"].as_str().unwrap().parse().unwrap();
        let near = |at: DateTime<Utc>| (clock - at).num_seconds().abs() < 60;
        if let Some(began) = began {
            assert!(from == began && near(began), "{from} {clock}");
        } else {
            let ago = (started - from).num_minutes();
            assert!(
                (179..=195).contains(&ago) && near(started),
                "{from} {clock}"
            );
        }
        let text = std::fs::read_to_string(&config).unwrap();
        assert!(text.contains("workforce_management = true"), "{text}");
        assert!(text.contains("connector.state/wfm-ledger.db"), "{text}");
    }
}

fn report(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_flex-simulator"))
        .arg("report")
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn a_report_of_the_size_that_was_asked_for_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("report.csv");
    let out = report(&[
        "--bytes",
        "300kB",
        "--order",
        "shuffled",
        "--output",
        file.to_str().unwrap(),
    ]);
    assert!(out.status.success());
    let sums: Value = serde_json::from_slice(&out.stdout).unwrap();
    let length = std::fs::metadata(&file).unwrap().len();
    assert_eq!(sums["bytes"], length);
    assert!((297_000..303_000).contains(&length), "{length}");

    let out = report(&["--rows", "17"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert_eq!(text.lines().count(), 18);
    let sums: Value = serde_json::from_slice(&out.stderr).unwrap();
    assert_eq!(sums["rows"], 17);
}

#[test]
fn a_size_or_a_zone_that_makes_no_sense_is_refused() {
    for arguments in [
        &["--rows", "1", "--bytes", "1"][..],
        &["--bytes", "1TB"],
        &[],
        &["--rows", "1", "--agents", "0"],
    ] {
        assert_eq!(report(arguments).status.code(), Some(2), "{arguments:?}");
    }
    let out = report(&["--rows", "1", "--zone", "Mars"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8(out.stderr).unwrap().contains("Mars"));
}
