//! Agents, live contacts, exports, forgetting and the removal of ACDs: against a simulated Flex and Calabrio ONE.
#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use flex_simulator::scenario::{Kind, Scenario};
use flex_simulator::{Simulator, SimulatorOptions};
use serde_json::{Value, json};
use support::{names, sync_qm};

struct Centre {
    simulator: Simulator,
    directory: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Centre {
    fn new(kinds: &[Kind], change: impl FnOnce(&mut Scenario)) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let mut scenario = Scenario::default();
        scenario.contacts = u32::try_from(kinds.len()).unwrap();
        scenario.kinds = kinds.iter().map(|kind| (*kind, 1)).collect();
        scenario.live_contacts = 0;
        scenario.abandoned = 0;
        change(&mut scenario);
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

    fn config(&self, change: impl FnOnce(String) -> String) {
        let path = self.path().join("connector.toml");
        let text = change(std::fs::read_to_string(&path).unwrap());
        std::fs::write(&path, text).unwrap();
    }

    /// What a command prints as JSON, and how it ends.
    fn ends(&self, arguments: &[&str], code: i32) -> Value {
        let output = sync_qm(self.path())
            .args(arguments)
            .arg("--json")
            .assert()
            .code(code)
            .get_output()
            .clone();
        let printed = if output.stdout.is_empty() {
            output.stderr
        } else {
            output.stdout
        };
        serde_json::from_slice(&printed)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&printed)))
    }

    fn json(&self, arguments: &[&str]) -> Value {
        self.ends(arguments, 0)
    }

    /// Each contact as the export tells it.
    fn exported(&self, arguments: &[&str]) -> Vec<Value> {
        let output = sync_qm(self.path())
            .args(["contacts", "export"])
            .args(arguments)
            .assert()
            .success()
            .get_output()
            .stdout
            .clone();
        let text = String::from_utf8(output).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
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
        let running = Self(command.spawn().unwrap());
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let status = sync_qm(centre.path())
                .args(["status", "--json"])
                .output()
                .unwrap();
            let status: Option<Value> = serde_json::from_slice(&status.stdout).ok();
            if status.is_some_and(|status| status["worker"]["running"] == true) {
                return running;
            }
            assert!(Instant::now() < deadline, "the worker does not start");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn agents_are_told_with_what_the_switches_would_do_and_nothing_is_changed() {
    let centre = Centre::new(&[Kind::ConferenceMono], |scenario| {
        scenario.unknown_agents = 1;
    });
    let before = centre.simulator.people();
    let report = centre.json(&["agents", "list"]);
    let acd = &report["acds"][0];
    let standing = |wanted: &str| {
        let agents = acd["agents"].as_array().unwrap();
        agents
            .iter()
            .filter(|agent| agent["standing"] == wanted)
            .count()
    };
    assert_eq!(standing("unknown"), 1, "{report:#}");
    assert!(standing("known") > 0);
    assert_eq!(acd["create"], json!({"people": 1, "held": "switched-off"}));
    assert_eq!(
        acd["vanished"].as_array().unwrap().len(),
        1,
        "an agent of old"
    );
    assert_eq!(acd["deactivate"]["held"], "switched-off");
    assert_eq!(centre.simulator.people(), before);
    assert_eq!(centre.simulator.violations(), []);
}

#[test]
fn a_live_contact_is_read_back_and_what_held_is_remembered() {
    let centre = Centre::new(&[Kind::ConferenceMono], |_| {});
    let report = centre.json(&["check", "--live-contact", "--wait", "120"]);
    let acd = &report["acds"][0];
    assert_eq!(acd["confirmed"], true, "{report:#}");
    assert_eq!(
        acd["sent"].as_array().unwrap().len(),
        2,
        "a call and a chat"
    );
    let assumptions = acd["assumptions"].as_array().unwrap();
    let held = |number: u64| {
        let line = assumptions
            .iter()
            .find(|line| line["number"] == number)
            .unwrap();
        line["held"].clone()
    };
    for number in [315, 318, 320, 402, 408] {
        assert_eq!(held(number), true, "{number}");
    }
    let received = centre.simulator.received();
    assert_eq!(received.len(), 2);
    assert_eq!(centre.simulator.violations(), []);
    // The ledger knows what held, and no contact.
    assert!(names(&centre.path().join("connector.state")).contains(&"ledger.db".to_owned()));
    assert_eq!(centre.json(&["contacts", "list"])["contacts"], json!([]));
}

#[test]
fn a_live_contact_that_is_not_found_ends_with_five() {
    let centre = Centre::new(&[Kind::ConferenceMono], |_| {});
    centre.config(|text| {
        format!("{text}\n[acd.calabrio.contract.search]\nduration_field = \"elsewhere\"\n")
    });
    let report = centre.ends(&["check", "--live-contact", "--wait", "1"], 5);
    assert_eq!(report["acds"][0]["confirmed"], false, "{report:#}");
}

#[test]
fn contacts_are_exported_with_their_details_and_forgotten_for_good() {
    let centre = Centre::new(
        &[
            Kind::ConferenceMono,
            Kind::InboundCustomerFirst,
            Kind::ConferenceEncrypted,
        ],
        |_| {},
    );
    centre.json(&["run", "--until-idle", "--log", "warn"]);
    let lines = centre.exported(&[]);
    assert_eq!(lines.len(), centre.simulator.expected().len());
    assert!(
        lines.iter().all(|line| line["details_state"] == "kept"),
        "{lines:#?}"
    );
    assert!(
        lines
            .iter()
            .all(|line| !line["history"].as_array().unwrap().is_empty())
    );
    let one = &lines[0];
    let leg = one["contact"]["leg"]["id"].as_str().unwrap();
    let number_of = |line: &Value| {
        let attributes = &line["details"]["attributes"];
        let number = attributes["from"]
            .as_str()
            .or(attributes["customers"]["phone"].as_str());
        number.map(str::to_owned)
    };
    // One that the leg that is forgotten first has not got.
    let number = lines[1..]
        .iter()
        .filter_map(number_of)
        .find(|number| Some(number) != number_of(one).as_ref());

    let report = centre.json(&[
        "contacts",
        "export",
        "--stage",
        "complete",
        "--out",
        "all.ndjson",
    ]);
    let file = centre.path().join("all.ndjson");
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(report["contacts"], written.lines().count());
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );

    let refused = centre.ends(&["contacts", "forget", leg], 2);
    assert!(
        refused["advice"].as_str().unwrap().contains("--yes"),
        "{refused}"
    );
    let forgotten = centre.json(&["contacts", "forget", leg, "--yes"]);
    let erased = &forgotten["erased"][0];
    assert_eq!(erased["leg"], leg);
    assert!(
        erased["here"].as_str().unwrap().contains("details"),
        "{forgotten:#}"
    );
    assert!(erased["elsewhere"]["ccr"].is_number(), "{forgotten:#}");
    assert_eq!(
        erased["elsewhere"]["recordings"].as_array().unwrap().len(),
        1
    );
    let after = centre.exported(&[]);
    let line = after
        .iter()
        .find(|line| line["contact"]["leg"]["id"] == leg)
        .unwrap();
    assert_eq!(
        (&line["details"], &line["details_state"]),
        (&Value::Null, &json!("dropped"))
    );
    assert!(line["forgotten_at"].is_string());

    // The others are found by what stands in their details, beside a running worker too.
    let _running = Running::start(&centre);
    let number = number.unwrap();
    let number = number.as_str();
    let by_number = centre.json(&["contacts", "forget", "--address", number, "--yes"]);
    assert_eq!(by_number["failed"], json!([]), "{by_number:#}");
    assert_eq!(
        by_number["asked"],
        json!([]),
        "the worker has done it: {by_number:#}"
    );
    let left = centre.exported(&[]);
    assert!(!serde_json::to_string(&left).unwrap().contains(number));
    let nothing = [
        "contacts",
        "forget",
        "--address",
        "+1 555 999 9999",
        "--yes",
    ];
    let nothing = centre.ends(&nothing, 1);
    assert_eq!(nothing["erased"], json!([]), "{nothing:#}");
}

#[test]
fn a_leg_that_is_forgotten_while_the_ledger_is_lost_stays_away_when_it_is_filled_again() {
    let centre = Centre::new(&[Kind::ConferenceMono, Kind::InboundCustomerFirst], |_| {});
    let leg = centre.simulator.expected()[0].leg.clone();
    let ledger = centre.path().join("connector.state").join("ledger.db");
    assert!(!ledger.exists());
    // By what somebody said nothing is found where nothing is known, and no ledger is made for that.
    let by_number = centre.ends(
        &["contacts", "forget", "--address", "+15550100", "--yes"],
        1,
    );
    assert!(by_number["error"].as_str().unwrap().contains("ledger"));
    assert!(!ledger.exists());
    let forgotten = centre.json(&["contacts", "forget", &leg, "--yes"]);
    assert_eq!(forgotten["erased"][0]["leg"], leg, "{forgotten:#}");
    centre.json(&["run", "--until-idle", "--log", "warn"]);
    let received: Vec<_> = centre.simulator.received();
    assert_eq!(received.len(), 1);
    assert!(received[0].leg != leg);
    let shown = centre.json(&["contacts", "show", &leg]);
    assert_eq!(shown["stage"], "excluded", "{shown:#}");
}

#[test]
fn a_contact_of_an_earlier_releases_ledger_is_forgotten_before_run_starts() {
    let centre = Centre::new(&[Kind::ConferenceMono], |_| {});
    let ledger = centre.path().join("connector.state").join("ledger.db");
    std::fs::create_dir_all(ledger.parent().unwrap()).unwrap();
    let written = sync_ledger::conformance::first_release(&ledger);
    tokio::runtime::Runtime::new().unwrap().block_on(written);
    let before = std::fs::read(&ledger).unwrap();
    let leg = "WR00000000000000000000000000000001";

    // Other commands leave it to the worker, and this one asks before it touches it.
    let told = |answer: &Value| {
        let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
        text("error") + &text("advice")
    };
    let listed = told(&centre.ends(&["contacts", "list"], 1));
    assert!(
        listed.contains("start `run` of this release once"),
        "{listed}"
    );
    let asked = told(&centre.ends(&["contacts", "forget", leg], 2));
    assert!(
        asked.contains("earlier release") && asked.contains("--yes"),
        "{asked}"
    );
    {
        let _older_worker = sync_ledger::WorkerLock::acquire(&ledger).unwrap();
        let beside = told(&centre.ends(&["contacts", "forget", leg, "--yes"], 6));
        assert!(beside.contains("already runs on this ledger"), "{beside}");
    }
    assert_eq!(std::fs::read(&ledger).unwrap(), before);

    let forgotten = centre.json(&["contacts", "forget", leg, "--yes"]);
    let erased = &forgotten["erased"][0];
    assert_eq!(erased["leg"], leg, "{forgotten:#}");
    assert_eq!(erased["elsewhere"]["ccr"], 41, "{forgotten:#}");
    let lines = centre.exported(&[]);
    let line = lines
        .iter()
        .find(|line| line["contact"]["leg"]["id"] == leg)
        .unwrap();
    assert!(line["forgotten_at"].is_string(), "{line:#}");
}

#[test]
fn webhooks_are_listed_shown_tried_and_sent_again_where_something_can_send_them() {
    let centre = Centre::new(&[Kind::ConferenceMono], |scenario| scenario.webhooks = true);
    centre.json(&["run", "--until-idle", "--log", "warn"]);
    let list = centre.json(&["webhooks", "list"]);
    let message = &list["messages"][0];
    assert_eq!(message["state"], "delivered", "{list:#}");
    let id = message["id"].as_str().unwrap();
    let shown = centre.json(&["webhooks", "show", id]);
    assert!(shown["body"].as_str().unwrap().contains("COMPLETE"));
    let tried = centre.json(&["webhooks", "test"]);
    assert_eq!(
        (&tried["taken"], &tried["status"]),
        (&json!(true), &json!(204)),
        "{tried:#}"
    );
    let account = centre.simulator.account();
    assert_eq!((account.webhooks_wrong, account.webhooks_lost), (0, 0));

    let attempts = |of: &str| {
        let webhooks = centre.simulator.webhooks();
        let found = webhooks.into_iter().find(|webhook| webhook.id == of);
        found.unwrap().attempts.len()
    };
    assert_eq!(attempts(id), 1);
    let replayed = centre.json(&["webhooks", "replay", id]);
    assert_eq!(replayed["due"], 1);
    assert!(
        replayed["done"]
            .as_str()
            .unwrap()
            .contains("once the worker runs"),
        "{replayed:#}"
    );
    centre.json(&["run", "--until-idle", "--log", "warn"]);
    assert_eq!(attempts(id), 2, "the same id once more");

    let unknown = centre.ends(&["webhooks", "enable", "--acd", "nope"], 2);
    assert!(
        unknown["error"]
            .as_str()
            .unwrap()
            .contains("there is no ACD named \"nope\""),
        "{unknown:#}"
    );
    assert!(
        unknown.as_object().unwrap().contains_key("advice"),
        "{unknown:#}"
    );
    centre.config(|text| {
        let keep = |line: &&str| !line.starts_with("event_webhook_url");
        let lines: Vec<_> = text.lines().filter(keep).collect();
        lines.join("\n")
    });
    let range = [
        "webhooks",
        "replay",
        "--from",
        "2026-01-01",
        "--to",
        "2036-01-01",
        "--delivered",
    ];
    for command in [&range[..], &["webhooks", "replay", id]] {
        let refused = centre.ends(command, 2);
        assert!(
            refused["error"]
                .as_str()
                .unwrap()
                .contains("event_webhook_url"),
            "{refused:#}"
        );
    }
    let after = centre.json(&["webhooks", "list"]);
    assert_eq!(
        after["messages"][0]["state"], "delivered",
        "nothing waits for a receiver that is not there"
    );
}

#[test]
fn showing_what_twilio_pushes_ends_well_also_where_nothing_is_set_up() {
    let centre = Centre::new(&[Kind::ConferenceMono], |_| {});
    centre.config(|text| {
        format!("{text}\n[intake]\npublic_url = \"https://connector.example.com/twilio\"\n")
    });
    let shown = centre.json(&["events", "setup", "--show"]);
    let acd = &shown["acds"][0];
    assert_eq!(acd["sink"], Value::Null, "{shown:#}");
    assert!(acd["advice"].is_string(), "{shown:#}");
}

#[test]
fn an_acd_is_removed_by_name_and_not_beside_a_worker_nor_with_what_is_unfinished() {
    let centre = Centre::new(&[Kind::ConferenceMono, Kind::InboundCustomerFirst], |_| {});
    centre.json(&["run", "--until-idle", "--log", "warn"]);
    {
        let _running = Running::start(&centre);
        let refused = centre.ends(&["acd", "remove", "simulated", "--yes"], 6);
        assert!(
            refused["error"]
                .as_str()
                .unwrap()
                .contains("another worker"),
            "{refused}"
        );
    }
    let list = centre.json(&["acd", "list"]);
    assert_eq!(
        (
            &list["acds"][0]["configured"],
            &list["acds"][0]["unfinished"]
        ),
        (&json!(true), &json!(0))
    );
    let refused = centre.ends(&["acd", "remove", "simulated"], 2);
    assert!(
        refused["advice"].as_str().unwrap().contains("--yes"),
        "{refused}"
    );
    // Renamed in the file, it is found under its new name; by its identity always.
    let key = list["acds"][0]["key"].clone();
    let identity =
        ["account", "workspace", "tenant"].map(|part| key[part].as_str().unwrap().to_owned());
    let removed = centre.json(&["acd", "remove", &identity.join("/"), "--yes"]);
    assert!(
        removed["removed"]["contacts"].as_u64().unwrap() >= 2,
        "{removed:#}"
    );
    assert_eq!(centre.json(&["contacts", "list"])["contacts"], json!([]));
    assert_eq!(centre.json(&["acd", "list"])["acds"][0]["in_ledger"], false);
}
