//! What goes beyond the recordings of an ACD: chats, webhooks, pushed events, hold, screen recording, people.

use std::net::SocketAddr;
use std::time::Duration;

use http_retry::guard::{AddressGuard, Network};
use schemars::JsonSchema;
use serde::Serialize;

use crate::choice::choices;
use crate::secret::SecretRef;
use crate::units::{ByteSize, DurationText, SizeText, duration_text};

choices! {
    /// Whether a source recording is deleted at Twilio.
    pub enum DeleteSource {
        /// It never is.
        Never = "never",
        /// Once every contact that uses it is complete, or left out by a rule, and every webhook of them is delivered.
        AfterComplete = "after-complete",
    }
}

choices! {
    /// What becomes of a contact whose agent no person in Calabrio ONE stands for.
    pub enum UnknownAgent {
        /// It is parked.
        Park = "park",
        /// It goes without an agent.
        Unassigned = "unassigned",
    }
}

choices! {
    /// What becomes of files that were sent in a conversation.
    pub enum Attachments {
        /// The transcript names them.
        List = "list",
        /// The transcript holds them as well, up to `max_attachment`.
        Fetch = "fetch",
    }
}

/// How contact status events are signed and where they may go.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Webhook {
    /// The secrets that sign every message by the Standard Webhooks specification: `whsec_…` (HMAC-SHA256) or `whsk_…`
    /// (ed25519). Each signs, so during a rotation the new one stands beside the old one. At least one where
    /// `event_webhook_url` is set.
    pub secrets: Vec<SecretRef>,
    /// Private networks that may be reached, as CIDR: `10.20.0.0/16`. Without them an address that is not public is refused,
    /// also one that a name leads to.
    #[schemars(with = "Vec<String>")]
    #[serde(serialize_with = "networks_text")]
    pub allow_networks: Vec<Network>,
}

impl Webhook {
    /// Says which addresses may be called; `loopback` are those of this machine that `tls.allow_http_loopback` lists.
    pub fn guard(&self, loopback: &[SocketAddr]) -> AddressGuard {
        let networks = self.allow_networks.iter().copied();
        let guard = networks.fold(AddressGuard::new(), AddressGuard::allow_network);
        loopback
            .iter()
            .copied()
            .fold(guard, AddressGuard::allow_loopback)
    }
}

fn networks_text<S: serde::Serializer>(
    networks: &[Network],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(networks.iter().map(ToString::to_string))
}

/// Where Twilio pushes events of this ACD to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct AcdIntake {
    /// The path of this ACD below `intake.public_url`: lower-case letters, digits, dashes and underscores. Without it the
    /// workspace SID in lower case. Unique in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The name with which Twilio authenticates itself, where there is no auth token that could check its signature: as the
    /// user in the address that Twilio was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password that belongs to `username`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretRef>,
    /// A last part of the path that Twilio alone is told: 32 to 200 letters, digits, `-`, `.`, `_` and `~`. The listener then serves no
    /// path without it. What needs no signature and no credentials is taken for Twilio's because it knows the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_path: Option<SecretRef>,
}

/// Messages for Calabrio's screen recording. They are sent where `rte_messaging` is on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct ScreenRecording {
    /// Whether the recording pauses while the customer is on hold.
    pub holds: bool,
}

/// What is done with conversations on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Digital {
    /// What becomes of files that were sent in a conversation.
    pub attachments: Attachments,
    /// The largest file that a transcript holds; a larger one is named.
    #[schemars(with = "SizeText")]
    pub max_attachment: ByteSize,
    /// The largest transcript, files included; a larger one parks its contact. It is held in memory while it is sent, beside
    /// `limits.memory`: as many are read at a time as half of that has room for, one at least.
    #[schemars(with = "SizeText")]
    pub max_transcript: ByteSize,
}

impl Default for Digital {
    fn default() -> Self {
        Self {
            attachments: Attachments::List,
            max_attachment: ByteSize::mebibytes(5),
            max_transcript: ByteSize::mebibytes(16),
        }
    }
}

/// How hold is seen where neither pushed events nor past participants tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct HoldSettings {
    /// Whether the participants of conferences that are going on are asked for.
    pub poll: bool,
    /// How often each conference is asked for: `1s` to `60s`. Hold is seen to this precision.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub poll_interval: Duration,
    /// How many requests a minute this may take: 1 to 6000. Beyond it conferences take turns.
    pub poll_budget: u16,
}

impl Default for HoldSettings {
    fn default() -> Self {
        Self {
            poll: false,
            poll_interval: Duration::from_secs(5),
            poll_budget: 60,
        }
    }
}

/// Agents as people in Calabrio ONE: one way, from Twilio to Calabrio, by worker SID as ACD ID.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct People {
    /// Whether a worker whom Calabrio ONE does not know is created there. Needs `calabrio.acd_server_id`, `team_id` and
    /// `role_ids`.
    pub create: bool,
    /// Whether the person of a worker that Twilio no longer has is deactivated. Nobody is ever deleted.
    pub deactivate: bool,
    /// The team of people who are created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_id: Option<u32>,
    /// The roles of people who are created.
    pub role_ids: Vec<u32>,
}
