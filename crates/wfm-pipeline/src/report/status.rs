//! How things stand: pulls, batches, what is held and what was not taken.

use chrono::{DateTime, Utc};
use contact_model::AcdKey;
use serde::Serialize;
use service_runtime::{Mood, Page, Report as Printed, Table};
use sync_ledger::{
    FailedPull, Inbox, IntervalStore, LedgerError, RosterStore, RowCount, RowState, SubjectKind,
    TroubledRow, Wish, WishRow, WishState, WishStore,
};
use wfm_history::{Cadence, Report, Sighting, cadence};

use super::shown;

/// How many rows that were not taken are listed.
const TROUBLED: u32 = 20;

/// How many wishes are shown: those that wait, and the newest of the others.
const WISHES: u32 = 10;

/// The support ticket that makes Flex Insights load each quarter of an hour.
const TICKET: &str = "Flex Insights loads once an hour: submit a support ticket at help.twilio.com to update the Twilio Flex to Flex Insights \
                      data push interval from one hour to fifteen minutes";

/// How things stand.
#[derive(Debug, Clone, Serialize)]
pub struct StatusReport {
    /// Whether a worker runs.
    pub worker: Option<u32>,
    /// Each ACD.
    pub acds: Vec<AcdStatus>,
    /// What was asked of the worker, the newest first.
    pub wishes: Vec<WishLine>,
}

/// Something that was asked of the worker.
#[derive(Debug, Clone, Serialize)]
pub struct WishLine {
    /// Its number.
    pub id: i64,
    /// What is asked, in words.
    pub wish: String,
    /// What became of it.
    pub state: WishState,
    /// When it was left.
    pub created: DateTime<Utc>,
    /// What was said of it when it was settled.
    pub outcome: Option<String>,
}

/// How one ACD stands.
#[derive(Debug, Clone, Serialize)]
pub struct AcdStatus {
    /// Its name.
    pub acd: String,
    /// Agents and queues that are active.
    pub agents: u64,
    /// Queues.
    pub queues: u64,
    /// Agents and queues of whom Calabrio is still to be told.
    pub to_be_told: u64,
    /// Agents and queues that Calabrio refused.
    pub refused_subjects: u64,
    /// The reports.
    pub reports: Vec<ReportStatus>,
    /// Intervals by report and state.
    pub intervals: Vec<RowCount>,
    /// The newest intervals that were refused or are in doubt.
    pub troubled: Vec<TroubledRow>,
    /// Pushed events that wait to be processed.
    pub inbox: u64,
}

/// How one report stands.
#[derive(Debug, Clone, Serialize)]
pub struct ReportStatus {
    /// The report.
    pub report: Report,
    /// The last pull that was whole.
    pub last: Option<PullLine>,
    /// Why it cannot be pulled since then.
    pub failed: Option<FailedPull>,
    /// How often Flex Insights loads it.
    pub cadence: Cadence,
    /// What to do about that.
    pub advice: Option<String>,
    /// Rows that are held, since it is not known whose they are.
    pub held: u64,
}

/// What came of a pull.
#[derive(Debug, Clone, Serialize)]
pub struct PullLine {
    /// When it was made.
    pub at: DateTime<Utc>,
    /// The beginning of the newest closed interval that it showed.
    pub newest: Option<DateTime<Utc>>,
    /// What came of it, in counts.
    pub account: serde_json::Value,
}

/// Reads how things stand from the ledger. Nobody is asked.
///
/// # Errors
///
/// What the ledger has against it.
pub async fn status<L: IntervalStore + RosterStore + Inbox + WishStore>(
    ledger: &L,
    acds: &[(AcdKey, String)],
    worker: Option<u32>,
) -> Result<StatusReport, LedgerError> {
    let backlog = ledger.inbox_backlog().await?;
    let mut found = Vec::with_capacity(acds.len());
    for (key, name) in acds {
        let agents = ledger.roster(key, SubjectKind::Agent).await?;
        let queues = ledger.roster(key, SubjectKind::Queue).await?;
        let active =
            |list: &[sync_ledger::Subject]| list.iter().filter(|one| one.active).count() as u64;
        let both = || agents.iter().chain(&queues);
        let held = ledger.held_count(key).await?;
        let mut reports = Vec::new();
        for report in [Report::AgentProductivity, Report::QueueHistory] {
            let pulls = ledger.pulls(key, report).await?;
            let sightings: Vec<Sighting> = pulls
                .iter()
                .filter_map(sync_ledger::Pull::sighting)
                .collect();
            let cadence = cadence(&sightings);
            reports.push(ReportStatus {
                report,
                last: pulls.last().map(|pull| PullLine {
                    at: pull.at,
                    newest: pull.newest.map(wfm_interval::Interval::start),
                    account: pull.account.clone(),
                }),
                failed: ledger.failed_pull(key, report).await?,
                cadence,
                advice: (cadence == Cadence::Hourly).then(|| TICKET.to_owned()),
                held: held
                    .iter()
                    .find(|(of, _)| *of == report)
                    .map_or(0, |(_, rows)| *rows),
            });
        }
        found.push(AcdStatus {
            acd: name.clone(),
            agents: active(&agents),
            queues: active(&queues),
            to_be_told: both().filter(|one| one.waits()).count() as u64,
            refused_subjects: both().filter(|one| one.refused.is_some()).count() as u64,
            reports,
            intervals: ledger.row_counts(key).await?,
            troubled: ledger.troubled_rows(key, TROUBLED).await?,
            inbox: backlog
                .iter()
                .find(|one| one.acd == *key)
                .map_or(0, |one| one.waiting),
        });
    }
    let wishes = ledger.wishes(false, WISHES).await?;
    Ok(StatusReport {
        worker,
        acds: found,
        wishes: wishes.into_iter().map(|row| wish_line(row, acds)).collect(),
    })
}

fn wish_line(row: WishRow, acds: &[(AcdKey, String)]) -> WishLine {
    let wish = match &row.wish {
        Some(Wish::History { acd, from, to }) => {
            let name = acds.iter().find(|(key, _)| key == acd);
            let name = name.map_or("an ACD that is not configured", |(_, name)| name.as_str());
            format!("history of {name} from {} to {}", shown(*from), shown(*to))
        }
        Some(_) => "a wish for the program of quality management".to_owned(),
        None => "of a kind that this release does not know".to_owned(),
    };
    WishLine {
        id: row.id.0,
        wish,
        state: row.state,
        created: row.created_at,
        outcome: row.outcome,
    }
}

impl Printed for StatusReport {
    fn page(&self, page: &mut Page) {
        page.line(match self.worker {
            Some(pid) => format!("a worker runs as process {pid}"),
            None => "no worker runs".to_owned(),
        });
        for acd in &self.acds {
            page.line("").line(&acd.acd).line(format!(
                "{} agents and {} queues are active, {} are to be told, {} were refused; {} pushed events wait",
                acd.agents, acd.queues, acd.to_be_told, acd.refused_subjects, acd.inbox
            ));
            for report in &acd.reports {
                line(page, report);
            }
            let mut table = Table::new(["report", "intervals", "how many", "from"]);
            for count in &acd.intervals {
                table.row([
                    count.report.to_string(),
                    word(count.state).to_owned(),
                    count.rows.to_string(),
                    count.oldest.to_string(),
                ]);
            }
            page.table(table);
            if acd.troubled.is_empty() {
                continue;
            }
            page.mood(Mood::Bad, "not taken, the newest first:");
            let mut table = Table::new(["interval", "agent", "queue", "state", "why", "at"]);
            for row in &acd.troubled {
                let queue = match row.key.queue {
                    wfm_history::QueueKey::ServiceQueue => "service queue".to_owned(),
                    wfm_history::QueueKey::Task(sid) => sid.to_string(),
                };
                table.row([
                    row.key.interval.to_string(),
                    row.key
                        .agent
                        .map_or_else(String::new, |sid| sid.to_string()),
                    queue,
                    word(row.state).to_owned(),
                    row.reason.clone(),
                    shown(row.at),
                ]);
            }
            page.table(table);
        }
        if self.wishes.is_empty() {
            return;
        }
        page.line("").line("asked of the worker, the newest first:");
        let mut table = Table::new(["wish", "what", "state", "left", "outcome"]);
        for wish in &self.wishes {
            table.row([
                wish.id.to_string(),
                wish.wish.clone(),
                wish.state.as_str().to_owned(),
                shown(wish.created),
                wish.outcome.clone().unwrap_or_default(),
            ]);
        }
        page.table(table);
    }
}

fn line(page: &mut Page, report: &ReportStatus) {
    if let Some(failed) = &report.failed {
        page.mood(
            Mood::Bad,
            format!(
                "{}: cannot be pulled since {} ({} times, the last at {}): {}",
                report.report,
                shown(failed.since),
                failed.pulls,
                shown(failed.last),
                failed.reason
            ),
        );
    }
    let Some(last) = &report.last else {
        page.line(format!("{}: never pulled", report.report));
        return;
    };
    let newest = last.newest.map_or_else(
        || "nothing closed".to_owned(),
        |newest| format!("newest interval {}", shown(newest)),
    );
    page.line(format!(
        "{}: pulled {}, {newest}, {} rows held; {}",
        report.report,
        shown(last.at),
        report.held,
        match report.cadence {
            Cadence::Unknown => "how often Flex Insights loads it is not known yet",
            Cadence::Hourly => "Flex Insights loads it once an hour",
            Cadence::MoreOften => "Flex Insights loads it more often than once an hour",
        }
    ));
    for problem in ["alarm", "sentence", "without_queue"] {
        if let Some(text) = last.account.get(problem).and_then(|text| text.as_str()) {
            page.mood(Mood::Bad, text);
        }
    }
    let listed = last
        .account
        .get("listed")
        .and_then(|listed| listed.as_array());
    for issue in listed
        .into_iter()
        .flatten()
        .filter_map(|issue| issue.as_str())
    {
        page.mood(Mood::Bad, issue);
    }
    if let Some(advice) = &report.advice {
        page.mood(Mood::Bad, advice);
    }
}

fn word(state: RowState) -> &'static str {
    match state {
        RowState::Waiting => "wait",
        RowState::Delivered => "were delivered",
        RowState::Refused => "were refused",
        RowState::InDoubt => "are in doubt",
    }
}
