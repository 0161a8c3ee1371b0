//! The questions to Calabrio ONE.

use std::time::Duration;

use calabrio_client::{
    CalabrioClient, CalabrioError, MetadataField, MetadataFieldKind, Permission, RecordingVerb,
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
            Question::People,
        ] {
            rows.skip(question, "Calabrio ONE could not be asked");
        }
        screen_recording(&mut rows, acd, calabrio);
        return rows;
    }
    rows.ok(
        Question::CalabrioLogin,
        "Calabrio ONE accepts the service account",
    );
    access(&mut rows, acd, within(deadline, calabrio.access(now)).await);
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
    screen_recording(&mut rows, acd, calabrio);
    // The session is the check's own; one that stays open ends by itself.
    let _ = within(deadline, calabrio.logout()).await;
    rows
}

fn access(
    rows: &mut Rows,
    acd: &Acd,
    access: Result<Result<calabrio_client::Access, CalabrioError>, String>,
) {
    let why = match access {
        Ok(Ok(access)) => {
            match access.search_contacts {
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
            }
            people(rows, acd, access.list_people);
            None
        }
        Ok(Err(error)) => Some(error.to_string()),
        Err(late) => Some(late),
    };
    if let Some(why) = why {
        rows.fail(Question::CalabrioSearch, why, REACH);
        rows.skip(Question::People, "see the row above");
    }
    rows.skip(
        Question::CalabrioImport,
        "only an import tells: sync-qm check --live-contact makes one; Calabrio documents the permission Administer Tenant for it",
    );
}

/// People are asked for before each contact is sent, whatever becomes of one whose agent is unknown; without the list contacts
/// go all the same. Making and deactivating people is impossible without it.
fn people(rows: &mut Rows, acd: &Acd, permission: Permission) {
    let question = Question::People;
    let remedy = "give the service account's role the permission to view the organization, with a scope over all teams; or correct [acd.calabrio.contract.people]";
    let detail = match permission {
        Permission::Granted => {
            return rows.ok(
                question,
                "people can be listed; see with sync-qm agents list who of the agents is among them",
            );
        }
        Permission::Denied { advice } => advice,
        Permission::Unknown => "what Calabrio ONE answers is no list of people".to_owned(),
    };
    if acd.people.create || acd.people.deactivate {
        rows.fail(question, detail, remedy);
    } else {
        let detail = format!(
            "{detail}: contacts would go without a look whether Calabrio ONE knows their agent"
        );
        rows.warn(question, detail, remedy);
    }
}

fn screen_recording(rows: &mut Rows, acd: &Acd, calabrio: &CalabrioClient) {
    if !acd.rte_messaging {
        return;
    }
    let question = Question::ScreenRecording;
    let sends = |verb| calabrio.sends_recording_messages(verb);
    if sends(RecordingVerb::Start) && sends(RecordingVerb::Stop) {
        rows.skip(
            question,
            "only a message tells, and it would start a recording; see sync_qm_steps_total of the step tell-screen once the first call was taken",
        );
    } else {
        rows.warn(
            question,
            "rte_messaging is on, and [acd.calabrio.contract.screen_recording] switches its messages off",
            "name the path and the words, or set rte_messaging = false",
        );
    }
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
