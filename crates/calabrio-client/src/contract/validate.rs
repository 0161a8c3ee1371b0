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
    /// The same, with `{id}` for the contact.
    ContactPath,
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
    ("state.contact_path", Rule::ContactPath),
    ("metadata.fields_path", Rule::Path),
    ("metadata.field_key", Rule::Name),
    ("metadata.text_types", Rule::Names),
    ("metadata.contact_path", Rule::ContactPath),
    ("metadata.key_field", Rule::Name),
    ("metadata.value_field", Rule::Name),
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
            return Some("must not be empty".to_owned());
        }
        let wrong = |problem: &str| Some(problem.to_owned());
        match self {
            Self::Path | Self::ContactPath => {
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
                let named = text.contains("{id}");
                match self {
                    Self::ContactPath if !named => {
                        wrong("needs {id} where the contact's id stands")
                    }
                    Self::Path if text.contains(['{', '}']) => wrong("holds no placeholder"),
                    _ => None,
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
            Self::Name => {
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
        ];
        insta::assert_snapshot!(faults.join("\n"));
    }
}
