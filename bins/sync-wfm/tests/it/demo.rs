//! The demo: a simulated day arrives as it was, and the report says so.
#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use assert_cmd::Command;
use serde_json::Value;

fn demo(arguments: &[&str]) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let report = directory.path().join("report.json");
    let output = Command::cargo_bin("sync-wfm")
        .unwrap()
        .current_dir(directory.path())
        .arg("demo")
        .args(arguments)
        .arg("--report")
        .arg(&report)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{told}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        told.contains("every interval and every state is as it was"),
        "{told}"
    );
    serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap()
}

fn assert_right(report: &Value) {
    let number = |name: &str| report[name].as_u64().unwrap();
    for zero in [
        "intervals_wrong",
        "states_wrong",
        "held",
        "lost",
        "violations",
    ] {
        assert_eq!(number(zero), 0, "{zero}");
    }
    assert!(number("intervals_expected") > 100);
    assert!(number("states_expected") > 50);
    assert!(number("states_told") > 50);
}

#[test]
fn a_day_with_a_repeated_hour_arrives_as_it_was() {
    let report = demo(&["--agents", "12", "--hours", "6", "--pace", "900"]);
    assert_right(&report);
    assert_eq!(report["intervals_delivered"], report["intervals_expected"]);
    assert_eq!(report["intervals_ambiguous"], 0);
    // 00:00 to 06:00 of the clock are seven hours: two of them begin at 02:00.
    let hours = report["queue_hours"].as_array().unwrap();
    let at_two = hours
        .iter()
        .filter(|hour| hour["local"] == "2026-10-25 02:00");
    assert_eq!(at_two.count(), 2);
    // Everybody is told: the agents, and the queues.
    assert!(report["roster_told"].as_u64().unwrap() >= 12);
}

#[test]
#[ignore = "slow: scripts/test"]
fn it_arrives_by_files_and_where_nothing_is_pushed() {
    let report = demo(&[
        "--agents",
        "8",
        "--hours",
        "3",
        "--pace",
        "240",
        "--transport",
        "files",
        "--events",
        "polled",
        "--seed",
        "3",
    ]);
    assert_right(&report);
}

#[test]
#[ignore = "slow: scripts/test"]
fn it_arrives_by_the_feed_for_workforce_management() {
    let report = demo(&[
        "--agents",
        "8",
        "--hours",
        "3",
        "--pace",
        "600",
        "--events",
        "worker-change",
        "--seed",
        "4",
    ]);
    assert_right(&report);
}

#[test]
#[ignore = "slow: scripts/test"]
fn a_merged_repeated_hour_is_conserved_and_said_to_be_ambiguous() {
    let report = demo(&[
        "--agents", "12", "--hours", "6", "--pace", "1200", "--merged", "--seed", "2",
    ]);
    assert_right(&report);
    assert!(report["intervals_ambiguous"].as_u64().unwrap() > 0);
}

#[test]
#[ignore = "slow: scripts/test"]
fn a_day_under_hostile_faults_arrives_as_it_was() {
    let report = demo(&[
        "--agents", "12", "--hours", "4", "--pace", "300", "--faults", "hostile", "--seed", "7",
    ]);
    assert_right(&report);
}

#[test]
fn a_demo_that_is_stopped_judges_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let report = directory.path().join("report.json");
    let mut demo = std::process::Command::new(env!("CARGO_BIN_EXE_sync-wfm"))
        .args(["demo", "--agents", "4", "--pace", "60", "--report"])
        .arg(&report)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // It has its signals before it makes the file.
    while !report.exists() {
        assert!(demo.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    std::thread::sleep(std::time::Duration::from_secs(1));
    let pid = demo.id().to_string();
    let mut kill = std::process::Command::new("kill");
    assert!(kill.args(["-s", "TERM", &pid]).status().unwrap().success());
    let output = demo.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(7), "{told}");
    assert!(told.contains("stopped before the day was over"), "{told}");
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(report["interrupted"], true);
}
