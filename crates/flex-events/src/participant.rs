//! What happens in a conference: the only source that tells of hold.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use twilio_sid::{AccountSid, CallSid, ConferenceSid, TaskSid};

use crate::value::{instant, scalar};
use crate::{EventError, WireForm};

/// How far apart a callback's time, in whole seconds, and the event's own, in milliseconds, may be to be one.
const SAME_MOMENT: TimeDelta = TimeDelta::seconds(2);

/// Whether a `CloudEvent` of this type carries the parameters of a conference's status callback.
pub(crate) fn is_conference_type(kind: &str) -> bool {
    kind.starts_with("com.twilio.voice.") && kind.contains("status-callback.conference.")
}

/// One change in a conference, from its status callback or from Event Streams.
///
/// `Debug` shows neither the label nor the conference's name: both are whatever the customer's Flex chose.
#[derive(Clone, PartialEq, Eq)]
pub struct ParticipantEvent {
    /// What tells it from every other event, the same in both forms wherever Twilio numbers its callbacks.
    pub id: String,
    /// The account, where it is named.
    pub account: Option<AccountSid>,
    /// The conference.
    pub conference: ConferenceSid,
    /// The conference's friendly name: in Flex the SID of the task.
    pub conference_name: Option<String>,
    /// The participant's call. Absent only where the change is the conference's own.
    pub call: Option<CallSid>,
    /// The participant's label, if one was given: `customer`, say.
    pub label: Option<String>,
    /// What changed. It is what the event's name says: the flags beside it have been seen to contradict it.
    pub change: ParticipantChange,
    /// When, in milliseconds where Twilio tells them, else in whole seconds.
    pub at: DateTime<Utc>,
    /// The number of the callback within its conference, in the order of what happened.
    pub sequence: Option<u64>,
}

impl ParticipantEvent {
    /// The task that the conference belongs to, where its name is a task's SID.
    pub fn task(&self) -> Option<TaskSid> {
        self.conference_name.as_deref()?.trim().parse().ok()
    }
}

impl fmt::Debug for ParticipantEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParticipantEvent")
            .field("id", &self.id)
            .field("account", &self.account)
            .field("conference", &self.conference)
            .field("task", &self.task())
            .field("call", &self.call)
            .field("label", &self.label.as_ref().map(|_| "…"))
            .field("change", &self.change)
            .field("at", &self.at)
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

/// A change in a conference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ParticipantChange {
    /// The conference began.
    ConferenceStart,
    /// The conference ended, and with it every hold in it.
    ConferenceEnd,
    /// The participant joined.
    Join,
    /// The participant left.
    Leave,
    /// The participant was put on hold.
    Hold,
    /// The participant was taken off hold.
    Unhold,
    /// The participant was muted.
    Mute,
    /// The participant was unmuted.
    Unmute,
}

impl ParticipantChange {
    const NAMES: [(Self, &'static str); 8] = [
        (Self::ConferenceStart, "conference-start"),
        (Self::ConferenceEnd, "conference-end"),
        (Self::Join, "participant-join"),
        (Self::Leave, "participant-leave"),
        (Self::Hold, "participant-hold"),
        (Self::Unhold, "participant-unhold"),
        (Self::Mute, "participant-mute"),
        (Self::Unmute, "participant-unmute"),
    ];

    /// The change that a `StatusCallbackEvent` names; `None` for those that nothing here reads.
    pub fn from_wire(text: &str) -> Option<Self> {
        let text = text.trim();
        Self::NAMES
            .into_iter()
            .find(|(_, name)| name.eq_ignore_ascii_case(text))
            .map(|(change, _)| change)
    }

    /// Twilio's name for it.
    pub fn as_str(self) -> &'static str {
        Self::NAMES
            .into_iter()
            .find(|(change, _)| *change == self)
            .map_or("", |(_, name)| name)
    }

    /// Whether it is the conference's own change and no participant's.
    pub fn is_of_conference(self) -> bool {
        matches!(self, Self::ConferenceStart | Self::ConferenceEnd)
    }
}

/// The parameters of a status callback that tell it from every other.
pub(crate) struct Heard<'a> {
    pub(crate) conference: Option<&'a str>,
    pub(crate) call: Option<&'a str>,
    pub(crate) event: Option<&'a str>,
    pub(crate) sequence: Option<&'a str>,
    pub(crate) timestamp: Option<&'a str>,
}

impl Heard<'_> {
    /// Conference, number, change and call; the second in which it happened stands in for the number where there is none.
    pub(crate) fn id(&self) -> Option<String> {
        let conference: ConferenceSid = self.conference?.trim().parse().ok()?;
        let change = ParticipantChange::from_wire(self.event?)?;
        let number = match self
            .sequence
            .and_then(|text| text.trim().parse::<u64>().ok())
        {
            Some(number) => number.to_string(),
            None => format!("t{}", instant(self.timestamp?)?.timestamp()),
        };
        let call = self
            .call
            .and_then(|text| text.trim().parse::<CallSid>().ok());
        let call = call.as_ref().map_or("-", CallSid::as_str);
        Some(format!("{conference}/{number}/{}/{call}", change.as_str()))
    }
}

/// Reads the parameters of a conference's status callback.
///
/// `told` is what the event's envelope says: its time in milliseconds, and the id that stands in where the callback has none.
pub(crate) fn read(
    form: WireForm,
    parameters: &Map<String, Value>,
    told: Option<DateTime<Utc>>,
    id: &str,
) -> Result<ParticipantEvent, EventError> {
    let text = |name: &str| parameters.get(name).and_then(scalar);
    let unusable = |field, expected| EventError::Unusable {
        form,
        field,
        expected,
    };
    let change = text("StatusCallbackEvent")
        .and_then(|name| ParticipantChange::from_wire(&name))
        .ok_or(unusable(
            "StatusCallbackEvent",
            "a change that is read here",
        ))?;
    let conference = text("ConferenceSid")
        .and_then(|sid| sid.trim().parse().ok())
        .ok_or(unusable("ConferenceSid", "a conference SID"))?;
    let call = text("CallSid").and_then(|sid| sid.trim().parse().ok());
    if call.is_none() && !change.is_of_conference() {
        return Err(unusable("CallSid", "a call SID"));
    }
    let whole = text("Timestamp").and_then(|time| instant(&time));
    let at = match (whole, told) {
        (Some(whole), Some(told)) if (told - whole).abs() < SAME_MOMENT => told,
        (Some(whole), _) => whole,
        (None, Some(told)) => told,
        (None, None) => return Err(unusable("Timestamp", "a time")),
    };
    let account = match text("AccountSid") {
        Some(sid) => {
            let sid = sid.trim().parse();
            Some(sid.map_err(|_| unusable("AccountSid", "an account SID"))?)
        }
        None => None,
    };
    let label = text("ParticipantLabel").or_else(|| text("Label"));
    Ok(ParticipantEvent {
        id: id.to_owned(),
        account,
        conference,
        conference_name: text("FriendlyName").map(Cow::into_owned),
        call: call.filter(|_| !change.is_of_conference()),
        label: label.map(Cow::into_owned),
        change,
        at,
        sequence: text("SequenceNumber").and_then(|number| number.trim().parse().ok()),
    })
}
