//! What Twilio pushes to a secret path: against a simulated Flex and Calabrio ONE.
#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::support;

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use flex_simulator::scenario::{Push, Scenario, Span};
use flex_simulator::{Simulator, SimulatorOptions};
use serde_json::{Value, json};
use support::{secret, sync_qm};

const SECRET: &str = "f00dfeed-f00dfeed_f00dfeed.f00dfeed~";
const WAIT: Duration = Duration::from_mins(1);

struct Centre {
    simulator: Simulator,
    directory: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

/// A worker in a process of its own, which is ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Centre {
    /// Twilio pushes to an address with or without the secret part, by Event Streams and by the workspace's callback.
    fn new(secret_path: Option<&str>) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let mut push = Push::default();
        push.secret_path = secret_path.map(str::to_owned);
        push.callback = true;
        let mut scenario = Scenario::default();
        scenario.contacts = 3;
        scenario.live_contacts = 3;
        scenario.live_ms = Span::new(4_000, 6_000);
        scenario.abandoned = 0;
        scenario.push = Some(push);
        let options = SimulatorOptions {
            scenario,
            ..SimulatorOptions::default()
        };
        let simulator = runtime.block_on(Simulator::start(options)).unwrap();
        let directory = tempfile::tempdir().unwrap();
        simulator
            .write_config(&directory.path().join("connector.toml"))
            .unwrap();
        Self {
            simulator,
            directory,
            _runtime: runtime,
        }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Starts the worker with a log of everything, and waits until it listens.
    fn run(&self) -> Running {
        let log = File::create(self.path().join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sync-qm"));
        command
            .args(["run", "--log", "trace"])
            .current_dir(self.path())
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let running = Running(command.spawn().unwrap());
        let address = self.simulator.intake().unwrap();
        wait_until("the worker listens", || TcpStream::connect(address).is_ok());
        running
    }

    /// How a request without a signature is answered.
    fn answer(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.simulator.intake().unwrap()).unwrap();
        let event = json!([{"type": "com.twilio.taskrouter.task.completed", "id": "EZ1", "data": {
            "sid": "EV00000000000000000000000000000001", "payload": {
                "account_sid": self.simulator.world().account_sid(),
                "workspace_sid": self.simulator.world().workspace_sid(),
            },
        }}]);
        let body = event.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: connector.example\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        format!("{} {body}", head.split(' ').nth(1).unwrap())
    }

    /// The path of the ACD, but for its secret part.
    fn public_path(&self) -> String {
        let workspace = self.simulator.world().workspace_sid();
        format!("/twilio/{}", workspace.to_ascii_lowercase())
    }

    /// Everything that a command prints, and that as JSON.
    fn prints(&self, arguments: &[&str], code: i32) -> (String, Value) {
        let output = sync_qm(self.path())
            .args(arguments)
            .arg("--json")
            .args(["--log", "trace"])
            .assert()
            .code(code)
            .get_output()
            .clone();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let json = serde_json::from_str(&stdout).unwrap_or_default();
        (stdout + &stderr, json)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path().join("log")).unwrap()
    }
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + WAIT;
    while !holds() {
        assert!(Instant::now() < deadline, "never came to pass: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn what_is_pushed_to_the_secret_path_is_taken_and_the_secret_is_printed_by_nothing() {
    let centre = Centre::new(Some(SECRET));
    let running = centre.run();
    wait_until("events are taken", || {
        let pushed = centre.simulator.pushed();
        pushed.accepted > 0 && pushed.accepted == pushed.events
    });
    // No signature: the right path asks for one, and any other path is a path like any other.
    let path = centre.public_path();
    let answer = centre.answer(&format!("{path}/{SECRET}"));
    assert!(answer.starts_with("403"), "{answer}");
    let unknown = centre.answer("/nobody");
    assert!(unknown.starts_with("404"), "{unknown}");
    for wrong in [&path, &format!("{path}/"), &format!("{path}/{SECRET}x")] {
        assert_eq!(centre.answer(wrong), unknown, "{wrong}");
    }
    let (mut printed, _) = centre.prints(&["status"], 0);
    drop(running);
    assert!(centre.log().contains("pushed events are taken"));
    printed += &centre.log();
    assert!(!printed.contains(SECRET), "{printed}");
}

#[test]
fn what_is_pushed_to_the_path_without_the_secret_is_not_taken_though_twilio_signed_it() {
    let centre = Centre::new(None);
    secret(&centre.path().join("path"), SECRET.as_bytes());
    let config = centre.path().join("connector.toml");
    let text = fs::read_to_string(&config).unwrap();
    let set = "\n[acd.intake]\nsecret_path = { file = \"path\" }\n";
    fs::write(&config, text + set).unwrap();
    let _running = centre.run();
    let failed = centre.simulator.pushed().failed;
    wait_until("events are refused", || {
        let pushed = centre.simulator.pushed();
        pushed.events > 0 && pushed.failed > failed + 3
    });
    assert_eq!(centre.simulator.pushed().accepted, 0);
    assert!(centre.answer(&centre.public_path()).starts_with("404"));
}

#[test]
fn the_set_up_of_a_secret_path_is_found_again_and_shown_without_it() {
    let centre = Centre::new(Some(SECRET));
    let shown = format!("https://connector.example{}/…", centre.public_path());
    // Twilio has not tried the sink yet, which is advice and not success.
    let (first, made) = centre.prints(&["events", "setup"], 5);
    let (second, found) = centre.prints(&["events", "setup"], 5);
    let (third, looked_at) = centre.prints(&["events", "setup", "--show"], 0);
    for (report, created) in [(&made, true), (&found, false), (&looked_at, false)] {
        let acd = &report["acds"][0];
        assert_eq!(acd["created"], created, "{report:#}");
        assert_eq!(acd["address"], shown.as_str(), "{report:#}");
        assert_eq!(acd["sink"], made["acds"][0]["sink"], "the same sink");
        assert!(acd["sink"].is_string(), "{report:#}");
        let advice = acd["advice"].as_str().unwrap();
        assert!(advice.contains("not validated"), "{advice}");
    }
    let page = sync_qm(centre.path())
        .args(["events", "setup", "--show"])
        .assert()
        .success();
    let page = String::from_utf8(page.get_output().stdout.clone()).unwrap();
    assert!(page.contains('…'), "{page}");

    // With another secret the sink that is there leads elsewhere, and is left alone.
    let other = "deadbeefdeadbeefdeadbeefdeadbeef";
    let file = centre.path().join("connector.secrets/intake-secret-path");
    fs::write(file, other).unwrap();
    let (fourth, looked_at) = centre.prints(&["events", "setup", "--show"], 0);
    let advice = looked_at["acds"][0]["advice"].as_str().unwrap().to_owned();
    assert!(advice.contains("does not lead to the address"), "{advice}");
    let (fifth, _) = centre.prints(&["events", "setup"], 1);
    assert!(fifth.contains("does not lead to"), "{fifth}");
    assert!(fifth.contains(&shown), "{fifth}");
    let printed = [first, second, third, fourth, fifth, page].concat();
    assert!(!printed.contains(SECRET), "{printed}");
    assert!(!printed.contains(other), "{printed}");
    assert_eq!(centre.simulator.violations(), []);
}

#[test]
fn a_secret_path_that_is_too_short_is_refused_by_name_and_not_repeated() {
    let centre = Centre::new(Some("short-and-secret"));
    let output = sync_qm(centre.path())
        .args(["events", "setup", "--show"])
        .assert()
        .failure();
    let told = String::from_utf8(output.get_output().stderr.clone()).unwrap();
    assert!(told.contains("intake.secret_path"), "{told}");
    assert!(told.contains("fewer than 32 characters"), "{told}");
    assert!(told.contains("openssl rand -hex 32"), "{told}");
    assert!(!told.contains("short-and-secret"), "{told}");
}
