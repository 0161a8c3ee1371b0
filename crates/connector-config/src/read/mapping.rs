//! The metadata mappings of an ACD.

use metadata_mapping::{MappingError, MetadataKey, Place, Rule, RuleSet, Source};

use super::leaf::mapping_problem;
use crate::model::Calabrio;
use crate::reader::Section;

/// The rules; `None` after a fault. Rules that are sound each for itself are compared with each other even beside faulty ones.
pub(super) fn read(parent: &mut Section<'_>, calabrio: Option<&Calabrio>) -> Option<RuleSet> {
    let (mut rules, mut places, mut sound) = (Vec::new(), Vec::new(), true);
    for mut section in parent.sections("metadata") {
        match rule(&mut section) {
            Some(rule) => {
                rules.push(rule);
                places.push(section.place(if section.has("key") { "key" } else { "label" }));
            }
            None => sound = false,
        }
        section.finish();
    }
    let default = Calabrio::default_leg_key_field();
    let rule_set = RuleSet::new(
        rules,
        calabrio.map_or(&default, |calabrio| &calabrio.leg_key_field),
    )
    .map_err(|faults| {
        for fault in &faults {
            let problem = mapping_problem(fault);
            match rule_number(fault).and_then(|number| places.get(number - 1)) {
                Some(place) => parent.fault_at(place, problem.what, problem.remedy),
                None => parent.fault("metadata", problem.what, problem.remedy),
            }
        }
    });
    let limit = calabrio.map_or(Calabrio::METADATA_VALUE_LIMIT, |calabrio| {
        calabrio.metadata_value_limit
    });
    rule_set
        .ok()
        .filter(|_| sound)?
        .with_value_limit(limit.into())
        .ok()
}

fn rule(section: &mut Section<'_>) -> Option<Rule> {
    let (attribute, fact) = (
        section.optional::<String>("attribute"),
        section.optional::<String>("fact"),
    );
    let (key, label) = (
        section.optional::<String>("key"),
        section.optional::<String>("label"),
    );
    // What is there and could not be read was reported already.
    let read = [
        ("attribute", &attribute),
        ("fact", &fact),
        ("key", &key),
        ("label", &label),
    ];
    if read
        .iter()
        .any(|(name, value)| section.has(name) && value.is_none())
    {
        return None;
    }
    let source_field = if attribute.is_none() && fact.is_some() {
        "fact"
    } else {
        "attribute"
    };
    let target_field = if label.is_none() && key.is_some() {
        "key"
    } else {
        "label"
    };
    let source = Source::from_config(attribute.as_deref(), fact.as_deref());
    let target = MetadataKey::from_config(key.as_deref(), label.as_deref());
    let source = sound_or_said(section, source_field, source);
    let target = sound_or_said(section, target_field, target);
    Some(Rule {
        source: source?,
        target: target?,
    })
}

fn sound_or_said<T>(
    section: &Section<'_>,
    field: &str,
    read: Result<T, MappingError>,
) -> Option<T> {
    read.map_err(|error| {
        let problem = mapping_problem(&error);
        section.fault(field, problem.what, problem.remedy);
    })
    .ok()
}

fn rule_number(error: &MappingError) -> Option<usize> {
    match error {
        MappingError::DuplicateTarget { place, .. }
        | MappingError::ReservedTarget { place, .. } => Place::rule_number(place),
        _ => None,
    }
}
