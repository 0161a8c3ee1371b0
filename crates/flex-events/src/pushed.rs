//! What was pushed and kept, read.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use twilio_sid::{AccountSid, WorkspaceSid};

use crate::peek::{self, not_json, utf8};
use crate::value::instant;
use crate::{
    EventError, FlexEvent, ParticipantEvent, Topic, WireForm, WorkerSnapshot, participant,
    snapshot, wire,
};

/// One event that was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pushed {
    /// An event of TaskRouter.
    TaskRouter(Box<FlexEvent>),
    /// A change in a conference.
    Participant(ParticipantEvent),
    /// The state of one agent.
    Worker(WorkerSnapshot),
    /// An event that nothing here reads.
    Other {
        /// Its type, as Twilio wrote it.
        kind: String,
        /// The account it belongs to, where it says so.
        account: Option<AccountSid>,
        /// The workspace it belongs to, where it says so.
        workspace: Option<WorkspaceSid>,
        /// When it happened, where it says so.
        at: Option<DateTime<Utc>>,
    },
}

impl Pushed {
    /// Reads one event in the form in which it was kept: [`Member::json`](crate::Member::json) of what
    /// [`json_members`](crate::json_members) or [`form_member`](crate::form_member) found.
    pub fn read(form: WireForm, json: &[u8]) -> Result<Self, EventError> {
        let member = peek::member(form, json)?;
        let text = utf8(json)?;
        let value: Value = match serde_json::from_str(text) {
            Ok(value) => value,
            // Attributes are cut at a number of characters, which can leave half of an emoji. That must not cost the event.
            Err(error) => {
                serde_json::from_str(&whole_escapes(text)).map_err(|_| not_json(&error))?
            }
        };
        match member.topic {
            Topic::TaskRouter => match form {
                WireForm::TaskRouterCallback => wire::read_callback(&value),
                _ => wire::read_cloud_event(&value),
            }
            .map(|event| Self::TaskRouter(Box::new(event))),
            Topic::Conference => {
                let none = Map::new();
                let unpacked;
                let (parameters, told) = if form == WireForm::ConferenceCallback {
                    (value.as_object(), None)
                } else {
                    unpacked = CloudParameters::of(&value);
                    (unpacked.parameters.as_ref(), unpacked.told)
                };
                let parameters = parameters.unwrap_or(&none);
                participant::read(form, parameters, told, &member.id).map(Self::Participant)
            }
            Topic::Worker => snapshot::read(&value, &member.id).map(Self::Worker),
            Topic::SinkTest { .. } | Topic::Unread => Ok(Self::Other {
                kind: member.kind,
                account: member.account,
                workspace: member.workspace,
                at: member.at,
            }),
        }
    }

    /// What tells it from every other event; nothing for what nobody reads.
    pub fn id(&self) -> &str {
        match self {
            Self::TaskRouter(event) => event.sid.as_str(),
            Self::Participant(event) => &event.id,
            Self::Worker(snapshot) => &snapshot.id,
            Self::Other { .. } => "",
        }
    }

    /// The account it belongs to, where it says so.
    pub fn account(&self) -> Option<AccountSid> {
        match self {
            Self::TaskRouter(event) => event.account,
            Self::Participant(event) => event.account,
            Self::Worker(snapshot) => snapshot.account,
            Self::Other { account, .. } => *account,
        }
    }

    /// The workspace it belongs to, where it says so: voice knows none.
    pub fn workspace(&self) -> Option<WorkspaceSid> {
        match self {
            Self::TaskRouter(event) => event.workspace,
            Self::Participant(_) => None,
            Self::Worker(snapshot) => snapshot.workspace,
            Self::Other { workspace, .. } => *workspace,
        }
    }

    /// When it happened, where it says so.
    pub fn at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::TaskRouter(event) => Some(event.at),
            Self::Participant(event) => Some(event.at),
            Self::Worker(snapshot) => snapshot.as_of,
            Self::Other { at, .. } => *at,
        }
    }
}

/// The parameters of a status callback as a `CloudEvent` carries them, and the finer of its times.
struct CloudParameters {
    parameters: Option<Map<String, Value>>,
    told: Option<DateTime<Utc>>,
}

impl CloudParameters {
    fn of(envelope: &Value) -> Self {
        let data = wire::unpack(envelope.get("data"));
        let request = data
            .as_ref()
            .and_then(|data| wire::unpack(data.get("request")));
        let parameters = request
            .as_ref()
            .and_then(|request| wire::unpack(request.get("parameters")))
            .map(Cow::into_owned);
        let told = data
            .as_ref()
            .and_then(|data| data.get("timestamp"))
            .and_then(Value::as_str)
            .or_else(|| envelope.get("time").and_then(Value::as_str))
            .and_then(instant);
        Self { parameters, told }
    }
}

/// The text with every escape of half a surrogate pair replaced by that of U+FFFD.
fn whole_escapes(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        whole.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = match (unit(rest), rest.get(6..).and_then(unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                whole.push_str("\\ufffd");
                rest = &rest[6..];
                continue;
            }
            (Some(_), _) => 6,
            // Any other escape is the backslash and one character.
            (None, _) => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
        whole.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    whole.push_str(rest);
    whole
}

/// The UTF-16 unit of an escape at the start of the text.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::whole_escapes;

    #[test]
    fn only_halves_of_a_pair_are_replaced() {
        for (text, whole) in [
            (r#""a\ud83d\ude00b""#, r#""a\ud83d\ude00b""#),
            (r#""a\ud83db""#, r#""a\ufffdb""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\\ud83d\n\"\u00e9""#, r#""\\ud83d\n\"\u00e9""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            ("\\", "\\"),
            ("é\\é", "é\\é"),
        ] {
            assert_eq!(whole_escapes(text), whole);
        }
    }
}
