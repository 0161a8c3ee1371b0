//! The JSON that Calabrio ONE is assumed to speak, as declared by the simulator alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Body that opens a session.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Authorize {
    pub user_id: String,
    pub password: String,
    /// Some clients send `locale` instead.
    #[serde(default)]
    pub language: Option<String>,
    #[serde(default)]
    pub locale: Option<String>,
}

/// The JSON part of an import.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Import {
    pub contacts: Vec<ImportContact>,
}

/// One contact of an import.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ImportContact {
    pub start_time: i64,
    pub call_duration: u64,
    pub contact_type: String,
    #[serde(default)]
    pub ani: Option<String>,
    #[serde(default)]
    pub dnis: Option<String>,
    #[serde(default)]
    pub assoc_call_id: Option<String>,
    #[serde(default)]
    pub call_id: Option<String>,
    #[serde(default)]
    pub acd_id: Option<String>,
    #[serde(default)]
    pub acd_server_id: Option<i64>,
    #[serde(default)]
    pub direction: Option<String>,
    #[serde(default)]
    pub file_name: Option<String>,
    #[serde(default)]
    pub metadata: Vec<Entry>,
}

/// A metadata entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub key: String,
    pub value: String,
}

/// Answer to an import.
#[derive(Serialize)]
pub(crate) struct Imported {
    pub contacts: Vec<ImportedId>,
}

/// One new contact.
#[derive(Serialize)]
pub(crate) struct ImportedId {
    pub id: u64,
}

/// A contact as the search and the single read tell it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_field_names, reason = "the wire's own names")]
pub(crate) struct Contact {
    pub id: u64,
    pub start_time: i64,
    pub call_duration: u64,
    pub contact_type: String,
    pub ani: Option<String>,
    pub dnis: Option<String>,
    pub assoc_call_id: Option<String>,
    pub acd_id: Option<String>,
    pub direction: Option<String>,
    pub audio_uploaded: bool,
    /// Of contacts whose content is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_uploaded: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, Entry>>,
}

/// A field of Metadata Manager.
#[derive(Serialize)]
pub(crate) struct Field<'a> {
    pub key: &'a str,
    pub label: &'a str,
    #[serde(rename = "type")]
    pub kind: &'a str,
}

/// An error.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Error<'a> {
    pub error_message: &'a str,
    pub request_id: String,
}
