//! A contact as its import says it: the parts of the request and the fields of its JSON; and the answer.

use std::collections::BTreeMap;

use contact_model::{CcrId, Direction};
use http_retry::Part;
use serde_json::{Map, Value};

use super::{DurationUnit, ImportContract};
use crate::contact::ContactKind;
use crate::content::Content;
use crate::import::ContactImport;
use crate::value::{integer, lookup, put};

impl ImportContract {
    /// How a kind of contact is told.
    pub(crate) fn contact_type(&self, kind: ContactKind) -> &str {
        match kind {
            ContactKind::Call => &self.contact_type_call,
            ContactKind::Text => &self.contact_type_text,
            ContactKind::Email => &self.contact_type_email,
        }
    }

    /// The kind that such a word tells; compared without regard to case.
    pub(crate) fn kind(&self, word: &str) -> Option<ContactKind> {
        ContactKind::ALL
            .into_iter()
            .find(|kind| self.contact_type(*kind).eq_ignore_ascii_case(word.trim()))
    }

    /// The parts after the metadata. A stream in them is opened here, so each call makes a request of its own.
    pub(crate) fn media(&self, contact: &ContactImport) -> Vec<Part> {
        let name = |pattern: &str| pattern.replace("{leg_id}", contact.leg.as_str());
        match &contact.content {
            Content::Call(audio) => audio
                .iter()
                .map(|audio| {
                    Part::stream(self.audio_part.clone(), audio.length(), audio.open())
                        .filename(name(&self.audio_file_name))
                        .content_type(self.audio_content_type.clone())
                })
                .collect(),
            Content::Text(text) | Content::Email(text) => {
                let Some(text) = text else { return Vec::new() };
                let document = Part::bytes(self.text_part.clone(), text.document().clone())
                    .filename(name(&self.text_file_name))
                    .content_type(self.text_content_type.clone());
                let rendering = text
                    .rendering()
                    .filter(|_| !self.rendering_part.is_empty())
                    .map(|rendering| {
                        Part::bytes(self.rendering_part.clone(), rendering.clone())
                            .filename(name(&self.rendering_file_name))
                            .content_type(self.rendering_content_type.clone())
                    });
                [document].into_iter().chain(rendering).collect()
            }
        }
    }

    /// The fields that name the files of [`media`](Self::media).
    fn put_file_names(&self, fields: &mut Map<String, Value>, contact: &ContactImport) {
        let name = |pattern: &str| pattern.replace("{leg_id}", contact.leg.as_str());
        match &contact.content {
            Content::Call(Some(_)) => {
                put(fields, &self.file_name_field, name(&self.audio_file_name));
            }
            Content::Text(Some(text)) | Content::Email(Some(text)) => {
                put(fields, &self.file_name_field, name(&self.text_file_name));
                if text.rendering().is_some() && !self.rendering_part.is_empty() {
                    put(
                        fields,
                        &self.rendering_file_name_field,
                        name(&self.rendering_file_name),
                    );
                }
            }
            Content::Call(None) | Content::Text(None) | Content::Email(None) => {}
        }
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
            self.start_time_format.write(contact.start),
        );
        put(
            &mut fields,
            &self.duration_field,
            self.duration(contact.duration_ms),
        );
        put(
            &mut fields,
            &self.contact_type_field,
            self.contact_type(contact.content.kind()),
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
        self.put_file_names(&mut fields, contact);
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

    use chrono::DateTime;

    use super::*;
    use crate::content::TextContent;
    use crate::contract::TimeFormat;
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
    fn each_kind_of_content_has_its_type_and_names_its_file() {
        let contract = ImportContract {
            rendering_file_name_field: "readable".into(),
            ..Default::default()
        };
        let text = || TextContent::new("{}").with_rendering("Hello");
        let told = |content: Content| {
            let sent = ContactImport {
                content,
                ..contact()
            };
            let parts = contract.media(&sent).len();
            let document = contract.document(&sent, &BTreeMap::new(), None);
            let told = &document["contacts"][0];
            let field = |name: &str| told.get(name).and_then(Value::as_str).map(str::to_owned);
            (
                field("contactType").unwrap(),
                field("fileName"),
                field("readable"),
                parts,
            )
        };
        let leg = contact().leg;
        let (json, readable) = (Some(format!("{leg}.json")), Some(format!("{leg}.txt")));
        assert_eq!(told(Content::Call(None)), ("CALL".into(), None, None, 0));
        assert_eq!(told(Content::Text(None)), ("TEXT".into(), None, None, 0));
        assert_eq!(
            told(Content::Text(Some(text()))),
            ("TEXT".into(), json.clone(), readable.clone(), 2)
        );
        assert_eq!(
            told(Content::Email(Some(text()))),
            ("EMAIL".into(), json.clone(), readable, 2)
        );
        assert_eq!(
            told(Content::Text(Some(TextContent::new("{}")))),
            ("TEXT".into(), json, None, 1)
        );
    }

    #[test]
    fn a_kind_is_read_as_it_was_written() {
        let contract = ImportContract::default();
        for kind in ContactKind::ALL {
            assert_eq!(contract.kind(contract.contact_type(kind)), Some(kind));
        }
        assert_eq!(contract.kind(" text "), Some(ContactKind::Text));
        assert_eq!(contract.kind("VIDEO"), None);
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
