//! `init`, `completions` and `man`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::support;

use support::{names, sync_qm};

#[test]
fn init_writes_a_file_once_and_replaces_it_only_by_force() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("connector.toml");
    sync_qm(directory.path()).arg("init").assert().success().stdout(
        "wrote connector.toml\nfill in what is not marked with #, then run: sync-qm check --offline\n",
    );
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written.contains("[[acd]]"));

    std::fs::write(&path, "mine").unwrap();
    sync_qm(directory.path()).arg("init").assert().code(1).stderr(
        "error: connector.toml is there already; name another file with --config, or replace it with --force\n",
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    sync_qm(directory.path())
        .args(["init", "--force", "--json"])
        .assert()
        .success();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), written);
    assert_eq!(names(directory.path()), ["connector.toml"]);
}

#[test]
fn what_init_writes_wants_only_the_sids_filled_in() {
    let directory = tempfile::tempdir().unwrap();
    sync_qm(directory.path()).arg("init").assert().success();
    let told = sync_qm(directory.path())
        .args(["check", "--offline", "--json"])
        .assert()
        .code(4)
        .get_output()
        .stdout
        .clone();
    let report: serde_json::Value = serde_json::from_slice(&told).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let wanting: Vec<_> = rows
        .iter()
        .filter(|row| row["status"] == "fail")
        .map(|row| row["detail"].as_str().unwrap())
        .collect();
    assert_eq!(wanting.len(), 2, "{wanting:?}");
    assert!(
        wanting[0].contains("account_sid") && wanting[1].contains("workspace_sid"),
        "{wanting:?}"
    );
}

#[test]
fn the_configuration_can_be_named_by_the_environment() {
    let directory = tempfile::tempdir().unwrap();
    sync_qm(directory.path())
        .arg("init")
        .env("SYNC_QM_CONFIG", "other.toml")
        .assert()
        .success();
    assert_eq!(names(directory.path()), ["other.toml"]);
}

#[test]
fn completions_and_manual_pages_are_made_of_the_command_line() {
    let directory = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = sync_qm(directory.path())
            .args(["completions", shell])
            .assert()
            .success()
            .get_output()
            .stdout
            .clone();
        assert!(
            String::from_utf8(script).unwrap().contains("until-idle"),
            "{shell}"
        );
    }
    let page = sync_qm(directory.path())
        .arg("man")
        .assert()
        .success()
        .get_output()
        .stdout
        .clone();
    assert!(String::from_utf8(page).unwrap().contains("Exit codes"));
    sync_qm(directory.path())
        .args(["man", "--out", "pages"])
        .assert()
        .success();
    let pages = names(&directory.path().join("pages"));
    for page in ["sync-qm.1", "sync-qm-run.1", "sync-qm-contacts-retry.1"] {
        assert!(pages.iter().any(|found| found == page), "{pages:?}");
    }
}
