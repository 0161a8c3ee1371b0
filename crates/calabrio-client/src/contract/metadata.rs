//! Metadata Manager's fields, and the metadata of one contact.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Assumption, assumption};
use crate::metadata::{MetadataField, MetadataFieldKind};
use crate::value::{lookup, text};

/// How metadata fields are listed, and how a contact's metadata is read and written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetadataContract {
    /// Where `GET` lists the fields of Metadata Manager.
    pub fields_path: String,
    /// The field of the answer that holds them; empty where the answer is the list itself.
    pub fields_list_field: String,
    /// The field of a field's key.
    pub field_key: String,
    /// The field of its label.
    pub field_label: String,
    /// The field of its type.
    pub field_type: String,
    /// The types that are Text; compared without regard to case.
    pub text_types: Vec<String>,
    /// Where `GET` reads and `PUT` writes one contact's metadata, with `{id}` for its id.
    pub contact_path: String,
    /// The field of an entry's key, as it is written.
    pub key_field: String,
    /// The field of an entry's value, as it is written.
    pub value_field: String,
}

impl Default for MetadataContract {
    fn default() -> Self {
        Self {
            fields_path: "api/rest/recording/metadata".into(),
            fields_list_field: String::new(),
            field_key: "key".into(),
            field_label: "label".into(),
            field_type: "type".into(),
            text_types: vec!["TEXT".into()],
            contact_path: "api/rest/recording/contact/{id}/metadata".into(),
            key_field: "key".into(),
            value_field: "value".into(),
        }
    }
}

pub(super) const ASSUMPTIONS: &[Assumption] = &[
    assumption!(
        "metadata",
        501,
        "fields_path",
        Undocumented,
        "GET on this path lists the fields of Metadata Manager"
    ),
    assumption!(
        "metadata",
        502,
        "fields_list_field",
        Undocumented,
        "the answer is a JSON array of fields, not an object around one"
    ),
    assumption!(
        "metadata",
        503,
        "field_key",
        Undocumented,
        "a field's key, made by Calabrio from its label, stands here"
    ),
    assumption!(
        "metadata",
        504,
        "field_label",
        Undocumented,
        "a field's label stands here"
    ),
    assumption!(
        "metadata",
        505,
        "field_type",
        Undocumented,
        "a field's type stands here"
    ),
    assumption!(
        "metadata",
        506,
        "text_types",
        Inference,
        "these types are what Metadata Manager shows as Text, the only type that can be mapped to"
    ),
    assumption!(
        "metadata",
        507,
        "contact_path",
        Client,
        "GET reads and PUT changes one contact's metadata on this path; fields that a PUT does not name stay as they are, and 200 with an empty body is success"
    ),
    assumption!(
        "metadata",
        508,
        "key_field",
        Client,
        "the body of a PUT is an object by key, whose entries repeat the key in this field"
    ),
    assumption!(
        "metadata",
        509,
        "value_field",
        Client,
        "an entry of that body holds its value in this field"
    ),
];

impl MetadataContract {
    /// The fields of an answer, or `None` where it is not the list that it should be. Elements without a key are left out.
    pub(crate) fn fields(&self, answer: &Value) -> Option<Vec<MetadataField>> {
        let items = if self.fields_list_field.is_empty() {
            answer
        } else {
            lookup(answer, &self.fields_list_field)?
        };
        Some(
            items
                .as_array()?
                .iter()
                .filter_map(|item| self.field(item))
                .collect(),
        )
    }

    fn field(&self, item: &Value) -> Option<MetadataField> {
        let key = lookup(item, &self.field_key)
            .and_then(text)
            .filter(|key| !key.is_empty())?;
        let kind = match lookup(item, &self.field_type).and_then(text) {
            None => MetadataFieldKind::Unknown,
            Some(kind)
                if self
                    .text_types
                    .iter()
                    .any(|name| name.eq_ignore_ascii_case(kind.trim())) =>
            {
                MetadataFieldKind::Text
            }
            Some(other) => MetadataFieldKind::Other(other),
        };
        Some(MetadataField {
            key,
            label: lookup(item, &self.field_label).and_then(text),
            kind,
        })
    }

    /// The body that writes `entries` to a contact.
    pub(crate) fn update(&self, entries: &BTreeMap<String, String>) -> Value {
        let entry = |key: &String, value: &String| {
            let mut entry = Map::new();
            entry.insert(self.key_field.clone(), key.clone().into());
            entry.insert(self.value_field.clone(), value.clone().into());
            Value::Object(entry)
        };
        entries
            .iter()
            .map(|(key, value)| (key.clone(), entry(key, value)))
            .collect::<Map<_, _>>()
            .into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::testing::any_json;

    #[test]
    fn fields_are_read_with_their_type() {
        let fields = MetadataContract::default()
            .fields(&json!([
                {"key": "Twilio-Leg-key", "label": "Twilio Leg", "type": "Text"},
                {"key": "Due-key", "label": "Due", "type": "DATE"},
                {"key": "Odd-key"},
                {"label": "no key"},
                null,
            ]))
            .unwrap();
        let kinds: Vec<_> = fields
            .iter()
            .map(|field| (field.key.as_str(), field.kind.clone()))
            .collect();
        assert_eq!(
            kinds,
            [
                ("Twilio-Leg-key", MetadataFieldKind::Text),
                ("Due-key", MetadataFieldKind::Other("DATE".into())),
                ("Odd-key", MetadataFieldKind::Unknown)
            ]
        );
        assert_eq!(
            MetadataContract::default().fields(&json!({"fields": []})),
            None
        );
        let wrapped = MetadataContract {
            fields_list_field: "fields".into(),
            ..Default::default()
        };
        assert_eq!(wrapped.fields(&json!({"fields": []})), Some(vec![]));
    }

    #[test]
    fn an_update_repeats_the_key() {
        let entries = BTreeMap::from([("Ticket-key".to_owned(), "T-1".to_owned())]);
        assert_eq!(
            MetadataContract::default().update(&entries),
            json!({"Ticket-key": {"key": "Ticket-key", "value": "T-1"}})
        );
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(answer in any_json()) {
            let _ = MetadataContract::default().fields(&answer);
        }
    }
}
