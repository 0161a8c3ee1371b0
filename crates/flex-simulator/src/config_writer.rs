//! Writes what an operator would: a configuration file that leads every vendor host to this simulator, with the keys and secrets
//! beside it, and times short enough to watch.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::calabrio::Calabrio;
use crate::faults::FaultLevel;
use crate::options::Timings;
use crate::scenario::NoMedia;
use crate::server::host_names;
use crate::world::World;

/// What a configuration needs to know.
pub(crate) struct Facts<'a> {
    pub(crate) world: &'a World,
    pub(crate) calabrio: &'a Calabrio,
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
    Ok(crate::calabrio::audio::hex(&key))
}

/// The configuration file's text.
fn text(facts: &Facts<'_>, secrets: &Path, stem: &str) -> String {
    let world = facts.world;
    let file = |name: &str| quoted(&secrets.join(name).to_string_lossy());
    let link = |host: &str| quoted(&format!("{}/{host}", facts.root));
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    line("# Written by flex-simulator: leads every vendor host to it. Good for as long as that simulator runs.".into());
    line(String::new());
    line("[ledger]".into());
    line(format!(
        "path = {}",
        quoted(&format!("{stem}.state/ledger.db"))
    ));
    line(format!(
        "sealing_key = {{ file = {} }}",
        file("sealing-key")
    ));
    line("\n[spool]".into());
    line(format!("dir = {}", quoted(&format!("{stem}.state/spool"))));
    line("\n[runtime]".into());
    line("listen = \"off\"".into());
    line("\n[tls]".into());
    if facts.ca_pem.is_some() {
        line(format!("extra_ca_file = {}", file("ca.pem")));
    } else {
        line(format!(
            "allow_http_loopback = [{}]",
            quoted(&facts.address.to_string())
        ));
    }
    line("\n[timing]".into());
    for (name, time) in timings(facts) {
        line(format!("{name} = \"{}ms\"", time.as_millis()));
    }

    line("\n[[acd]]".into());
    line("name = \"simulated\"".into());
    line("time_zone = \"America/Chicago\"".into());
    let begins = world
        .begins()
        .to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    line(format!("discover_from = {}", quoted(&begins)));
    line("\n[acd.twilio]".into());
    line(format!("account_sid = {}", quoted(world.account_sid())));
    line(format!("workspace_sid = {}", quoted(world.workspace_sid())));
    line(format!(
        "auth_token = {{ file = {} }}",
        file("twilio-auth-token")
    ));
    line(format!(
        "api_key = {{ sid = {}, secret = {{ file = {} }} }}",
        quoted(world.api_key().0),
        file("twilio-api-key-secret")
    ));
    line("\n[acd.twilio.endpoints]".into());
    for (name, host) in [
        ("api", "api.twilio.com"),
        ("taskrouter", "taskrouter.twilio.com"),
        ("flex_api", "flex-api.twilio.com"),
        ("insights", "insights.twilio.com"),
        ("accounts", "accounts.twilio.com"),
    ] {
        debug_assert!(host_names().contains(&host));
        line(format!("{name} = {}", link(host)));
    }
    line("\n[acd.calabrio]".into());
    line(format!("base_url = {}", link(crate::calabrio::HOST)));
    line(format!("username = {}", quoted(facts.calabrio.user())));
    line(format!(
        "password = {{ file = {} }}",
        file("calabrio-password")
    ));
    line("tenant_id = 4711".into());
    line(format!("acd_server_id = {}", crate::calabrio::ACD_SERVER));
    line(format!(
        "leg_key_field = {}",
        quoted(&world.leg_key_field())
    ));
    line("\n[acd.media]".into());
    let no_media = match world.scenario().no_media {
        NoMedia::MetadataOnly => "metadata-only",
        NoMedia::Park => "park",
        NoMedia::Exclude => "exclude",
    };
    line(format!("no_media = {}", quoted(no_media)));
    for (attribute, label) in world.mappings() {
        line("\n[[acd.metadata]]".into());
        line(format!("attribute = {}", quoted(attribute)));
        line(format!("label = {}", quoted(label)));
    }
    for key in world.private_keys() {
        line("\n[[acd.encryption_key]]".into());
        line(format!("name = {}", quoted(&key.name)));
        line(format!("public_key_sid = {}", quoted(&key.public_key_sid)));
        line(format!(
            "private_key = {{ file = {} }}",
            file(&format!("{}.pem", key.name))
        ));
    }
    for rule in world.exclusions() {
        line("\n[[acd.exclude]]".into());
        line(format!("name = {}", quoted(&rule.name)));
        line(format!("queue = {}", quoted(&rule.queue_name)));
    }
    out
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
        ("discover_window", Duration::from_secs(300)),
        (
            "discover_trail",
            ms(scenario.event_lag_ms.max) + Duration::from_secs(1),
        ),
        ("discover_interval", ms(500)),
        ("capture_delay", ms(1_500)),
        ("capture_wait", Duration::from_secs(60)),
        ("recording_interval", ms(500)),
        // Counted from the end of a call, which may lie minutes before the simulator's start.
        (
            "recording_wait",
            ended + live + late + Duration::from_secs(60),
        ),
        ("search_interval", ms(500)),
        ("search_settle", settle),
        ("processing_interval", ms(300)),
        ("processing_wait", Duration::from_secs(120)),
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
