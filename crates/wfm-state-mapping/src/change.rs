//! What the machine tells.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;
use twilio_sid::{ReservationSid, WorkerSid};

use crate::{CalabrioState, MappedBy, ReasonCode};

/// The newest state of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StateChange {
    /// The agent.
    pub agent: WorkerSid,
    /// The state.
    pub state: CalabrioState,
    /// The reason code, where the mapping of the agent's activity enables it.
    pub reason_code: Option<ReasonCode>,
    /// Since when the agent is in this state with this reason code, by Twilio's clock, in milliseconds. It may lie before the `since` of a
    /// change that was told earlier: then this change is right about what followed it.
    pub since: DateTime<Utc>,
    /// What decides the state.
    pub cause: Cause,
    /// How hold would be seen, were there one.
    pub hold_source: HoldSource,
}

/// What decides an agent's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cause {
    /// An accepted voice reservation: Talking, or Hold.
    Voice(ReservationSid),
    /// A reservation that is wrapped up.
    Wrapping(ReservationSid),
    /// An accepted reservation of another channel.
    Digital(ReservationSid),
    /// The agent's activity.
    Activity(MappedBy),
    /// The worker was deleted: Logout.
    Deleted,
    /// Nothing is known that decides it.
    Nothing,
}

/// How hold is seen. It is in no event of `TaskRouter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HoldSource {
    /// Events of the conference come.
    Events,
    /// The participants of the conference are asked for.
    Polling,
    /// Neither: a hold is taken for Talking.
    Unseen,
}

impl HoldSource {
    /// A word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Polling => "polling",
            Self::Unseen => "unseen",
        }
    }
}

impl fmt::Display for HoldSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What became of something that was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Heard {
    /// It told something new, whether or not a state changed by it.
    New,
    /// It told nothing new: a duplicate, or older than what is known.
    Known,
    /// It is about no agent.
    Unrelated,
}

impl Heard {
    pub(crate) fn of(is_new: bool) -> Self {
        if is_new { Self::New } else { Self::Known }
    }
}
