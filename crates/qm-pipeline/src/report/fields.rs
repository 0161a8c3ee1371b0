//! The fields of Metadata Manager, and what is mapped to them.

use calabrio_client::{MetadataField, MetadataFieldKind};
use metadata_mapping::{RuleSet, Source};
use serde::Serialize;

/// The fields of every ACD's tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TenantFields {
    /// Each ACD's.
    pub acds: Vec<FieldsReport>,
}

/// The fields of one ACD's tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldsReport {
    /// The ACD's name.
    pub acd: String,
    /// Every field of Metadata Manager, and every field that the configuration names and that is not there.
    pub fields: Vec<FieldLine>,
    /// Whether every field that the configuration names is there and of type Text.
    pub sound: bool,
}

/// A field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldLine {
    /// Its key.
    pub key: String,
    /// Its label.
    pub label: Option<String>,
    /// Its type, as Calabrio names it; `None` where Calabrio does not have the field, or does not say.
    pub kind: Option<String>,
    /// What the connector does with it.
    #[serde(flatten)]
    pub used: FieldUse,
    /// What is wrong with it, and what to do.
    pub problem: Option<String>,
}

/// What the connector does with a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "use", content = "source", rename_all = "kebab-case")]
pub enum FieldUse {
    /// Nothing.
    NotMapped,
    /// It holds the reservation SID of every contact.
    LegKey,
    /// A task attribute is written to it.
    Attribute(String),
    /// A fact of the leg is written to it.
    Fact(String),
}

impl FieldUse {
    /// In words, for tables.
    pub fn in_words(&self) -> String {
        match self {
            Self::NotMapped => String::new(),
            Self::LegKey => "the leg key".to_owned(),
            Self::Attribute(name) => format!("attribute {name}"),
            Self::Fact(name) => format!("fact {name}"),
        }
    }
}

/// Puts together what Metadata Manager has and what is mapped. Keys are compared exactly.
pub fn fields(acd: &str, leg_key: &str, rules: &RuleSet, found: &[MetadataField]) -> FieldsReport {
    let mut wanted = vec![(leg_key.to_owned(), FieldUse::LegKey)];
    wanted.extend(rules.rules().iter().map(|rule| {
        let used = match &rule.source {
            Source::Attribute(path) => FieldUse::Attribute(path.to_string()),
            Source::Fact(fact) => FieldUse::Fact(fact.as_str().to_owned()),
            other => FieldUse::Fact(other.to_string()),
        };
        (rule.target.as_str().to_owned(), used)
    }));
    let mut lines = Vec::new();
    for field in found {
        let uses: Vec<_> = wanted.iter().filter(|(key, _)| *key == field.key).collect();
        if uses.is_empty() {
            lines.push(line(field, FieldUse::NotMapped));
        }
        lines.extend(uses.into_iter().map(|(_, used)| line(field, used.clone())));
    }
    for (key, used) in wanted {
        if found.iter().all(|field| field.key != key) {
            lines.push(FieldLine {
                problem: Some(
                    "Metadata Manager has no such field: create it, of type Text, or correct the configuration"
                        .to_owned(),
                ),
                key,
                label: None,
                kind: None,
                used,
            });
        }
    }
    FieldsReport {
        acd: acd.to_owned(),
        sound: lines.iter().all(|line| line.problem.is_none()),
        fields: lines,
    }
}

fn line(field: &MetadataField, used: FieldUse) -> FieldLine {
    let kind = match &field.kind {
        MetadataFieldKind::Text => Some("Text".to_owned()),
        MetadataFieldKind::Other(name) => Some(name.clone()),
        _ => None,
    };
    let problem = match (&used, &field.kind) {
        (FieldUse::NotMapped, _) | (_, MetadataFieldKind::Text | MetadataFieldKind::Unknown) => {
            None
        }
        (_, _) => Some("only fields of type Text can be mapped to: make another field".to_owned()),
    };
    FieldLine {
        key: field.key.clone(),
        label: field.label.clone(),
        kind,
        used,
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(key: &str, kind: MetadataFieldKind) -> MetadataField {
        MetadataField {
            key: key.to_owned(),
            label: Some(key.trim_end_matches("-key").replace('-', " ")),
            kind,
        }
    }

    fn rules() -> RuleSet {
        let rules = serde_json::from_value(serde_json::json!([
            {"attribute": "customers.tier", "label": "Customer Tier"},
            {"fact": "queue-name", "label": "Twilio Queue"}
        ]));
        RuleSet::new(rules.unwrap(), &"Twilio-Leg-key".parse().unwrap()).unwrap()
    }

    #[test]
    fn each_field_is_told_with_what_fills_it() {
        let found = [
            field("Twilio-Leg-key", MetadataFieldKind::Text),
            field("Customer-Tier-key", MetadataFieldKind::Text),
            field("Twilio-Queue-key", MetadataFieldKind::Unknown),
            field("Survey-key", MetadataFieldKind::Other("NUMBER".into())),
        ];
        let report = fields("main", "Twilio-Leg-key", &rules(), &found);
        assert!(report.sound);
        let uses: Vec<_> = report
            .fields
            .iter()
            .map(|line| line.used.in_words())
            .collect();
        assert_eq!(
            uses,
            [
                "the leg key",
                "attribute customers.tier",
                "fact queue-name",
                ""
            ]
        );
    }

    #[test]
    fn a_mapped_field_that_is_missing_or_of_another_type_is_told() {
        let found = [field(
            "Customer-Tier-key",
            MetadataFieldKind::Other("NUMBER".into()),
        )];
        let report = fields("main", "Twilio-Leg-key", &rules(), &found);
        assert!(!report.sound);
        let problem = |key: &str| {
            let line = report.fields.iter().find(|line| line.key == key).unwrap();
            line.problem.clone().unwrap_or_default()
        };
        assert!(problem("Customer-Tier-key").starts_with("only fields of type Text"));
        assert!(problem("Twilio-Leg-key").starts_with("Metadata Manager has no such field"));
        assert!(problem("Twilio-Queue-key").starts_with("Metadata Manager has no such field"));
    }
}
