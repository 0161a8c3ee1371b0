//! Rules, and what makes a set of them sound.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Place;
use crate::{AttributePath, Fact, MappingError, MetadataField, MetadataKey, check_field};

/// Custom metadata fields that a tenant can have (Calabrio's page on Metadata Manager), and so the most that can be mapped to.
pub const MAX_RULES: usize = 100;
/// Characters after which a value is cut, unless the configuration says otherwise.
///
/// Calabrio documents no limit. 255 is an assumption on the safe side: a value that is cut is noted, while a contact that is refused
/// because of one long attribute would not arrive at all.
pub const DEFAULT_VALUE_LIMIT: usize = 255;
/// The largest limit that means anything: all attributes of a task together have at most 4096 characters at Twilio.
pub const MAX_VALUE_LIMIT: usize = 4096;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Source {
    /// A task attribute.
    Attribute(AttributePath),
    /// Something that is known of every leg.
    Fact(Fact),
}

impl Source {
    /// The source of a configuration entry that gives either an attribute or a fact.
    pub fn from_config(attribute: Option<&str>, fact: Option<&str>) -> Result<Self, MappingError> {
        match (attribute, fact) {
            (Some(path), None) => path.parse().map(Self::Attribute),
            (None, Some(name)) => name.parse().map(Self::Fact),
            _ => Err(MappingError::AttributeOrFact),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute(path) => write!(f, "attribute {path}"),
            Self::Fact(fact) => write!(f, "fact {fact}"),
        }
    }
}

/// One line of the mapping: this value goes into that field.
///
/// In a configuration it is a table with `attribute` or `fact`, and `key` or `label`:
///
/// ```
/// use metadata_mapping::Rule;
///
/// let rule: Rule = serde_json::from_str(r#"{"attribute": "customers.name", "label": "Customer name"}"#)?;
/// assert_eq!(rule.to_string(), "attribute customers.name -> Customer-name-key");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RuleTable", into = "RuleTable")]
pub struct Rule {
    /// Where the value comes from.
    pub source: Source,
    /// The field that it goes into.
    pub target: MetadataKey,
}

impl Rule {
    /// A rule out of the four texts of a configuration entry, with all that is wrong with it.
    pub fn from_config(
        attribute: Option<&str>,
        fact: Option<&str>,
        key: Option<&str>,
        label: Option<&str>,
    ) -> Result<Self, Vec<MappingError>> {
        match (
            Source::from_config(attribute, fact),
            MetadataKey::from_config(key, label),
        ) {
            (Ok(source), Ok(target)) => Ok(Self { source, target }),
            (source, target) => Err(source.err().into_iter().chain(target.err()).collect()),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.source, self.target)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleTable {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attribute: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fact: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
}

impl TryFrom<RuleTable> for Rule {
    type Error = String;

    fn try_from(table: RuleTable) -> Result<Self, String> {
        let RuleTable {
            attribute,
            fact,
            key,
            label,
        } = table;
        Self::from_config(
            attribute.as_deref(),
            fact.as_deref(),
            key.as_deref(),
            label.as_deref(),
        )
        .map_err(|faults| {
            faults
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; ")
        })
    }
}

impl From<Rule> for RuleTable {
    fn from(rule: Rule) -> Self {
        let (attribute, fact) = match rule.source {
            Source::Attribute(path) => (Some(path.to_string()), None),
            Source::Fact(fact) => (None, Some(fact.to_string())),
        };
        Self {
            attribute,
            fact,
            key: Some(rule.target.into()),
            label: None,
        }
    }
}

/// Rules that do not contradict each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSet {
    rules: Vec<Rule>,
    value_limit: usize,
}

impl Default for RuleSet {
    /// No rules.
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            value_limit: DEFAULT_VALUE_LIMIT,
        }
    }
}

impl RuleSet {
    /// Takes rules in the order of the configuration, or tells every fault that shows without asking Calabrio.
    ///
    /// `leg_key` is the field that holds the leg key; no rule may fill it.
    pub fn new(rules: Vec<Rule>, leg_key: &MetadataKey) -> Result<Self, Vec<MappingError>> {
        let mut faults = Vec::new();
        if rules.len() > MAX_RULES {
            faults.push(MappingError::TooManyRules { rules: rules.len() });
        }
        let mut taken = BTreeMap::new();
        for (index, Rule { source, target }) in rules.iter().enumerate() {
            let place = Place::rule(index, source);
            if target == leg_key {
                faults.push(MappingError::ReservedTarget {
                    place,
                    key: target.clone(),
                });
            } else if let Some(first) = taken.get(target) {
                faults.push(MappingError::DuplicateTarget {
                    place,
                    key: target.clone(),
                    first: *first,
                });
            } else {
                taken.insert(target, index + 1);
            }
        }
        if faults.is_empty() {
            Ok(Self {
                rules,
                ..Self::default()
            })
        } else {
            Err(faults)
        }
    }

    /// The same with another limit for the length of values, in characters.
    pub fn with_value_limit(mut self, limit: usize) -> Result<Self, MappingError> {
        if !(1..=MAX_VALUE_LIMIT).contains(&limit) {
            return Err(MappingError::ValueLimit { limit });
        }
        self.value_limit = limit;
        Ok(self)
    }

    /// Every rule whose field does not exist in Metadata Manager or is not of type Text.
    pub fn validate(&self, fields: &[MetadataField]) -> Vec<MappingError> {
        self.rules
            .iter()
            .enumerate()
            .filter_map(|(index, rule)| {
                check_field(Place::rule(index, &rule.source), &rule.target, fields).err()
            })
            .collect()
    }

    /// The rules, in the order of the configuration.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Characters after which a value is cut.
    pub fn value_limit(&self) -> usize {
        self.value_limit
    }
}
