//! What makes an event unusable.

use twilio_sid::{EventSid, SidError};

use crate::WireForm;

/// Why one event could not be read. Its neighbours are not touched by it.
///
/// Names the event and the field, never a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// The item of the list is no JSON object.
    #[error(
        "an item of the events list is {found}, not a JSON object; it cannot be told which event it is"
    )]
    NotAnObject {
        /// The kind of JSON that was found, with its article.
        found: &'static str,
    },
    /// The event does not say which event it is.
    #[error("an event has no usable `sid`: {source}")]
    Unidentified {
        /// What is wrong with its SID.
        source: SidError,
    },
    /// A field is absent, without which the event means nothing.
    #[error("event {event} has no `{field}`; fetch it by its SID to see what Twilio holds")]
    Missing {
        /// The event.
        event: EventSid,
        /// The field, with its path below the event.
        field: &'static str,
    },
    /// A field that decides what the event is about holds no SID of the right kind.
    #[error("event {event}, `{field}`: {source}")]
    Sid {
        /// The event.
        event: EventSid,
        /// The field, with its path below the event.
        field: &'static str,
        /// What is wrong with the SID.
        source: SidError,
    },
    /// A field holds another kind of value than it can.
    #[error("event {event}, `{field}`: expected {expected}")]
    Malformed {
        /// The event.
        event: EventSid,
        /// The field, with its path below the event.
        field: &'static str,
        /// What the field should hold, with its article.
        expected: &'static str,
    },
    /// What was pushed is no JSON.
    #[error(
        "what was pushed is not JSON (line {line}, column {column}); it cannot be told which event it is"
    )]
    NotJson {
        /// The line where the text stops being JSON, from 1.
        line: usize,
        /// The column, from 1; 0 where the line ended too early.
        column: usize,
    },
    /// What was pushed is no text.
    #[error("what was pushed is not UTF-8 (byte {position}); it cannot be told which event it is")]
    NotUtf8 {
        /// The place of the first byte that is none, from 0.
        position: usize,
    },
    /// What was pushed has none of the forms in which Twilio tells events.
    #[error(
        "this is no event: neither a CloudEvent nor a callback of TaskRouter or of a conference nor a WFMWorkerChange; see what sends to this URL"
    )]
    UnknownForm,
    /// A pushed event lacks what tells which event it is and whose, or holds something else there.
    #[error("a pushed event ({form}), `{field}`: expected {expected}")]
    Unusable {
        /// Its form.
        form: WireForm,
        /// The field, with its path in that form.
        field: &'static str,
        /// What the field should hold.
        expected: &'static str,
    },
}

impl EventError {
    /// The event, where it is known.
    pub fn event(&self) -> Option<EventSid> {
        match self {
            Self::NotAnObject { .. }
            | Self::Unidentified { .. }
            | Self::NotJson { .. }
            | Self::NotUtf8 { .. }
            | Self::UnknownForm
            | Self::Unusable { .. } => None,
            Self::Missing { event, .. }
            | Self::Sid { event, .. }
            | Self::Malformed { event, .. } => Some(*event),
        }
    }

    /// The field that is at fault, where it is one.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotAnObject { .. }
            | Self::NotJson { .. }
            | Self::NotUtf8 { .. }
            | Self::UnknownForm => None,
            Self::Unidentified { .. } => Some("sid"),
            Self::Unusable { field, .. }
            | Self::Missing { field, .. }
            | Self::Sid { field, .. }
            | Self::Malformed { field, .. } => Some(field),
        }
    }
}
