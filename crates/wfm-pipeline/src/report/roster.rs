//! Agents and queues: who is known, and what Calabrio was told.

use chrono::{DateTime, Utc};
use serde::Serialize;
use service_runtime::{Mood, Page, Report, Table};
use sync_ledger::{LedgerError, RosterStore, Subject, SubjectKind};

use super::shown;
use crate::policy::Directory;

/// The agents or queues of every ACD.
#[derive(Debug, Clone, Serialize)]
pub struct RosterReport {
    /// Agents or queues.
    pub kind: SubjectKind,
    /// Each ACD.
    pub acds: Vec<AcdRoster>,
}

/// Those of one ACD.
#[derive(Debug, Clone, Serialize)]
pub struct AcdRoster {
    /// Its name.
    pub acd: String,
    /// Each, by name.
    pub subjects: Vec<RosterLine>,
    /// How many names lead to several, so that rows of reports without a SID are held.
    pub ambiguous_names: usize,
}

/// One agent or queue. Its name is printed and never logged.
#[derive(Clone, Serialize)]
pub struct RosterLine {
    /// Its SID.
    pub sid: String,
    /// Its name.
    pub name: Option<String>,
    /// An agent's full name.
    pub full_name: Option<String>,
    /// Whether Twilio's last list showed it.
    pub active: bool,
    /// Whether Calabrio knows it as it is.
    pub told: bool,
    /// Why Calabrio refused it.
    pub refused: Option<String>,
    /// When Twilio's list showed it last.
    pub last_seen: DateTime<Utc>,
}

impl std::fmt::Debug for RosterLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RosterLine")
            .field("sid", &self.sid)
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}

/// Reads them from the ledger.
///
/// # Errors
///
/// What the ledger has against it.
pub async fn roster<L: RosterStore>(
    ledger: &L,
    acd: (&contact_model::AcdKey, &str),
    kind: SubjectKind,
) -> Result<AcdRoster, LedgerError> {
    let (key, name) = acd;
    let subjects = ledger.roster(key, kind).await?;
    let directory = match kind {
        SubjectKind::Agent => Directory::new(&subjects, &[], false),
        SubjectKind::Queue => Directory::new(&[], &subjects, false),
    };
    let mut lines: Vec<RosterLine> = subjects.into_iter().map(line).collect();
    lines.sort_by_cached_key(|line| {
        (
            line.name.as_ref().map(|name| name.to_lowercase()),
            line.sid.clone(),
        )
    });
    Ok(AcdRoster {
        acd: name.to_owned(),
        subjects: lines,
        ambiguous_names: directory.clashes().len(),
    })
}

fn line(subject: Subject) -> RosterLine {
    let names = subject.names;
    RosterLine {
        sid: subject.sid.to_string(),
        full_name: names.as_ref().and_then(|names| names.full_name.clone()),
        name: names.map(|names| names.name),
        active: subject.active,
        told: subject.told == Some(subject.version),
        refused: subject.refused,
        last_seen: subject.last_seen,
    }
}

impl Report for RosterReport {
    fn page(&self, page: &mut Page) {
        for acd in &self.acds {
            page.line(&acd.acd);
            let mut table = Table::new([
                "sid",
                "name",
                "full name",
                "active",
                "calabrio",
                "last seen",
            ]);
            for line in &acd.subjects {
                let calabrio = match (&line.refused, line.told) {
                    (Some(reason), _) => reason.clone(),
                    (None, true) => "knows it".to_owned(),
                    (None, false) => "is to be told".to_owned(),
                };
                table.row([
                    line.sid.clone(),
                    line.name.clone().unwrap_or_default(),
                    line.full_name.clone().unwrap_or_default(),
                    if line.active { "yes" } else { "no" }.to_owned(),
                    calabrio,
                    shown(line.last_seen),
                ]);
            }
            page.table(table);
            if acd.subjects.is_empty() {
                page.line("nobody is known yet: run reads Twilio's lists");
            }
            if acd.ambiguous_names > 0 {
                page.mood(
                    Mood::Bad,
                    format!(
                        "{} names lead to several: rows of reports that name them are held, unless the report has a column with SIDs",
                        acd.ambiguous_names
                    ),
                );
            }
        }
    }
}
