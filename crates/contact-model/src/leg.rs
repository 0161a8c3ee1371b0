//! What is known of a leg without its customer's data: SIDs, channel, direction, times.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use twilio_sid::{TaskQueueSid, TaskSid, WorkerSid, WorkflowSid};

use crate::{AcdKey, LegId, SessionId};

/// The TaskRouter task channel of a leg, by its unique name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Channel {
    /// `voice`
    Voice,
    /// `chat`
    Chat,
    /// `sms`
    Sms,
    /// Any other unique name, as the workspace has it, in lower case.
    Other(String),
}

impl Channel {
    /// Whether it carries calls. Every other channel that reaches a contact centre is a digital one.
    pub fn is_voice(&self) -> bool {
        *self == Self::Voice
    }

    /// The unique name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Voice => "voice",
            Self::Chat => "chat",
            Self::Sms => "sms",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for Channel {
    fn from(name: &str) -> Self {
        match name.trim().to_ascii_lowercase().as_str() {
            "voice" => Self::Voice,
            "chat" => Self::Chat,
            "sms" => Self::Sms,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl From<String> for Channel {
    fn from(name: String) -> Self {
        Self::from(name.as_str())
    }
}

impl From<Channel> for String {
    fn from(channel: Channel) -> Self {
        channel.as_str().to_owned()
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Who began the interaction, from the task attribute `direction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The customer reached the contact centre.
    Inbound,
    /// The contact centre reached the customer.
    Outbound,
}

impl Direction {
    /// `inbound` or `outbound`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Direction {
    type Err = ();

    /// Reads what tasks carry: `inbound`, `outbound`, and forms such as `outbound-api`, in any case.
    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.trim().to_ascii_lowercase();
        if text.starts_with("in") {
            Ok(Self::Inbound)
        } else if text.starts_with("out") {
            Ok(Self::Outbound)
        } else {
            Err(())
        }
    }
}

/// When what happened to a leg. Each is the time of the TaskRouter event, UTC, to the millisecond.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LegTimes {
    /// The agent accepted the reservation.
    pub accepted: Option<DateTime<Utc>>,
    /// The agent went into wrap-up: the conversation is over.
    pub wrapup: Option<DateTime<Utc>>,
    /// The reservation ended: completed, canceled, failed.
    pub ended: Option<DateTime<Utc>>,
    /// The task ended: completed, canceled, deleted.
    pub task_ended: Option<DateTime<Utc>>,
}

impl LegTimes {
    /// When the leg's part of the recording ends: at wrap-up, else where the reservation ended, else where the task did.
    pub fn media_ended(&self) -> Option<DateTime<Utc>> {
        self.wrapup.or(self.ended).or(self.task_ended)
    }
}

/// How often and how long the customer was on hold during a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "hold", rename_all = "kebab-case")]
pub enum Hold {
    /// The account yields nothing that would tell.
    NotObservable,
    /// It was seen, perhaps to be none.
    Observed {
        /// How often the customer was put on hold.
        count: u32,
        /// For how many whole seconds together.
        seconds: u64,
    },
}

/// One leg: the facts that are kept as long as its row is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// The ACD that it belongs to.
    pub acd: AcdKey,
    /// The accepted reservation.
    pub id: LegId,
    /// The task that the reservation was for.
    pub task: TaskSid,
    /// The agent.
    pub worker: WorkerSid,
    /// The queue, where the events told one.
    pub queue: Option<TaskQueueSid>,
    /// The workflow, where the events told one.
    pub workflow: Option<WorkflowSid>,
    /// The task channel.
    pub channel: Channel,
    /// Known once the attributes were captured and hold it.
    pub direction: Option<Direction>,
    /// Known once the attributes were captured.
    pub session: Option<SessionId>,
    /// What happened when.
    pub times: LegTimes,
    /// Hold, once it was looked for: of calls only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
}

impl Leg {
    /// The interaction's id; until the attributes told another, that of the leg's own task.
    pub fn session_id(&self) -> SessionId {
        self.session.clone().unwrap_or_else(|| self.task.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_read_in_any_case_and_kept_when_unknown() {
        assert_eq!(Channel::from("Voice"), Channel::Voice);
        assert_eq!(Channel::from(" sms "), Channel::Sms);
        assert_eq!(Channel::from("Video"), Channel::Other("video".into()));
        assert_eq!(
            serde_json::to_string(&Channel::Other("video".into())).unwrap(),
            "\"video\""
        );
    }

    #[test]
    fn directions_are_read_in_every_form_that_tasks_carry() {
        for text in ["outbound", "outbound-api", "OUTBOUND-DIAL", "Outgoing"] {
            assert_eq!(text.parse(), Ok(Direction::Outbound), "{text}");
        }
        assert_eq!("inbound".parse(), Ok(Direction::Inbound));
        assert_eq!("sideways".parse::<Direction>(), Err(()));
    }

    #[test]
    fn media_ends_at_wrap_up_else_with_the_reservation_else_with_the_task() {
        let at = |second: i64| DateTime::from_timestamp(second, 0);
        let mut times = LegTimes {
            accepted: at(0),
            wrapup: at(5),
            ended: at(9),
            task_ended: at(8),
        };
        assert_eq!(times.media_ended(), at(5));
        times.wrapup = None;
        assert_eq!(times.media_ended(), at(9));
        times.ended = None;
        assert_eq!(times.media_ended(), at(8));
        times.task_ended = None;
        assert_eq!(times.media_ended(), None);
    }
}
