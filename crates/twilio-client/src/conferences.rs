//! Conferences, live and past.

use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::Value;
use twilio_sid::{CallSid, ConferenceSid};

use crate::settings::Host;
use crate::wire::{Fields, open_enum};
use crate::{
    Listing, LiveParticipant, ParticipantFilter, PastParticipant, TwilioClient, TwilioError,
    Unreadable,
};

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
        if let Some(status) = &filter.status {
            url = url.with_query("Status", status.as_str());
        }
        if let Some(from) = filter.created_from {
            url = url.with_query("DateCreated>", &crate::time::day(from));
        }
        if let Some(to) = filter.created_to {
            url = url.with_query("DateCreated<", &crate::time::day(to));
        }
        if let Some(from) = filter.updated_from {
            url = url.with_query("DateUpdated>", &crate::time::day(from));
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

    /// The conferences that were created in a stretch of time, the end excluded.
    ///
    /// Twilio filters by days alone, so whole days are asked for and what lies outside is held back here. One without a readable time is
    /// given.
    pub fn created_between(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Listing<Conference> {
        let filter = ConferenceFilter {
            created_from: Some(from),
            created_to: Some(crate::time::midnight_after(to)),
            ..ConferenceFilter::default()
        };
        self.list(&filter).keeping(move |conference| {
            conference
                .created_at
                .is_none_or(|created| (from..to).contains(&created))
        })
    }

    /// The conferences that go on now.
    pub fn in_progress(&self) -> Listing<Conference> {
        self.list(&ConferenceFilter {
            status: Some(ConferenceStatus::InProgress),
            ..ConferenceFilter::default()
        })
    }

    /// Who is in a conference now. Whoever has left is not shown, and of a conference that is over, nobody is.
    pub fn participants(
        &self,
        conference: ConferenceSid,
        filter: &ParticipantFilter,
    ) -> Listing<LiveParticipant> {
        let path = ["Conferences", conference.as_str(), "Participants.json"];
        let mut url = self.0.account_url(None, &path);
        if let Some(muted) = filter.muted {
            url = url.with_query("Muted", &muted.to_string());
        }
        if let Some(hold) = filter.hold {
            url = url.with_query("Hold", &hold.to_string());
        }
        self.0.list_at(
            "twilio.conferences.participants.list",
            Host::Api,
            url,
            "participants",
            LiveParticipant::read,
        )
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
    /// Those in that state.
    pub status: Option<ConferenceStatus>,
    /// Those created on the day (GMT) of this time or later.
    pub created_from: Option<DateTime<Utc>>,
    /// Those created up to the midnight with which the day (GMT) of this time begins.
    pub created_to: Option<DateTime<Utc>>,
    /// Those changed on the day (GMT) of this time or later.
    pub updated_from: Option<DateTime<Utc>>,
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
    pub(crate) fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
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
