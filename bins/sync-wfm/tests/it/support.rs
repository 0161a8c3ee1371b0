//! What the tests of the program have in common.

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

/// The program, in this directory, with its secrets and nothing else of the surroundings in its environment.
pub(crate) fn sync_wfm(directory: &Path) -> Command {
    let mut command = Command::cargo_bin("sync-wfm").unwrap();
    command
        .current_dir(directory)
        .env_remove("SYNC_WFM_CONFIG")
        .env_remove("RUST_LOG")
        .env("TWILIO_AUTH_TOKEN", "0123456789abcdef0123456789abcdef")
        .env("CALABRIO_PASSWORD", "secret")
        .env("INSIGHTS_PASSWORD", "secret")
        .timeout(std::time::Duration::from_mins(2));
    command
}

/// What a command ended with, and what it told on the standard error stream.
pub(crate) fn ended(directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = sync_wfm(directory).args(arguments).output().unwrap();
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// What a command tells that ends well.
pub(crate) fn json(directory: &Path, arguments: &[&str]) -> Value {
    let assert = sync_wfm(directory).args(arguments).arg("--json").assert();
    serde_json::from_slice(&assert.success().get_output().stdout).unwrap()
}

/// A configuration with one ACD that has adherence alone.
pub(crate) const FILE: &str = r#"
[ledger]
path = "state/ledger.db"
wfm_path = "state/wfm-ledger.db"
[[acd]]
name = "main"
time_zone = "Europe/Berlin"
[acd.products]
workforce_management = true
[acd.twilio]
account_sid = "AC00000000000000000000000000000001"
workspace_sid = "WS00000000000000000000000000000001"
auth_token = { env = "TWILIO_AUTH_TOKEN" }
[acd.calabrio]
base_url = "https://tenant.example.com"
username = "connector"
password = { env = "CALABRIO_PASSWORD" }
tenant_id = 1
acd_server_id = 5
[acd.wfm]
adherence = true
transport = "files"
[acd.wfm.files]
folder = "gis"
"#;

/// The same with history.
pub(crate) fn with_history() -> String {
    let insights = "\
[acd.insights]
username = \"insights@example.com\"
password = { env = \"INSIGHTS_PASSWORD\" }
project_id = \"exampleproject\"
agent_productivity_report_id = \"1001\"
queue_historical_report_id = \"1002\"
";
    FILE.replace(
        "[acd.wfm]\n",
        &format!("{insights}[acd.wfm]\nhistory = true\n"),
    )
}

/// A directory with this configuration.
pub(crate) fn with_file(text: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("connector.toml"), text).unwrap();
    std::fs::create_dir(directory.path().join("gis")).unwrap();
    directory
}
