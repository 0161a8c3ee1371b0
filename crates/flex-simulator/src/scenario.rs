//! What the simulated contact centre went through: how many contacts of which kind, how long their audio is, how the clocks of
//! the vendor's services disagree. A scenario and a seed make a world; the same two make the same world.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

pub use crate::world::kind::Kind;

/// A range of numbers from which the seed picks, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Least.
    pub min: u64,
    /// Most; below `min` it counts as `min`.
    pub max: u64,
}

impl Span {
    /// From `min` to `max`.
    pub const fn new(min: u64, max: u64) -> Self {
        Self { min, max }
    }
}

/// A task attribute and the Calabrio metadata field that an operator would map it to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Attribute of the task, or `object.attribute`.
    pub attribute: String,
    /// The field's label in Metadata Manager.
    pub label: String,
}

/// What the connector under test is configured to do with a leg whose recording Twilio says is not there for a reason that loses
/// nothing (silence). Only the expected outcomes depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NoMedia {
    /// The contact is delivered without audio.
    MetadataOnly,
    /// The contact is parked.
    Park,
    /// The contact is excluded.
    Exclude,
}

/// What the connector under test is configured to do with a leg whose agent Calabrio does not know. Only the expected outcomes depend
/// on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum UnknownAgent {
    /// The contact is parked.
    Park,
    /// The contact is delivered without an agent.
    Unassigned,
    /// The agent is made a person of Calabrio's first.
    Create,
}

/// How Twilio pushes events to the connector under test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own in a file"
)]
pub struct Push {
    /// The address under which Twilio reaches the connector, without the path of an ACD: it is what signatures are over. Nothing needs to
    /// answer there: the simulator is the proxy as well.
    pub public_url: String,
    /// Where the connector listens behind it; port 0 takes one that is free at the start.
    pub intake: SocketAddr,
    /// What stands after the ACD's path in the address, as a part of its own: the connector's `intake.secret_path`. Nothing stands there
    /// without it.
    pub secret_path: Option<String>,
    /// Whether Event Streams leads there from the start. Otherwise from when a sink and a subscription were made over the API.
    pub event_streams: bool,
    /// Whether one request of Event Streams may carry several events.
    pub batch: bool,
    /// Whether the workspace's event callback leads there, too.
    pub callback: bool,
    /// Whether Twilio's feed for workforce management (`WFMWorkerChange`) leads there, too: on every change of an agent on a floor. It is
    /// not signed.
    pub worker_change: bool,
    /// Name and password that it comes with, by Basic. Without them only `secret_path` tells it from a stranger.
    pub credentials: Option<[String; 2]>,
}

impl Default for Push {
    fn default() -> Self {
        Self {
            public_url: "https://connector.example/twilio".to_owned(),
            intake: SocketAddr::from(([127, 0, 0, 1], 0)),
            secret_path: None,
            event_streams: true,
            batch: true,
            callback: false,
            worker_change: false,
            credentials: None,
        }
    }
}

impl Push {
    /// The address down to the path of the one ACD, its workspace in lower case, and the secret part where there is one.
    pub(crate) fn url(&self, workspace: &str) -> String {
        let base = self.public_url.trim_end_matches('/');
        let path = format!("{base}/{}", workspace.to_ascii_lowercase());
        match &self.secret_path {
            Some(secret) => format!("{path}/{secret}"),
            None => path,
        }
    }
}

/// A scenario; every field has a default, so that a file names only what it changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own in a file"
)]
pub struct Scenario {
    /// How many contacts there are. A transfer is one contact of two legs.
    pub contacts: u32,
    /// How often each kind stands in one round; a kind that is not named does not come. Empty: each kind of the demo once a round.
    pub kinds: BTreeMap<Kind, u32>,
    /// Length of the audio of one leg, in milliseconds. Some kinds need more and take it.
    pub audio_ms: Span,
    /// All recordings of one shape and length share one audio and one content key (wrapped anew for each), so that long calls cost the
    /// memory of one. Which call is heard can then no longer be told from the audio.
    pub shared_audio: bool,
    /// Whether kinds that are encrypted really are.
    pub encryption: bool,
    /// Size of the RSA keys in bits: 2048, 3072 or 4096.
    pub key_bits: u32,
    /// How long before the start the calls ended, in seconds.
    pub ended_seconds_ago: Span,
    /// How many of the contacts end while the simulator runs instead.
    pub live_contacts: u32,
    /// When after the start those end, in milliseconds.
    pub live_ms: Span,
    /// How long an agent wraps up after a call, in milliseconds.
    pub wrap_up_ms: Span,
    /// When after the start a late recording completes, in milliseconds.
    pub late_recording_ms: Span,
    /// How long after it happened an event can be read, in milliseconds.
    pub event_lag_ms: Span,
    /// How long after its completion a recording's media answers 404, in milliseconds.
    pub media_lag_ms: Span,
    /// How long after its completion a task can still be read, in seconds.
    pub task_lifetime_seconds: Span,
    /// By how many milliseconds the voice platform's clock differs from `TaskRouter`'s, at most, either way.
    pub voice_skew_ms: u64,
    /// How many messages there are of one leg of a conversation. Some kinds need more and take them.
    pub messages: Span,
    /// How long after the first task of a conversation its second one comes, in seconds.
    pub conversation_gap_seconds: Span,
    /// How many agents there are.
    pub agents: u32,
    /// How many of them Calabrio does not know.
    pub unknown_agents: u32,
    /// What the connector under test does with their contacts.
    pub unknown_agent: UnknownAgent,
    /// How many tasks are given up in the queue, beside the contacts: nothing may come of them.
    pub abandoned: u32,
    /// How many recordings there are that belong to no leg: voicemail and the like.
    pub orphan_recordings: u32,
    /// Every how many recordings the media is reached by a redirect to another host; 0 is never.
    pub redirect_every: u32,
    /// Whether past participants can be read.
    pub conference_insights: bool,
    /// Whether the connector under test is configured to send contact status events to the simulator's receiver.
    pub webhooks: bool,
    /// How many faults one of those meets at most: each has its sender wait for longer.
    pub webhook_faults: u32,
    /// How events are pushed; nothing pushes none.
    pub push: Option<Push>,
    /// Whether the connector under test is configured to delete source recordings.
    pub delete_source: bool,
    /// Whether it is configured to send messages for screen recording.
    pub rte_messaging: bool,
    /// Whether an undocumented request is refused and remembered.
    pub strict: bool,
    /// What the connector under test does where there is no media.
    pub no_media: NoMedia,
    /// How far the ends of delivered audio may lie from those of the leg, in milliseconds: recordings tell their start in whole seconds only.
    pub span_tolerance_ms: u64,
    /// The task attributes that are mapped.
    pub mappings: Vec<Mapping>,
    /// Labels of the metadata fields that take how often the customer was on hold, and for how many seconds; empty: none does.
    pub hold_labels: Vec<String>,
    /// Label of the metadata field that holds the leg key.
    pub leg_key_label: String,
}

impl Default for Scenario {
    fn default() -> Self {
        let mapping = |attribute: &str, label: &str| Mapping {
            attribute: attribute.to_owned(),
            label: label.to_owned(),
        };
        Self {
            contacts: 44,
            kinds: BTreeMap::new(),
            audio_ms: Span::new(2_000, 6_000),
            shared_audio: false,
            encryption: true,
            key_bits: 2_048,
            ended_seconds_ago: Span::new(180, 600),
            live_contacts: 3,
            live_ms: Span::new(1_000, 4_000),
            wrap_up_ms: Span::new(800, 2_500),
            late_recording_ms: Span::new(2_000, 8_000),
            event_lag_ms: Span::new(50, 900),
            media_lag_ms: Span::new(0, 600),
            task_lifetime_seconds: Span::new(120, 300),
            voice_skew_ms: 250,
            messages: Span::new(6, 10),
            conversation_gap_seconds: Span::new(60, 240),
            agents: 6,
            unknown_agents: 0,
            unknown_agent: UnknownAgent::Park,
            abandoned: 4,
            orphan_recordings: 2,
            redirect_every: 3,
            conference_insights: true,
            webhooks: true,
            webhook_faults: 1,
            push: None,
            delete_source: false,
            rte_messaging: false,
            strict: true,
            no_media: NoMedia::MetadataOnly,
            span_tolerance_ms: 3_000,
            mappings: vec![
                mapping("account_number", "Account Number"),
                mapping("customers.segment", "Customer Segment"),
                mapping("conversations.outcome", "Call Outcome"),
            ],
            hold_labels: vec!["Hold Count".to_owned(), "Hold Seconds".to_owned()],
            leg_key_label: "Twilio Leg".to_owned(),
        }
    }
}

/// A scenario file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the scenario is not right: {0}")]
#[non_exhaustive]
pub struct ScenarioError(String);

impl Scenario {
    /// Reads a scenario from TOML; what the file does not name is as by default.
    ///
    /// # Errors
    ///
    /// A text that is not TOML, an unknown field or kind, a value of the wrong type; the message names line and field.
    pub fn from_toml(text: &str) -> Result<Self, ScenarioError> {
        toml::from_str(text).map_err(|error| ScenarioError(error.to_string().trim_end().to_owned()))
    }

    /// One round of kinds, in order.
    pub(crate) fn round(&self) -> Vec<Kind> {
        let named: Vec<Kind> = self
            .kinds
            .iter()
            .flat_map(|(kind, times)| {
                std::iter::repeat_n(*kind, usize::try_from(*times).unwrap_or(0))
            })
            .collect();
        if named.is_empty() {
            Kind::DEMO.to_vec()
        } else {
            named
        }
    }

    /// Ten-minute, dual-channel, encrypted recordings that share one audio: what a throughput run carries.
    pub fn throughput(contacts: u32) -> Self {
        Self {
            contacts,
            kinds: BTreeMap::from([(Kind::CallRecordingDualEncrypted, 1)]),
            audio_ms: Span::new(600_000, 600_000),
            shared_audio: true,
            live_contacts: 0,
            abandoned: 0,
            orphan_recordings: 0,
            agents: 50,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_only_what_it_changes() {
        let scenario = Scenario::from_toml(
            "contacts = 2\naudio_ms = { min = 1, max = 2 }\n[kinds]\ntransfer-dual = 1\n",
        )
        .unwrap();
        assert_eq!(scenario.contacts, 2);
        assert_eq!(scenario.round(), vec![Kind::TransferDual]);
        assert_eq!(scenario.agents, Scenario::default().agents);
    }

    #[test]
    fn an_unknown_field_or_kind_is_refused_by_name() {
        for (text, named) in [("contact = 2", "contact"), ("[kinds]\nsong = 1", "song")] {
            let refused = Scenario::from_toml(text).unwrap_err().to_string();
            assert!(refused.contains(named), "{refused}");
        }
    }

    #[test]
    fn a_scenario_survives_being_written_and_read() {
        let scenario = Scenario {
            push: Some(Push::default()),
            ..Scenario::throughput(7)
        };
        let text = toml::to_string(&scenario).unwrap();
        assert_eq!(Scenario::from_toml(&text).unwrap(), scenario);
    }

    #[test]
    fn the_default_round_has_every_kind_of_the_demo() {
        assert_eq!(Scenario::default().round(), Kind::DEMO.to_vec());
    }
}
