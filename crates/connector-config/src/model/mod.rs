//! What the file says once it is valid. The doc comments of the fields are also the descriptions in the
//! JSON Schema and in `docs/configuration.md`, and the `Default` implementations are the documented defaults.

mod acd;
mod insights;
mod quality;
mod service;
mod wfm;

pub use acd::{
    Acd, AgentName, ApiKey, Calabrio, ChannelOrder, DiscoverFrom, EncryptionKey, Exclude, Media,
    NameOrder, NoMedia, Products, QmProduct, RecordingScope, SingleName, SpanUncertain, Twilio,
    TwilioCredentials, TwilioEndpoints,
};
pub use insights::{
    DateOrder, DecimalMark, DurationUnit, Insights, InsightsReport, LastLineEnd, TwoParts,
};
pub use quality::{
    AcdIntake, Attachments, DeleteSource, Digital, HoldSettings, People, ScreenRecording,
    UnknownAgent, Webhook,
};
pub(crate) use service::WFM_LEDGER;
pub use service::{Intake, Ledger, Limits, LogFormat, Reconcile, Runtime, Spool, Timing, Tls};
pub use wfm::{
    Activity, ActivityState, HistoryRedelivery, Wfm, WfmFiles, WfmHold, WfmHttp, WfmTransport,
};

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use crate::fault::Fault;

/// A whole configuration file, valid.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Config {
    /// The durable record of every contact's stage.
    #[schemars(default)]
    pub ledger: Ledger,
    /// The directory in which recordings wait, encrypted, between download and upload.
    #[schemars(default)]
    pub spool: Spool,
    /// Caps on what the process uses at one time.
    #[schemars(default)]
    pub limits: Limits,
    /// How the process logs, listens and stops.
    #[schemars(default)]
    pub runtime: Runtime,
    /// What is trusted on the network beyond the public certificate authorities.
    #[schemars(default)]
    pub tls: Tls,
    /// How often is asked and how long is waited, for every ACD.
    #[schemars(default)]
    pub timing: Timing,
    /// Events that Twilio pushes. Off until `public_url` is set; contacts are found by the Events API all the same.
    #[schemars(default)]
    pub intake: Intake,
    /// The nightly comparison of Twilio, the ledger and Calabrio ONE.
    #[schemars(default)]
    pub reconcile: Reconcile,
    /// One entry for each ACD: a Twilio account and workspace, and the Calabrio tenant that it feeds.
    #[serde(rename = "acd")]
    pub acds: Vec<Acd>,
    #[serde(skip)]
    pub(crate) file: PathBuf,
    #[serde(skip)]
    pub(crate) warnings: Vec<Fault>,
    #[serde(skip)]
    pub(crate) product: Option<Product>,
}

/// A product of Calabrio's, which a program of its own serves. Both read one file, and each needs only what is its own in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Product {
    /// Recordings and transcripts: `sync-qm`.
    QualityManagement,
    /// Queues, agents, history and states: `sync-wfm`.
    WorkforceManagement,
}

impl Config {
    /// The file that was read.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What is valid and yet wants attention: settings for what this version does not do, and risky choices.
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// For which product it was read; `None` is for both.
    pub fn product(&self) -> Option<Product> {
        self.product
    }

    /// The ACDs for which a product is on, in the order of the file.
    pub fn acds_with(&self, product: Product) -> impl Iterator<Item = &Acd> {
        self.acds
            .iter()
            .filter(move |acd| acd.products.has(product))
    }

    /// The ACD of that name, compared exactly.
    pub fn acd(&self, name: &str) -> Option<&Acd> {
        self.acds.iter().find(|acd| acd.name == name)
    }
}
