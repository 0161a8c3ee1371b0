//! `reconcile`, without a worker and beside one, against a simulated Flex and Calabrio ONE.
#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::support;

use std::path::Path;
use std::process::{Child, Stdio};

use chrono::{SecondsFormat, Utc};
use flex_simulator::scenario::{Kind, Scenario};
use flex_simulator::{Simulator, SimulatorOptions};
use serde_json::{Value, json};
use support::sync_qm;

/// A simulated contact centre with a configuration that leads to it.
struct Centre {
    simulator: Simulator,
    directory: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Centre {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let mut scenario = Scenario::default();
        let kinds = [Kind::ConferenceMono, Kind::Excluded, Kind::MissingKey];
        scenario.contacts = 3;
        scenario.kinds = kinds.into_iter().map(|kind| (kind, 1)).collect();
        scenario.live_contacts = 0;
        let options = SimulatorOptions {
            scenario,
            ..SimulatorOptions::default()
        };
        let simulator = runtime.block_on(Simulator::start(options)).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("connector.toml");
        simulator.write_config(&config).unwrap();
        Self {
            simulator,
            directory,
            _runtime: runtime,
        }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Live discovery begins now: what has ended is for others to find.
    fn discover_from_now(&self) {
        let config = self.path().join("connector.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let is_it = |line: &&str| line.starts_with("discover_from");
        let line = text.lines().find(is_it).unwrap();
        std::fs::write(&config, text.replace(line, "discover_from = \"now\"")).unwrap();
    }

    fn run_until_idle(&self) {
        let run = ["run", "--until-idle", "--log", "off"];
        sync_qm(self.path()).args(run).assert().success();
    }

    /// Reconciles everything that has happened; gives the exit code, and the report or the failure.
    fn reconcile(&self, more: &[&str]) -> (Option<i32>, Value) {
        let time = |at: chrono::DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let (from, to) = (time(self.simulator.world().begins()), time(Utc::now()));
        let output = sync_qm(self.path())
            .args(["reconcile", "--json", "--from", &from, "--to", &to])
            .args(more)
            .output()
            .unwrap();
        let told = if output.stdout.is_empty() {
            output.stderr
        } else {
            output.stdout
        };
        let told = serde_json::from_slice(&told).unwrap_or_else(|_| {
            panic!("{}", String::from_utf8_lossy(&told));
        });
        (output.status.code(), told)
    }
}

/// A worker in a process of its own, which is ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn lines(report: &Value) -> Value {
    let legs = &report["accounts"][0]["legs"];
    json!([
        legs["total"],
        legs["complete"],
        legs["excluded"].as_object().unwrap().len(),
        legs["parked"]["missing-key"],
    ])
}

#[test]
fn a_ledger_that_was_lost_is_rebuilt_and_the_exit_code_says_what_is_unexplained() {
    let centre = Centre::new();
    centre.run_until_idle();
    let (code, report) = centre.reconcile(&[]);
    assert_eq!(
        (code, &report["unexplained"]),
        (Some(0), &json!(0)),
        "{report:#}"
    );
    assert_eq!(lines(&report), json!([3, 1, 1, 1]), "{report:#}");
    let received = centre.simulator.received_count();

    std::fs::remove_dir_all(centre.path().join("connector.state")).unwrap();
    centre.discover_from_now();
    let (code, failure) = centre.reconcile(&[]);
    assert_eq!(code, Some(1), "there is no ledger to compare: {failure:#}");
    centre.run_until_idle();
    let (code, report) = centre.reconcile(&[]);
    assert_eq!(
        (code, &report["unexplained"]),
        (Some(3), &json!(3)),
        "{report:#}"
    );
    let why = &report["accounts"][0]["unexplained_legs"]["first"][0]["why"];
    assert_eq!(why, "unknown-leg", "{report:#}");

    std::fs::remove_dir_all(centre.path().join("connector.state")).unwrap();
    let (code, report) = centre.reconcile(&["--fill"]);
    assert_eq!(
        (code, &report["unexplained"]),
        (Some(0), &json!(0)),
        "{report:#}"
    );
    assert_eq!(lines(&report), json!([3, 1, 1, 1]), "{report:#}");
    assert_eq!(centre.simulator.received_count(), received);
}

#[test]
fn beside_a_worker_the_worker_reconciles_and_the_command_tells_what_came_of_it() {
    let centre = Centre::new();
    centre.discover_from_now();
    centre.run_until_idle();
    let worker = std::process::Command::new(env!("CARGO_BIN_EXE_sync-qm"))
        .args(["run", "--log", "off"])
        .current_dir(centre.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let _worker = Running(worker);
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    loop {
        let output = sync_qm(centre.path()).args(["status", "--json"]).output();
        let status: Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
        if status["worker"]["running"] == true {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "the worker starts");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }

    let (code, report) = centre.reconcile(&["--acd", "simulated"]);
    assert_eq!(
        (code, &report["unexplained"]),
        (Some(3), &json!(3)),
        "{report:#}"
    );
    let (code, report) = centre.reconcile(&["--fill"]);
    assert_eq!(
        (code, &report["unexplained"]),
        (Some(0), &json!(0)),
        "{report:#}"
    );
    let filled = &report["accounts"][0]["filled"];
    assert_eq!(filled["legs_new"], 3, "{report:#}");
    let (code, failure) = centre.reconcile(&["--acd", "another"]);
    assert_eq!(
        (code, &failure["exit_code"]),
        (Some(2), &json!(2)),
        "{failure:#}"
    );
}
