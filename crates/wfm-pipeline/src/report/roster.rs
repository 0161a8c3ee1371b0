//! Agents and queues: who is known, and what Calabrio was told.

use chrono::{DateTime, Utc};
use serde::Serialize;
use service_runtime::{Mood, Page, Report, Table};
use sync_ledger::{LedgerError, RosterStore, Subject, SubjectKind};
use wfm_history::Name;

use super::shown;
use crate::policy::{NameClash, clashes};

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
    /// Names that lead to several: rows of reports that name them alone are held, unless it is known whose they are from some time on.
    pub clashes: Vec<NameClash>,
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
    let clashes = clashes(&subjects);
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
        clashes,
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
            if !acd.clashes.is_empty() {
                tell_clashes(page, &acd.clashes);
            }
        }
    }
}

fn tell_clashes(page: &mut Page, clashes: &[NameClash]) {
    let settled = clashes.iter().all(|clash| clash.leads_to.is_some());
    page.mood(
        if settled { Mood::Careful } else { Mood::Bad },
        "names that lead to several; rows of reports that name them alone are held where nobody can tell whose they are, unless the report has a column with SIDs:",
    );
    let mut table = Table::new(["names", "of", "gone", "rows"]);
    for clash in clashes {
        let names: Vec<_> = clash.names.iter().map(Name::as_str).collect();
        let rows = match (clash.leads_to, clash.since) {
            (Some(sid), Some(since)) => format!("of {sid} from {} on", shown(since)),
            _ => "held".to_owned(),
        };
        for (place, one) in clash.namesakes.iter().enumerate() {
            let first = |text: &str| {
                if place == 0 {
                    text.to_owned()
                } else {
                    String::new()
                }
            };
            table.row([
                first(&names.join(", ")),
                one.sid.to_string(),
                one.gone.map(shown).unwrap_or_default(),
                first(&rows),
            ]);
        }
    }
    page.table(table);
}
