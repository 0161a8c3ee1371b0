//! Writes what an operator would: a configuration file that leads every vendor host to this simulator, with the keys and secrets
//! beside it, and times short enough to watch.

mod text;
mod wfm;

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::calabrio::{self, Calabrio};
use crate::faults::FaultLevel;
use crate::floor::FloorRun;
use crate::options::Timings;
use crate::world::World;

/// What a configuration needs to know.
pub(crate) struct Facts<'a> {
    pub(crate) world: &'a World,
    pub(crate) calabrio: &'a Calabrio,
    pub(crate) webhook_secrets: Option<(&'a str, &'a str)>,
    /// Where the connector is to listen for pushed events.
    pub(crate) intake: Option<SocketAddr>,
    pub(crate) timings: &'a Timings,
    pub(crate) faults: FaultLevel,
    pub(crate) address: SocketAddr,
    /// Scheme and authority of the listener.
    pub(crate) root: &'a str,
    pub(crate) ca_pem: Option<&'a str>,
    /// The floor, where one is lived through.
    pub(crate) floor: Option<&'a FloorRun>,
    /// Where classic WFM looks for files. Without it the connector delivers over HTTP.
    pub(crate) drop_folder: Option<&'a Path>,
}

impl Facts<'_> {
    /// Where a simulated host is reached.
    fn link(&self, host: &str) -> String {
        format!("{}/{host}", self.root)
    }
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
    if let Some(floor) = facts.floor {
        secret("insights-password", &floor.insights().password)?;
    }
    if let Some((symmetric, private)) = facts.webhook_secrets {
        secret("webhook-secret", symmetric)?;
        secret("webhook-ed25519", private)?;
    }
    let push = facts.world.scenario().push.as_ref();
    if let Some(path) = push.and_then(|push| push.secret_path.as_ref()) {
        secret("intake-secret-path", path)?;
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
    let text = text::text(facts, &relative, &stem);
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
