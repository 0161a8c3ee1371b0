//! One ACD: a Twilio account and workspace, and the Calabrio tenant that it feeds.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, Channel, Direction, TenantKey};
use http_retry::{BaseUrl, SafeUrl};
use metadata_mapping::{MetadataKey, RuleSet};
use schemars::JsonSchema;
use serde::Serialize;
use twilio_sid::{AccountSid, ApiKeySid, PublicKeySid, WorkspaceSid};
use wfm_interval::Zone;

use super::{
    AcdIntake, DeleteSource, Digital, HoldSettings, Insights, People, ScreenRecording,
    UnknownAgent, Webhook, Wfm,
};
use crate::choice::choices;
use crate::secret::SecretRef;
use crate::units::{
    DurationText, display_text, duration_text, optional_display_text, optional_duration_text,
};

/// One ACD: a Twilio account and workspace, and the Calabrio tenant that it feeds.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the file"
)]
pub struct Acd {
    /// The name by which commands, logs and metrics call it; unique in the file. It can change: the ledger knows an ACD
    /// by account, workspace and tenant. Vendor's page: *ACD Name*.
    pub name: String,
    /// The IANA name of the time zone that is configured in Flex Insights. Vendor's page: *Time Zone*.
    #[schemars(with = "String")]
    pub time_zone: Zone,
    /// Where discovery begins when the ledger knows nothing of this ACD: `"now"`, a duration back from now such as
    /// `"24h"`, or a time such as `"2026-03-01T00:00:00Z"`. Twilio tells of the last 30 days. Afterwards the ledger's
    /// cursor counts, and this setting has no effect.
    #[schemars(default, with = "String")]
    pub discover_from: DiscoverFrom,
    /// What tells when a contact is complete or has failed. Vendor's page: *Event Webhook URL*. Needs
    /// `calabrio.tenant_id` and `webhook.secrets`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "optional_display_text"
    )]
    #[schemars(with = "Option<String>")]
    pub event_webhook_url: Option<SafeUrl>,
    /// Whether Calabrio's screen recording is told when a leg begins and ends. Within a second where Twilio pushes events
    /// (`intake.public_url`), else when discovery reads them. Vendor's page: *Enable RTE Messaging for Screen Recording*.
    #[schemars(default)]
    pub rte_messaging: bool,
    /// Whether a source recording is deleted at Twilio. Conversations never are. Nothing is deleted until `check
    /// --live-contact` has confirmed what a read-back relies on.
    #[schemars(default = "never")]
    pub delete_source: DeleteSource,
    /// How long after the completion of the last contact that uses it a source recording is deleted at the earliest; at most 25 days:
    /// whose a recording is, Twilio tells for 30.
    #[schemars(default = "a_day", with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub delete_source_min_age: Duration,
    /// What becomes of a contact whose agent no person in Calabrio ONE has as ACD ID.
    #[schemars(default = "park")]
    pub unknown_agent: UnknownAgent,
    /// Which products Calabrio ONE is licensed for. Vendor's page: *Products Enabled*.
    #[schemars(default)]
    pub products: Products,
    /// How an agent's full name splits into first and last name. Vendor's page: *Agent Name Format*. Contacts name
    /// the agent by worker SID; this is for people that are created.
    #[schemars(default)]
    pub agent_name: AgentName,
    /// The Twilio side. Vendor's page: *Twilio Flex Configuration Information*.
    pub twilio: Twilio,
    /// The Calabrio side. Vendor's page: the fields that begin with *Calabrio API*.
    pub calabrio: Calabrio,
    /// What is done with recordings on their way.
    #[schemars(default)]
    pub media: Media,
    /// What is done with conversations on their way.
    #[schemars(default)]
    pub digital: Digital,
    /// How contact status events are signed and where they may go.
    #[schemars(default)]
    pub webhook: Webhook,
    /// Where Twilio pushes events of this ACD to.
    #[schemars(default)]
    pub intake: AcdIntake,
    /// How hold is seen where neither pushed events nor past participants tell it.
    #[schemars(default)]
    pub hold: HoldSettings,
    /// Messages for Calabrio's screen recording.
    #[schemars(default)]
    pub screen_recording: ScreenRecording,
    /// Agents as people in Calabrio ONE.
    #[schemars(default)]
    pub people: People,
    /// Which task attributes and facts become Calabrio metadata: at most 100. Vendor's page: *Metadata Mapping*.
    #[serde(serialize_with = "rules_text")]
    #[schemars(default = "no_rules", with = "Vec<MetadataEntry>")]
    pub metadata: RuleSet,
    /// The private keys of encrypted recordings. Vendor's page: *Twilio Voice Recording Encryption*.
    #[serde(rename = "encryption_key")]
    #[schemars(default)]
    pub encryption_keys: Vec<EncryptionKey>,
    /// Which legs are left out. These rules and the product switches are the only exclusions there are.
    #[serde(rename = "exclude")]
    #[schemars(default)]
    pub excludes: Vec<Exclude>,
    /// Flex Insights, for classic WFM. Kept, unused, while `wfm.history` is off.
    #[schemars(default)]
    pub insights: Insights,
    /// Classic WFM. Kept, unused, while `workforce_management` is off.
    #[schemars(default)]
    pub wfm: Wfm,
}

impl Acd {
    /// The default of `delete_source_min_age`.
    pub const DELETE_SOURCE_MIN_AGE: Duration = Duration::from_hours(24);

    /// Its identity in the ledger: account, workspace and tenant. The tenant is `tenant_id`, or where none is set the
    /// host of `calabrio.base_url`; so setting `tenant_id` later makes another ACD of it.
    pub fn key(&self) -> AcdKey {
        AcdKey {
            account: self.twilio.account_sid,
            workspace: self.twilio.workspace_sid,
            tenant: self.calabrio.tenant_key.clone(),
        }
    }

    /// Where what a report cannot hold in memory goes.
    pub(crate) fn spill_dir(&self, ledger: &super::Ledger) -> PathBuf {
        let given = self.insights.spill_dir.clone();
        given.unwrap_or_else(|| ledger.wfm_path.with_file_name("wfm-spill"))
    }

    /// The path below `intake.public_url` to which Twilio pushes its events, but for its secret part where it has one
    /// (`intake.secret_path`).
    pub fn intake_path(&self) -> String {
        let path = self.intake.path.clone();
        path.unwrap_or_else(|| self.twilio.workspace_sid.as_str().to_ascii_lowercase())
    }
}

fn never() -> DeleteSource {
    DeleteSource::Never
}

fn a_day() -> Duration {
    Acd::DELETE_SOURCE_MIN_AGE
}

fn park() -> UnknownAgent {
    UnknownAgent::Park
}

/// Where discovery begins when the ledger knows nothing of an ACD.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DiscoverFrom {
    /// At the first start.
    #[default]
    Now,
    /// So long before the first start.
    Ago(Duration),
    /// At this time.
    At(DateTime<Utc>),
}

impl DiscoverFrom {
    /// The time it means, when the first start is at `now`. Never later than `now`.
    pub fn resolve(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Now => now,
            Self::Ago(back) => chrono::Duration::from_std(back)
                .ok()
                .and_then(|back| now.checked_sub_signed(back))
                .unwrap_or(DateTime::UNIX_EPOCH),
            Self::At(time) => time.min(now),
        }
    }
}

impl std::fmt::Display for DiscoverFrom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Now => f.write_str("now"),
            Self::Ago(back) => f.write_str(&crate::units::print_duration(*back)),
            Self::At(time) => {
                f.write_str(&time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
            }
        }
    }
}

impl Serialize for DiscoverFrom {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

choices! {
    /// The kinds of contacts that quality management takes.
    pub enum QmProduct {
        /// Calls.
        Voice = "voice",
        /// Chats, SMS and whatever else reaches a Flex conversation.
        Digital = "digital",
    }
}

/// Which products Calabrio ONE is licensed for. At least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Products {
    /// What quality management takes. Empty where it is not licensed. Vendor's page: *Quality Management*, *Voice* and
    /// *Digital (Chat, SMS)*.
    pub quality_management: Vec<QmProduct>,
    /// Whether `sync-wfm` serves this ACD. Vendor's page: *Workforce Management* (classic).
    pub workforce_management: bool,
}

impl Products {
    /// Whether a product is on.
    pub fn has(&self, product: super::Product) -> bool {
        match product {
            super::Product::QualityManagement => !self.quality_management.is_empty(),
            super::Product::WorkforceManagement => self.workforce_management,
        }
    }

    /// Whether calls are taken.
    pub fn voice(&self) -> bool {
        self.quality_management.contains(&QmProduct::Voice)
    }

    /// Whether chats and SMS are to be taken.
    pub fn digital(&self) -> bool {
        self.quality_management.contains(&QmProduct::Digital)
    }
}

impl Default for Products {
    fn default() -> Self {
        Self {
            quality_management: vec![QmProduct::Voice],
            workforce_management: false,
        }
    }
}

choices! {
    /// The order of the names in a worker's full name.
    pub enum NameOrder {
        /// `Ada King Lovelace`: the first word is the first name.
        FirstLast = "first-last",
        /// `Lovelace Ada`: the first word is the last name.
        LastFirst = "last-first",
        /// `King Lovelace, Ada`: what stands before the comma is the last name.
        LastCommaFirst = "last-comma-first",
    }
}

choices! {
    /// Which name a full name of one word is.
    pub enum SingleName {
        /// The first name.
        First = "first",
        /// The last name.
        Last = "last",
    }
}

/// How an agent's full name splits into first and last name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct AgentName {
    /// The order of the names. Vendor's page: *Agent Name Format*.
    pub format: NameOrder,
    /// What a name of one word is.
    pub single_word: SingleName,
}

impl Default for AgentName {
    fn default() -> Self {
        Self {
            format: NameOrder::FirstLast,
            single_word: SingleName::Last,
        }
    }
}

impl AgentName {
    /// Splits a full name into first and last name. Either can be empty.
    ///
    /// ```
    /// use connector_config::AgentName;
    ///
    /// assert_eq!(AgentName::default().split("Ada King  Lovelace"), ("Ada".into(), "King Lovelace".into()));
    /// assert_eq!(AgentName::default().split("Ada"), (String::new(), "Ada".into()));
    /// ```
    pub fn split(&self, full_name: &str) -> (String, String) {
        let tidy = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (first, last) = match self.format {
            NameOrder::LastCommaFirst if full_name.contains(',') => full_name
                .split_once(',')
                .map_or_else(Default::default, |(last, first)| (tidy(first), tidy(last))),
            NameOrder::FirstLast | NameOrder::LastCommaFirst => full_name
                .trim()
                .split_once(char::is_whitespace)
                .map_or_else(Default::default, |(first, last)| (tidy(first), tidy(last))),
            NameOrder::LastFirst => full_name
                .trim()
                .split_once(char::is_whitespace)
                .map_or_else(Default::default, |(last, first)| (tidy(first), tidy(last))),
        };
        match (first.is_empty(), last.is_empty()) {
            (false, false) => (first, last),
            _ => match self.single_word {
                SingleName::First => (tidy(&full_name.replace(',', " ")), String::new()),
                SingleName::Last => (String::new(), tidy(&full_name.replace(',', " "))),
            },
        }
    }
}

/// The Twilio side of an ACD.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Twilio {
    /// The account. Vendor's page: *Twilio Account SID*.
    #[schemars(with = "String", regex(pattern = "^AC[0-9a-fA-F]{32}$"))]
    pub account_sid: AccountSid,
    /// The workspace of its Flex instance: exactly one. Vendor's page: *Twilio Flex Workspace SID*.
    #[schemars(with = "String", regex(pattern = "^WS[0-9a-fA-F]{32}$"))]
    pub workspace_sid: WorkspaceSid,
    /// The auth token. Optional where `api_key` is given. Vendor's page: *Twilio Auth Token*.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_token: Option<SecretRef>,
    /// An API key, used for requests instead of the auth token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKey>,
    /// Other addresses than Twilio's own, one for each of its hosts: for a proxy or the simulator.
    #[schemars(default)]
    pub endpoints: TwilioEndpoints,
}

/// With what requests to Twilio are authenticated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TwilioCredentials<'a> {
    /// The account SID and its auth token.
    AuthToken(&'a SecretRef),
    /// An API key and its secret.
    ApiKey(&'a ApiKey),
}

impl Twilio {
    /// The API key where there is one, else the auth token. `None` cannot come from a valid file.
    pub fn credentials(&self) -> Option<TwilioCredentials<'_>> {
        let key = self.api_key.as_ref().map(TwilioCredentials::ApiKey);
        key.or_else(|| self.auth_token.as_ref().map(TwilioCredentials::AuthToken))
    }
}

/// An API key: a standard one is enough, a restricted one needs to read what the connector reads.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ApiKey {
    /// The key's SID.
    #[schemars(with = "String", regex(pattern = "^SK[0-9a-fA-F]{32}$"))]
    pub sid: ApiKeySid,
    /// The key's secret.
    pub secret: SecretRef,
}

/// One address for each of Twilio's hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct TwilioEndpoints {
    /// Calls, conferences, recordings.
    #[schemars(with = "String")]
    #[serde(serialize_with = "display_text")]
    pub api: BaseUrl,
    /// TaskRouter.
    #[schemars(with = "String")]
    #[serde(serialize_with = "display_text")]
    pub taskrouter: BaseUrl,
    /// Flex configuration.
    #[schemars(with = "String")]
    #[serde(serialize_with = "display_text")]
    pub flex_api: BaseUrl,
    /// Voice Insights: past participants of conferences.
    #[schemars(with = "String")]
    #[serde(serialize_with = "display_text")]
    pub insights: BaseUrl,
    /// Public keys.
    #[schemars(with = "String")]
    #[serde(serialize_with = "display_text")]
    pub accounts: BaseUrl,
    /// Conversations and their messages.
    #[schemars(with = "String")]
    #[serde(serialize_with = "display_text")]
    pub conversations: BaseUrl,
    /// Programmable Chat, which older Flex projects used.
    #[schemars(with = "String")]
    #[serde(serialize_with = "display_text")]
    pub chat: BaseUrl,
    /// Files that were sent in conversations.
    #[schemars(with = "String")]
    #[serde(serialize_with = "display_text")]
    pub media: BaseUrl,
    /// Event Streams: sinks and subscriptions.
    #[schemars(with = "String")]
    #[serde(serialize_with = "display_text")]
    pub events: BaseUrl,
}

impl Default for TwilioEndpoints {
    fn default() -> Self {
        Self {
            api: constant("https://api.twilio.com"),
            taskrouter: constant("https://taskrouter.twilio.com"),
            flex_api: constant("https://flex-api.twilio.com"),
            insights: constant("https://insights.twilio.com"),
            accounts: constant("https://accounts.twilio.com"),
            conversations: constant("https://conversations.twilio.com"),
            chat: constant("https://chat.twilio.com"),
            media: constant("https://mcs.us1.twilio.com"),
            events: constant("https://events.twilio.com"),
        }
    }
}

#[allow(
    clippy::expect_used,
    reason = "the addresses above are constants, and a test reads them all"
)]
pub(super) fn constant(address: &str) -> BaseUrl {
    address.parse().expect("a constant address is sound")
}

/// The Calabrio side of an ACD.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Calabrio {
    /// Where Calabrio ONE answers, without `/api`: `https://example.calabriocloud.com`.
    #[schemars(with = "String")]
    #[serde(serialize_with = "display_text")]
    pub base_url: BaseUrl,
    /// The service account. It needs the permission *Administer Tenant* to import contacts. Vendor's page: *Calabrio API
    /// Username*.
    pub username: String,
    /// Its password. Vendor's page: *Calabrio API User Password*.
    pub password: SecretRef,
    /// The tenant's number. Needed when `event_webhook_url` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<u32>,
    /// The number of this ACD in Calabrio ONE. Needed for workforce management, whose rows all carry it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acd_server_id: Option<u32>,
    /// The key of the metadata field, of type Text, that holds the reservation SID of every contact. Nothing is sent
    /// while it does not exist: by it a contact is recognised, and sent only once.
    #[schemars(default = "leg_key_field", with = "String")]
    pub leg_key_field: MetadataKey,
    /// How many characters of a metadata value are sent; a longer one is cut. 1 to 4096. Calabrio documents no limit.
    #[schemars(default = "value_limit")]
    pub metadata_value_limit: u16,
    /// What differs, on this tenant, from the connector's assumptions about what Calabrio does not document. The keys
    /// stand in `docs/calabrio-contract.md`.
    #[schemars(default = "empty", with = "serde_json::Map<String, serde_json::Value>")]
    pub contract: serde_json::Value,
    #[serde(skip)]
    pub(crate) tenant_key: TenantKey,
}

fn leg_key_field() -> String {
    Calabrio::LEG_KEY_FIELD.to_owned()
}

fn value_limit() -> u16 {
    Calabrio::METADATA_VALUE_LIMIT
}

fn empty() -> serde_json::Value {
    serde_json::json!({})
}

impl Calabrio {
    /// The default of `leg_key_field`.
    pub const LEG_KEY_FIELD: &'static str = "Twilio-Leg-key";
    /// The default of `metadata_value_limit`, in characters.
    pub const METADATA_VALUE_LIMIT: u16 = 255;

    #[allow(
        clippy::expect_used,
        reason = "the key is a constant, and a test reads it"
    )]
    pub(crate) fn default_leg_key_field() -> MetadataKey {
        Self::LEG_KEY_FIELD
            .parse()
            .expect("a constant key is sound")
    }
}

choices! {
    /// What becomes of a leg for which Twilio has no recording.
    pub enum NoMedia {
        /// It goes to Calabrio ONE without audio.
        MetadataOnly = "metadata-only",
        /// It is parked.
        Park = "park",
        /// It is left out.
        Exclude = "exclude",
    }
}

choices! {
    /// What becomes of a leg whose recording cannot be cut with certainty.
    pub enum SpanUncertain {
        /// The whole recording goes, and the contact is marked `span-uncertain`.
        Whole = "whole",
        /// It is parked.
        Park = "park",
    }
}

choices! {
    /// How much of a recording goes with a leg.
    pub enum RecordingScope {
        /// The leg's own span.
        Leg = "leg",
        /// All of it, whoever else is on it.
        Recording = "recording",
    }
}

choices! {
    /// Who is on the first channel of a stereo recording at Twilio. The connector sends the customer left, the agent right.
    pub enum ChannelOrder {
        /// Decided for each recording from the recorded call or the order of joining.
        Auto = "auto",
        /// Always the customer.
        CustomerFirst = "customer-first",
        /// Always the agent.
        AgentFirst = "agent-first",
    }
}

/// What is done with recordings on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Media {
    /// What becomes of a leg that has no recording after `timing.recording_wait`. Recordings that Twilio could not store
    /// always park.
    pub no_media: NoMedia,
    /// What becomes of a leg whose recording cannot be cut with certainty.
    pub span_uncertain: SpanUncertain,
    /// How much is kept outside a leg's span on a side where no other leg touches it. At most `60s`.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub span_margin: Duration,
    /// How much of a recording goes with a leg.
    pub recording_scope: RecordingScope,
    /// Who is on the first channel of a stereo recording.
    pub channel_order: ChannelOrder,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            no_media: NoMedia::Park,
            span_uncertain: SpanUncertain::Whole,
            span_margin: Duration::from_secs(1),
            recording_scope: RecordingScope::Leg,
            channel_order: ChannelOrder::Auto,
        }
    }
}

/// One entry of `[[acd.metadata]]`, for the schema; what is read becomes a rule of `metadata-mapping` at once.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(dead_code, reason = "only its schema is used")]
struct MetadataEntry {
    /// The name of a task attribute, or `object.attribute`; a dot that belongs to a name is written `\\.`. Vendor's page:
    /// *Twilio Task Attribute*.
    attribute: Option<String>,
    /// Or a fact that every leg has, by its name.
    #[schemars(transform = list_facts)]
    fact: Option<String>,
    /// The label of the metadata field in Metadata Manager. The field is of type Text. Vendor's page: *Calabrio Metadata
    /// Name*.
    label: Option<String>,
    /// Or its key, which is the label with hyphens for spaces, without `&` and `=`, and with `-key` at its end.
    key: Option<String>,
}

fn list_facts(schema: &mut schemars::Schema) {
    let facts: Vec<_> = metadata_mapping::Fact::ALL
        .iter()
        .map(|fact| format!("`\"{fact}\"`: {}", fact.description()))
        .collect();
    let description = schema
        .get("description")
        .and_then(|text| text.as_str())
        .unwrap_or_default();
    let description = format!("{description} {}.", facts.join("; "));
    schema.insert("description".to_owned(), description.into());
}

fn no_rules() -> Vec<serde_json::Value> {
    Vec::new()
}

fn rules_text<S: serde::Serializer>(rules: &RuleSet, serializer: S) -> Result<S::Ok, S::Error> {
    rules.rules().serialize(serializer)
}

/// One private key of encrypted recordings.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct EncryptionKey {
    /// A name for people: letters and digits. Vendor's page: *Name*.
    pub name: String,
    /// The SID of the public key at Twilio. Vendor's page: *Public Key SID*.
    #[schemars(with = "String", regex(pattern = "^CR[0-9a-fA-F]{32}$"))]
    pub public_key_sid: PublicKeySid,
    /// The private key: PKCS#8 or PKCS#1, PEM or DER, 2048 to 8192 bits. Vendor's page: *Private Key*.
    pub private_key: SecretRef,
    /// The passphrase of a private key that has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<SecretRef>,
}

/// A rule that leaves legs out. A leg is left out when everything that the rule names fits it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Exclude {
    /// The rule's name, which every contact that it excludes is shown with. Unique in its ACD.
    pub name: String,
    /// The unique name of the task channel: `voice`, `chat`, `sms`, or one of the workspace's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub channel: Option<Channel>,
    /// The task queue: its SID, or its name exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// The worker: the SID, or the friendly name exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// `inbound` or `outbound`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub direction: Option<Direction>,
    /// The name of a task attribute, or `object.attribute`. With `equals`, it must have that value; without, any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// The value of `attribute`, as text: numbers and booleans as JSON writes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equals: Option<String>,
    /// Leaves out legs that are shorter, from acceptance to the end of their media.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "optional_duration_text"
    )]
    #[schemars(with = "Option<DurationText>")]
    pub shorter_than: Option<Duration>,
}
