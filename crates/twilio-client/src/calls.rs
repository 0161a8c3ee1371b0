//! Calls: each leg of a telephone call is one.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use twilio_sid::CallSid;

use crate::settings::Host;
use crate::wire::{Fields, open_enum};
use crate::{Listing, TwilioClient, TwilioError, Unreadable};

/// The account's calls.
#[derive(Debug, Clone, Copy)]
pub struct Calls<'a>(pub(crate) &'a TwilioClient);

impl Calls<'_> {
    /// One call.
    pub async fn get(&self, sid: CallSid) -> Result<Call, TwilioError> {
        let url = self.0.account_url(None, &["Calls", &format!("{sid}.json")]);
        self.0.get("twilio.calls.get", url, Call::read).await
    }

    /// The calls that fit.
    pub fn list(&self, filter: &CallFilter) -> Listing<Call> {
        let mut url = self.0.account_url(None, &["Calls.json"]);
        if let Some(parent) = &filter.parent {
            url = url.with_query("ParentCallSid", parent.as_str());
        }
        if let Some(from) = filter.started_from {
            url = url.with_query("StartTime>", &crate::time::query(from));
        }
        if let Some(to) = filter.started_to {
            url = url.with_query("StartTime<", &crate::time::query(to));
        }
        self.0
            .list_at("twilio.calls.list", Host::Api, url, "calls", Call::read)
    }

    /// The calls that a call made: the agent's leg of a customer's call, for one.
    pub fn children(&self, parent: CallSid) -> Listing<Call> {
        self.list(&CallFilter {
            parent: Some(parent),
            ..CallFilter::default()
        })
    }
}

/// Which calls are listed. The default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Those that this call made.
    pub parent: Option<CallSid>,
    /// Those that started at this time or later.
    pub started_from: Option<DateTime<Utc>>,
    /// Those that started at this time or earlier.
    pub started_to: Option<DateTime<Utc>>,
}

open_enum! {
    /// Where a call stands.
    CallStatus {
        /// Waiting to be dialled.
        Queued = "queued",
        /// Ringing.
        Ringing = "ringing",
        /// Being spoken.
        InProgress = "in-progress",
        /// Over.
        Completed = "completed",
        /// The other side was busy.
        Busy = "busy",
        /// It could not be made.
        Failed = "failed",
        /// Nobody answered.
        NoAnswer = "no-answer",
        /// Canceled before it was answered.
        Canceled = "canceled",
    }
}

open_enum! {
    /// Which way a call went, seen from Twilio.
    CallDirection {
        /// To Twilio.
        Inbound = "inbound",
        /// From Twilio, by a request to its API.
        OutboundApi = "outbound-api",
        /// From Twilio, dialled by another call.
        OutboundDial = "outbound-dial",
    }
}

/// A call.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    /// Its SID.
    pub sid: CallSid,
    /// The call that made it.
    pub parent: Option<CallSid>,
    /// Who called: a number, a SIP address or `client:…`. `Debug` does not show it.
    pub from: Option<String>,
    /// Who was called: the same. `Debug` does not show it.
    pub to: Option<String>,
    /// Where it stands.
    pub status: CallStatus,
    /// Which way it went.
    pub direction: Option<CallDirection>,
    /// When it was answered.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// How long it was, in whole seconds.
    pub duration: Option<Duration>,
}

impl Call {
    fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("a call", value)?;
        Ok(Self {
            sid: fields.sid("sid")?,
            parent: fields.maybe_sid("parent_call_sid"),
            from: fields.owned("from"),
            to: fields.owned("to"),
            status: CallStatus::from_wire(&fields.required("status")?),
            direction: fields.text("direction").map(CallDirection::from_wire),
            started_at: fields.time("start_time"),
            ended_at: fields.time("end_time"),
            duration: fields.seconds("duration"),
        })
    }

    /// The identity of the Flex agent on this leg: the part after `client:`, of whichever side has it.
    pub fn client_identity(&self) -> Option<&str> {
        [&self.to, &self.from]
            .into_iter()
            .flatten()
            .find_map(|side| side.strip_prefix("client:"))
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("sid", &self.sid)
            .field("parent", &self.parent)
            .field("status", &self.status)
            .field("direction", &self.direction)
            .field("started_at", &self.started_at)
            .field("duration", &self.duration)
            .finish_non_exhaustive()
    }
}
