//! `docs/calabrio-contract.md` against the code, and what settings are refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

use std::fmt::Write as _;

use serde_json::json;
use wfm_delivery::{DeliveryContract, DeliveryError, assumptions};

const BEGIN: &str = "<!-- workforce assumptions: begin -->\n";
const END: &str = "<!-- workforce assumptions: end -->";
const PAGE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/calabrio-contract.md"
);

#[test]
fn the_page_lists_every_assumption_with_number_setting_default_and_grade() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("where the table begins");
    let (listed, after) = rest.split_once(END).expect("where the table ends");
    let mut expected = String::from(
        "| no. | setting | default | grade | what is assumed |\n|---|---|---|---|---|\n",
    );
    for known in assumptions() {
        let (number, setting, default) = (known.number, known.setting, known.default_value());
        let (grade, text) = (known.grade, known.text);
        writeln!(
            expected,
            "| {number} | `{setting}` | `{default}` | {grade} | {text} |"
        )
        .unwrap();
    }
    if listed != expected && std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(
        listed, expected,
        "docs/calabrio-contract.md differs from the code; UPDATE_DOCS=1 rewrites its table"
    );
}

#[test]
fn what_is_not_written_keeps_the_default_of_its_own_kind() {
    let contract: DeliveryContract = serde_json::from_value(json!({
        "queue_file": {"name": "Q.{now}.{number}"}, "files": {"delimiter": ";"}
    }))
    .unwrap();
    let default = DeliveryContract::default();
    assert_eq!(contract.queue_file.columns, default.queue_file.columns);
    assert_eq!(contract.agent_file, default.agent_file);
    assert_eq!(contract.files.delimiter, ';');
    contract.validate().unwrap();
    let unknown = serde_json::from_value::<DeliveryContract>(json!({"files": {"delimeter": ";"}}));
    assert!(unknown.unwrap_err().to_string().contains("delimeter"));
}

#[test]
fn every_fault_of_the_settings_is_told_at_once_with_its_setting() {
    let contract: DeliveryContract = serde_json::from_value(json!({
        "values": {"time_zone": "Europe/Berln", "time_format": "%Q"},
        "files": {"delimiter": "\"", "rows": 0},
        "agent_file": {"columns": ["a = talk_tme", "b", "c = offered", "d = queue x", "e = agent", "e = agent"]},
        "queue_file": {"columns": ["a = agent"], "header": ["one\ntwo"]},
        "state_file": {"name": "{nwo}", "columns": []},
        "http": {"rows": 2_000_000, "row_statuses": [401, 500]},
        "agent_http": {"path": "/x"}, "queue_http": {"path": "x?y"},
        "state_http": {"path": "", "fields": ["a = sate"]}
    }))
    .unwrap();
    let DeliveryError::Contract(faults) = contract.validate().unwrap_err() else {
        panic!("another error")
    };
    let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
    for (setting, problem) in [
        ("values.time_zone", "Berlin"),
        ("values.time_format", "%Q"),
        ("files.delimiter", "one ASCII character"),
        ("files.rows", "between 1"),
        ("agent_file.columns", "did you mean talk_time?"),
        ("agent_file.columns", "\"b\" is no column"),
        ("agent_file.columns", "nothing is called \"offered\""),
        ("agent_file.columns", "behind queue stands \"x\""),
        ("agent_file.columns", "\"e\" comes twice"),
        ("queue_file.columns", "nothing is called \"agent\""),
        ("queue_file.header", "line end"),
        ("state_file.name", "{nwo}"),
        ("state_file.columns", "there is none"),
        ("http.rows", "between 1"),
        ("http.row_statuses", "401"),
        ("http.row_statuses", "500"),
        ("agent_http.path", "below the base URL"),
        ("queue_http.path", "below the base URL"),
        ("state_http.path", "below the base URL"),
        ("state_http.fields", "did you mean state?"),
    ] {
        assert!(
            told.iter()
                .any(|told| told.starts_with(setting) && told.contains(problem)),
            "{setting}: {problem} is not among {told:#?}"
        );
    }
    assert_eq!(told.len(), 20, "{told:#?}");
}

#[test]
fn kinds_of_files_that_share_a_name_are_refused() {
    let contract: DeliveryContract = serde_json::from_value(json!({
        "agent_file": {"name": "x.{number}"}, "queue_file": {"name": "x.{number}"}
    }))
    .unwrap();
    let error = contract.validate().unwrap_err().to_string();
    assert!(
        error.contains("two kinds of files have one name"),
        "{error}"
    );
}
