//! What can be wrong with a mapping.

use std::fmt;

use crate::{MAX_KEY_CHARS, MAX_RULES, MAX_VALUE_LIMIT, MetadataKey, Source};

/// What a fault of a rule set is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// A rule.
    Rule {
        /// Its number, from 1, in the order of the configuration.
        number: usize,
        /// What it takes its value from.
        source: Source,
    },
    /// The field that holds the leg key.
    LegKey,
}

impl Place {
    pub(crate) fn rule(index: usize, source: &Source) -> Self {
        Self::Rule {
            number: index + 1,
            source: source.clone(),
        }
    }

    /// The number of the rule, from 1, where it is one.
    pub fn rule_number(&self) -> Option<usize> {
        match self {
            Self::Rule { number, .. } => Some(*number),
            Self::LegKey => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule { number, source } => write!(f, "mapping {number} ({source})"),
            Self::LegKey => f.write_str("the leg key"),
        }
    }
}

/// What is wrong with a key, a path, a fact's name, or a set of rules.
///
/// Names what the operator wrote, and nothing that a customer did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MappingError {
    /// A key or a label is empty.
    #[error(
        "the name of the metadata field is empty; give its key or its label as Metadata Manager shows it"
    )]
    KeyEmpty,
    /// A key is too long.
    #[error(
        "the metadata key {key:?} has {chars} characters, but Calabrio allows {MAX_KEY_CHARS}; shorten the label in Metadata Manager"
    )]
    KeyTooLong {
        /// The key, as given or as made from the label.
        key: String,
        /// Its length.
        chars: usize,
    },
    /// A key has a character that no key has.
    #[error(
        "the metadata key {key:?} has {character:?} in it, which no key has; if this is a label, give it as the label"
    )]
    KeyCharacter {
        /// The key.
        key: String,
        /// The character.
        character: char,
    },
    /// A label has nothing that a key could be made of.
    #[error(
        "no key can be made from the label {label:?}: nothing is left of it without `&` and `=`"
    )]
    LabelLeavesNothing {
        /// The label.
        label: String,
    },
    /// Not exactly one of key and label was given.
    #[error(
        "a mapping names its metadata field either by key or by label; give exactly one of them"
    )]
    KeyOrLabel,
    /// Not exactly one of attribute and fact was given.
    #[error(
        "a mapping takes its value either from an attribute or from a fact; give exactly one of them"
    )]
    AttributeOrFact,
    /// An attribute's path is empty.
    #[error("the task attribute is empty; give `attribute` or `object.attribute`")]
    PathEmpty,
    /// An attribute's path begins or ends with its dot, or has two in a row.
    #[error(
        "the task attribute {path:?} has nothing on one side of its dot; give `attribute` or `object.attribute`"
    )]
    PathPartEmpty {
        /// The path.
        path: String,
    },
    /// An attribute's path goes deeper than one object.
    #[error(
        "the task attribute {path:?} is nested {levels} levels deep, but only `object.attribute` can be mapped; \
         copy the value to a higher level in Flex or Studio, or write `\\.` for a dot that belongs to a name"
    )]
    PathTooDeep {
        /// The path.
        path: String,
        /// How many objects it goes through.
        levels: usize,
    },
    /// A backslash in an attribute's path stands before something else than a dot or a backslash.
    #[error(
        "the task attribute {path:?} has a backslash that means nothing; write `\\.` for a dot and `\\\\` for a backslash"
    )]
    PathEscape {
        /// The path.
        path: String,
    },
    /// No fact has this name.
    #[error("there is no fact {name:?}{}; known are {}", hint(nearest.as_deref()), crate::fact::names())]
    UnknownFact {
        /// The name.
        name: String,
        /// The name that was perhaps meant.
        nearest: Option<String>,
    },
    /// A value limit of 0 or beyond what Twilio can send.
    #[error(
        "the limit for metadata values is {limit} characters, but must lie between 1 and {MAX_VALUE_LIMIT}"
    )]
    ValueLimit {
        /// The limit.
        limit: usize,
    },
    /// More rules than Calabrio has fields.
    #[error(
        "there are {rules} mappings, but Calabrio has at most {MAX_RULES} custom metadata fields; remove some"
    )]
    TooManyRules {
        /// How many there are.
        rules: usize,
    },
    /// Two rules fill the same field.
    #[error(
        "{place} fills \"{key}\", as mapping {first} does already; give each its own field or remove one"
    )]
    DuplicateTarget {
        /// The second rule.
        place: Place,
        /// The field.
        key: MetadataKey,
        /// The number of the first rule, from 1.
        first: usize,
    },
    /// A rule fills the field that holds the leg key.
    #[error(
        "{place} fills \"{key}\", but that field holds the leg key, by which a contact is found again; choose another field"
    )]
    ReservedTarget {
        /// The rule.
        place: Place,
        /// The field.
        key: MetadataKey,
    },
    /// Metadata Manager has no such field.
    #[error(
        "{place} wants the metadata field \"{key}\", which Calabrio does not have{}; create it in Metadata Manager with the type Text",
        hint(nearest.as_deref())
    )]
    UnknownTarget {
        /// What wants it.
        place: Place,
        /// The field.
        key: MetadataKey,
        /// The key that was perhaps meant.
        nearest: Option<String>,
    },
    /// The field is not of type Text.
    #[error(
        "{place} wants the metadata field \"{key}\", whose type is {kind}; in Metadata Manager it must be of the type Text"
    )]
    NotText {
        /// What wants it.
        place: Place,
        /// The field.
        key: MetadataKey,
        /// Its type in Metadata Manager.
        kind: String,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest
        .map(|name| format!(" (did you mean {name:?}?)"))
        .unwrap_or_default()
}

/// The known name that is most like a mistyped one, if any is like it at all.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let name = name.to_lowercase();
    known
        .map(|known| {
            (
                strsim::damerau_levenshtein(&name, &known.to_lowercase()),
                known,
            )
        })
        .filter(|(distance, known)| *distance <= (known.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known.to_owned())
}
