//! The part of an ACD that classic workforce management needs. This version validates and keeps it; it does not use it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::choice::choices;
use crate::secret::SecretRef;

/// Flex Insights, from which history is pulled. Kept, unused, while `wfm.history` is off.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Insights {
    /// The user who pulls the reports. Vendor's page: *Twilio Flex Insights Username*.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// That user's password. Vendor's page: *Twilio Flex Insights Password*.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretRef>,
    /// The Flex Insights project of the account. Vendor's page: *Twilio Flex Insights Project ID*.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Vendor's page: *Agent Productivity Data Report ID*.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_productivity_report_id: Option<String>,
    /// Vendor's page: *Queue Historical Data Report ID*.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_historical_report_id: Option<String>,
}

/// Classic workforce management: what of it is on, and how activities become states.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Wfm {
    /// Whether history is delivered, every 15 minutes. Needs `insights`. Vendor's page: *Historical Data Capture*.
    pub history: bool,
    /// Whether agents' states are delivered as they change. Vendor's page: the states for adherence.
    pub adherence: bool,
    /// The Calabrio service queue that takes agent productivity rows which name no queue. Vendor's page: *Service Queue*.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_queue: Option<String>,
    /// How Twilio activities become Calabrio states. An activity that is not named follows its own `available` flag.
    #[serde(rename = "activity", skip_serializing_if = "Vec::is_empty")]
    pub activities: Vec<Activity>,
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
    /// The friendly name of the Twilio activity, exactly. Each at most once.
    pub activity: String,
    /// The Calabrio state.
    pub state: ActivityState,
    /// Whether the activity's name goes along as the reason. Only with `not-ready`, `work-not-ready` and `work-ready`.
    /// Vendor's page: *Enable State Reason Code*.
    #[schemars(default)]
    pub state_reason_code: bool,
}
