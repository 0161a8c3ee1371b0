//! What the tests of this crate share.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::expect_used,
    reason = "each test file takes what it needs"
)]

use std::path::Path;

use connector_config::{Config, ConfigError, Fault};

pub const FILE: &str = "/etc/connector/connector.toml";

/// The least that a file must say.
pub const MINIMAL: &str = r#"
[[acd]]
name = "main"
time_zone = "America/Chicago"

[acd.twilio]
account_sid = "AC00000000000000000000000000000001"
workspace_sid = "WS00000000000000000000000000000001"
auth_token = { env = "TWILIO_AUTH_TOKEN" }

[acd.calabrio]
base_url = "https://tenant.example.com"
username = "connector@example.com"
password = { env = "CALABRIO_PASSWORD" }
"#;

pub fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new(FILE))
}

pub fn faults(text: &str) -> Vec<Fault> {
    parse(text)
        .expect_err("the file has a fault")
        .faults()
        .to_vec()
}

/// The only fault of the minimal file with `extra` at its end, as `field: what; remedy`.
pub fn fault_of(extra: &str) -> String {
    only(&format!("{MINIMAL}{extra}"))
}

/// The only fault of the minimal file in which `from` is replaced by `to`.
pub fn fault_with(from: &str, to: &str) -> String {
    assert!(MINIMAL.contains(from), "{from}");
    only(&MINIMAL.replace(from, to))
}

fn only(text: &str) -> String {
    let faults = faults(text);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    let Fault {
        field,
        what,
        remedy,
        ..
    } = &faults[0];
    format!("{field}: {what}; {remedy}")
}

/// The commented file with what must be filled in filled in.
pub fn filled_in() -> String {
    connector_config::COMMENTED_FILE
        .replace(
            "ACxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "AC00000000000000000000000000000001",
        )
        .replace(
            "WSxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "WS00000000000000000000000000000001",
        )
        .replace(
            "CRxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "CR00000000000000000000000000000001",
        )
        .replace(
            "SKxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "SK00000000000000000000000000000001",
        )
        .replace(
            "WKxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "WK00000000000000000000000000000001",
        )
}

/// The same with every default written out.
pub fn with_defaults_written() -> String {
    let line = |line: &str| {
        line.strip_prefix('#')
            .filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
            .unwrap_or(line)
            .to_owned()
    };
    filled_in().lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The same with every example written out as well.
pub fn with_everything_written() -> String {
    let line = |line: &str| {
        line.strip_prefix("#   ")
            .filter(|rest| !rest.starts_with(['-', ' ']) && !rest.starts_with("to a"))
            .unwrap_or(line)
            .to_owned()
    };
    let text = with_defaults_written()
        .lines()
        .map(line)
        .collect::<Vec<_>>()
        .join("\n");
    // History and adherence are examples that want the product.
    text.replace("history = false", "history = true")
        .replace("adherence = false", "adherence = true")
        .replace(
            "workforce_management = false",
            "workforce_management = true",
        )
}
