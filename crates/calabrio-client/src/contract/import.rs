//! The import of a contact: the parts of the request, the fields of its JSON, and what an answer means.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use contact_model::{CcrId, Direction};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Assumption, assumption};
use crate::import::ContactImport;
use crate::value::{integer, lookup};

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeFormat {
    /// A number: milliseconds since 1970 UTC.
    EpochMilliseconds,
    /// A number: whole seconds since 1970 UTC.
    EpochSeconds,
    /// A text: `2026-03-01T12:00:00.000Z`.
    Rfc3339,
}

/// How a duration is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DurationUnit {
    /// A number of milliseconds.
    Milliseconds,
    /// A number of seconds, rounded to the nearest.
    Seconds,
}

/// What an answer means whose status says success while its body says that something went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorInSuccess {
    /// The contact may be there: it is searched for before it is sent again.
    InDoubt,
    /// The contact was refused.
    Refusal,
}

/// How a contact is imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImportContract {
    /// Where `POST` imports.
    pub path: String,
    /// The name of the part with the metadata.
    pub metadata_part: String,
    /// Its content type.
    pub metadata_content_type: String,
    /// The name of the part with the audio.
    pub audio_part: String,
    /// Its content type.
    pub audio_content_type: String,
    /// Its file name, with `{leg_id}` for the leg.
    pub audio_file_name: String,
    /// The field around the list of contacts; empty sends the list itself.
    pub list_field: String,
    /// The field of the contact's start.
    pub start_time_field: String,
    /// How the start is written.
    pub start_time_format: TimeFormat,
    /// The field of the contact's duration; empty sends none.
    pub duration_field: String,
    /// How the duration is written.
    pub duration_unit: DurationUnit,
    /// The field of the kind of contact; empty sends none.
    pub contact_type_field: String,
    /// The kind of a call.
    pub contact_type_call: String,
    /// The field of the customer's address, or the agent's where the agent called; empty sends none.
    pub ani_field: String,
    /// The field of the dialled address; empty sends none.
    pub dnis_field: String,
    /// The field of the interaction's id; empty sends none.
    pub session_field: String,
    /// The field of the leg's id; empty sends none.
    pub leg_field: String,
    /// The field of the agent's id at the ACD; empty sends none.
    pub agent_field: String,
    /// The field of the number of the ACD server; empty sends none.
    pub acd_server_field: String,
    /// The field of the direction; empty sends none.
    pub direction_field: String,
    /// How an inbound contact is told.
    pub direction_inbound: String,
    /// How an outbound contact is told.
    pub direction_outbound: String,
    /// The field that repeats the file name of the audio; empty sends none.
    pub file_name_field: String,
    /// The field of the custom metadata.
    pub metadata_field: String,
    /// The field of an entry's key.
    pub metadata_key_field: String,
    /// The field of an entry's value.
    pub metadata_value_field: String,
    /// The field of the answer that holds the contacts; empty where the answer is the list itself.
    pub answer_list_field: String,
    /// The field of a contact's id in the answer; empty reads none.
    pub answer_id_field: String,
    /// What an error in an answer with status 200 means.
    pub error_in_success: ErrorInSuccess,
}

impl Default for ImportContract {
    fn default() -> Self {
        Self {
            path: "api/upload/contacts".into(),
            metadata_part: "JSON".into(),
            metadata_content_type: "application/json".into(),
            audio_part: "WAV".into(),
            audio_content_type: "audio/x-wav".into(),
            audio_file_name: "{leg_id}.wav".into(),
            list_field: "contacts".into(),
            start_time_field: "startTime".into(),
            start_time_format: TimeFormat::EpochMilliseconds,
            duration_field: "callDuration".into(),
            duration_unit: DurationUnit::Milliseconds,
            contact_type_field: "contactType".into(),
            contact_type_call: "CALL".into(),
            ani_field: "ani".into(),
            dnis_field: "dnis".into(),
            session_field: "assocCallId".into(),
            leg_field: "callId".into(),
            agent_field: "acdId".into(),
            acd_server_field: "acdServerId".into(),
            direction_field: "direction".into(),
            direction_inbound: "inbound".into(),
            direction_outbound: "outbound".into(),
            file_name_field: "fileName".into(),
            metadata_field: "metadata".into(),
            metadata_key_field: "key".into(),
            metadata_value_field: "value".into(),
            answer_list_field: "contacts".into(),
            answer_id_field: "id".into(),
            error_in_success: ErrorInSuccess::InDoubt,
        }
    }
}

pub(super) const ASSUMPTIONS: &[Assumption] = &[
    assumption!(
        "import",
        201,
        "path",
        Vendor,
        "POST of multipart/form-data on this path imports contacts with their media; the path has no /rest"
    ),
    assumption!(
        "import",
        202,
        "metadata_part",
        Inference,
        "the metadata is one part, named by its documented type, and comes before the audio; one contact goes in one request"
    ),
    assumption!(
        "import",
        203,
        "metadata_content_type",
        Undocumented,
        "that part has this content type"
    ),
    assumption!(
        "import",
        204,
        "audio_part",
        Inference,
        "the audio is one part, named by its documented type"
    ),
    assumption!(
        "import",
        205,
        "audio_content_type",
        Undocumented,
        "that part has this content type"
    ),
    assumption!(
        "import",
        206,
        "audio_file_name",
        Undocumented,
        "the audio has this file name; it links the file to its contact, whose metadata repeats it"
    ),
    assumption!(
        "import",
        207,
        "list_field",
        Undocumented,
        "the JSON is an object whose field of this name lists the contacts"
    ),
    assumption!(
        "import",
        208,
        "start_time_field",
        Inference,
        "the start stands in the field that the search answers with"
    ),
    assumption!(
        "import",
        209,
        "start_time_format",
        Inference,
        "the start is written as the search answers it"
    ),
    assumption!(
        "import",
        210,
        "duration_field",
        Inference,
        "the duration stands in the field that the search answers with"
    ),
    assumption!(
        "import",
        211,
        "duration_unit",
        Inference,
        "the duration is written as the search answers it"
    ),
    assumption!(
        "import",
        212,
        "contact_type_field",
        Inference,
        "the kind of contact stands in the field that the search answers with"
    ),
    assumption!(
        "import",
        213,
        "contact_type_call",
        Client,
        "a call is of this kind"
    ),
    assumption!(
        "import",
        214,
        "ani_field",
        Inference,
        "the calling address stands here: the customer's, or the agent's own where the contact centre called"
    ),
    assumption!(
        "import",
        215,
        "dnis_field",
        Inference,
        "the called address stands here"
    ),
    assumption!(
        "import",
        216,
        "session_field",
        Inference,
        "the interaction's id, shared by all its legs, stands in the field that others match with the ACD's call id"
    ),
    assumption!(
        "import",
        217,
        "leg_field",
        Inference,
        "the leg's id stands here; the documented webhook calls its legId the same value as callId"
    ),
    assumption!(
        "import",
        218,
        "agent_field",
        Client,
        "the agent is known by the ACD id of their Calabrio user, which is the worker's SID"
    ),
    assumption!(
        "import",
        219,
        "acd_server_field",
        Client,
        "the number of the ACD server tells agents of two ACDs apart; it stands beside acdId in a user"
    ),
    assumption!(
        "import",
        220,
        "direction_field",
        Undocumented,
        "the direction stands here"
    ),
    assumption!(
        "import",
        221,
        "direction_inbound",
        Undocumented,
        "this is the direction of a contact that the customer began"
    ),
    assumption!(
        "import",
        222,
        "direction_outbound",
        Undocumented,
        "this is the direction of a contact that the contact centre began"
    ),
    assumption!(
        "import",
        223,
        "file_name_field",
        Undocumented,
        "the contact names the file name of its audio here"
    ),
    assumption!(
        "import",
        224,
        "metadata_field",
        Inference,
        "custom metadata is a list of entries in this field, as clients send it to recording controls"
    ),
    assumption!(
        "import",
        225,
        "metadata_key_field",
        Undocumented,
        "an entry names its key here"
    ),
    assumption!(
        "import",
        226,
        "metadata_value_field",
        Client,
        "an entry holds its value here"
    ),
    assumption!(
        "import",
        227,
        "answer_list_field",
        Undocumented,
        "the answer may list the new contacts here; nothing depends on it, since every contact is found again by its leg key"
    ),
    assumption!(
        "import",
        228,
        "answer_id_field",
        Undocumented,
        "such a contact may hold its id here; an answer without one is no fault"
    ),
    assumption!(
        "import",
        229,
        "error_in_success",
        Undocumented,
        "an error in an answer whose status is 2xx does not prove that nothing was stored"
    ),
];

/// The name of the field that is left out where a setting is empty.
fn put(fields: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    if !name.is_empty() {
        fields.insert(name.to_owned(), value.into());
    }
}

impl ImportContract {
    /// The audio's file name.
    pub(crate) fn file_name(&self, contact: &ContactImport) -> String {
        self.audio_file_name
            .replace("{leg_id}", contact.leg.as_str())
    }

    /// The JSON part. `metadata` is the contact's, the leg key among it.
    pub(crate) fn document(
        &self,
        contact: &ContactImport,
        metadata: &BTreeMap<String, String>,
        acd_server_id: Option<u32>,
    ) -> Value {
        let mut fields = Map::new();
        put(
            &mut fields,
            &self.start_time_field,
            self.start_time(contact.start),
        );
        put(
            &mut fields,
            &self.duration_field,
            self.duration(contact.duration_ms),
        );
        put(
            &mut fields,
            &self.contact_type_field,
            self.contact_type_call.as_str(),
        );
        if let Some(ani) = &contact.ani {
            put(&mut fields, &self.ani_field, ani.as_str());
        }
        if let Some(dnis) = &contact.dnis {
            put(&mut fields, &self.dnis_field, dnis.as_str());
        }
        put(&mut fields, &self.session_field, contact.session.as_str());
        put(&mut fields, &self.leg_field, contact.leg.as_str());
        if let Some(agent) = &contact.agent_acd_id {
            put(&mut fields, &self.agent_field, agent.as_str());
        }
        if let Some(server) = acd_server_id {
            put(&mut fields, &self.acd_server_field, server);
        }
        if let Some(direction) = contact.direction {
            let word = match direction {
                Direction::Inbound => &self.direction_inbound,
                Direction::Outbound => &self.direction_outbound,
            };
            put(&mut fields, &self.direction_field, word.as_str());
        }
        if contact.audio.is_some() {
            put(&mut fields, &self.file_name_field, self.file_name(contact));
        }
        let entries: Vec<Value> = metadata
            .iter()
            .map(|(key, value)| self.entry(key, value))
            .collect();
        put(&mut fields, &self.metadata_field, entries);

        let contacts = Value::Array(vec![Value::Object(fields)]);
        if self.list_field.is_empty() {
            contacts
        } else {
            Value::Object(Map::from_iter([(self.list_field.clone(), contacts)]))
        }
    }

    fn entry(&self, key: &str, value: &str) -> Value {
        let mut entry = Map::new();
        put(&mut entry, &self.metadata_key_field, key);
        put(&mut entry, &self.metadata_value_field, value);
        Value::Object(entry)
    }

    fn start_time(&self, start: DateTime<Utc>) -> Value {
        match self.start_time_format {
            TimeFormat::EpochMilliseconds => start.timestamp_millis().into(),
            TimeFormat::EpochSeconds => start.timestamp().into(),
            TimeFormat::Rfc3339 => start.to_rfc3339_opts(SecondsFormat::Millis, true).into(),
        }
    }

    fn duration(&self, ms: u64) -> Value {
        match self.duration_unit {
            DurationUnit::Milliseconds => ms.into(),
            DurationUnit::Seconds => (ms.saturating_add(500) / 1000).into(),
        }
    }

    /// The id of the one contact that an answer may tell.
    pub(crate) fn ccr(&self, answer: &Value) -> Option<CcrId> {
        let list = if self.answer_list_field.is_empty() {
            answer
        } else {
            lookup(answer, &self.answer_list_field)?
        };
        match list.as_array()?.as_slice() {
            [contact] => {
                CcrId::try_from(lookup(contact, &self.answer_id_field).and_then(integer)?).ok()
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::testing::{any_json, contact};

    #[test]
    fn the_document_has_the_assumed_shape() {
        let contact = contact();
        let metadata = BTreeMap::from([("Twilio-Leg-key".to_owned(), contact.leg.to_string())]);
        let document = ImportContract::default().document(&contact, &metadata, Some(3));
        assert_eq!(
            document,
            json!({"contacts": [{
                "startTime": 1_772_366_400_250_i64,
                "callDuration": 61_500,
                "contactType": "CALL",
                "ani": "+15550100001",
                "dnis": "+15550100002",
                "assocCallId": "CH1",
                "callId": contact.leg.as_str(),
                "acdId": "WK0123456789abcdef0123456789abcdef",
                "acdServerId": 3,
                "direction": "inbound",
                "metadata": [{"key": "Twilio-Leg-key", "value": contact.leg.as_str()}],
            }]})
        );
    }

    #[test]
    fn every_name_and_form_can_be_overridden() {
        let contract = ImportContract {
            list_field: String::new(),
            start_time_field: "start".into(),
            start_time_format: TimeFormat::Rfc3339,
            duration_unit: DurationUnit::Seconds,
            contact_type_field: String::new(),
            ani_field: String::new(),
            dnis_field: String::new(),
            session_field: "session".into(),
            leg_field: "leg".into(),
            agent_field: String::new(),
            acd_server_field: String::new(),
            direction_field: "way".into(),
            direction_outbound: "O".into(),
            file_name_field: String::new(),
            metadata_key_field: "name".into(),
            ..Default::default()
        };
        let sent = ContactImport {
            direction: Some(Direction::Outbound),
            duration_ms: 61_500,
            ..contact()
        };
        let metadata = BTreeMap::from([("a-key".to_owned(), "1".to_owned())]);
        assert_eq!(
            contract.document(&sent, &metadata, Some(3)),
            json!([{
                "start": "2026-03-01T12:00:00.250Z", "callDuration": 62, "session": "CH1", "leg": sent.leg.as_str(),
                "way": "O", "metadata": [{"name": "a-key", "value": "1"}]
            }])
        );
    }

    #[test]
    fn an_id_is_read_where_the_answer_tells_exactly_one() {
        let contract = ImportContract::default();
        let read = |answer: Value| contract.ccr(&answer).map(CcrId::get);
        assert_eq!(read(json!({"contacts": [{"id": 123}]})), Some(123));
        assert_eq!(read(json!({"contacts": [{"id": "123"}]})), Some(123));
        for none in [
            json!({}),
            json!([]),
            json!({"contacts": []}),
            json!({"contacts": [{"id": 0}]}),
            json!({"contacts": [{"id": 1}, {"id": 2}]}),
        ] {
            assert_eq!(read(none.clone()), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(answer in any_json()) {
            let _ = ImportContract::default().ccr(&answer);
        }

        #[test]
        fn the_document_says_what_the_contact_says(
            ms in 0_i64..4_000_000_000_000, duration in any::<u64>(), ani in proptest::option::of(".{0,20}"),
            metadata in prop::collection::btree_map("[a-z]{1,8}-key", ".{0,20}", 0..5),
        ) {
            let sent = ContactImport {
                start: DateTime::from_timestamp_millis(ms).unwrap(), duration_ms: duration, ani: ani.clone(), ..contact()
            };
            let document = ImportContract::default().document(&sent, &metadata, None);
            let told = &document["contacts"][0];
            prop_assert_eq!(told["startTime"].as_i64(), Some(ms));
            prop_assert_eq!(told["callDuration"].as_u64(), Some(duration));
            prop_assert_eq!(told["ani"].as_str(), ani.as_deref());
            let read: BTreeMap<String, String> = told["metadata"].as_array().unwrap().iter()
                .map(|entry| (entry["key"].as_str().unwrap().to_owned(), entry["value"].as_str().unwrap().to_owned()))
                .collect();
            prop_assert_eq!(read, metadata);
        }
    }
}
