//! The messages that make Smart Desktop keep a screen recording: where they go, and the fields of one.
//!
//! Nothing of their syntax is published, so everything here is a choice of ours.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Assumption, TimeFormat, assumption};
use crate::screen_recording::{RecordingMessage, RecordingVerb};
use crate::value::put;

/// How messages for screen recording are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScreenRecordingContract {
    /// Where `POST` takes a message, with `{verb}` for its verb where the tenant wants it there; empty switches all messages off.
    pub path: String,
    /// The field of the verb; empty sends none.
    pub verb_field: String,
    /// The word that starts a recording; an empty word switches its message off, here and below.
    pub start: String,
    /// The word that ends a recording.
    pub stop: String,
    /// The word that pauses a recording.
    pub pause: String,
    /// The word that resumes a recording.
    pub resume: String,
    /// The field of the agent's id at the ACD.
    pub agent_field: String,
    /// The field of the number of the ACD server; empty sends none.
    pub acd_server_field: String,
    /// The field of the leg's id.
    pub leg_field: String,
    /// The field of the interaction's id; empty sends none.
    pub session_field: String,
    /// The field of the time of what happened; empty sends none.
    pub time_field: String,
    /// How the time is written.
    pub time_format: TimeFormat,
}

impl Default for ScreenRecordingContract {
    fn default() -> Self {
        Self {
            path: "api/rest/recordingcontrols/screen".into(),
            verb_field: "command".into(),
            start: "start".into(),
            stop: "stop".into(),
            pause: "pause".into(),
            resume: "resume".into(),
            agent_field: "acdId".into(),
            acd_server_field: "acdServerId".into(),
            leg_field: "callId".into(),
            session_field: "assocCallId".into(),
            time_field: "time".into(),
            time_format: TimeFormat::EpochMilliseconds,
        }
    }
}

pub(super) const ASSUMPTIONS: &[Assumption] = &[
    assumption!(
        "screen_recording",
        801,
        "path",
        Undocumented,
        "POST of a JSON object on this path is a real-time event message (RTE); clients use recordingcontrols/metadata beside it. {verb} in it stands for the verb, and an empty path switches all messages off"
    ),
    assumption!(
        "screen_recording",
        802,
        "verb_field",
        Undocumented,
        "the verb stands here"
    ),
    assumption!(
        "screen_recording",
        803,
        "start",
        Undocumented,
        "this verb begins the agent's screen recording; an empty word switches the message off, here and for the other verbs"
    ),
    assumption!(
        "screen_recording",
        804,
        "stop",
        Undocumented,
        "this verb ends it, so that it is uploaded"
    ),
    assumption!(
        "screen_recording",
        805,
        "pause",
        Undocumented,
        "this verb pauses it"
    ),
    assumption!(
        "screen_recording",
        806,
        "resume",
        Undocumented,
        "this verb resumes it after a pause"
    ),
    assumption!(
        "screen_recording",
        807,
        "agent_field",
        Inference,
        "the agent is known by the ACD id of their Calabrio user, as in the import"
    ),
    assumption!(
        "screen_recording",
        808,
        "acd_server_field",
        Inference,
        "the number of the ACD server stands beside it, as in the import"
    ),
    assumption!(
        "screen_recording",
        809,
        "leg_field",
        Undocumented,
        "the leg's id stands here as in the import; by it Calabrio joins the screen with the contact that is imported later"
    ),
    assumption!(
        "screen_recording",
        810,
        "session_field",
        Undocumented,
        "the interaction's id stands here as in the import"
    ),
    assumption!(
        "screen_recording",
        811,
        "time_field",
        Undocumented,
        "the time of what happened stands here; it lies before the time of the message"
    ),
    assumption!(
        "screen_recording",
        812,
        "time_format",
        Undocumented,
        "it is written like the start of an imported contact"
    ),
];

impl ScreenRecordingContract {
    /// The word for a verb; `None` where its message, or every message, is switched off.
    pub(crate) fn word(&self, verb: RecordingVerb) -> Option<&str> {
        let word = match verb {
            RecordingVerb::Start => &self.start,
            RecordingVerb::Stop => &self.stop,
            RecordingVerb::Pause => &self.pause,
            RecordingVerb::Resume => &self.resume,
        };
        (!word.is_empty() && !self.path.is_empty()).then_some(word)
    }

    /// Where that word goes.
    pub(crate) fn path_of(&self, word: &str) -> String {
        self.path.replace("{verb}", word)
    }

    /// The body of a message.
    pub(crate) fn body(
        &self,
        message: &RecordingMessage,
        word: &str,
        acd_server_id: Option<u32>,
    ) -> Value {
        let mut fields = Map::new();
        put(&mut fields, &self.verb_field, word);
        put(
            &mut fields,
            &self.agent_field,
            message.agent_acd_id.as_str(),
        );
        if let Some(server) = acd_server_id {
            put(&mut fields, &self.acd_server_field, server);
        }
        put(&mut fields, &self.leg_field, message.leg.as_str());
        put(&mut fields, &self.session_field, message.session.as_str());
        put(
            &mut fields,
            &self.time_field,
            self.time_format.write(message.at),
        );
        Value::Object(fields)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(verb: RecordingVerb) -> RecordingMessage {
        RecordingMessage {
            leg: "WR0123456789abcdef0123456789abcdef".parse().unwrap(),
            session: "CH1".parse().unwrap(),
            agent_acd_id: "WK0123456789abcdef0123456789abcdef".into(),
            verb,
            at: "2026-03-01T12:00:00.250Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_message_has_the_assumed_shape() {
        let contract = ScreenRecordingContract::default();
        let word = contract.word(RecordingVerb::Pause).unwrap();
        assert_eq!(
            contract.body(&message(RecordingVerb::Pause), word, Some(3)),
            json!({
                "command": "pause", "acdId": "WK0123456789abcdef0123456789abcdef", "acdServerId": 3,
                "callId": "WR0123456789abcdef0123456789abcdef", "assocCallId": "CH1", "time": 1_772_366_400_250_i64
            })
        );
    }

    #[test]
    fn every_name_can_be_overridden_and_the_verb_can_stand_in_the_path() {
        let contract = ScreenRecordingContract {
            path: "rte/{verb}".into(),
            verb_field: String::new(),
            start: "BEGIN".into(),
            acd_server_field: String::new(),
            session_field: String::new(),
            time_format: TimeFormat::Rfc3339,
            ..Default::default()
        };
        assert_eq!(contract.path_of("BEGIN"), "rte/BEGIN");
        assert_eq!(
            contract.body(&message(RecordingVerb::Start), "BEGIN", Some(3)),
            json!({
                "acdId": "WK0123456789abcdef0123456789abcdef", "callId": "WR0123456789abcdef0123456789abcdef",
                "time": "2026-03-01T12:00:00.250Z"
            })
        );
    }

    #[test]
    fn an_empty_word_switches_its_message_off_and_an_empty_path_all() {
        let without_pause = ScreenRecordingContract {
            pause: String::new(),
            ..Default::default()
        };
        assert_eq!(without_pause.word(RecordingVerb::Pause), None);
        assert_eq!(without_pause.word(RecordingVerb::Resume), Some("resume"));
        let off = ScreenRecordingContract {
            path: String::new(),
            ..Default::default()
        };
        for verb in RecordingVerb::ALL {
            assert_eq!(off.word(verb), None);
        }
    }
}
