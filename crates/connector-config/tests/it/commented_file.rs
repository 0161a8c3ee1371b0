//! The file that `init` writes says the truth.

use crate::common;

use common::{faults, filled_in, parse, with_defaults_written, with_everything_written};
use connector_config::COMMENTED_FILE;

#[test]
fn every_default_that_the_commented_file_shows_is_the_real_one() {
    let (plain, written) = (filled_in(), with_defaults_written());
    assert!(plain.lines().count() == written.lines().count() && plain != written);
    let (plain, written) = (parse(&plain).unwrap(), parse(&written).unwrap());
    // Warnings carry columns, which moved by the sign that was taken away.
    assert_eq!(
        serde_json::to_value(&plain).unwrap(),
        serde_json::to_value(&written).unwrap()
    );
    assert_eq!(plain.timing, written.timing);
    assert_eq!(plain.acds, written.acds);
}

#[test]
fn every_example_in_the_commented_file_is_valid() {
    let config = parse(&with_everything_written()).unwrap();
    let acd = &config.acds[0];
    assert_eq!(
        (
            acd.metadata.rules().len(),
            acd.encryption_keys.len(),
            acd.excludes.len(),
            acd.wfm.activities.len()
        ),
        (2, 1, 1, 1)
    );
    assert_eq!(acd.insights.project_id.as_deref(), Some("exampleproject"));
}

#[test]
fn the_commented_file_shows_every_field_of_the_schema_with_its_default() {
    let shown: toml::Table = with_everything_written().parse().unwrap();
    let defaults: toml::Table = with_defaults_written().parse().unwrap();
    let mut missing = Vec::new();
    walk::walk(&connector_config::json_schema(), &mut |path, field| {
        if find(&shown, path).is_none() {
            missing.push(path.to_owned());
        }
        let Some(default) = field.get("default").filter(|default| !default.is_object()) else {
            return;
        };
        // What repeats is shown as an example, and what it holds with it.
        let repeated = default.is_array() || path.starts_with("acd.wfm.activity.");
        match find(&defaults, path) {
            Some(written) => assert_eq!(&serde_json::to_value(written).unwrap(), default, "{path}"),
            None => assert!(repeated, "{path} has a default and is not shown with it"),
        }
    });
    assert!(missing.is_empty(), "not in the commented file: {missing:?}");
}

#[test]
fn what_must_be_filled_in_is_named_until_it_is() {
    let fields: Vec<_> = faults(COMMENTED_FILE)
        .into_iter()
        .map(|fault| fault.field)
        .collect();
    assert_eq!(
        fields,
        ["acd[0].twilio.account_sid", "acd[0].twilio.workspace_sid"]
    );
}

fn find<'t>(table: &'t toml::Table, path: &str) -> Option<&'t toml::Value> {
    let mut parts = path.split('.');
    let mut value = table.get(parts.next()?)?;
    for part in parts {
        while let toml::Value::Array(entries) = value {
            value = entries.iter().find(|entry| entry.get(part).is_some())?;
        }
        value = value.get(part)?;
    }
    Some(value)
}

use crate::walk;
