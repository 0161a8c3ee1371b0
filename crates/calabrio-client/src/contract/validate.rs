//! Which settings of the contract can work.

use crate::contract::{Contract, SearchContract};
use crate::value::lookup;

/// A setting of the contract that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the Calabrio contract setting {setting} {problem}")]
#[non_exhaustive]
pub struct ContractFault {
    /// The dotted name of the setting.
    pub setting: String,
    /// What is wrong with it and what is expected.
    pub problem: String,
}

/// What a setting holds, for [`Contract::validate`].
enum Rule {
    /// A path below the base URL.
    Path,
    /// The same, with `{id}` for the contact or the person.
    IdPath,
    /// The same, or nothing.
    OptionalIdPath,
    /// A path with or without `{verb}`, or nothing.
    OptionalVerbPath,
    /// A word that can stand in a path, or nothing.
    OptionalWord,
    /// A token of the HTTP grammar: a header's or cookie's name, a unit.
    Token,
    /// A name that must not be empty.
    Name,
    /// A file name with `{leg_id}`.
    FileName,
    /// A format of a date, as `chrono` writes it.
    DateFormat,
    /// A list with at least one name.
    Names,
    /// A media type.
    MediaType,
    /// A name without control characters, or nothing.
    OptionalName,
}

const RULES: &[(&str, Rule)] = &[
    ("session.path", Rule::Path),
    ("session.logout_path", Rule::Path),
    ("session.user_field", Rule::Name),
    ("session.password_field", Rule::Name),
    ("session.session_id_field", Rule::Name),
    ("session.cookie", Rule::Token),
    ("import.path", Rule::Path),
    ("import.metadata_part", Rule::Name),
    ("import.metadata_content_type", Rule::MediaType),
    ("import.audio_part", Rule::Name),
    ("import.audio_content_type", Rule::MediaType),
    ("import.audio_file_name", Rule::FileName),
    ("import.contact_type_call", Rule::Name),
    ("import.contact_type_text", Rule::Name),
    ("import.contact_type_email", Rule::Name),
    ("import.text_part", Rule::Name),
    ("import.text_content_type", Rule::MediaType),
    ("import.text_file_name", Rule::FileName),
    ("import.rendering_part", Rule::OptionalName),
    ("import.rendering_content_type", Rule::MediaType),
    ("import.rendering_file_name", Rule::FileName),
    ("import.start_time_field", Rule::Name),
    ("import.metadata_field", Rule::Name),
    ("import.metadata_key_field", Rule::Name),
    ("import.metadata_value_field", Rule::Name),
    ("search.path", Rule::Path),
    ("search.begin_parameter", Rule::Name),
    ("search.end_parameter", Rule::Name),
    ("search.date_format", Rule::DateFormat),
    ("search.range_header", Rule::Token),
    ("search.range_unit", Rule::Token),
    ("search.id_field", Rule::Name),
    ("search.metadata_field", Rule::Name),
    ("search.metadata_value_field", Rule::Name),
    ("search.contact_type_parameter", Rule::Name),
    ("state.contact_path", Rule::IdPath),
    ("state.text_view_path", Rule::Path),
    ("state.text_view_id_parameter", Rule::Name),
    ("metadata.fields_path", Rule::Path),
    ("metadata.field_key", Rule::Name),
    ("metadata.text_types", Rule::Names),
    ("metadata.contact_path", Rule::IdPath),
    ("metadata.key_field", Rule::Name),
    ("metadata.value_field", Rule::Name),
    ("people.list_path", Rule::Path),
    ("people.create_path", Rule::Path),
    ("people.person_path", Rule::IdPath),
    ("people.status_path", Rule::OptionalIdPath),
    ("people.id_field", Rule::Name),
    ("people.acd_id_field", Rule::Name),
    ("people.first_name_field", Rule::Name),
    ("people.last_name_field", Rule::Name),
    ("people.activated_field", Rule::Name),
    ("people.deactivated_field", Rule::Name),
    ("screen_recording.path", Rule::OptionalVerbPath),
    ("screen_recording.start", Rule::OptionalWord),
    ("screen_recording.stop", Rule::OptionalWord),
    ("screen_recording.pause", Rule::OptionalWord),
    ("screen_recording.resume", Rule::OptionalWord),
    ("screen_recording.agent_field", Rule::Name),
    ("screen_recording.leg_field", Rule::Name),
];

impl Contract {
    /// Whether every setting can work: paths are relative, names are there, `{id}` stands where a contact is named.
    ///
    /// Returns the first fault.
    pub fn validate(&self) -> Result<(), ContractFault> {
        let all = serde_json::to_value(self).map_err(|error| ContractFault {
            setting: "contract".to_owned(),
            problem: format!("cannot be read: {error}"),
        })?;
        for (setting, rule) in RULES {
            let problem = match lookup(&all, setting) {
                Some(serde_json::Value::String(text)) => rule.problem(text),
                Some(serde_json::Value::Array(names)) if names.is_empty() => {
                    Some("needs at least one name".to_owned())
                }
                _ => None,
            };
            if let Some(problem) = problem {
                return Err(ContractFault {
                    setting: (*setting).to_owned(),
                    problem,
                });
            }
        }
        if self.search.widen_days > SearchContract::MAX_WIDEN_DAYS {
            return Err(ContractFault {
                setting: "search.widen_days".to_owned(),
                problem: format!("is at most {}", SearchContract::MAX_WIDEN_DAYS),
            });
        }
        Ok(())
    }
}

impl Rule {
    fn problem(&self, text: &str) -> Option<String> {
        if text.is_empty() {
            return match self {
                Self::OptionalIdPath
                | Self::OptionalVerbPath
                | Self::OptionalWord
                | Self::OptionalName => None,
                _ => Some("must not be empty".to_owned()),
            };
        }
        let wrong = |problem: &str| Some(problem.to_owned());
        match self {
            Self::Path | Self::IdPath | Self::OptionalIdPath | Self::OptionalVerbPath => {
                let relative =
                    !text.starts_with('/') && !text.contains("//") && !text.contains("..");
                let plain = text
                    .chars()
                    .all(|c| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '\\' | '%' | ':'));
                if !relative || !plain {
                    return wrong(
                        "is a path below the base URL, without leading slash, query, \"..\" or escapes",
                    );
                }
                let holds = |text: &str| text.contains(['{', '}']);
                match self {
                    Self::IdPath | Self::OptionalIdPath if !text.contains("{id}") => {
                        wrong("needs {id} where the id stands")
                    }
                    Self::OptionalVerbPath if holds(&text.replace("{verb}", "")) => {
                        wrong("holds no placeholder but {verb}")
                    }
                    Self::Path if holds(text) => wrong("holds no placeholder"),
                    _ => None,
                }
            }
            Self::OptionalWord => {
                let plain = text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
                if plain {
                    None
                } else {
                    wrong("holds letters, digits, dashes and underscores only")
                }
            }
            Self::Token => {
                let token = text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
                if token {
                    None
                } else {
                    wrong("holds letters, digits and the marks of an HTTP token only")
                }
            }
            Self::Name | Self::OptionalName => {
                if text.chars().any(char::is_control) {
                    wrong("holds no control characters")
                } else {
                    None
                }
            }
            Self::FileName => {
                let plain = text
                    .chars()
                    .all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '/' | '\\' | ';'));
                if plain && text.contains("{leg_id}") {
                    None
                } else {
                    wrong("is a file name with {leg_id} in it, without quotes, slashes or spaces")
                }
            }
            Self::DateFormat => {
                use std::fmt::Write as _;
                let day = chrono::NaiveDate::default();
                let mut written = String::new();
                if write!(written, "{}", day.format(text)).is_ok() {
                    None
                } else {
                    wrong("is a date format such as %Y-%m-%d")
                }
            }
            Self::Names => None,
            Self::MediaType => {
                let sound = text
                    .split_once('/')
                    .is_some_and(|(kind, rest)| !kind.is_empty() && !rest.is_empty())
                    && text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
                if sound {
                    None
                } else {
                    wrong("is a media type such as audio/x-wav")
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(Contract::default().validate(), Ok(()));
    }

    #[test]
    fn what_may_be_switched_off_may_be_empty() {
        let mut contract = Contract::default();
        contract.people.status_path = "api/rest/org/common/person/{id}/status".into();
        contract.screen_recording.path = "rte/{verb}".into();
        assert_eq!(contract.validate(), Ok(()));
        contract.people.status_path.clear();
        contract.screen_recording.path.clear();
        contract.screen_recording.pause.clear();
        contract.import.rendering_part.clear();
        assert_eq!(contract.validate(), Ok(()));
    }

    #[test]
    fn every_rule_names_a_setting_that_exists() {
        for (setting, _) in RULES {
            assert!(Contract::default_of(setting).is_some(), "{setting}");
        }
    }

    #[test]
    fn a_setting_that_cannot_work_is_named_with_its_remedy() {
        let with = |change: fn(&mut Contract)| {
            let mut contract = Contract::default();
            change(&mut contract);
            contract.validate().unwrap_err().to_string()
        };
        let faults = [
            with(|c| c.import.path = "/api/upload".into()),
            with(|c| c.import.path = "https://elsewhere.example/x".into()),
            with(|c| c.session.path = "api/../x".into()),
            with(|c| c.search.path = "api/{id}".into()),
            with(|c| c.state.contact_path = "api/rest/contact".into()),
            with(|c| c.session.cookie = "a b".into()),
            with(|c| c.search.id_field = String::new()),
            with(|c| c.import.audio_file_name = "audio.wav".into()),
            with(|c| c.search.date_format = "%Q".into()),
            with(|c| c.metadata.text_types.clear()),
            with(|c| c.import.audio_content_type = "wav".into()),
            with(|c| c.search.widen_days = 400),
            with(|c| c.import.metadata_part = "a\nb".into()),
            with(|c| c.import.text_file_name = "chat.json".into()),
            with(|c| c.import.rendering_part = "a\nb".into()),
            with(|c| c.people.person_path = "api/rest/person".into()),
            with(|c| c.people.status_path = "api/rest/person/status".into()),
            with(|c| c.screen_recording.path = "rte/{id}".into()),
            with(|c| c.screen_recording.start = "a/b".into()),
        ];
        insta::assert_snapshot!(faults.join("\n"));
    }
}
