//! Rules that hold between fields.

use std::collections::HashSet;
use std::path::Path;

use twilio_sid::{SidError, TaskQueueSid, WorkerSid};

use crate::model::{Exclude, Ledger, Metadata, Products, Spool, Wfm};
use crate::reader::{Problem, Section};

/// How many metadata fields a tenant can have.
pub(super) const MOST_MAPPINGS: usize = 100;
/// How many characters the key of a metadata field can have.
const LONGEST_KEY: usize = 39;

/// The key of a metadata field as Calabrio ONE makes it: the label with hyphens for spaces, without `&` and `=`, and `-key`.
#[allow(
    clippy::ptr_arg,
    reason = "judges the value of a field, which is a String"
)]
pub(super) fn metadata_key(key: &String) -> Result<(), Problem> {
    let remedy = "write the key that Metadata Manager shows, such as \"Twilio-Leg-key\"";
    if !key.ends_with("-key") || key.len() <= 4 {
        Err(Problem::new(
            "is not the key of a metadata field: keys end in -key",
            remedy,
        ))
    } else if key.contains([' ', '&', '=']) {
        Err(Problem::new(
            "is not the key of a metadata field: keys have no space, no & and no =",
            remedy,
        ))
    } else if key.chars().count() > LONGEST_KEY {
        Err(Problem::new(
            format!("has more than {LONGEST_KEY} characters"),
            remedy,
        ))
    } else {
        Ok(())
    }
}

/// The key that belongs to a label, or the key itself.
fn key_of(field: &str) -> String {
    let key: String = field
        .trim()
        .chars()
        .filter(|c| !matches!(c, '&' | '='))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect();
    if key.ends_with("-key") {
        key
    } else {
        format!("{key}-key")
    }
}

pub(super) fn mapping(section: &Section<'_>, metadata: &Metadata, fields: &mut HashSet<String>) {
    match (section.has("attribute"), section.has("fact")) {
        (true, true) => section.fault(
            "fact",
            "stands beside attribute",
            "write one of them: each entry maps one value",
        ),
        (false, false) => section.fault(
            "attribute",
            "is missing, and there is no fact either",
            "add attribute = \"name\" or fact = \"name\"",
        ),
        _ => {}
    }
    if let Some(path) = &metadata.attribute {
        attribute(section, path);
    }
    if section.has("field") && !metadata.field.is_empty() {
        let key = key_of(&metadata.field);
        if let Err(problem) = metadata_key(&key) {
            section.fault("field", problem.what, problem.remedy);
        } else if !fields.insert(key.to_ascii_lowercase()) {
            section.fault(
                "field",
                "is filled already, by another entry or by the leg key",
                "fill each metadata field once",
            );
        }
    }
}

/// An attribute's name, or `object.attribute`.
fn attribute(section: &Section<'_>, path: &str) {
    let parts: Vec<_> = path.split('.').collect();
    if parts.len() > 2 {
        let what = "is nested more than one level deep";
        section.fault(
            "attribute",
            what,
            "write the name of an attribute, or object.attribute",
        );
    } else if parts.iter().any(|part| part.trim().is_empty()) {
        section.fault(
            "attribute",
            "has an empty name beside its dot",
            "write the name of an attribute, or object.attribute",
        );
    }
}

pub(super) fn exclude(section: &Section<'_>, rule: &Exclude) {
    let criteria = [
        "channel",
        "queue",
        "worker",
        "direction",
        "attribute",
        "shorter_than",
    ];
    if !criteria.iter().any(|key| section.has(key)) {
        let what = "names nothing that a leg must fit, so every leg would be left out";
        section.fault("name", what, format!("add one of {}", criteria.join(", ")));
    }
    if section.has("equals") && !section.has("attribute") {
        section.fault(
            "equals",
            "stands without attribute",
            "add attribute = \"name\"",
        );
    }
    if let Some(path) = &rule.attribute {
        attribute(section, path);
    }
    if let Some(Err(error)) = rule
        .queue
        .as_deref()
        .filter(|text| looks_like_a_sid(text))
        .map(str::parse::<TaskQueueSid>)
    {
        wrong_sid(section, "queue", &error);
    }
    if let Some(Err(error)) = rule
        .worker
        .as_deref()
        .filter(|text| looks_like_a_sid(text))
        .map(str::parse::<WorkerSid>)
    {
        wrong_sid(section, "worker", &error);
    }
}

fn wrong_sid(section: &Section<'_>, key: &str, error: &SidError) {
    section.fault(
        key,
        error.to_string(),
        format!("write the SID of the {key}, or its name"),
    );
}

fn looks_like_a_sid(text: &str) -> bool {
    text.len() == twilio_sid::SID_LEN
        && text.bytes().take(2).all(|byte| byte.is_ascii_uppercase())
        && text.bytes().skip(2).all(|byte| byte.is_ascii_hexdigit())
}

pub(super) fn products(section: &Section<'_>, products: &Products, wfm: &Wfm) {
    for (on, what) in [(wfm.history, "history"), (wfm.adherence, "adherence")] {
        if on && !products.workforce_management {
            let remedy = "set workforce_management = true under [acd.products], or turn it off";
            section.fault(
                "wfm",
                format!("{what} is on, and workforce management is not among the products"),
                remedy,
            );
        }
    }
}

/// The spool is emptied at every start.
pub(super) fn spool_holds_nothing_else(
    root: &Section<'_>,
    spool: &Spool,
    ledger: &Ledger,
    file: &Path,
) {
    for (path, what) in [
        (ledger.path.as_path(), "the ledger"),
        (file, "this configuration"),
    ] {
        if path.starts_with(&spool.dir) && !spool.dir.as_os_str().is_empty() {
            root.fault(
                "spool",
                format!("dir holds {what}, and the spool is emptied at every start"),
                "give the spool a directory of its own",
            );
        }
    }
}
