//! Classic workforce management: what of it is on, how activities become states, and the way to Calabrio.

use std::path::PathBuf;
use std::time::Duration;

use http_retry::BaseUrl;
use schemars::JsonSchema;
use serde::Serialize;

use crate::choice::choices;
use crate::secret::SecretRef;
use crate::units::{DurationText, duration_text, optional_display_text, optional_duration_text};

/// Classic workforce management: what of it is on, how activities become states, and the way to Calabrio.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Wfm {
    /// Whether history is delivered, every 15 minutes. Needs `insights`. Vendor's page: *Historical Data Capture*.
    pub history: bool,
    /// Whether agents' states are delivered as they change. Vendor's page: the states for adherence.
    pub adherence: bool,
    /// The Calabrio service queue that takes agent productivity rows which name no queue: those of time in activities.
    /// Without it they are not delivered, and counted. Vendor's page: *Service Queue*.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_queue: Option<String>,
    /// What Calabrio does with a second delivery of an interval. Calabrio documents neither.
    pub history_redelivery: HistoryRedelivery,
    /// How history, states, agents and queues reach Calabrio. Needed where `workforce_management` is on: Calabrio documents
    /// no way, so none is taken for granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<WfmTransport>,
    /// How often task queues and agents are compared with what Calabrio was told: `5min` to `1d`.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub roster_every: Duration,
    /// How often all agents' states are read anew from TaskRouter, which mends what events did not tell: `1min` to `1d`.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub resync_every: Duration,
    /// After how long that is read once more, at most `1h`: only who looks the same both times is corrected, since lists tell of different
    /// moments and events take a while.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub resync_confirm: Duration,
    /// How long changes of states gather before they are delivered, at most `1min`: without it `20ms`, and `1s` where each delivery is a
    /// file. What comes while a delivery is on its way goes with the next one all the same.
    #[schemars(with = "Option<DurationText>")]
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "optional_duration_text"
    )]
    pub state_flush: Option<Duration>,
    /// For how many agents there is room: 1 to 1000000. States of agents beyond it are not delivered, and an alarm says so.
    pub max_agents: u32,
    /// How hold is seen where conferences do not tell of it.
    pub hold: WfmHold,
    /// The drop folder of the transport `files`.
    pub files: WfmFiles,
    /// The endpoint of the transport `http`.
    pub http: WfmHttp,
    /// What differs, on this tenant, from the connector's assumptions about how classic WFM takes data. The keys stand in
    /// `docs/calabrio-contract.md`, from number 901 on.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub contract: serde_json::Value,
    /// How Twilio activities become Calabrio states. An activity that is not named follows its own `available` flag; the
    /// offline activity of the workspace is Logout.
    #[serde(rename = "activity", skip_serializing_if = "Vec::is_empty")]
    pub activities: Vec<Activity>,
}

impl Default for Wfm {
    fn default() -> Self {
        Self {
            history: false,
            adherence: false,
            service_queue: None,
            history_redelivery: HistoryRedelivery::Replace,
            transport: None,
            roster_every: Duration::from_hours(1),
            resync_every: Duration::from_mins(15),
            resync_confirm: Duration::from_secs(10),
            state_flush: None,
            max_agents: 50_000,
            hold: WfmHold::default(),
            files: WfmFiles::default(),
            http: WfmHttp::default(),
            contract: serde_json::json!({}),
            activities: Vec::new(),
        }
    }
}

choices! {
    /// What Calabrio does with a second delivery of an interval.
    pub enum HistoryRedelivery {
        /// It replaces the first: what changed is delivered again.
        Replace = "replace",
        /// It adds to the first, or is refused: what changed is listed and not delivered.
        Never = "never",
    }
}

choices! {
    /// A way to classic workforce management.
    pub enum WfmTransport {
        /// Whole files in a drop folder, in the manner of the generic interface.
        Files = "files",
        /// JSON over HTTP.
        Http = "http",
    }
}

/// How hold is seen where conferences do not tell of it. `[acd.hold]` is that of recorded contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct WfmHold {
    /// Whether the participants of conferences that are going on are asked for. Without it, an agent whose conferences
    /// tell no events is shown as one whose hold cannot be seen.
    pub poll: bool,
    /// How often each conference is asked for: `1s` to `60s`.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub poll_interval: Duration,
    /// How many requests a second this may take: 1 to 100. Beyond it conferences take turns.
    pub poll_budget: u16,
}

impl Default for WfmHold {
    fn default() -> Self {
        Self {
            poll: true,
            poll_interval: Duration::from_secs(5),
            poll_budget: 5,
        }
    }
}

/// The drop folder of the transport `files`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct WfmFiles {
    /// The folder: that which Calabrio's Data Server Configuration names as *GIS File Location*, mounted here. It belongs
    /// to one ACD. A relative path starts at the directory of the configuration file.
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
}

/// The endpoint of the transport `http`. How it knows the connector, `contract.http.access` says.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct WfmHttp {
    /// Where it answers; without it `calabrio.base_url`. The paths below it are settings of `contract`. At another host,
    /// `contract.http.access` must not be `session`.
    #[schemars(with = "Option<String>")]
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "optional_display_text"
    )]
    pub base_url: Option<BaseUrl>,
    /// The user of the endpoint, where `contract.http.access` is `basic`; without it that of `[acd.calabrio]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password that belongs to `username`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretRef>,
    /// The token, or the value of the header, where `contract.http.access` is `bearer` or `header`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<SecretRef>,
    /// How long a request may take, all its attempts together: `1s` to `10min`.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub deadline: Duration,
}

impl Default for WfmHttp {
    fn default() -> Self {
        Self {
            base_url: None,
            username: None,
            password: None,
            token: None,
            deadline: Duration::from_mins(1),
        }
    }
}

choices! {
    /// The Calabrio states that an activity can become. Hold and Talking follow from contacts alone and are no targets.
    pub enum ActivityState {
        /// The agent has logged out.
        Logout = "logout",
        /// The agent takes no contacts.
        NotReady = "not-ready",
        /// The agent can take contacts.
        Ready = "ready",
        /// After-contact work, then Not Ready.
        WorkNotReady = "work-not-ready",
        /// After-contact work, then Ready.
        WorkReady = "work-ready",
    }
}

impl ActivityState {
    /// Whether a reason code can go with this state.
    pub fn takes_reason_code(self) -> bool {
        matches!(self, Self::NotReady | Self::WorkNotReady | Self::WorkReady)
    }
}

/// One Twilio activity and the state that it becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Activity {
    /// The friendly name of the Twilio activity, in any letter case, or its SID (`WA…`), which a rename leaves as it is. Each
    /// at most once; a SID goes before a name.
    pub activity: String,
    /// The Calabrio state.
    pub state: ActivityState,
    /// Whether the activity's name goes along as the reason. Only with `not-ready`, `work-not-ready` and `work-ready`.
    /// Vendor's page: *Enable State Reason Code*.
    #[schemars(default)]
    pub state_reason_code: bool,
}
