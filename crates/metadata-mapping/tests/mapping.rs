//! Rules against Metadata Manager, and against attributes of every kind.
#![allow(clippy::unwrap_used, reason = "a test may end here")]

use metadata_mapping::{
    Fact, Facts, FieldKind, JsonKind, MAX_RULES, Mapped, MappingError, MetadataField, MetadataKey,
    Outcome, Place, Rule, RuleSet, Source, apply, check_field,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn leg_key() -> MetadataKey {
    MetadataKey::from_label("Twilio Leg").unwrap()
}

fn attribute(path: &str, key: &str) -> Rule {
    Rule::from_config(Some(path), None, Some(key), None).unwrap()
}

fn rules(paths: &[&str]) -> RuleSet {
    let rules = paths
        .iter()
        .enumerate()
        .map(|(i, path)| attribute(path, &format!("f{i}-key")))
        .collect();
    RuleSet::new(rules, &leg_key()).unwrap()
}

fn one(path: &str, attributes: &Value) -> (Option<String>, Outcome) {
    let mapped = apply(&rules(&[path]), &Facts::default(), Some(attributes));
    assert_eq!(mapped.outcomes.len(), 1);
    (
        mapped.values.into_values().next(),
        mapped.outcomes[0].outcome,
    )
}

fn inbound() -> Value {
    serde_json::from_str(include_str!(
        "../../../fixtures/metadata-mapping/inbound-voice.json"
    ))
    .unwrap()
}

#[test]
fn every_kind_of_json_has_its_outcome() {
    let attributes = inbound();
    for (path, value, outcome) in [
        ("language", Some("de"), Outcome::Mapped),
        ("vip", Some("true"), Outcome::Mapped),
        ("attempt", Some("3"), Outcome::Mapped),
        ("balance", Some("1204.75"), Outcome::Mapped),
        ("skills", Some("billing, german, 2"), Outcome::Mapped),
        ("notes", Some("first line second line"), Outcome::Mapped),
        (
            "conference.sid",
            Some("CF00000000000000000000000000000001"),
            Outcome::Mapped,
        ),
        ("policy.number", Some("P-77"), Outcome::Mapped),
        (r"policy\.number", Some("P-77"), Outcome::Mapped),
        ("policy.holder", Some("Ada"), Outcome::Mapped),
        ("nothing", None, Outcome::Null),
        ("blank", None, Outcome::Empty),
        ("conversations.tags", None, Outcome::Empty),
        ("absent", None, Outcome::Missing),
        ("absent.inner", None, Outcome::Missing),
        ("conference.absent", None, Outcome::Missing),
        (r"policy\.holder", None, Outcome::Missing),
        ("Language", None, Outcome::Missing),
        ("conference", None, Outcome::Object),
        ("conference.participants", None, Outcome::Object),
        ("conversations.media", None, Outcome::NestedArray),
        (
            "language.code",
            None,
            Outcome::NotAnObject {
                found: JsonKind::String,
            },
        ),
        (
            "nothing.inner",
            None,
            Outcome::NotAnObject {
                found: JsonKind::Null,
            },
        ),
        (
            "skills.0",
            None,
            Outcome::NotAnObject {
                found: JsonKind::Array,
            },
        ),
    ] {
        assert_eq!(
            one(path, &attributes),
            (value.map(str::to_owned), outcome),
            "{path}"
        );
    }
}

#[test]
fn attributes_that_are_no_object_map_to_nothing() {
    for attributes in [
        None,
        Some(Value::Null),
        Some(json!([1])),
        Some(json!("text")),
        Some(json!(7)),
    ] {
        let mapped = apply(
            &rules(&["a", "b.c"]),
            &Facts::default(),
            attributes.as_ref(),
        );
        assert!(mapped.values.is_empty());
        assert_eq!(mapped.unwritten().count(), 2);
        assert!(
            mapped
                .outcomes
                .iter()
                .all(|rule| rule.outcome == Outcome::NoAttributes)
        );
    }
}

#[test]
fn numbers_are_printed_as_exactly_as_json_keeps_them() {
    let attributes: Value = serde_json::from_str(
        r#"{"big": 18446744073709551615, "least": -9223372036854775808, "half": 0.5, "zero": 1.50, "huge": 123456789012345678901234567890}"#,
    )
    .unwrap();
    assert_eq!(
        one("big", &attributes),
        (Some("18446744073709551615".into()), Outcome::Mapped)
    );
    assert_eq!(
        one("least", &attributes),
        (Some("-9223372036854775808".into()), Outcome::Mapped)
    );
    assert_eq!(
        one("half", &attributes),
        (Some("0.5".into()), Outcome::Mapped)
    );
    assert_eq!(
        one("zero", &attributes),
        (Some("1.5".into()), Outcome::Mapped)
    );
    assert_eq!(one("huge", &attributes).1, Outcome::Rounded);
    assert_eq!(
        one("list", &json!({"list": [1, 1e300]})).1,
        Outcome::Rounded
    );
}

#[test]
fn a_value_that_is_too_long_is_cut_and_says_so() {
    let attributes = json!({ "essay": "ü".repeat(300) });
    let (value, outcome) = one("essay", &attributes);
    assert_eq!(value.unwrap(), "ü".repeat(255));
    assert_eq!(
        outcome,
        Outcome::Truncated {
            chars: 300,
            limit: 255
        }
    );
    assert_eq!(
        outcome.to_string(),
        "mapped, cut from 300 to 255 characters"
    );

    let short = rules(&["essay"]).with_value_limit(10).unwrap();
    let mapped = apply(&short, &Facts::default(), Some(&attributes));
    assert_eq!(mapped.values.values().next().unwrap(), &"ü".repeat(10));
}

#[test]
fn a_limit_of_nothing_or_beyond_all_attributes_is_refused() {
    for limit in [0, 4097] {
        assert_eq!(
            rules(&[]).with_value_limit(limit),
            Err(MappingError::ValueLimit { limit })
        );
    }
    assert_eq!(
        rules(&[]).with_value_limit(4096).unwrap().value_limit(),
        4096
    );
}

#[test]
fn facts_are_mapped_whatever_the_attributes_are() {
    let fact = |name, key| Rule::from_config(None, Some(name), Some(key), None).unwrap();
    let rules = vec![
        fact("recording-sid", "re-key"),
        fact("hold-seconds", "hs-key"),
        fact("queue-name", "q-key"),
    ];
    let mut facts = Facts::default();
    facts
        .add(Fact::RecordingSid, "RE1")
        .add(Fact::RecordingSid, "RE2")
        .add(Fact::HoldSeconds, 0);
    let mapped = apply(&RuleSet::new(rules, &leg_key()).unwrap(), &facts, None);
    let values: Vec<_> = mapped
        .values
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    assert_eq!(values, [("hs-key", "0"), ("re-key", "RE1, RE2")]);
    let outcomes: Vec<_> = mapped.outcomes.iter().map(|rule| rule.outcome).collect();
    assert_eq!(
        outcomes,
        [Outcome::Mapped, Outcome::Mapped, Outcome::Missing]
    );
}

#[test]
fn all_faults_of_a_rule_set_are_told_at_once() {
    let faults = RuleSet::new(
        vec![
            attribute("a", "x-key"),
            attribute("b", "Twilio-Leg-key"),
            attribute("c", "x-key"),
            attribute("d", "y-key"),
            attribute("e.f", "x-key"),
        ],
        &leg_key(),
    )
    .unwrap_err();
    let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "mapping 2 (attribute b) fills \"Twilio-Leg-key\", but that field holds the leg key, by which a contact is found again; choose another field",
            "mapping 3 (attribute c) fills \"x-key\", as mapping 1 does already; give each its own field or remove one",
            "mapping 5 (attribute e.f) fills \"x-key\", as mapping 1 does already; give each its own field or remove one",
        ]
    );
    assert!(matches!(faults[0], MappingError::ReservedTarget { .. }));
    assert!(matches!(
        faults[1],
        MappingError::DuplicateTarget { first: 1, .. }
    ));
}

#[test]
fn more_rules_than_fields_are_refused() {
    let many = |count| {
        (0..count)
            .map(|i| attribute("a", &format!("f{i}-key")))
            .collect()
    };
    assert!(RuleSet::new(many(MAX_RULES), &leg_key()).is_ok());
    assert_eq!(
        RuleSet::new(many(101), &leg_key()),
        Err(vec![MappingError::TooManyRules { rules: 101 }])
    );
}

#[test]
fn metadata_manager_must_have_each_field_as_text() {
    let field = |key: &str, label: &str, kind: &str| MetadataField {
        key: key.into(),
        label: label.into(),
        kind: FieldKind::from(kind),
    };
    let fields = [
        field("Case-key", "Case", "TEXT"),
        field("Since-key", "Since", "Date"),
        field("Customer-name-key", "Customer name", "Text"),
    ];
    let rules = RuleSet::new(
        vec![
            attribute("case", "Case-key"),
            attribute("since", "Since-key"),
            attribute("name", "customer-name-key"),
            attribute("case2", "Case"),
            attribute("weather", "Weather-key"),
        ],
        &leg_key(),
    )
    .unwrap();
    let faults = rules.validate(&fields);
    let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "mapping 2 (attribute since) wants the metadata field \"Since-key\", whose type is Date; in Metadata Manager it must be of the type Text",
            "mapping 3 (attribute name) wants the metadata field \"customer-name-key\", which Calabrio does not have (did you mean \"Customer-name-key\"?); create it in Metadata Manager with the type Text",
            "mapping 4 (attribute case2) wants the metadata field \"Case\", which Calabrio does not have (did you mean \"Case-key\"?); create it in Metadata Manager with the type Text",
            "mapping 5 (attribute weather) wants the metadata field \"Weather-key\", which Calabrio does not have; create it in Metadata Manager with the type Text",
        ]
    );
    assert!(matches!(&faults[0], MappingError::NotText { kind, .. } if kind == "Date"));
    assert!(
        matches!(&faults[1], MappingError::UnknownTarget { place, .. } if place.rule_number() == Some(3))
    );

    let error = check_field(Place::LegKey, &leg_key(), &fields).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the leg key wants the metadata field \"Twilio-Leg-key\""),
        "{error}"
    );
    assert_eq!(Place::LegKey.rule_number(), None);
}

#[test]
fn a_rule_of_a_configuration_tells_all_that_is_wrong_with_it() {
    let faults = Rule::from_config(Some("a.b.c"), None, Some("a b"), None).unwrap_err();
    assert!(matches!(
        faults.as_slice(),
        [
            MappingError::PathTooDeep { levels: 2, .. },
            MappingError::KeyCharacter { .. }
        ]
    ));
    let faults = Rule::from_config(None, None, None, None).unwrap_err();
    assert_eq!(
        faults,
        [MappingError::AttributeOrFact, MappingError::KeyOrLabel]
    );
    assert_eq!(
        Source::from_config(Some("a"), Some("channel")),
        Err(MappingError::AttributeOrFact)
    );
}

#[test]
fn a_rule_goes_through_json_and_back() {
    for text in [
        r#"{"attribute":"a.b","key":"x-key"}"#,
        r#"{"fact":"queue-name","key":"x-key"}"#,
    ] {
        let rule: Rule = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&rule).unwrap(), text);
    }
    for (text, fault) in [
        (
            r#"{"attribute":"a","fact":"channel","key":"x"}"#,
            "give exactly one of them",
        ),
        (r#"{"attribut":"a","key":"x"}"#, "unknown field `attribut`"),
        (
            r#"{"fact":"chanel","key":"x"}"#,
            "did you mean \"channel\"?",
        ),
    ] {
        let error = serde_json::from_str::<Rule>(text).unwrap_err().to_string();
        assert!(error.contains(fault), "{error}");
    }
}

#[test]
fn debug_shows_no_value() {
    let mut facts = Facts::default();
    facts.add(Fact::WorkerName, "Kim Example");
    let mapped = apply(&rules(&["from"]), &facts, Some(&inbound()));
    assert_eq!(mapped.values.len(), 1);
    let printed = format!("{mapped:?} {facts:?}");
    assert!(
        !printed.contains("650555") && !printed.contains("Kim"),
        "{printed}"
    );
}

/// JSON in which each string is longer than any name and occurs nowhere else.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[ab.]{1,3}", inner, 0..5).prop_map(|map| json!(map)),
        ]
    })
}

fn paths() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[ab]{1,2}(\\.[ab]{1,2})?", 1..6)
}

/// Replaces each scalar by a marker that tells where it stood.
fn mark(value: &Value, place: &str) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(name, inner)| (name.clone(), mark(inner, &format!("{place}/{name}"))))
            .collect(),
        Value::Array(items) => items.iter().map(|item| mark(item, place)).collect(),
        _ => json!(format!("<{place}>")),
    }
}

proptest! {
    #[test]
    fn any_json_maps_without_panic_into_values_that_keep_the_rules(
        attributes in prop::option::of(any_json()),
        paths in paths(),
        limit in 1_usize..60,
    ) {
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let rules = rules(&paths).with_value_limit(limit).unwrap();
        let Mapped { values, outcomes } = apply(&rules, &Facts::default(), attributes.as_ref());
        prop_assert_eq!(outcomes.len(), paths.len());
        prop_assert_eq!(values.len(), outcomes.iter().filter(|rule| rule.outcome.is_written()).count());
        for (key, value) in &values {
            prop_assert!(outcomes.iter().any(|rule| rule.target == *key && rule.outcome.is_written()));
            prop_assert!(!value.is_empty() && value.trim() == value);
            prop_assert!(value.chars().count() <= limit && !value.chars().any(char::is_control));
        }
    }

    #[test]
    fn no_attribute_reaches_the_output_that_no_rule_names(attributes in any_json(), paths in paths()) {
        let attributes = mark(&attributes, "");
        let texts: Vec<&str> = paths.iter().map(String::as_str).collect();
        let mapped = apply(&rules(&texts), &Facts::default(), Some(&attributes));
        for rule in &mapped.outcomes {
            let Some(value) = mapped.values.get(&rule.target) else { continue };
            let Source::Attribute(path) = &rule.source else { continue };
            let nested = path.object().map(|object| format!("</{object}/{}>", path.name()));
            let exact = match path.object() {
                Some(object) => format!("</{object}.{}>", path.name()),
                None => format!("</{}>", path.name()),
            };
            for marker in value.split(", ") {
                prop_assert!(marker == exact || Some(marker) == nested.as_deref(), "{path}: {marker}");
            }
        }
    }
}
