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
mod wfm_rules;

use std::io::Read;
use std::path::Path;

pub use fault::{ConfigError, Fault, Faults};
pub use model::{
    Acd, AcdIntake, Activity, ActivityState, AgentName, ApiKey, Attachments, Calabrio,
    ChannelOrder, Config, DateOrder, DecimalMark, DeleteSource, Digital, DiscoverFrom,
    DurationUnit, EncryptionKey, Exclude, HistoryRedelivery, HoldSettings, Insights,
    InsightsReport, Intake, LastLineEnd, Ledger, Limits, LogFormat, Media, NameOrder, NoMedia,
    People, Product, Products, QmProduct, Reconcile, RecordingScope, Runtime, ScreenRecording,
    SingleName, SpanUncertain, Spool, Timing, Tls, Twilio, TwilioCredentials, TwilioEndpoints,
    TwoParts, UnknownAgent, Webhook, Wfm, WfmFiles, WfmHold, WfmHttp, WfmTransport,
};
pub use resolve::{AcdSecrets, PrivateKeySecret, Secrets};
pub use schema::json_schema;
pub use secret::{
    LARGEST_SECRET, SecretError, SecretPlace, SecretRef, SecretSource, SystemSecrets,
};
pub use units::ByteSize;
pub use wfm_interval::Zone;
pub use wfm_rules::{DeliveryRules, HistoryRules, WayToWfm, WfmAccess, WfmRules};

/// The commented file that the command `init` writes. Every default that it shows is the real one.
pub const COMMENTED_FILE: &str = include_str!("../connector.toml");

/// The largest file that is read.
pub const LARGEST_FILE: u64 = 4 * 1024 * 1024;

impl Config {
    /// Reads and validates a file, for both products. No secret is looked at.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(&text_of(path)?, path)
    }

    /// Reads and validates a file for one product: what only the other one needs is not asked for, neither here nor when
    /// secrets are resolved.
    pub fn load_for(path: &Path, product: Product) -> Result<Self, ConfigError> {
        Self::parse_for(&text_of(path)?, path, product)
    }

    /// Validates a text, for both products. `file` is named in faults, and relative paths start at its directory; it need
    /// not exist.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        read::config(text, file, None).0
    }

    /// Validates a text for one product, as [`load_for`](Self::load_for).
    pub fn parse_for(text: &str, file: &Path, product: Product) -> Result<Self, ConfigError> {
        read::config(text, file, Some(product)).0
    }
}

fn text_of(path: &Path) -> Result<String, ConfigError> {
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
    Ok(text)
}
