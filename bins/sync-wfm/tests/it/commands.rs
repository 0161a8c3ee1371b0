//! Commands that need no vendor.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::path::Path;

use serde_json::Value;

use crate::support::{FILE, sync_wfm, with_file};

fn check(directory: &Path) -> (Option<i32>, Value) {
    let output = sync_wfm(directory)
        .args(["check", "--offline", "--json"])
        .output()
        .unwrap();
    let told = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), told)
}

#[test]
fn init_writes_a_commented_file_and_replaces_none_unasked() {
    let directory = tempfile::tempdir().unwrap();
    sync_wfm(directory.path()).arg("init").assert().success();
    let written = std::fs::read_to_string(directory.path().join("connector.toml")).unwrap();
    assert!(written.contains("[acd.insights]"));
    let again = sync_wfm(directory.path()).arg("init").assert().code(1);
    let told = String::from_utf8_lossy(&again.get_output().stderr).into_owned();
    assert!(told.contains("--force"), "{told}");
}

#[test]
fn a_file_for_workforce_management_alone_is_sound_without_recording_keys() {
    let directory = with_file(FILE);
    let (code, told) = check(directory.path());
    assert_eq!(code, Some(0), "{told:#}");
    let rows = told["rows"].as_array().unwrap();
    let ledger = rows.iter().find(|row| row["question"] == "ledger").unwrap();
    assert!(
        ledger["detail"].as_str().unwrap().contains("run makes it"),
        "{ledger}"
    );
}

#[test]
fn a_wrong_activity_state_zone_or_reason_code_is_refused_with_its_field() {
    for (line, field) in [
        (
            "[[acd.wfm.activity]]\nactivity = \"Break\"\nstate = \"hold\"",
            "state",
        ),
        (
            "[[acd.wfm.activity]]\nactivity = \"Break\"\nstate = \"talking\"",
            "state",
        ),
        (
            "[[acd.wfm.activity]]\nactivity = \"Break\"\nstate = \"ready\"\nstate_reason_code = true",
            "state_reason_code",
        ),
    ] {
        let directory = with_file(&format!("{FILE}{line}\n"));
        let (code, told) = check(directory.path());
        assert_eq!(code, Some(4), "{told:#}");
        assert!(told.to_string().contains(field), "{told:#}");
    }
    let directory = with_file(&FILE.replace("Europe/Berlin", "Europe/Berlinn"));
    let (code, told) = check(directory.path());
    assert_eq!(code, Some(4), "{told:#}");
    assert!(told.to_string().contains("time_zone"), "{told:#}");
}

#[test]
fn status_without_a_ledger_says_who_makes_it() {
    let directory = with_file(FILE);
    let output = sync_wfm(directory.path()).arg("status").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("sync-wfm run"), "{told}");
}

#[test]
fn completions_and_the_manual_page_name_every_command() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [&["completions", "bash"][..], &["man"]] {
        let output = sync_wfm(directory.path()).args(arguments).output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).replace("\\-", "-");
        for command in ["history", "reports", "activities", "adherence"] {
            assert!(told.contains(command), "{command}");
        }
    }
}
