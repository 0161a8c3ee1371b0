//! What the policy reads from a task's attributes.

use contact_model::{Direction, SessionId};
use serde_json::{Map, Value};
use twilio_sid::{
    CallSid, ConferenceSid, ConversationSid, InteractionSid, RecordingSid, ReservationSid,
};

/// The attributes as they hold for one leg: those of the task, with what `reservation_attributes` says of this leg laid
/// over them, and without what it says of other legs.
#[derive(Clone, PartialEq)]
pub struct LegAttributes {
    merged: Map<String, Value>,
    own_media: bool,
}

impl std::fmt::Debug for LegAttributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LegAttributes")
            .field("own_media", &self.own_media)
            .finish_non_exhaustive()
    }
}

/// One recording that the attributes name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedMedia {
    /// The recording.
    pub recording: RecordingSid,
    /// Whether the attributes say that its first channel is the customer; `None` where they do not say.
    pub customer_first: Option<bool>,
}

impl LegAttributes {
    /// `attributes` is the task's; anything but an object counts as empty.
    pub fn of_leg(attributes: Option<&Value>, leg: ReservationSid) -> Self {
        let mut merged = attributes
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        let mut own_media = false;
        if let Some(Value::Object(mut by_leg)) = merged.remove("reservation_attributes")
            && let Some(Value::Object(own)) = by_leg.remove(leg.as_str())
        {
            own_media = own.get("media").is_some_and(Value::is_array);
            for (name, value) in own {
                match (merged.get_mut(&name), value) {
                    (Some(Value::Object(below)), Value::Object(over)) => below.extend(over),
                    (_, value) => {
                        merged.insert(name, value);
                    }
                }
            }
        }
        Self { merged, own_media }
    }

    /// The merged attributes, as an object.
    pub fn to_value(&self) -> Value {
        Value::Object(self.merged.clone())
    }

    fn text(&self, path: &[&str]) -> Option<&str> {
        let (first, rest) = path.split_first()?;
        let mut value = self.merged.get(*first)?;
        for name in rest {
            value = value.get(*name)?;
        }
        value
            .as_str()
            .map(str::trim)
            .filter(|text| !text.is_empty())
    }

    /// The interaction's id, where the attributes tell one that can be used.
    pub fn session(&self) -> Option<SessionId> {
        self.text(&["conversations", "conversation_id"])?
            .parse()
            .ok()
    }

    /// Who began the interaction.
    pub fn direction(&self) -> Option<Direction> {
        self.text(&["direction"])?.parse().ok()
    }

    /// The recordings that are this leg's own, from its `reservation_attributes`.
    pub fn own_media(&self) -> Vec<NamedMedia> {
        if self.own_media {
            media(self.merged.get("media"))
        } else {
            Vec::new()
        }
    }

    /// The recordings of the interaction, from `conversations.media`.
    pub fn conversation_media(&self) -> Vec<NamedMedia> {
        media(
            self.merged
                .get("conversations")
                .and_then(|conversations| conversations.get("media")),
        )
    }

    /// The recording that `conversations.segment_link` leads to.
    pub fn segment_link(&self) -> Option<NamedMedia> {
        let recording = recording_in(self.text(&["conversations", "segment_link"])?)?;
        Some(NamedMedia {
            recording,
            customer_first: None,
        })
    }

    /// The conference.
    pub fn conference(&self) -> Option<ConferenceSid> {
        self.text(&["conference", "sid"])?.parse().ok()
    }

    /// The customer's call. The task attribute `call_sid` is known to hold the agent's call on some accounts, so what
    /// `conference.participants` says goes first.
    pub fn customer_call(&self) -> Option<CallSid> {
        let named = self.text(&["conference", "participants", "customer"]);
        if let Some(call) = named.and_then(|text| text.parse().ok()) {
            return Some(call);
        }
        let call = self.text(&["call_sid"])?.parse().ok()?;
        (Some(call) != self.worker_call()).then_some(call)
    }

    /// The agent's call: that of the latest agent, where there were several.
    pub fn worker_call(&self) -> Option<CallSid> {
        self.text(&["conference", "participants", "worker"])?
            .parse()
            .ok()
    }

    /// The conversation of a digital task. Flex names it itself; other ways to make tasks leave it among the media, or name the
    /// channel of Programmable Chat, which has a SID of the same kind.
    pub fn conversation(&self) -> Option<ConversationSid> {
        let parsed = |text: &str| text.trim().parse().ok();
        let in_media = || {
            let media = self.merged.get("conversations")?.get("media")?.as_array()?;
            media.iter().find_map(|item| {
                ["sid", "conversation_sid", "conversationSid"]
                    .iter()
                    .find_map(|name| item.get(*name)?.as_str().and_then(parsed))
            })
        };
        self.text(&["conversationSid"])
            .and_then(parsed)
            .or_else(in_media)
            .or_else(|| self.text(&["channelSid"]).and_then(parsed))
    }

    /// The interaction of a task of Flex Conversations.
    pub fn interaction(&self) -> Option<InteractionSid> {
        self.text(&["flexInteractionSid"])?.parse().ok()
    }

    /// The number that called, and the number that was called.
    pub fn addresses(&self) -> (Option<String>, Option<String>) {
        let first = |paths: &[&str]| {
            paths
                .iter()
                .find_map(|path| self.text(&[path]))
                .map(str::to_owned)
        };
        (
            first(&["from", "caller", "customerAddress"]),
            first(&["to", "called", "outbound_to"]),
        )
    }
}

fn media(list: Option<&Value>) -> Vec<NamedMedia> {
    let items = list
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut named: Vec<NamedMedia> = Vec::new();
    for item in items {
        let is_voice = item
            .get("type")
            .and_then(Value::as_str)
            .is_none_or(|kind| kind == "VoiceRecording");
        let address = ["url", "url_provider"]
            .iter()
            .find_map(|name| item.get(*name).and_then(Value::as_str));
        let Some(recording) = address.and_then(recording_in) else {
            continue;
        };
        if is_voice && named.iter().all(|other| other.recording != recording) {
            named.push(NamedMedia {
                recording,
                customer_first: customer_first(item.get("channels")),
            });
        }
    }
    named
}

fn customer_first(channels: Option<&Value>) -> Option<bool> {
    let names = channels?.as_array()?;
    let customer = names
        .iter()
        .position(|name| name.as_str() == Some("customer"))?;
    (names.len() == 2).then_some(customer == 0)
}

/// The recording that an address leads to: the path segment that is a recording SID, with or without an ending.
fn recording_in(address: &str) -> Option<RecordingSid> {
    let path = address.split(['?', '#']).next()?;
    path.rsplit('/')
        .find_map(|segment| segment.split('.').next()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LEG: &str = "WR00000000000000000000000000000001";

    fn read(value: &Value) -> LegAttributes {
        LegAttributes::of_leg(Some(value), LEG.parse().unwrap())
    }

    fn recording(digit: char) -> String {
        format!("RE{}", digit.to_string().repeat(32))
    }

    #[test]
    fn what_the_reservation_says_lies_over_what_the_task_says_and_other_legs_stay_out() {
        let attributes = read(&json!({
            "direction": "inbound",
            "conversations": {"conversation_id": "C-1", "kept": 1},
            "reservation_attributes": {
                LEG: {"direction": "outbound", "conversations": {"conversation_id": "C-2"}},
                "WR00000000000000000000000000000002": {"secret": "of another"},
            },
        }));
        assert_eq!(attributes.direction(), Some(Direction::Outbound));
        assert_eq!(attributes.session().unwrap().as_str(), "C-2");
        let merged = attributes.to_value();
        assert_eq!(merged["conversations"]["kept"], 1);
        assert!(!merged.to_string().contains("of another"));
    }

    #[test]
    fn attributes_of_any_kind_read_as_empty_where_they_are_no_object() {
        for value in [
            json!(null),
            json!([1]),
            json!("text"),
            json!({"reservation_attributes": 3}),
        ] {
            let attributes = read(&value);
            assert!(attributes.own_media().is_empty() && attributes.conference().is_none());
        }
        assert!(
            LegAttributes::of_leg(None, LEG.parse().unwrap())
                .session()
                .is_none()
        );
    }

    #[test]
    fn recordings_are_found_in_addresses_with_and_without_ending_and_named_once() {
        let one = format!(
            "https://api.twilio.com/2010-04-01/Accounts/AC0/Recordings/{}",
            recording('a')
        );
        let attributes = read(&json!({"conversations": {
            "segment_link": format!("{one}.wav?x=1"),
            "media": [
                {"type": "VoiceRecording", "url": one, "channels": ["customer", "others"]},
                {"type": "VoiceRecording", "url": one},
                {"type": "ChatTranscript", "sid": "CH0"},
                {"type": "VoiceRecording", "url_provider": format!("https://x.example/{}.wav", recording('b')),
                 "channels": ["agent", "customer"]},
                {"type": "VoiceRecording", "url": "https://x.example/nothing"},
                "not an object",
            ],
        }}));
        let media = attributes.conversation_media();
        assert_eq!(media.len(), 2);
        assert_eq!(media[0].customer_first, Some(true));
        assert_eq!(
            (media[1].recording.as_str(), media[1].customer_first),
            (recording('b').as_str(), Some(false))
        );
        assert_eq!(
            attributes.segment_link().unwrap().recording,
            media[0].recording
        );
    }

    #[test]
    fn a_task_that_names_the_agents_call_as_its_own_has_no_customer_call() {
        let worker = "CA00000000000000000000000000000001";
        let attributes =
            read(&json!({"call_sid": worker, "conference": {"participants": {"worker": worker}}}));
        assert_eq!(attributes.customer_call(), None);
        assert_eq!(attributes.worker_call().unwrap().as_str(), worker);
    }

    #[test]
    fn a_conversation_is_found_in_every_form_that_tasks_carry() {
        let sid = |digit: char| format!("CH{}", digit.to_string().repeat(32));
        let of = |value: Value| read(&value).conversation().map(|found| found.to_string());
        assert_eq!(
            of(json!({"conversationSid": sid('a'), "channelSid": sid('b')})),
            Some(sid('a'))
        );
        for item in [
            json!({"type": "ChatTranscript", "sid": sid('c')}),
            json!({"conversation_sid": sid('c')}),
        ] {
            let media = json!({"conversations": {"media": [{"type": "VoiceRecording"}, item]}});
            assert_eq!(of(media), Some(sid('c')));
        }
        assert_eq!(of(json!({"channelSid": sid('d')})), Some(sid('d')));
        for nothing in [
            json!({}),
            json!({"conversationSid": 7}),
            json!({"conversationSid": "CHnot"}),
        ] {
            assert_eq!(of(nothing), None);
        }
    }

    #[test]
    fn an_unusable_session_id_is_passed_over() {
        assert_eq!(
            read(&json!({"conversations": {"conversation_id": "with space"}})).session(),
            None
        );
    }
}
