//! A walk over the fields of the JSON Schema.
#![allow(
    clippy::expect_used,
    dead_code,
    unreachable_pub,
    reason = "each test file takes what it needs"
)]

use serde_json::Value;

/// Calls `visit` with the path and the schema of every field, tables before what they hold.
pub fn walk(schema: &Value, visit: &mut dyn FnMut(&str, &Value)) {
    below(schema, schema, "", visit);
}

fn below(root: &Value, schema: &Value, path: &str, visit: &mut dyn FnMut(&str, &Value)) {
    let Some(fields) = schema["properties"].as_object() else {
        return;
    };
    for (name, field) in fields {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        visit(&path, field);
        let target = target(root, field);
        // The two ways to refer to a secret are one kind of value, not fields.
        if target["properties"].is_object() {
            below(root, target, &path, visit);
        }
    }
}

/// What a field refers to: itself, a definition, the entries of a list, or the one way to be there.
pub fn target<'s>(root: &'s Value, field: &'s Value) -> &'s Value {
    if let Some(name) = field["$ref"].as_str() {
        return target(
            root,
            root.pointer(name.trim_start_matches('#'))
                .expect("a definition"),
        );
    }
    if let Some(ways) = field["anyOf"].as_array() {
        return target(
            root,
            ways.iter()
                .find(|way| way["type"] != "null")
                .expect("a way to be there"),
        );
    }
    if field["items"].is_object() {
        return target(root, &field["items"]);
    }
    field
}
