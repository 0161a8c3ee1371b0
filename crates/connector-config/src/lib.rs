#![doc = include_str!("../README.md")]

// The helpers of the tests name the crate as its users do.
#[cfg(test)]
extern crate self as connector_config;

mod choice;
mod fault;
mod model;
mod read;
mod reader;
mod resolve;
mod schema;
mod secret;
mod units;

use std::io::Read;
use std::path::Path;

pub use fault::{ConfigError, Fault, Faults};
pub use model::{
    Acd, AcdIntake, Activity, ActivityState, AgentName, ApiKey, Attachments, Calabrio,
    ChannelOrder, Config, DeleteSource, Digital, DiscoverFrom, EncryptionKey, Exclude,
    HoldSettings, Insights, Intake, Ledger, Limits, LogFormat, Media, NameOrder, NoMedia, People,
    Products, QmProduct, Reconcile, RecordingScope, Runtime, ScreenRecording, SingleName,
    SpanUncertain, Spool, Timing, Tls, Twilio, TwilioCredentials, TwilioEndpoints, UnknownAgent,
    Webhook, Wfm,
};
pub use resolve::{AcdSecrets, PrivateKeySecret, Secrets};
pub use schema::json_schema;
pub use secret::{
    LARGEST_SECRET, SecretError, SecretPlace, SecretRef, SecretSource, SystemSecrets,
};
pub use units::ByteSize;
pub use wfm_interval::Zone;

/// The commented file that the command `init` writes. Every default that it shows is the real one.
pub const COMMENTED_FILE: &str = include_str!("../connector.toml");

/// The largest file that is read.
pub const LARGEST_FILE: u64 = 4 * 1024 * 1024;

impl Config {
    /// Reads and validates a file. No secret is looked at.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable {
            path: path.to_path_buf(),
            source,
        };
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(LARGEST_FILE + 1)
            .read_to_string(&mut text)
            .map_err(unreadable)?;
        if text.len() as u64 > LARGEST_FILE {
            return Err(ConfigError::TooLarge {
                path: path.to_path_buf(),
                limit: LARGEST_FILE,
            });
        }
        Self::parse(&text, path)
    }

    /// Validates a text. `file` is named in faults, and relative paths start at its directory; it need not exist.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        read::config(text, file).0
    }
}
