//! What a receiver must know of each event that it is handed, before anybody reads the event itself.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use twilio_sid::{AccountSid, WorkspaceSid};

use crate::EventError;

/// In which form an event was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum WireForm {
    /// A `CloudEvent` of Event Streams.
    CloudEvent,
    /// A form of the workspace's event callback, as a JSON object of its fields.
    TaskRouterCallback,
    /// A form of a conference's status callback, as a JSON object of its fields.
    ConferenceCallback,
    /// A record of `WFMWorkerChange`, Twilio's feed of agent states.
    WorkerChange,
}

impl WireForm {
    /// Every form there is.
    pub const ALL: [Self; 4] = [
        Self::CloudEvent,
        Self::TaskRouterCallback,
        Self::ConferenceCallback,
        Self::WorkerChange,
    ];

    /// A name that stays, for a database column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CloudEvent => "cloud-event",
            Self::TaskRouterCallback => "taskrouter-callback",
            Self::ConferenceCallback => "conference-callback",
            Self::WorkerChange => "worker-change",
        }
    }
}

impl fmt::Display for WireForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for WireForm {
    type Err = EventError;

    fn from_str(text: &str) -> Result<Self, EventError> {
        Self::ALL
            .into_iter()
            .find(|form| form.as_str() == text)
            .ok_or(EventError::UnknownForm)
    }
}

/// What an event is about, as far as a receiver cares.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Topic {
    /// TaskRouter: tasks, reservations, workers.
    TaskRouter,
    /// A conference or one of its participants, in a change that is read here.
    Conference,
    /// The state of one agent.
    Worker,
    /// Event Streams tries its sink. There is nothing to keep; the id is what `POST /v1/Sinks/{Sid}/Validate` wants.
    SinkTest {
        /// The id of the test.
        test_id: Option<String>,
    },
    /// Something that nothing here reads: an event of another product, a participant who begins to speak.
    Unread,
}

/// One event as it was handed in, and what tells whose it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its form.
    pub form: WireForm,
    /// What it is about.
    pub topic: Topic,
    /// What tells it from every other event of the account, at most 200 printable ASCII characters. The same event has the same id however
    /// often and, for TaskRouter and conferences, in whichever form it comes. Empty where the topic is one that nobody keeps.
    pub id: String,
    /// The type as Twilio wrote it, at most 200 printable ASCII characters.
    pub kind: String,
    /// The account it belongs to, where it says so.
    pub account: Option<AccountSid>,
    /// The workspace it belongs to, where it says so.
    pub workspace: Option<WorkspaceSid>,
    /// When it happened, where it says so.
    pub at: Option<DateTime<Utc>>,
    /// The event itself, as JSON.
    pub json: Cow<'a, [u8]>,
}

impl fmt::Debug for Member<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("form", &self.form)
            .field("topic", &self.topic)
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("account", &self.account)
            .field("workspace", &self.workspace)
            .field("at", &self.at)
            .field("json", &format_args!("{} bytes", self.json.len()))
            .finish()
    }
}
