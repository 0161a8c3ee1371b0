//! The JSON Schema of the file.

use crate::model::Config;

/// The JSON Schema (draft 2020-12) of the configuration file, for editors. It knows the fields, their kinds and their
/// defaults; what must fit together, only [`Config::parse`] knows.
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Config).to_value();
    schema["title"] = "Configuration of the connector from Twilio Flex to Calabrio ONE".into();
    schema
}
