//! The published JSON Schema is that of the code, and documents follow it.
//!
//! `BLESS=1 cargo test -p transcript --test schema` writes it anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "everything here is a test"
)]

use crate::common;

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use transcript::Transcript;

use common::any_transcript;

const EXAMPLES: [&str; 2] = [
    include_str!("documents/chat.json"),
    include_str!("documents/empty.json"),
];

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    jsonschema::options()
        .should_validate_formats(true)
        .build(&transcript::json_schema())
        .unwrap()
});

fn faults(document: &Value) -> Vec<String> {
    SCHEMA
        .iter_errors(document)
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect()
}

#[test]
fn the_published_schema_is_that_of_the_code() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas/transcript.schema.json");
    let expected = serde_json::to_string_pretty(&transcript::json_schema()).unwrap() + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == expected,
        "transcript.schema.json differs from the code; run BLESS=1 cargo test -p transcript --test schema"
    );
}

#[test]
fn the_schema_is_one_and_describes_every_field() {
    let schema = transcript::json_schema();
    assert!(jsonschema::meta::is_valid(&schema));
    let mut count = 0;
    each_object(&schema, &mut |object| {
        let Some(fields) = object["properties"].as_object() else {
            return;
        };
        assert_eq!(object["additionalProperties"], false, "{object}");
        for (name, field) in fields {
            let text = field["description"].as_str().unwrap_or_default();
            assert!(
                !text.is_empty() || field.get("const").is_some(),
                "{name} has no description"
            );
            count += 1;
        }
    });
    assert!(count > 40, "{count} fields");
}

fn each_object(value: &Value, visit: &mut impl FnMut(&Value)) {
    match value {
        Value::Object(fields) => {
            visit(value);
            fields.values().for_each(|field| each_object(field, visit));
        }
        Value::Array(items) => items.iter().for_each(|item| each_object(item, visit)),
        _ => {}
    }
}

#[test]
fn the_examples_follow_the_schema_and_come_back_unchanged() {
    for example in EXAMPLES {
        let document: Value = serde_json::from_str(example).unwrap();
        assert_eq!(faults(&document), [""; 0]);
        let transcript = Transcript::from_json(example.as_bytes()).unwrap();
        assert_eq!(serde_json::to_value(&transcript).unwrap(), document);
    }
}

#[test]
fn a_document_with_a_fault_is_refused_by_the_schema_and_by_the_reader() {
    let faulty = [
        ("/version", json!(2)),
        ("/version", json!("1")),
        ("/leg/leg_id", json!("WT00000000000000000000000000000001")),
        ("/leg/session_id", json!("two words")),
        ("/leg/session_id", json!("")),
        ("/leg/direction", json!("sideways")),
        ("/leg/accepted", json!("yesterday")),
        (
            "/leg/agent",
            json!({"worker_sid": "WK00000000000000000000000000000001", "age": 3}),
        ),
        ("/conversation/sid", json!("CH1")),
        ("/conversation/range", json!({"from": 3})),
        ("/conversation/range/from", json!(-3)),
        ("/participants/0/role", json!("bystander")),
        ("/messages/0/index", json!("3")),
        ("/messages/0/body", json!(7)),
        ("/messages/0/context", json!("beside")),
        ("/messages/0/edited", Value::Null),
        ("/messages/0/at", json!(1_772_355_600)),
        ("/messages/2/attachments/0/content/base64", json!("a_b-")),
        ("/messages/2/attachments/0/content/base64", json!("aW1hZ2U")),
        (
            "/messages/2/attachments/1/content",
            json!({"state": "lost"}),
        ),
        (
            "/messages/2/attachments/1/content",
            json!({"state": "included"}),
        ),
        ("/messages/2/attachments/2/content/reason", json!("shy")),
        ("/counts/messages", json!(1.5)),
        ("/counts", json!({})),
    ];
    let whole: Value = serde_json::from_str(EXAMPLES[0]).unwrap();
    for (place, value) in faulty {
        let mut document = whole.clone();
        *document.pointer_mut(place).expect(place) = value;
        assert!(!faults(&document).is_empty(), "{place} of the schema");
        assert!(
            Transcript::from_json(document.to_string().as_bytes()).is_err(),
            "{place} of the reader"
        );
    }
    for name in [
        "version",
        "leg",
        "conversation",
        "participants",
        "messages",
        "counts",
    ] {
        let mut document = whole.clone();
        document.as_object_mut().unwrap().remove(name);
        assert!(!faults(&document).is_empty(), "{name}");
        assert!(Transcript::from_json(document.to_string().as_bytes()).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_is_written_follows_the_schema_and_comes_back_unchanged(transcript in any_transcript()) {
        let json = transcript.to_json(u64::MAX).unwrap();
        prop_assert_eq!(json.len() as u64, transcript.json_len());
        let document: Value = serde_json::from_slice(&json).unwrap();
        prop_assert_eq!(faults(&document), [""; 0]);
        prop_assert_eq!(Transcript::from_json(&json).unwrap(), transcript);
    }
}
