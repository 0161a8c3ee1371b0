//! The key of a metadata field, and how Calabrio makes it from the label.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::MappingError;

/// Characters that a key can have (Calabrio's page on Metadata Manager). The ending `-key` counts.
pub const MAX_KEY_CHARS: usize = 39;

/// The key of a custom metadata field of Calabrio ONE, such as `Case-number-key`.
///
/// 1 to 39 characters, none of them a space, `&`, `=` or a control character.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MetadataKey(String);

impl MetadataKey {
    /// The key that Metadata Manager makes from a label: spaces become hyphens, `&` and `=` go, `-key` is added.
    ///
    /// Spaces around the label do not count. The page does not say what becomes of a label whose key would be too long; here it is an
    /// error, since a guessed key would fill no field.
    ///
    /// ```
    /// use metadata_mapping::MetadataKey;
    ///
    /// assert_eq!(MetadataKey::from_label("example text")?.as_str(), "example-text-key");
    /// # Ok::<(), metadata_mapping::MappingError>(())
    /// ```
    pub fn from_label(label: &str) -> Result<Self, MappingError> {
        let trimmed = label.trim();
        if trimmed.is_empty() {
            return Err(MappingError::KeyEmpty);
        }
        let body: String = trimmed
            .chars()
            .filter(|c| !matches!(c, '&' | '='))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        if body.chars().all(|c| c == '-') {
            return Err(MappingError::LabelLeavesNothing {
                label: label.to_owned(),
            });
        }
        format!("{body}-key").parse()
    }

    /// The field of a configuration entry that gives either its key or its label.
    pub fn from_config(key: Option<&str>, label: Option<&str>) -> Result<Self, MappingError> {
        match (key, label) {
            (Some(key), None) => key.parse(),
            (None, Some(label)) => Self::from_label(label),
            _ => Err(MappingError::KeyOrLabel),
        }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MetadataKey {
    type Err = MappingError;

    fn from_str(key: &str) -> Result<Self, MappingError> {
        if key.is_empty() {
            return Err(MappingError::KeyEmpty);
        }
        if let Some(character) = key
            .chars()
            .find(|c| c.is_whitespace() || c.is_control() || matches!(c, '&' | '='))
        {
            return Err(MappingError::KeyCharacter {
                key: key.to_owned(),
                character,
            });
        }
        let chars = key.chars().count();
        if chars > MAX_KEY_CHARS {
            return Err(MappingError::KeyTooLong {
                key: key.to_owned(),
                chars,
            });
        }
        Ok(Self(key.to_owned()))
    }
}

impl TryFrom<String> for MetadataKey {
    type Error = MappingError;

    fn try_from(key: String) -> Result<Self, MappingError> {
        key.parse()
    }
}

impl From<MetadataKey> for String {
    fn from(key: MetadataKey) -> Self {
        key.0
    }
}

impl AsRef<str> for MetadataKey {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MetadataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_becomes_a_key_as_metadata_manager_makes_it() {
        for (label, key) in [
            ("example text", "example-text-key"),
            ("Twilio Leg", "Twilio-Leg-key"),
            (" Q&A = x ", "QA--x-key"),
            ("Größe", "Größe-key"),
            ("already-key", "already-key-key"),
        ] {
            assert_eq!(MetadataKey::from_label(label).unwrap().as_str(), key);
        }
    }

    #[test]
    fn a_label_of_nothing_but_what_goes_is_refused() {
        assert_eq!(MetadataKey::from_label("  "), Err(MappingError::KeyEmpty));
        let error = MetadataKey::from_label("& =").unwrap_err();
        assert_eq!(
            error,
            MappingError::LabelLeavesNothing {
                label: "& =".into()
            }
        );
    }

    #[test]
    fn a_key_has_at_most_39_characters_and_its_ending_counts() {
        assert!(MetadataKey::from_label(&"x".repeat(35)).is_ok());
        let error = MetadataKey::from_label(&"ü".repeat(36)).unwrap_err();
        assert_eq!(
            error,
            MappingError::KeyTooLong {
                key: format!("{}-key", "ü".repeat(36)),
                chars: 40
            }
        );
        assert!("k".repeat(39).parse::<MetadataKey>().is_ok());
    }

    #[test]
    fn a_key_with_a_character_that_no_key_has_is_refused_and_names_it() {
        for (key, character) in [
            ("a b", ' '),
            ("a&b", '&'),
            ("a=b", '='),
            ("a\tb", '\t'),
            ("a\u{7}", '\u{7}'),
        ] {
            let error = key.parse::<MetadataKey>().unwrap_err();
            assert_eq!(
                error,
                MappingError::KeyCharacter {
                    key: key.into(),
                    character
                }
            );
        }
        assert!(matches!(
            MetadataKey::from_label("a\nb"),
            Err(MappingError::KeyCharacter { .. })
        ));
        assert_eq!("".parse::<MetadataKey>(), Err(MappingError::KeyEmpty));
    }

    #[test]
    fn a_configuration_gives_key_or_label() {
        assert_eq!(
            MetadataKey::from_config(Some("Ticket"), None)
                .unwrap()
                .as_str(),
            "Ticket"
        );
        assert_eq!(
            MetadataKey::from_config(None, Some("Ticket"))
                .unwrap()
                .as_str(),
            "Ticket-key"
        );
        assert_eq!(
            MetadataKey::from_config(None, None),
            Err(MappingError::KeyOrLabel)
        );
        assert_eq!(
            MetadataKey::from_config(Some("a"), Some("a")),
            Err(MappingError::KeyOrLabel)
        );
    }

    #[test]
    fn json_carries_the_text_and_names_the_fault() {
        let key: MetadataKey = serde_json::from_str("\"Case-key\"").unwrap();
        assert_eq!(serde_json::to_string(&key).unwrap(), "\"Case-key\"");
        let error = serde_json::from_str::<MetadataKey>("\"a b\"").unwrap_err();
        assert!(error.to_string().contains("which no key has"), "{error}");
    }
}
