//! The sections that concern the process and not one ACD.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveTime;
use http_retry::BaseUrl;
use schemars::JsonSchema;
use serde::Serialize;

use super::Product;
use crate::choice::choices;
use crate::secret::SecretRef;
use crate::units::{ByteSize, DurationText, SizeText, duration_text, optional_display_text};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The name of the ledger of `sync-wfm`, where the file does not give its path.
pub(crate) const WFM_LEDGER: &str = "wfm-ledger.db";

/// The durable record of every contact's stage.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Ledger {
    /// The SQLite file. A relative path starts at the directory of the configuration file. The directory must be on a local
    /// disk: write-ahead logging does not work over a network file system.
    #[schemars(with = "String")]
    pub path: PathBuf,
    /// The SQLite file of `sync-wfm`, which has a ledger of its own: without it `wfm-ledger.db` beside `path`. It is sealed
    /// under the same keys.
    #[schemars(with = "String")]
    pub wfm_path: PathBuf,
    /// The key under which task attributes and other details are sealed in the ledger: 32 bytes as 64 hexadecimal digits
    /// or as base64. Without it details lie in the ledger in the clear, and `check` warns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sealing_key: Option<SecretRef>,
    /// Sealing keys from before, for the time of a rotation: details under them are read, and sealed anew under
    /// `sealing_key` when the worker starts. Once its log says that none are left, they can be removed here.
    pub old_sealing_keys: Vec<SecretRef>,
    /// How long after its completion a contact's details are kept.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub retain_details: Duration,
    /// How long after its completion a contact's SIDs, times, hashes and stage are kept. At least `retain_details`.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub retain_rows: Duration,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            path: PathBuf::from("state/ledger.db"),
            wfm_path: PathBuf::from("state").join(WFM_LEDGER),
            sealing_key: None,
            old_sealing_keys: Vec::new(),
            retain_details: Duration::from_secs(7 * DAY),
            retain_rows: Duration::from_secs(400 * DAY),
        }
    }
}

/// The directory in which recordings wait, encrypted, between download and upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Spool {
    /// The directory. It belongs to the process alone and is emptied at every start. A relative path starts at the
    /// directory of the configuration file.
    #[schemars(with = "String")]
    pub dir: PathBuf,
    /// How much it may hold. A single recording that is larger parks its contact.
    #[schemars(with = "SizeText")]
    pub quota: ByteSize,
}

impl Default for Spool {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("state/spool"),
            quota: ByteSize::mebibytes(2048),
        }
    }
}

/// Caps on what the process uses at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests in flight to Twilio, for each account: 1 to 256.
    pub twilio_in_flight: u16,
    /// Requests in flight to Calabrio ONE, for each tenant: 1 to 256.
    pub calabrio_in_flight: u16,
    /// Memory that transfers may use for their buffers together; each counts 1 MiB. Half of it is for fetching and half for
    /// sending, so it bounds how many transfers there are at a time, beside the limits above; there is always one of each. At least `1MiB`.
    #[schemars(with = "SizeText")]
    pub memory: ByteSize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            twilio_in_flight: 16,
            calabrio_in_flight: 8,
            memory: ByteSize::mebibytes(64),
        }
    }
}

choices! {
    /// How log lines are written.
    pub enum LogFormat {
        /// For people on a terminal, JSON elsewhere.
        Auto = "auto",
        /// For people.
        Human = "human",
        /// One JSON object a line.
        Json = "json",
    }
}

/// How the process logs, listens and stops.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Runtime {
    /// How log lines are written to the standard error stream.
    pub log_format: LogFormat,
    /// What is logged: a level (`error`, `warn`, `info`, `debug`, `trace`), or directives such as
    /// `info,qm_pipeline=debug`.
    pub log_level: String,
    /// Where `/metrics`, `/livez` and `/readyz` of `sync-qm` answer: an address and port, or `"off"`. An address that is not loopback
    /// needs `bearer_token`.
    #[schemars(with = "String")]
    #[serde(serialize_with = "listen_text")]
    pub listen: Option<SocketAddr>,
    /// The same of `sync-wfm`, which runs beside `sync-qm`.
    #[schemars(with = "String")]
    #[serde(serialize_with = "listen_text")]
    pub wfm_listen: Option<SocketAddr>,
    /// The token that a request to `/metrics` must carry as `Authorization: Bearer …`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearer_token: Option<SecretRef>,
    /// How long a stop of `sync-qm` waits for transfers that are under way. A second signal stops at once.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub stop_grace: Duration,
}

impl Default for Runtime {
    fn default() -> Self {
        Self {
            log_format: LogFormat::Auto,
            log_level: "info".to_owned(),
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 9464))),
            wfm_listen: Some(SocketAddr::from(([127, 0, 0, 1], 9466))),
            bearer_token: None,
            stop_grace: Duration::from_secs(30),
        }
    }
}

impl Runtime {
    /// Where the program of a product answers `/metrics`, `/livez` and `/readyz`.
    pub fn listen_of(&self, product: Product) -> Option<SocketAddr> {
        match product {
            Product::QualityManagement => self.listen,
            Product::WorkforceManagement => self.wfm_listen,
        }
    }
}

#[allow(clippy::ref_option, reason = "the signature that serde calls")]
fn listen_text<S: serde::Serializer>(
    listen: &Option<SocketAddr>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match listen {
        Some(address) => serializer.collect_str(address),
        None => serializer.serialize_str("off"),
    }
}

/// Events that Twilio pushes: Event Streams and TaskRouter's callback, on one listener.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Intake {
    /// The address under which Twilio reaches the listener of `sync-qm`, without the path of an ACD: signatures are checked over it. Off
    /// until it is set.
    #[schemars(with = "Option<String>")]
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "optional_display_text"
    )]
    pub public_url: Option<BaseUrl>,
    /// Where `sync-qm` listens: an address and port, behind whatever terminates TLS for `public_url`. Not port 0, and not the
    /// address of `runtime.listen`.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// The same as `public_url`, of `sync-wfm`: agents' states then come within a second of what happened. Off until it is set.
    #[schemars(with = "Option<String>")]
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "optional_display_text"
    )]
    pub wfm_public_url: Option<BaseUrl>,
    /// Where `sync-wfm` listens. Not port 0, and not the address of `runtime.wfm_listen`.
    #[schemars(with = "String")]
    pub wfm_listen: SocketAddr,
    /// The largest request body that is read: `16KiB` to `16MiB`.
    #[schemars(with = "SizeText")]
    pub max_body: ByteSize,
}

impl Default for Intake {
    fn default() -> Self {
        Self {
            public_url: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 9465)),
            wfm_public_url: None,
            wfm_listen: SocketAddr::from(([127, 0, 0, 1], 9467)),
            max_body: ByteSize::mebibytes(1),
        }
    }
}

impl Intake {
    /// Under which address, and where, the program of a product is pushed events to. `None` where it is off.
    pub fn of(&self, product: Product) -> Option<(&BaseUrl, SocketAddr)> {
        let (public, listen) = match product {
            Product::QualityManagement => (&self.public_url, self.listen),
            Product::WorkforceManagement => (&self.wfm_public_url, self.wfm_listen),
        };
        public.as_ref().map(|public| (public, listen))
    }

    /// Whether either program is pushed events.
    pub(crate) fn is_on(&self) -> bool {
        self.public_url.is_some() || self.wfm_public_url.is_some()
    }
}

/// The nightly comparison of Twilio, the ledger and Calabrio ONE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Reconcile {
    /// Whether `run` reconciles by itself.
    pub enabled: bool,
    /// How far back it looks: `1h` to `30d`.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub window: Duration,
    /// When it may begin, as hours and minutes UTC.
    #[schemars(with = "String", regex(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$"))]
    #[serde(serialize_with = "time_text")]
    pub at: NaiveTime,
    /// Over how long after that the ACDs begin, each at a time of its own: at most `12h`.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub spread: Duration,
}

impl Default for Reconcile {
    fn default() -> Self {
        Self {
            enabled: true,
            window: Duration::from_secs(7 * DAY),
            at: NaiveTime::from_hms_opt(2, 0, 0).unwrap_or_default(),
            spread: Duration::from_secs(2 * HOUR),
        }
    }
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls"
)]
fn time_text<S: serde::Serializer>(time: &NaiveTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&time.format("%H:%M"))
}

/// What is trusted on the network beyond the public certificate authorities.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Tls {
    /// A PEM file with further certificate authorities, for a proxy that inspects TLS, say. It adds to the built-in ones.
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_ca_file: Option<PathBuf>,
    /// Loopback addresses, with their ports, to which http without TLS is allowed: for the simulator. Every other
    /// address must be https.
    #[schemars(with = "Vec<String>")]
    pub allow_http_loopback: Vec<SocketAddr>,
}

/// How often is asked and how long is waited, for every ACD.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Timing {
    /// The longest window of one question to the Events API. It is halved as long as a page comes back full. At most
    /// `5min`.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub discover_window: Duration,
    /// How far discovery stays behind the present, so that events which appear late are still seen. At most `1h`.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub discover_trail: Duration,
    /// How long discovery waits once it has caught up.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub discover_interval: Duration,
    /// How long after the end of its task a contact is built. Attributes that change later are written to it as metadata.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub capture_delay: Duration,
    /// How long after the end of its media a contact is built although its task has not ended. At least `capture_delay`.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub capture_wait: Duration,
    /// How often a recording that is not ready is looked for again.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub recording_interval: Duration,
    /// How long after the end of its media a leg waits for its recording before `no_media` decides.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub recording_wait: Duration,
    /// How often Calabrio ONE is searched for a contact that was sent without a clear answer.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub search_interval: Duration,
    /// How long such a contact is only searched for, before it may be sent again: longer than Calabrio's search can lag
    /// behind an import. Too short a time risks a second contact for one leg, too long a time only delays.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub search_settle: Duration,
    /// How often Calabrio ONE is asked whether an uploaded contact has been processed.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub processing_interval: Duration,
    /// How long Calabrio ONE may take to process a contact before it is parked.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub processing_wait: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            discover_window: Duration::from_secs(5 * MINUTE),
            discover_trail: Duration::from_secs(2 * MINUTE),
            discover_interval: Duration::from_secs(30),
            capture_delay: Duration::from_secs(150),
            capture_wait: Duration::from_secs(HOUR),
            recording_interval: Duration::from_secs(MINUTE),
            recording_wait: Duration::from_secs(DAY),
            search_interval: Duration::from_secs(MINUTE),
            search_settle: Duration::from_secs(15 * MINUTE),
            processing_interval: Duration::from_secs(MINUTE),
            processing_wait: Duration::from_secs(DAY),
        }
    }
}
