//! The JSON Schema of the document, and how the texts in it look.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema as schema_of};

/// The JSON Schema (draft 2020-12) of a transcript, as published in `docs/schemas/transcript.schema.json`.
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(crate::document::Document).to_value();
    schema["title"] = "Transcript of a leg".into();
    schema
}

macro_rules! sids {
    ($($name:ident $sid:ident;)+) => {
        /// How the SIDs in a document look, for their schema alone.
        pub(crate) mod sid {
            use super::{Cow, JsonSchema, Schema, SchemaGenerator, schema_of};

            $(
                pub(crate) struct $name;

                impl JsonSchema for $name {
                    fn inline_schema() -> bool {
                        true
                    }

                    fn schema_name() -> Cow<'static, str> {
                        stringify!($sid).into()
                    }

                    fn json_schema(_: &mut SchemaGenerator) -> Schema {
                        let prefix = twilio_sid::$sid::PREFIX;
                        schema_of!({ "type": "string", "pattern": format!("^{prefix}[0-9a-fA-F]{{32}}$") })
                    }
                }
            )+
        }
    };
}

sids! {
    Reservation ReservationSid;
    Worker WorkerSid;
    Conversation ConversationSid;
    ConversationParticipant ConversationParticipantSid;
    Message MessageSid;
    Media MediaSid;
}

/// Bytes as text.
pub(crate) struct Base64;

impl JsonSchema for Base64 {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Base64".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schema_of!({
            "type": "string",
            "contentEncoding": "base64",
            "pattern": "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
        })
    }
}

/// The id of an interaction.
pub(crate) struct Session;

impl JsonSchema for Session {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "SessionId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schema_of!({ "type": "string", "pattern": "^[!-~]{1,128}$" })
    }
}

/// The one version of this schema.
pub(crate) struct Version;

impl JsonSchema for Version {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Version".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schema_of!({ "const": crate::VERSION })
    }
}

/// Messages of a conversation by their index, half open.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) struct MessageRange {
    /// The first index that belongs to it.
    from: u64,
    /// The first index after it.
    to: u64,
}

/// Who began the interaction.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) enum Direction {
    /// The customer reached the contact centre.
    Inbound,
    /// The contact centre reached the customer.
    Outbound,
}
