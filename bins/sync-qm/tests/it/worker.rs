//! One worker per ledger, ledgers of later releases, and commands beside a worker: against a simulated Flex and Calabrio ONE.
#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::support;

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use flex_simulator::scenario::{Kind, Scenario};
use flex_simulator::{HoldAt, Simulator, SimulatorOptions};
use serde_json::Value;
use support::{names, sync_qm};

/// A simulated contact centre with a configuration that leads to it.
struct Centre {
    simulator: Simulator,
    directory: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Centre {
    fn new(kinds: &[Kind]) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let mut scenario = Scenario::default();
        scenario.contacts = u32::try_from(kinds.len()).unwrap();
        scenario.kinds = kinds.iter().map(|kind| (*kind, 1)).collect();
        scenario.live_contacts = 0;
        scenario.abandoned = 1;
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
            runtime,
        }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn ledger(&self) -> PathBuf {
        self.path().join("connector.state/ledger.db")
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = sync_qm(self.path())
            .args(arguments)
            .arg("--json")
            .assert()
            .success()
            .get_output()
            .stdout
            .clone();
        serde_json::from_slice(&output).unwrap()
    }

    fn fails(&self, arguments: &[&str], code: i32) -> String {
        let output = sync_qm(self.path())
            .args(arguments)
            .assert()
            .code(code)
            .get_output()
            .stderr
            .clone();
        String::from_utf8(output).unwrap()
    }

    /// Live discovery begins now: what has ended is a backfill's.
    fn discover_from_now(&self) {
        let config = self.path().join("connector.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with("discover_from"))
            .unwrap();
        std::fs::write(&config, text.replace(line, "discover_from = \"now\"")).unwrap();
    }

    fn run_until_idle(&self) -> Value {
        self.json(&["run", "--until-idle", "--log", "warn"])
    }
}

/// What `path` answers at an address: the status and the body.
fn get(address: &str, path: &str) -> (u16, String) {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, body.to_owned())
}

/// A worker in a process of its own, which is ended with the test.
struct Running(Child);

impl Running {
    fn start(centre: &Centre) -> Self {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sync-qm"));
        command
            .args(["run", "--log", "off"])
            .current_dir(centre.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// The same, and where its log says that it listens.
    fn start_and_listen(centre: &Centre) -> (Self, String) {
        use std::io::BufRead as _;
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sync-qm"));
        command
            .args(["run", "--log", "info"])
            .current_dir(centre.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut running = Self(command.spawn().unwrap());
        let mut lines = std::io::BufReader::new(running.0.stderr.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .filter_map(|line| serde_json::from_str::<Value>(&line).ok())
            .find_map(|line| line["fields"]["listen"].as_str().map(str::to_owned))
            .unwrap();
        // It goes on logging, and somebody must read it.
        std::thread::spawn(move || lines.for_each(drop));
        (running, address)
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Ends as a service manager would end it; gives the exit code.
    fn stop(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it did not come to pass");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_second_run_is_refused_with_the_pid_of_the_first_and_commands_leave_wishes_meanwhile() {
    let centre = Centre::new(&[Kind::MissingKey, Kind::ConferenceMono]);
    let first = Running::start(&centre);
    let parked = until(|| {
        let output = sync_qm(centre.path())
            .args(["contacts", "list", "--stage", "parked", "--json"])
            .output()
            .unwrap();
        let list: Value = serde_json::from_slice(&output.stdout).ok()?;
        Some(list["contacts"].get(0)?.clone())
    });

    let told = centre.fails(&["run", "--until-idle", "--log", "off"], 6);
    assert!(
        told.contains(&format!("another worker (process {})", first.pid())),
        "{told}"
    );
    let status = centre.json(&["status"]);
    assert_eq!(
        status["worker"],
        serde_json::json!({"running": true, "pid": first.pid()})
    );

    let leg = parked["leg"].as_str().unwrap();
    let retry = centre.json(&["contacts", "retry", leg]);
    assert_eq!(retry["taken_up"], serde_json::json!([]));
    let wish = retry["wish"].as_i64().unwrap();
    until(|| {
        let status = centre.json(&["status"]);
        let wishes = status["wishes"].as_array()?;
        wishes
            .iter()
            .find(|found| found["id"] == wish && found["state"] == "done")
            .cloned()
    });
    // It still has no key, and is parked again.
    until(|| {
        let shown = centre.json(&["contacts", "show", leg]);
        let notes = shown["history"]
            .as_array()?
            .iter()
            .filter(|step| step["stage"] == "parked")
            .count();
        (notes >= 2 && shown["stage"] == "parked").then_some(())
    });
    assert_eq!(first.stop(), Some(0));
    assert_eq!(centre.json(&["status"])["worker"]["running"], false);
}

#[test]
fn it_answers_while_the_start_waits_and_is_ready_once_discovery_has_read() {
    let centre = Centre::new(&[Kind::MissingKey, Kind::ConferenceMono]);
    centre.run_until_idle();
    let config = centre.path().join("connector.toml");
    let whole = std::fs::read_to_string(&config).unwrap();
    let listening = whole.replace("listen = \"off\"", "listen = \"127.0.0.1:0\"");
    assert!(listening != whole);
    std::fs::write(&config, listening).unwrap();
    let events = |request: &str| request.contains("/Events");
    let held_events = centre.simulator.hold(HoldAt::Answer, 0, events);
    let held_start = centre
        .simulator
        .hold(HoldAt::Arrival, 0, move |request: &str| {
            request.contains("taskrouter.twilio.com/v1/Workspaces/") && !events(request)
        });

    // Windows end on whole seconds: within the second of the first run's last window nothing is left to be read, and the
    // worker is ready without having asked.
    std::thread::sleep(Duration::from_millis(1_100));
    let (worker, address) = Running::start_and_listen(&centre);
    until(|| held_start.is_reached().then_some(()));
    assert_eq!(get(&address, "/livez").0, 200);
    assert_eq!(
        get(&address, "/readyz"),
        (503, "not ready: discovery, vendors\n".to_owned())
    );
    held_start.release();
    until(|| held_events.is_reached().then_some(()));
    let waiting = until(|| {
        let (status, body) = get(&address, "/readyz");
        assert_eq!(status, 503, "nothing has been read yet");
        (!body.contains("vendors")).then_some(body)
    });
    assert_eq!(waiting, "not ready: discovery\n");
    held_events.release();
    until(|| (get(&address, "/readyz").0 == 200).then_some(()));

    let metrics = until(|| {
        let (_, body) = get(&address, "/metrics");
        body.contains("sync_qm_ledger_contacts{").then_some(body)
    });
    for line in [
        "sync_qm_ledger_contacts{stage=\"complete\",reason=\"\"} 1",
        "sync_qm_ledger_contacts{stage=\"parked\",reason=\"missing-key\"} 1",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line}\n{metrics}"
        );
    }
    assert_eq!(worker.stop(), Some(0));
}

#[test]
fn a_ledger_of_a_later_release_is_refused_and_left_untouched() {
    let centre = Centre::new(&[Kind::ConferenceMono]);
    centre.run_until_idle();
    raise_schema(&centre.ledger());
    let before = std::fs::read(centre.ledger()).unwrap();
    for command in [
        &["run", "--until-idle", "--log", "off"][..],
        &["status"],
        &["contacts", "retry", "--all"],
    ] {
        let told = centre.fails(command, 1);
        assert!(
            told.contains("but this program knows only versions up to"),
            "{told}"
        );
        assert!(told.contains("advice: upgrade this program"), "{told}");
    }
    assert!(std::fs::read(centre.ledger()).unwrap() == before);
}

/// Raises the version of the schema as a later release would: by SQLite's own number for it.
fn raise_schema(ledger: &Path) {
    use std::io::{Seek as _, SeekFrom, Write as _};
    // Bytes 60 to 63 of the header hold `user_version`, big endian (SQLite's file format, section 1.3).
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .open(ledger)
        .unwrap();
    file.seek(SeekFrom::Start(60)).unwrap();
    file.write_all(&999_u32.to_be_bytes()).unwrap();
}

#[test]
fn what_is_parked_is_shown_with_advice_and_goes_on_once_its_cause_is_gone() {
    let centre = Centre::new(&[
        Kind::ConferenceEncrypted,
        Kind::Excluded,
        Kind::MissingMappedAttribute,
    ]);
    // Without the newer key's entry the encrypted call parks.
    let config = centre.path().join("connector.toml");
    let whole = std::fs::read_to_string(&config).unwrap();
    let (before, _) = whole.split_once("[[acd.encryption_key]]").unwrap();
    let excludes = whole
        .find("[[acd.exclude]]")
        .map(|at| &whole[at..])
        .unwrap_or_default();
    std::fs::write(&config, format!("{before}{excludes}")).unwrap();
    centre.run_until_idle();

    let list = centre.json(&["contacts", "list", "--reason", "missing-key"]);
    let leg = list["contacts"][0]["leg"].as_str().unwrap().to_owned();
    assert!(
        list["contacts"][0]["advice"]
            .as_str()
            .unwrap()
            .starts_with("add the private key")
    );
    assert_eq!(list["contacts"].as_array().unwrap().len(), 1);
    assert_eq!(
        centre.json(&["contacts", "list", "--stage", "excluded"])["contacts"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    // The key comes back; the contact is taken up without a worker, and goes through.
    std::fs::write(&config, &whole).unwrap();
    let retried = centre.json(&["contacts", "retry", "--reason", "missing-key", "--all"]);
    assert_eq!(retried["taken_up"][0]["leg"], leg.as_str());
    assert_eq!(retried["wish"], Value::Null);
    centre.run_until_idle();
    assert_eq!(
        centre.json(&["contacts", "show", &leg])["stage"],
        "complete"
    );
    let told = centre.fails(&["contacts", "retry", &leg], 1);
    assert!(
        told.contains("is complete, which is the end of its way"),
        "{told}"
    );
    let account = centre.simulator.account();
    assert!(account.is_right(), "{account:?}");
}

#[test]
fn after_a_start_with_both_the_old_sealing_key_is_needed_no_more() {
    let centre = Centre::new(&[Kind::ConferenceMono, Kind::MissingKey]);
    centre.run_until_idle();
    let config = centre.path().join("connector.toml");
    let whole = std::fs::read_to_string(&config).unwrap();
    let line = whole
        .lines()
        .find(|line| line.starts_with("sealing_key"))
        .unwrap();
    let secrets = centre.path().join("connector.secrets");
    let key = std::fs::read(secrets.join("sealing-key")).unwrap();
    let new: Vec<u8> = key.iter().rev().copied().collect();
    support::secret(&secrets.join("new-sealing-key"), &new);
    let new = line.replace("sealing-key\"", "new-sealing-key\"");
    let old = line.replace("sealing_key = ", "old_sealing_keys = [") + "]";

    // The new key alone opens nothing.
    std::fs::write(&config, whole.replace(line, &new)).unwrap();
    let told = centre.fails(&["run", "--until-idle", "--log", "off"], 4);
    assert!(told.contains("sealed under"), "{told}");

    std::fs::write(&config, whole.replace(line, &format!("{new}\n{old}"))).unwrap();
    centre.json(&["status"]);
    let output = sync_qm(centre.path())
        .args(["run", "--until-idle", "--log", "info"])
        .assert()
        .success()
        .get_output()
        .stderr
        .clone();
    let log = String::from_utf8(output).unwrap();
    assert!(log.contains("old_sealing_keys can be removed"), "{log}");

    std::fs::write(&config, whole.replace(line, &new)).unwrap();
    std::fs::remove_file(secrets.join("sealing-key")).unwrap();
    centre.run_until_idle();
    let parked = centre.json(&["contacts", "list", "--stage", "parked"]);
    let leg = parked["contacts"][0]["leg"].as_str().unwrap();
    let shown = centre.json(&["contacts", "show", leg]);
    assert_eq!(shown["details"], "kept", "{shown}");
}

#[test]
fn a_backfill_tells_what_it_would_find_then_finds_it_and_resumes_as_done() {
    let centre = Centre::new(&[Kind::ConferenceMono, Kind::InboundAgentFirst]);
    centre.discover_from_now();
    centre.run_until_idle();
    assert_eq!(
        centre.json(&["contacts", "list"])["contacts"],
        serde_json::json!([])
    );

    let range =
        [centre.simulator.world().begins(), chrono::Utc::now()].map(|time| time.to_rfc3339());
    let backfill = [
        "backfill", "--from", &range[0], "--to", &range[1], "--log", "off",
    ];
    let plan = centre.json(&[&backfill[..], &["--dry-run"]].concat());
    assert_eq!(plan["plans"][0]["legs_new"], 2);
    assert_eq!(
        centre.json(&["contacts", "list"])["contacts"],
        serde_json::json!([])
    );

    let done = centre.json(&backfill);
    assert_eq!(
        (
            &done["backfills"][0]["state"],
            &done["backfills"][0]["percent"]
        ),
        (&Value::from("done"), &Value::from(100))
    );
    assert_eq!(done["backfills"][0]["legs_new"], 2);
    let complete = centre.json(&["contacts", "list", "--stage", "complete"]);
    assert_eq!(complete["contacts"].as_array().unwrap().len(), 2);
    assert_eq!(
        centre.json(&[&backfill[..], &["--dry-run"]].concat())["plans"][0]["legs_new"],
        0
    );
}

#[test]
fn a_backfill_a_retry_of_all_and_status_all_work_beside_a_running_worker() {
    let centre = Centre::new(&[
        Kind::MissingKey,
        Kind::ConferenceMono,
        Kind::InboundCustomerFirst,
    ]);
    // What has ended is the backfill's alone.
    centre.discover_from_now();
    let range =
        [centre.simulator.world().begins(), chrono::Utc::now()].map(|time| time.to_rfc3339());
    let running = Running::start(&centre);
    until(|| {
        let status = sync_qm(centre.path()).args(["status", "--json"]).output();
        let status: Value = serde_json::from_slice(&status.unwrap().stdout).ok()?;
        (status["worker"]["running"] == true).then_some(())
    });
    let backfill = [
        "backfill", "--from", &range[0], "--to", &range[1], "--log", "off",
    ];
    let retry = ["contacts", "retry", "--all"];
    let done = std::thread::scope(|scope| {
        let backfill = scope.spawn(|| centre.json(&backfill));
        let others = scope.spawn(|| {
            for _ in 0..5 {
                centre.json(&retry);
                assert_eq!(centre.json(&["status"])["worker"]["running"], true);
            }
        });
        others.join().unwrap();
        backfill.join().unwrap()
    });
    let asked = done["asked"][0].as_i64().unwrap();
    until(|| {
        let status = centre.json(&["status"]);
        let wishes = status["wishes"].as_array()?;
        let found = wishes.iter().find(|one| one["id"] == asked)?;
        (found["state"] == "done").then_some(())
    });
    let ended = |stage: &str| {
        let list = centre.json(&["contacts", "list", "--stage", stage]);
        list["contacts"].as_array().unwrap().len()
    };
    until(|| (ended("complete") == 2 && ended("parked") == 1).then_some(()));
    // It has no key still, and comes to the same end.
    let wish = centre.json(&retry)["wish"].as_i64().unwrap();
    until(|| {
        let status = centre.json(&["status"]);
        let wishes = status["wishes"].as_array()?;
        let is_done = |one: &Value| one["id"] == wish && one["state"] == "done";
        wishes.iter().any(is_done).then_some(())
    });
    until(|| (ended("parked") == 1).then_some(()));
    assert_eq!(running.stop(), Some(0));
    assert!(centre.simulator.account().is_right());
}

#[test]
fn a_backfill_makes_the_ledger_where_no_worker_ever_ran() {
    let centre = Centre::new(&[Kind::ConferenceMono]);
    centre.discover_from_now();
    let range =
        [centre.simulator.world().begins(), chrono::Utc::now()].map(|time| time.to_rfc3339());
    let done = centre.json(&[
        "backfill",
        "--from",
        &range[0],
        "--to",
        &range[1],
        "--acd",
        "simulated",
        "--log",
        "off",
    ]);
    assert_eq!(
        (
            &done["backfills"][0]["state"],
            &done["backfills"][0]["legs_new"]
        ),
        (&Value::from("done"), &Value::from(1))
    );
    assert!(centre.simulator.account().is_right());
}

#[test]
fn keys_and_fields_are_compared_with_what_the_vendors_have() {
    let centre = Centre::new(&[Kind::ConferenceMono]);
    let keys = centre.json(&["keys", "list"]);
    assert_eq!(
        keys["keys"].as_array().unwrap().len(),
        centre.simulator.world().private_keys().len()
    );
    let verified = centre.json(&["keys", "verify"]);
    assert_eq!(verified["sound"], true);
    let listed = |key: &Value| key["round_trip"] == true && key["at_twilio"] == "listed";
    assert!(
        verified["keys"].as_array().unwrap().iter().all(listed),
        "{verified}"
    );
    assert_eq!(verified["without_private_key"].as_array().unwrap().len(), 1);
    assert_eq!(
        centre.json(&["keys", "verify", "--offline"])["keys"][0]["at_twilio"],
        "not-compared"
    );

    // A comparison that could not be made is no proof.
    let secrets = centre.path().join("connector.secrets");
    let token = names(&secrets)
        .into_iter()
        .find(|name| name.starts_with("twilio-"))
        .map(|name| secrets.join(name))
        .unwrap();
    let whole = std::fs::read(&token).unwrap();
    std::fs::write(&token, "wrong").unwrap();
    sync_qm(centre.path())
        .args(["keys", "verify"])
        .assert()
        .code(5);
    centre.json(&["keys", "verify", "--offline"]);
    std::fs::write(&token, whole).unwrap();

    let fields = centre.json(&["fields"]);
    assert_eq!(fields["acds"][0]["sound"], true);
    let leg_key = fields["acds"][0]["fields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|field| field["use"] == "leg-key")
        .unwrap();
    assert_eq!(
        leg_key["key"],
        centre.simulator.world().leg_key_field().as_str()
    );
    assert_eq!(
        centre.json(&["check"])["rows"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["status"] == "fail")
            .count(),
        0
    );
}

#[test]
fn without_a_field_that_is_needed_or_with_refused_credentials_the_start_is_refused() {
    let centre = Centre::new(&[Kind::ConferenceMono]);
    let config = centre.path().join("connector.toml");
    let whole = std::fs::read_to_string(&config).unwrap();
    let field = centre.simulator.world().leg_key_field();
    std::fs::write(&config, whole.replace(&field, "No-Such-Field-key")).unwrap();
    let told = centre.fails(&["run", "--until-idle", "--log", "off"], 5);
    assert!(told.contains("leg key"), "{told}");
    assert!(told.contains("No-Such-Field-key"), "{told}");
    assert!(told.contains("Metadata Manager"), "{told}");

    // One label that is mistyped would have every contact refused.
    let label = &centre.simulator.world().mappings()[0].1;
    let mistyped = format!("label = \"{label}x\"");
    std::fs::write(
        &config,
        whole.replace(&format!("label = \"{label}\""), &mistyped),
    )
    .unwrap();
    let told = centre.fails(&["run", "--until-idle", "--log", "off"], 5);
    assert!(told.contains("mapping 1 (attribute"), "{told}");
    assert!(told.contains("Metadata Manager"), "{told}");
    std::fs::write(&config, &whole).unwrap();

    std::fs::write(
        centre.path().join("connector.secrets/calabrio-password"),
        "wrong",
    )
    .unwrap();
    let told = centre.fails(&["run", "--until-idle", "--log", "off"], 5);
    assert!(
        told.contains("advice: check username and password of [acd.calabrio]"),
        "{told}"
    );
    assert!(!told.contains("wrong"), "{told}");
    assert_eq!(centre.simulator.received_count(), 0);
    centre.runtime.block_on(async {});
}

#[test]
fn a_check_tells_what_keeps_the_worker_from_its_secrets_its_ledger_and_its_spool() {
    let centre = Centre::new(&[Kind::ConferenceMono]);
    let config = centre.path().join("connector.toml");
    let whole = std::fs::read_to_string(&config).unwrap();
    let offline = ["check", "--offline"];
    let row = |question: &str, code: i32| {
        let output = sync_qm(centre.path())
            .args(offline)
            .arg("--json")
            .assert()
            .code(code)
            .get_output()
            .stdout
            .clone();
        let report: Value = serde_json::from_slice(&output).unwrap();
        let rows = report["rows"].as_array().unwrap().clone();
        assert!(
            rows.iter()
                .all(|row| row["question"] != "twilio-credentials"),
            "{rows:?}"
        );
        rows.into_iter()
            .find(|row| row["question"] == question)
            .unwrap()
    };
    let says = |row: &Value, status: &str, detail: &str| {
        assert_eq!(row["status"], status, "{row}");
        assert!(row["detail"].as_str().unwrap().contains(detail), "{row}");
        assert_eq!(row["remedy"].is_string(), status == "fail", "{row}");
    };
    says(&row("ledger", 0), "ok", "run makes it");
    says(&row("spool", 0), "ok", "run makes it");
    assert!(!centre.ledger().parent().unwrap().exists());

    centre.run_until_idle();
    says(&row("ledger", 0), "ok", "can be opened");
    says(&row("spool", 0), "ok", "can be used");
    let spool = until(|| {
        let line = whole.lines().find(|line| line.starts_with("dir = "))?;
        Some(centre.path().join(line.split('"').nth(1)?))
    });
    std::fs::write(spool.join("letter.txt"), "mine").unwrap();
    says(&row("spool", 4), "fail", "letter.txt");
    assert!(spool.join("letter.txt").exists());
    std::fs::remove_file(spool.join("letter.txt")).unwrap();

    let line = whole
        .lines()
        .find(|line| line.starts_with("sealing_key"))
        .unwrap();
    let secrets = centre.path().join("connector.secrets");
    let key = std::fs::read(secrets.join("sealing-key")).unwrap();
    let other: Vec<u8> = key.iter().rev().copied().collect();
    support::secret(&secrets.join("other-key"), &other);
    std::fs::write(
        &config,
        whole.replace(line, &line.replace("sealing-key\"", "other-key\"")),
    )
    .unwrap();
    says(&row("ledger", 4), "fail", "sealed under key");
    std::fs::remove_file(secrets.join("other-key")).unwrap();
    says(&row("secrets", 4), "fail", "other-key");
    std::fs::write(&config, &whole).unwrap();

    raise_schema(&centre.ledger());
    says(&row("ledger", 4), "fail", "knows only versions up to");
    std::fs::write(
        centre.ledger(),
        "a letter of some length, and no database at all",
    )
    .unwrap();
    says(&row("ledger", 4), "fail", "is not a ledger");
}
