//! A configuration of one ACD whose vendors are wherever a test says, and its secrets as files beside it.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "a test may panic, and need not use all of this"
)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use connector_config::{Config, Secrets, SystemSecrets};

pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub const WORKSPACE: &str = "WS00000000000000000000000000000001";

/// What differs between them.
pub struct Facts<'a> {
    /// The name of the ACD.
    pub acd: &'a str,
    /// Address and port of the vendors.
    pub vendors: &'a str,
    /// Lines before the ACD.
    pub before: &'a str,
    /// Lines after it.
    pub after: &'a str,
}

impl Default for Facts<'_> {
    /// Nobody answers there.
    fn default() -> Self {
        Self {
            acd: "north",
            vendors: "127.0.0.1:9",
            before: "",
            after: "",
        }
    }
}

/// Writes a secret that its owner alone can read.
pub fn secret(directory: &Path, name: &str, content: &str) {
    let path = directory.join(name);
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// The configuration with its secrets in `directory`.
pub fn configuration(directory: &Path, facts: &Facts<'_>) -> Config {
    secret(directory, "token", TOKEN);
    secret(directory, "password", "a password");
    let Facts {
        acd,
        vendors,
        before,
        after,
    } = facts;
    let text = format!(
        r#"
{before}
[tls]
allow_http_loopback = ["{vendors}"]
[[acd]]
name = "{acd}"
time_zone = "Europe/Berlin"
[acd.twilio]
account_sid = "{ACCOUNT}"
workspace_sid = "{WORKSPACE}"
auth_token = {{ file = "token" }}
[acd.twilio.endpoints]
taskrouter = "http://{vendors}/taskrouter"
[acd.calabrio]
base_url = "http://{vendors}/calabrio"
username = "service@example.com"
password = {{ file = "password" }}
{after}
"#
    );
    Config::parse(&text, &directory.join("connector.toml"))
        .unwrap_or_else(|error| panic!("{error}"))
}

/// The same, and its secrets.
pub fn load(directory: &Path, facts: &Facts<'_>) -> (Config, Secrets) {
    let config = configuration(directory, facts);
    let secrets = config
        .resolve_secrets(&SystemSecrets)
        .unwrap_or_else(|error| panic!("{error}"));
    (config, secrets)
}
