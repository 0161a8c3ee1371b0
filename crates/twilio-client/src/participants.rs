//! Who is in a conference, and who was.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use twilio_sid::{CallSid, ConferenceParticipantSid, ConferenceSid};

use crate::holds::{self, HoldSpan};
use crate::wire::{Fields, open_enum};
use crate::{TwilioClient, Unreadable};

/// Which participants of a live conference are listed. The default is all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ParticipantFilter {
    /// Those that are on hold, or those that are not.
    pub hold: Option<bool>,
    /// Those that are muted, or those that are not.
    pub muted: Option<bool>,
}

impl ParticipantFilter {
    /// Those on hold.
    pub fn held() -> Self {
        Self {
            hold: Some(true),
            ..Self::default()
        }
    }
}

open_enum! {
    /// Where the call of a participant stands.
    ParticipantStatus {
        /// Waiting to be dialled.
        Queued = "queued",
        /// Being connected.
        Connecting = "connecting",
        /// Ringing.
        Ringing = "ringing",
        /// In the conference.
        Connected = "connected",
        /// Gone.
        Complete = "complete",
        /// It could not be reached.
        Failed = "failed",
    }
}

/// Someone in a conference now. It has no SID of its own: it is known by its call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveParticipant {
    /// Its call.
    pub call: CallSid,
    /// The conference.
    pub conference: Option<ConferenceSid>,
    /// The label under which it was added. Flex gives none to the customer.
    pub label: Option<String>,
    /// Whether it is on hold.
    pub hold: Option<bool>,
    /// Whether it is muted.
    pub muted: Option<bool>,
    /// Whether it is a coach: heard by the agent alone.
    pub coaching: Option<bool>,
    /// Where its call stands.
    pub status: Option<ParticipantStatus>,
    /// When it joined, in whole seconds.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was changed last, in whole seconds: put on hold, say.
    pub updated_at: Option<DateTime<Utc>>,
}

impl LiveParticipant {
    pub(crate) fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("a live participant", value)?;
        Ok(Self {
            call: fields.sid("call_sid")?,
            conference: fields.maybe_sid("conference_sid"),
            label: fields.owned("label"),
            hold: fields.boolean("hold"),
            muted: fields.boolean("muted"),
            coaching: fields.boolean("coaching"),
            status: fields.text("status").map(ParticipantStatus::from_wire),
            created_at: fields.time("date_created"),
            updated_at: fields.time("date_updated"),
        })
    }
}

open_enum! {
    /// How far Twilio has worked out what happened in a conference; it takes up to a day.
    ProcessingState {
        /// Still at it: times may be missing.
        InProgress = "in_progress",
        /// Done.
        Complete = "complete",
        /// Given up: times may be missing for good.
        Timeout = "timeout",
    }
}

/// Someone's part in a conference that is over (or going on), from Conference Insights.
#[derive(Clone, PartialEq)]
pub struct PastParticipant {
    /// The participant's SID.
    pub sid: ConferenceParticipantSid,
    /// The conference.
    pub conference: Option<ConferenceSid>,
    /// The participant's call.
    pub call: Option<CallSid>,
    /// The label under which it was added. Flex gives none to the customer.
    pub label: Option<String>,
    /// Who called: a number, a SIP address or `client:…`. `Debug` does not show it.
    pub from: Option<String>,
    /// Who was called: the same. `Debug` does not show it.
    pub to: Option<String>,
    /// `carrier`, `client` or `sip`.
    pub call_type: Option<String>,
    /// `inbound` or `outbound`.
    pub call_direction: Option<String>,
    /// When it joined.
    pub joined_at: Option<DateTime<Utc>>,
    /// When it left.
    pub left_at: Option<DateTime<Utc>>,
    /// How long it stayed, in whole seconds.
    pub duration: Option<Duration>,
    /// Whether it was a coach: heard by the agent alone.
    pub is_coach: bool,
    /// How far Twilio is with it.
    pub processing_state: Option<ProcessingState>,
    /// What was done to it (hold, mute, …) as it came: its form is documented by an example alone.
    pub events: Option<Value>,
    /// When it was on hold, in order, as the events tell; empty if it never was. `None` where that cannot be told: the account yields no
    /// events, or Twilio is still at it, or what it gives cannot be read. See also [`holds_among`](Self::holds_among).
    pub holds: Option<Vec<HoldSpan>>,
}

impl PastParticipant {
    pub(crate) fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("a conference participant", value)?;
        let left_at = fields.time("leave_time");
        let processing_state = fields
            .text("processing_state")
            .map(ProcessingState::from_wire);
        let events = fields.value("events").cloned();
        let holds = match processing_state {
            Some(ProcessingState::InProgress) => None,
            _ => events
                .as_ref()
                .and_then(|events| holds::read(events, left_at)),
        };
        Ok(Self {
            sid: fields.sid("participant_sid")?,
            conference: fields.maybe_sid("conference_sid"),
            call: fields.maybe_sid("call_sid"),
            label: fields.owned("label"),
            from: fields.owned("from"),
            to: fields.owned("to"),
            call_type: fields.owned("call_type"),
            call_direction: fields.owned("call_direction"),
            joined_at: fields.time("join_time"),
            left_at,
            duration: fields.seconds("duration_seconds"),
            is_coach: fields.boolean("is_coach").unwrap_or(false),
            processing_state,
            events,
            holds,
        })
    }

    /// When it was on hold, judged beside the others of its conference.
    ///
    /// A participant to whom nothing was done may come without events, as one does in Twilio's own example; alone, it cannot be told from one of an
    /// account that yields none. Where another participant of the conference has events, the account yields them, and none means none.
    pub fn holds_among(&self, everyone: &[Self]) -> Option<Vec<HoldSpan>> {
        if self.holds.is_some() {
            return self.holds.clone();
        }
        let silent =
            self.events.is_none() && self.processing_state == Some(ProcessingState::Complete);
        let yields = everyone
            .iter()
            .any(|other| other.conference == self.conference && other.events.is_some());
        (silent && yields).then(Vec::new)
    }

    /// The identity of the Flex agent, if this is one: the part after `client:`, of whichever side has it.
    pub fn client_identity(&self) -> Option<&str> {
        [&self.to, &self.from]
            .into_iter()
            .flatten()
            .find_map(|side| side.strip_prefix("client:"))
    }
}

impl fmt::Debug for PastParticipant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PastParticipant")
            .field("sid", &self.sid)
            .field("conference", &self.conference)
            .field("call", &self.call)
            .field("call_type", &self.call_type)
            .field("joined_at", &self.joined_at)
            .field("left_at", &self.left_at)
            .field("processing_state", &self.processing_state)
            .finish_non_exhaustive()
    }
}
