//! Writes what an operator would: a configuration file that leads every vendor host to this simulator, with the keys and secrets
//! beside it, and times short enough to watch.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::calabrio::{self, Calabrio, people};
use crate::faults::FaultLevel;
use crate::options::Timings;
use crate::scenario::{NoMedia, UnknownAgent};
use crate::twilio::TwilioHost;
use crate::webhooks;
use crate::world::World;

/// What a configuration needs to know.
pub(crate) struct Facts<'a> {
    pub(crate) world: &'a World,
    pub(crate) calabrio: &'a Calabrio,
    pub(crate) webhook_secrets: Option<(&'a str, &'a str)>,
    pub(crate) timings: &'a Timings,
    pub(crate) faults: FaultLevel,
    pub(crate) address: SocketAddr,
    /// Scheme and authority of the listener.
    pub(crate) root: &'a str,
    pub(crate) ca_pem: Option<&'a str>,
}

/// The files that were written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WrittenConfig {
    /// The configuration file.
    pub config: PathBuf,
    /// The directory of the secrets, beside it.
    pub secrets: PathBuf,
    /// The private keys of recordings.
    pub key_files: Vec<KeyFile>,
    /// The certificate of the authority to be trusted, where TLS is spoken.
    pub ca_file: Option<PathBuf>,
}

/// A private key on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeyFile {
    /// Its name.
    pub name: String,
    /// The public key's SID at Twilio.
    pub public_key_sid: String,
    /// The file: PKCS#8 in PEM, readable by its owner alone.
    pub file: PathBuf,
}

/// Writes the file and, in a directory of its name beside it, the secrets. Files of an earlier run are replaced.
pub(crate) fn write(
    facts: &Facts<'_>,
    config: &Path,
) -> Result<WrittenConfig, (PathBuf, io::Error)> {
    let config = std::path::absolute(config).map_err(|error| (config.to_owned(), error))?;
    let stem = config.file_stem().map_or_else(
        || "connector".into(),
        |stem| stem.to_string_lossy().into_owned(),
    );
    let secrets = config.with_file_name(format!("{stem}.secrets"));
    fs::create_dir_all(&secrets).map_err(|error| (secrets.clone(), error))?;
    owner_only(&secrets).map_err(|error| (secrets.clone(), error))?;

    let secret = |name: &str, content: &str| {
        let path = secrets.join(name);
        write_secret(&path, content).map_err(|error| (path.clone(), error))?;
        Ok(path)
    };
    secret("twilio-auth-token", facts.world.auth_token())?;
    secret("twilio-api-key-secret", facts.world.api_key().1)?;
    secret("calabrio-password", facts.calabrio.password())?;
    if let Some((symmetric, private)) = facts.webhook_secrets {
        secret("webhook-secret", symmetric)?;
        secret("webhook-ed25519", private)?;
    }
    secret(
        "sealing-key",
        &sealing_key().map_err(|error| (secrets.clone(), error))?,
    )?;
    let mut key_files = Vec::new();
    for key in facts.world.private_keys() {
        let file = secret(&format!("{}.pem", key.name), &key.pem)?;
        key_files.push(KeyFile {
            name: key.name.clone(),
            public_key_sid: key.public_key_sid.clone(),
            file,
        });
    }
    let ca_file = match facts.ca_pem {
        Some(pem) => Some(secret("ca.pem", pem)?),
        None => None,
    };
    let relative = PathBuf::from(format!("{stem}.secrets"));
    let text = text(facts, &relative, &stem);
    write_secret(&config, &text).map_err(|error| (config.clone(), error))?;
    Ok(WrittenConfig {
        config,
        secrets,
        key_files,
        ca_file,
    })
}

fn sealing_key() -> io::Result<String> {
    use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
    let mut key = [0_u8; 32];
    SystemRandom::new()
        .fill(&mut key)
        .map_err(|_| io::Error::other("the system has no randomness"))?;
    Ok(calabrio::audio::hex(&key))
}

/// The configuration file's text.
fn text(facts: &Facts<'_>, secrets: &Path, stem: &str) -> String {
    let mut toml = Toml {
        text: "# Written by flex-simulator: leads every vendor host to it. Good for as long as that simulator runs.\n".to_owned(),
        secrets,
    };
    toml.section("[ledger]");
    toml.set("path", &format!("{stem}.state/ledger.db"));
    toml.secret("sealing_key", "sealing-key");
    toml.section("[spool]");
    toml.set("dir", &format!("{stem}.state/spool"));
    toml.section("[runtime]");
    toml.set("listen", "off");
    toml.section("[tls]");
    if facts.ca_pem.is_some() {
        toml.set("extra_ca_file", &secrets.join("ca.pem").to_string_lossy());
    } else {
        let address = quoted(&facts.address.to_string());
        toml.line(&format!("allow_http_loopback = [{address}]"));
    }
    toml.section("[timing]");
    for (name, time) in timings(facts) {
        toml.set(name, &format!("{}ms", time.as_millis()));
    }
    acd(&mut toml, facts);
    toml.text
}

/// The entry of the one ACD.
fn acd(toml: &mut Toml<'_>, facts: &Facts<'_>) {
    let world = facts.world;
    let link = |host: &str| format!("{}/{host}", facts.root);
    toml.section("[[acd]]");
    toml.set("name", "simulated");
    toml.set("time_zone", "America/Chicago");
    let begins = world.begins();
    toml.set(
        "discover_from",
        &begins.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
    );
    let webhooks = facts.webhook_secrets.filter(|_| world.scenario().webhooks);
    if webhooks.is_some() {
        let url = format!("{}{}", link(webhooks::HOST), webhooks::PATH);
        toml.set("event_webhook_url", &url);
    }
    if let Some(unknown) = match world.scenario().unknown_agent {
        UnknownAgent::Park => None,
        UnknownAgent::Unassigned => Some("unassigned"),
        // Made first; until then there is nothing to be said of the agent.
        UnknownAgent::Create => Some("park"),
    } {
        toml.set("unknown_agent", unknown);
    }
    if webhooks.is_some() {
        toml.section("[acd.webhook]");
        let files = ["webhook-secret", "webhook-ed25519"].map(|file| toml.reference(file));
        toml.line(&format!("secrets = [{}]", files.join(", ")));
        let network = match facts.address.ip() {
            IpAddr::V4(address) => format!("{address}/32"),
            IpAddr::V6(address) => format!("{address}/128"),
        };
        toml.line(&format!("allow_networks = [{}]", quoted(&network)));
    }
    toml.section("[acd.products]");
    toml.line("quality_management = [\"voice\", \"digital\"]");
    if world.scenario().unknown_agent == UnknownAgent::Create {
        toml.section("[acd.people]");
        toml.line("create = true");
        toml.line(&format!("team_id = {}", people::TEAM));
        toml.line(&format!("role_ids = [{}]", people::ROLE));
    }
    toml.section("[acd.twilio]");
    toml.set("account_sid", world.account_sid());
    toml.set("workspace_sid", world.workspace_sid());
    toml.secret("auth_token", "twilio-auth-token");
    toml.section("[acd.twilio.api_key]");
    toml.set("sid", world.api_key().0);
    toml.secret("secret", "twilio-api-key-secret");
    toml.section("[acd.twilio.endpoints]");
    for (name, host) in [
        ("api", TwilioHost::Api),
        ("taskrouter", TwilioHost::TaskRouter),
        ("flex_api", TwilioHost::FlexApi),
        ("insights", TwilioHost::Insights),
        ("accounts", TwilioHost::Accounts),
        ("conversations", TwilioHost::Conversations),
        ("chat", TwilioHost::Chat),
        ("media", TwilioHost::Mcs),
    ] {
        toml.set(name, &link(host.name()));
    }
    toml.section("[acd.calabrio]");
    toml.set("base_url", &link(calabrio::HOST));
    toml.set("username", facts.calabrio.user());
    toml.secret("password", "calabrio-password");
    toml.line(&format!("tenant_id = {}", calabrio::TENANT));
    toml.line(&format!("acd_server_id = {}", calabrio::ACD_SERVER));
    toml.set("leg_key_field", &world.leg_key_field());
    toml.section("[acd.media]");
    toml.set(
        "no_media",
        match world.scenario().no_media {
            NoMedia::MetadataOnly => "metadata-only",
            NoMedia::Park => "park",
            NoMedia::Exclude => "exclude",
        },
    );
    for (attribute, label) in world.mappings() {
        toml.section("[[acd.metadata]]");
        toml.set("attribute", attribute);
        toml.set("label", label);
    }
    for key in world.private_keys() {
        toml.section("[[acd.encryption_key]]");
        toml.set("name", &key.name);
        toml.set("public_key_sid", &key.public_key_sid);
        toml.secret("private_key", &format!("{}.pem", key.name));
    }
    for rule in world.exclusions() {
        toml.section("[[acd.exclude]]");
        toml.set("name", &rule.name);
        toml.set("queue", &rule.queue_name);
    }
}

/// A text that grows line by line.
struct Toml<'a> {
    text: String,
    secrets: &'a Path,
}

impl Toml<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn section(&mut self, header: &str) {
        self.text.push('\n');
        self.line(header);
    }

    fn set(&mut self, name: &str, value: &str) {
        let value = quoted(value);
        self.line(&format!("{name} = {value}"));
    }

    /// A file among the secrets, referred to.
    fn reference(&self, file: &str) -> String {
        let file = quoted(&self.secrets.join(file).to_string_lossy());
        format!("{{ file = {file} }}")
    }

    fn secret(&mut self, name: &str, file: &str) {
        let file = self.reference(file);
        self.line(&format!("{name} = {file}"));
    }
}

/// The times of a run that is watched: short, and long enough for what the simulator's own delays demand.
fn timings(facts: &Facts<'_>) -> Vec<(&'static str, Duration)> {
    let scenario = facts.world.scenario();
    let ms = Duration::from_millis;
    let ended = Duration::from_secs(scenario.ended_seconds_ago.max);
    let late = ms(scenario.late_recording_ms.max + scenario.media_lag_ms.max);
    let live = ms(scenario.live_ms.max);
    let settle = (facts.timings.settles_after(facts.faults) + Duration::from_secs(1)) * 2;
    vec![
        ("discover_window", Duration::from_mins(5)),
        (
            "discover_trail",
            ms(scenario.event_lag_ms.max) + Duration::from_secs(1),
        ),
        ("discover_interval", ms(500)),
        ("capture_delay", ms(1_500)),
        ("capture_wait", Duration::from_mins(1)),
        ("recording_interval", ms(500)),
        // Counted from the end of a call, which may lie minutes before the simulator's start.
        (
            "recording_wait",
            ended + live + late + Duration::from_mins(1),
        ),
        ("search_interval", ms(500)),
        ("search_settle", settle),
        ("processing_interval", ms(300)),
        ("processing_wait", Duration::from_mins(2)),
    ]
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if c.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Replaces a file by one that only its owner can read.
fn write_secret(path: &Path, content: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}

#[cfg(unix)]
fn owner_only(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn owner_only(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_quoted_as_toml_wants_it() {
        assert_eq!(quoted("a\"b\\c\nd"), "\"a\\\"b\\\\c\\u000Ad\"");
    }
}
