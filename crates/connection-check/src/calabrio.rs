//! The questions to Calabrio ONE.

use std::time::Duration;

use calabrio_client::{
    CalabrioClient, CalabrioError, MetadataField, MetadataFieldKind, Permission,
};
use chrono::{DateTime, Utc};
use connector_config::Acd;
use metadata_mapping::{FieldKind, MappingError, Place, check_field};

use crate::report::{CheckReport, Question, Rows};
use crate::run::within;

const REACH: &str = "check calabrio.base_url, and that this machine reaches it";

pub(crate) async fn check(
    acd: &Acd,
    calabrio: &CalabrioClient,
    now: DateTime<Utc>,
    deadline: Duration,
) -> Rows {
    let mut rows = Rows::new(Some(&acd.name));
    let login = within(deadline, calabrio.login()).await;
    let why = match login {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some((
            error.to_string(),
            if error.is_authentication() {
                "check username and password under [acd.calabrio]"
            } else {
                REACH
            },
        )),
        Err(late) => Some((late, REACH)),
    };
    if let Some((detail, remedy)) = why {
        rows.fail(Question::CalabrioLogin, detail, remedy);
        for question in [
            Question::CalabrioSearch,
            Question::CalabrioImport,
            Question::MetadataFields,
            Question::LegKeyField,
        ] {
            rows.skip(question, "Calabrio ONE could not be asked");
        }
        return rows;
    }
    rows.ok(
        Question::CalabrioLogin,
        "Calabrio ONE accepts the service account",
    );
    access(&mut rows, within(deadline, calabrio.access(now)).await);
    let unseen = match within(deadline, calabrio.metadata_fields()).await {
        Ok(Ok(fields)) => {
            metadata(&mut rows, acd, &fields);
            None
        }
        Ok(Err(error)) if error.is_permission() => Some((
            error.to_string(),
            "give the service account's role that permission",
        )),
        Ok(Err(error)) => Some((error.to_string(), REACH)),
        Err(late) => Some((late, REACH)),
    };
    if let Some((detail, remedy)) = unseen {
        rows.fail(Question::MetadataFields, detail, remedy);
        rows.fail(
            Question::LegKeyField,
            "it could not be seen, and nothing is sent without it",
            "see the row above",
        );
    }
    // The session is the check's own; one that stays open ends by itself.
    let _ = within(deadline, calabrio.logout()).await;
    rows
}

fn access(rows: &mut Rows, access: Result<Result<calabrio_client::Access, CalabrioError>, String>) {
    match access {
        Ok(Ok(access)) => match access.search_contacts {
            Permission::Granted => rows.ok(
                Question::CalabrioSearch,
                "the service account may search for contacts",
            ),
            Permission::Denied { advice } => rows.fail(
                Question::CalabrioSearch,
                advice,
                "give the service account's role the right to search",
            ),
            Permission::Unknown => {
                rows.skip(Question::CalabrioSearch, "there is no harmless way to know");
            }
        },
        Ok(Err(error)) => rows.fail(Question::CalabrioSearch, error.to_string(), REACH),
        Err(late) => rows.fail(Question::CalabrioSearch, late, REACH),
    }
    rows.skip(
        Question::CalabrioImport,
        "only an import tells; Calabrio documents the permission Administer Tenant for it",
    );
}

/// The questions about the metadata fields of an ACD, answered by fields that were fetched already: for who asks before the work.
pub fn check_fields(acd: &Acd, found: &[MetadataField]) -> CheckReport {
    let mut rows = Rows::new(Some(&acd.name));
    metadata(&mut rows, acd, found);
    CheckReport { rows: rows.rows }
}

fn metadata(rows: &mut Rows, acd: &Acd, found: &[MetadataField]) {
    let fields: Vec<_> = found
        .iter()
        .map(|field| metadata_mapping::MetadataField {
            key: field.key.clone(),
            label: field.label.clone().unwrap_or_default(),
            kind: match &field.kind {
                // A type that is not told is no fault; the warning below says so.
                MetadataFieldKind::Text | MetadataFieldKind::Unknown => FieldKind::Text,
                MetadataFieldKind::Other(kind) => FieldKind::Other(kind.clone()),
                _ => FieldKind::Other("of a kind that is not known".to_owned()),
            },
        })
        .collect();
    let wrong = acd.metadata.validate(&fields);
    for error in &wrong {
        say(rows, Question::MetadataFields, error);
    }
    if wrong.is_empty() {
        let detail = match acd.metadata.rules().len() {
            0 => "none is mapped".to_owned(),
            count => format!("each of the {count} that are mapped exists"),
        };
        rows.ok(Question::MetadataFields, detail);
    }
    let leg_key = &acd.calabrio.leg_key_field;
    match check_field(Place::LegKey, leg_key, &fields) {
        Ok(()) => rows.ok(Question::LegKeyField, format!("{leg_key} exists")),
        Err(error) => say(rows, Question::LegKeyField, &error),
    }
    let wanted: Vec<_> = acd
        .metadata
        .rules()
        .iter()
        .map(|rule| &rule.target)
        .chain([leg_key])
        .map(AsRef::as_ref)
        .collect();
    let untold: Vec<_> = found
        .iter()
        .filter(|field| {
            field.kind == MetadataFieldKind::Unknown && wanted.contains(&field.key.as_str())
        })
        .map(|field| field.key.as_str())
        .collect();
    if !untold.is_empty() {
        let detail = format!(
            "Calabrio ONE does not tell the type of {}",
            untold.join(", ")
        );
        rows.warn(
            Question::MetadataFields,
            detail,
            "see in Metadata Manager that it is Text",
        );
    }
}

fn say(rows: &mut Rows, question: Question, error: &MappingError) {
    let text = error.to_string();
    let (detail, remedy) = text
        .split_once("; ")
        .unwrap_or((&text, "correct the field in Metadata Manager"));
    rows.fail(question, detail, remedy);
}
