//! The import of a contact: the parts of the request, the fields of its JSON, and what an answer means.
//!
//! The settings and what they assume stand here; [`write`] is the code that obeys them.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Assumption, assumption};

mod write;

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

impl TimeFormat {
    /// A time as it stands in JSON.
    pub(crate) fn write(self, time: DateTime<Utc>) -> Value {
        match self {
            Self::EpochMilliseconds => time.timestamp_millis().into(),
            Self::EpochSeconds => time.timestamp().into(),
            Self::Rfc3339 => time.to_rfc3339_opts(SecondsFormat::Millis, true).into(),
        }
    }
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
    /// The field that repeats the file name of the audio, or of the transcript's document; empty sends none.
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
    /// The kind of a chat, and of whatever else is text but an e-mail.
    pub contact_type_text: String,
    /// The kind of an e-mail.
    pub contact_type_email: String,
    /// The name of the part with a transcript's document.
    pub text_part: String,
    /// Its content type.
    pub text_content_type: String,
    /// Its file name, with `{leg_id}` for the leg.
    pub text_file_name: String,
    /// The name of the part with a transcript's rendering; empty sends none.
    pub rendering_part: String,
    /// Its content type.
    pub rendering_content_type: String,
    /// Its file name, with `{leg_id}` for the leg.
    pub rendering_file_name: String,
    /// The field that repeats the file name of the rendering; empty sends none.
    pub rendering_file_name_field: String,
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
            contact_type_text: "TEXT".into(),
            contact_type_email: "EMAIL".into(),
            text_part: "TEXT".into(),
            text_content_type: "application/json".into(),
            text_file_name: "{leg_id}.json".into(),
            rendering_part: "TXT".into(),
            rendering_content_type: "text/plain; charset=utf-8".into(),
            rendering_file_name: "{leg_id}.txt".into(),
            rendering_file_name_field: String::new(),
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
        "the metadata is one part, named by its documented type, and comes before the media; one contact goes in one request"
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
        "the contact names the file name of its audio or of its transcript here"
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
    assumption!(
        "import",
        230,
        "contact_type_text",
        Client,
        "a chat, an SMS and every other conversation but an e-mail is of this kind, in the import as in the search"
    ),
    assumption!(
        "import",
        231,
        "contact_type_email",
        Client,
        "an e-mail is of this kind, in the import as in the search"
    ),
    assumption!(
        "import",
        232,
        "text_part",
        Undocumented,
        "the document of a transcript is one part of this name; the documented types of parts name none for text"
    ),
    assumption!(
        "import",
        233,
        "text_content_type",
        Undocumented,
        "that part has this content type: it is a JSON document whose schema this project publishes"
    ),
    assumption!(
        "import",
        234,
        "text_file_name",
        Undocumented,
        "the document has this file name; it links the file to its contact, whose metadata repeats it"
    ),
    assumption!(
        "import",
        235,
        "rendering_part",
        Undocumented,
        "the same transcript as people read it is one part of this name, after the document; an empty name leaves it out"
    ),
    assumption!(
        "import",
        236,
        "rendering_content_type",
        Undocumented,
        "that part has this content type"
    ),
    assumption!(
        "import",
        237,
        "rendering_file_name",
        Undocumented,
        "the rendering has this file name"
    ),
    assumption!(
        "import",
        238,
        "rendering_file_name_field",
        Undocumented,
        "a contact names one file alone: a name given here makes it name the rendering too"
    ),
];
