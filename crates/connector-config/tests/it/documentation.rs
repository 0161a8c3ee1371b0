//! `docs/configuration.md` and the published JSON Schema say what the code does.
//!
//! `BLESS=1 cargo test -p connector-config --test documentation` writes both anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "everything here is a test"
)]

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::walk;
use walk::{target, walk};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

fn same_or_bless(path: &Path, expected: &str) {
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, expected).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    let name = path.file_name().unwrap().to_string_lossy();
    assert!(
        written == expected,
        "{name} differs from the code; run BLESS=1 cargo test -p connector-config --test documentation"
    );
}

#[test]
fn the_published_schema_is_that_of_the_code() {
    let text = serde_json::to_string_pretty(&connector_config::json_schema()).unwrap() + "\n";
    same_or_bless(&docs().join("schemas/connector.schema.json"), &text);
}

const BEGIN: &str = "<!-- fields, written by a test from the code: begin -->\n";
const END: &str = "<!-- fields: end -->\n";

#[test]
fn the_reference_lists_every_field_with_its_kind_its_default_and_its_description() {
    let path = docs().join("configuration.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page
        .split_once(BEGIN)
        .expect("the page has the marker of the begin");
    let (_, after) = rest
        .split_once(END)
        .expect("the page has the marker of the end");
    let fields = reference();
    same_or_bless(&path, &format!("{before}{BEGIN}\n{fields}\n{END}{after}"));

    let mut count = 0;
    walk(&connector_config::json_schema(), &mut |path, field| {
        let name = path.rsplit('.').next().unwrap();
        let is_table = fields.contains(&format!("### `[{path}]`"))
            || fields.contains(&format!("### `[[{path}]]`"));
        assert!(
            is_table || fields.contains(&format!("| `{name}` |")),
            "{path}"
        );
        assert!(
            field["description"]
                .as_str()
                .is_some_and(|text| text.len() > 10),
            "{path} has no description"
        );
        count += 1;
    });
    assert!(count > 90, "{count} fields");
}

/// One heading for each table of the file, and a list of its fields.
fn reference() -> String {
    let schema = connector_config::json_schema();
    let mut text = String::new();
    section(&schema, &schema, "", &mut text);
    text.trim_end().to_owned() + "\n"
}

fn section(root: &Value, table: &Value, path: &str, text: &mut String) {
    let fields = table["properties"].as_object().unwrap();
    let is_table = |field: &Value| target(root, field)["properties"].is_object();
    let mut plain: Vec<_> = fields
        .iter()
        .filter(|(_, field)| !is_table(field))
        .collect();
    let required = |name: &str| {
        table["required"]
            .as_array()
            .is_some_and(|names| names.iter().any(|required| required == name))
    };
    plain.sort_by_key(|(name, _)| (!required(name), name.as_str()));
    if !plain.is_empty() {
        text.push_str("| field | kind | default | meaning |\n|---|---|---|---|\n");
        for (name, field) in plain {
            let default = match (required(name), field.get("default")) {
                (true, _) => "**required**".to_owned(),
                (false, Some(default)) => format!("`{}`", toml_text(default)),
                (false, None) => "none".to_owned(),
            };
            let mut meaning = one_line(&field["description"]);
            for (word, about) in choices(root, field) {
                write!(meaning, " `\"{word}\"`: {about}").unwrap();
            }
            writeln!(
                text,
                "| `{name}` | {} | {default} | {} |",
                kind(root, field),
                meaning.replace('|', "\\|")
            )
            .unwrap();
        }
        text.push('\n');
    }
    for (name, field) in fields.iter().filter(|(_, field)| is_table(field)) {
        let list = field["type"] == "array";
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        let header = if list {
            format!("[[{path}]]")
        } else {
            format!("[{path}]")
        };
        write!(
            text,
            "### `{header}`\n\n{}{}\n\n",
            one_line(&field["description"]),
            if list { " Any number of entries." } else { "" }
        )
        .unwrap();
        section(root, target(root, field), &path, text);
    }
}

fn one_line(text: &Value) -> String {
    text.as_str()
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn choices(root: &Value, field: &Value) -> Vec<(String, String)> {
    let ways = target(root, field)["oneOf"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    ways.iter()
        .filter_map(|way| {
            Some((
                way["const"].as_str()?.to_owned(),
                one_line(&way["description"]),
            ))
        })
        .collect()
}

fn kind(root: &Value, field: &Value) -> String {
    let to = target(root, field);
    let name = field["$ref"]
        .as_str()
        .or_else(|| field["anyOf"][0]["$ref"].as_str())
        .or_else(|| field["items"]["$ref"].as_str());
    let one = match name.and_then(|name| name.rsplit('/').next()) {
        Some("SecretRef") => "secret",
        Some("Duration") => "duration",
        Some("Size") => "size",
        _ if !choices(root, field).is_empty() => "word",
        _ => match to["type"].as_str().or_else(|| to["type"][0].as_str()) {
            Some("string") => "text",
            Some("integer") => "number",
            Some("boolean") => "true or false",
            Some("object") => "table",
            other => panic!("a kind without a name: {other:?} in {field}"),
        },
    };
    if field["type"] == "array" {
        format!("list of {one}s")
    } else {
        one.to_owned()
    }
}

/// A default as the file would have it.
fn toml_text(value: &Value) -> String {
    match value {
        Value::Array(entries) => format!(
            "[{}]",
            entries.iter().map(toml_text).collect::<Vec<_>>().join(", ")
        ),
        Value::Object(entries) if entries.is_empty() => "{}".to_owned(),
        other => other.to_string(),
    }
}
