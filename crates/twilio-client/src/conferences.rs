//! Conferences, and who took part in those that are over.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use twilio_sid::{CallSid, ConferenceParticipantSid, ConferenceSid};

use crate::settings::Host;
use crate::wire::{Fields, open_enum};
use crate::{Listing, TwilioClient, TwilioError, Unreadable};

/// The account's conferences.
#[derive(Debug, Clone, Copy)]
pub struct Conferences<'a>(pub(crate) &'a TwilioClient);

impl Conferences<'_> {
    /// One conference.
    pub async fn get(&self, sid: ConferenceSid) -> Result<Conference, TwilioError> {
        let url = self
            .0
            .account_url(None, &["Conferences", &format!("{sid}.json")]);
        self.0
            .get("twilio.conferences.get", url, Conference::read)
            .await
    }

    /// The conferences that fit.
    pub fn list(&self, filter: &ConferenceFilter) -> Listing<Conference> {
        let mut url = self.0.account_url(None, &["Conferences.json"]);
        if let Some(name) = &filter.friendly_name {
            url = url.with_query("FriendlyName", name);
        }
        if let Some(from) = filter.created_from {
            url = url.with_query("DateCreated>", &crate::time::day(from));
        }
        if let Some(to) = filter.created_to {
            url = url.with_query("DateCreated<", &crate::time::day(to));
        }
        self.0.list_at(
            "twilio.conferences.list",
            Host::Api,
            url,
            "conferences",
            Conference::read,
        )
    }

    /// The conferences of that name. Flex names a voice task's conference by the task's SID.
    pub fn named(&self, friendly_name: impl Into<String>) -> Listing<Conference> {
        self.list(&ConferenceFilter {
            friendly_name: Some(friendly_name.into()),
            ..ConferenceFilter::default()
        })
    }

    /// Who took part in a conference, from Conference Insights: for 30 days, and where the account has them.
    ///
    /// The conference's own list of participants shows nobody who has left.
    pub fn past_participants(&self, conference: ConferenceSid) -> Listing<PastParticipant> {
        let segments = ["v1", "Conferences", conference.as_str(), "Participants"];
        self.0.list(
            "twilio.insights.participants.list",
            Host::Insights,
            &segments,
            "participants",
            PastParticipant::read,
        )
    }
}

/// Which conferences are listed. The default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConferenceFilter {
    /// Those of exactly this name.
    pub friendly_name: Option<String>,
    /// Those created on the day (GMT) of this time or later.
    pub created_from: Option<DateTime<Utc>>,
    /// Those created up to the midnight with which the day (GMT) of this time begins.
    pub created_to: Option<DateTime<Utc>>,
}

open_enum! {
    /// Where a conference stands.
    ConferenceStatus {
        /// Nobody has started it yet.
        Init = "init",
        /// Going on.
        InProgress = "in-progress",
        /// Over.
        Completed = "completed",
    }
}

/// A conference.
#[derive(Clone, PartialEq, Eq)]
pub struct Conference {
    /// Its SID.
    pub sid: ConferenceSid,
    /// Its name. `Debug` does not show it: it is whatever the customer chose.
    pub friendly_name: Option<String>,
    /// Where it stands.
    pub status: ConferenceStatus,
    /// When it was created, in whole seconds.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was changed last.
    pub updated_at: Option<DateTime<Utc>>,
    /// Why it ended, in Twilio's words.
    pub ended_because: Option<String>,
    /// The call that ended it.
    pub ended_by: Option<CallSid>,
}

impl Conference {
    fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("a conference", value)?;
        Ok(Self {
            sid: fields.sid("sid")?,
            friendly_name: fields.owned("friendly_name"),
            status: ConferenceStatus::from_wire(&fields.required("status")?),
            created_at: fields.time("date_created"),
            updated_at: fields.time("date_updated"),
            ended_because: fields.owned("reason_conference_ended"),
            ended_by: fields.maybe_sid("call_sid_ending_conference"),
        })
    }
}

impl fmt::Debug for Conference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conference")
            .field("sid", &self.sid)
            .field("status", &self.status)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
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
    /// Its doings (hold, mute, …) as they came: their form is not documented.
    pub events: Option<Value>,
}

impl PastParticipant {
    fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("a conference participant", value)?;
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
            left_at: fields.time("leave_time"),
            duration: fields.seconds("duration_seconds"),
            is_coach: fields.boolean("is_coach").unwrap_or(false),
            processing_state: fields
                .text("processing_state")
                .map(ProcessingState::from_wire),
            events: fields.value("events").cloned(),
        })
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
