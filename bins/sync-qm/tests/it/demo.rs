//! The demo: everything arrives, once and right, and the report says so.
#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::support;

use serde_json::Value;
use support::sync_qm;

fn demo(arguments: &[&str]) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let report = directory.path().join("report.json");
    let output = sync_qm(directory.path())
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
    assert!(told.contains("every leg is explained"), "{told}");
    serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap()
}

fn assert_right(report: &Value, expected: u64) {
    let number = |name: &str| report[name].as_u64().unwrap();
    assert_eq!(number("expected"), expected);
    assert_eq!(number("discovered"), expected);
    assert_eq!(
        number("complete") + number("parked") + number("excluded"),
        expected
    );
    for zero in [
        "lost",
        "duplicates",
        "audio_mismatches",
        "transcript_mismatches",
        "hold_mismatches",
        "plaintext_found_on_disk",
        "violations",
        "forged_accepted",
        "webhooks_lost",
        "webhooks_double_issued",
        "webhooks_wrong",
        "sources_deleted_too_early",
        "unexplained",
    ] {
        assert_eq!(number(zero), 0, "{zero}");
    }
    let outcomes = report["outcomes"].as_array().unwrap();
    assert_eq!(outcomes.len() as u64, expected);
    assert!(
        outcomes
            .iter()
            .all(|leg| leg["right"] == true && leg["outcome"] == leg["expected"])
    );
}

#[test]
fn a_few_contacts_arrive_once_and_right() {
    assert_right(&demo(&["--contacts", "5", "--seed", "3"]), 5);
}

#[test]
#[ignore = "slow: scripts/test"]
fn contacts_of_every_kind_arrive_once_and_right() {
    assert_right(&demo(&["--seed", "4"]), 49);
}

#[test]
#[ignore = "slow: scripts/test"]
fn contacts_of_every_kind_arrive_once_and_right_under_hostile_faults() {
    assert_right(&demo(&["--seed", "5", "--faults", "hostile"]), 49);
}

#[test]
fn a_demo_that_runs_out_of_time_says_so_and_fails() {
    let directory = tempfile::tempdir().unwrap();
    let output = sync_qm(directory.path())
        .args([
            "demo",
            "--contacts",
            "2",
            "--time-limit",
            "0",
            "--seed",
            "6",
        ])
        .output()
        .unwrap();
    assert!(
        [Some(1), Some(3)].contains(&output.status.code()),
        "{output:?}"
    );
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("the time was over"), "{told}");
}
