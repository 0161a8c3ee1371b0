//! Rows of reports that are held, with the names that the reports print: for who asks, and for no log.

use std::fmt;

use chrono::{DateTime, Utc};
use contact_model::AcdKey;
use serde::Serialize;
use service_runtime::{Mood, Page, Table};
use sync_ledger::{HeldInterval, IntervalStore, LedgerError, Subject, SubjectSid};
use wfm_history::{HeldParty, Name, Party, Report};
use wfm_interval::Interval;

use super::{AcdStatus, shown};
use crate::policy::{Directory, Owner, Why};

/// How many are listed.
const LISTED: u32 = 20;

/// A row of a report that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldLine {
    /// The report.
    pub report: Report,
    /// Its interval.
    pub interval: Interval,
    /// The agent as the report prints it; of one who is known, the name, or the SID where it cannot be read. `None` where the row names none.
    pub agent: Option<Name>,
    /// The queue, likewise.
    pub queue: Option<Name>,
    /// Why it is held, as far as is known now.
    pub why: Vec<HeldWhy>,
    /// When the pull was made that showed it last. Its interval says since when it can have been held.
    pub shown: DateTime<Utc>,
}

/// Why a row is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldWhy {
    /// Of the agent.
    Agent(Why),
    /// Of the queue.
    Queue(Why),
    /// It names no queue.
    NoQueue,
    /// It is known by now whose it is.
    Known,
}

impl fmt::Display for HeldWhy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, why) = match self {
            Self::Agent(why) => ("agent", why),
            Self::Queue(why) => ("queue", why),
            Self::NoQueue => {
                return f.write_str("no queue is named, and without wfm.service_queue it has none");
            }
            Self::Known => {
                return f.write_str("known by now: a later pull delivers it, unless its interval must not come twice");
            }
        };
        match why {
            Why::Unknown => write!(f, "the {kind} is unknown"),
            Why::Ambiguous => write!(f, "several {kind}s have this name"),
            Why::NotTold => write!(f, "Calabrio does not have the {kind} yet"),
        }
    }
}

/// Reads the oldest of them, with what is known of whose they are.
pub(super) async fn held<L: IntervalStore>(
    ledger: &L,
    acd: &AcdKey,
    agents: &[Subject],
    queues: &[Subject],
) -> Result<Vec<HeldLine>, LedgerError> {
    let directory = Directory::new(agents, queues, true);
    let mut lines = Vec::new();
    for report in [Report::AgentProductivity, Report::QueueHistory] {
        for held in ledger.oldest_held(acd, report, LISTED).await? {
            lines.push(line(report, held, &directory, agents, queues));
        }
    }
    lines.sort_by_key(|line| line.interval);
    lines.truncate(LISTED as usize);
    Ok(lines)
}

fn line(
    report: Report,
    held: HeldInterval,
    directory: &Directory,
    agents: &[Subject],
    queues: &[Subject],
) -> HeldLine {
    let row = held.row;
    let agent = directory.agent_of(&row.agent, row.interval);
    let queue = directory.queue_of(&row.queue, row.interval);
    let mut why = Vec::new();
    if let Owner::Held(reason) = agent {
        why.push(HeldWhy::Agent(reason));
    }
    match queue {
        Owner::Held(reason) => why.push(HeldWhy::Queue(reason)),
        Owner::Nobody if why.is_empty() => why.push(HeldWhy::NoQueue),
        _ if why.is_empty() => why.push(HeldWhy::Known),
        _ => {}
    }
    HeldLine {
        report,
        interval: row.interval,
        agent: printed(row.agent, agents, SubjectSid::Agent),
        queue: printed(row.queue, queues, SubjectSid::Queue),
        why,
        shown: held.at,
    }
}

/// What the report prints; where that was understood, what the one is called.
fn printed<S>(
    party: Party<S>,
    subjects: &[Subject],
    sid_of: impl Fn(S) -> SubjectSid,
) -> Option<Name> {
    let sid = match party {
        Party::None => return None,
        Party::Held(HeldParty::UnknownName { name } | HeldParty::AmbiguousName { name, .. }) => {
            return Some(name);
        }
        Party::Known(sid) | Party::Held(HeldParty::UnknownSid { sid }) => sid_of(sid),
    };
    let found = subjects.iter().find(|one| one.sid == sid);
    let names = found.and_then(|one| one.names.as_ref());
    let name = names.map(|names| names.full_name.as_ref().unwrap_or(&names.name));
    Some(name.map_or_else(|| sid.as_str().into(), |name| name.as_str().into()))
}

/// Lists them.
pub(super) fn print(page: &mut Page, acd: &AcdStatus) {
    if let Some(fault) = &acd.held_fault {
        page.mood(
            Mood::Bad,
            format!(
                "{} rows are held and cannot be listed: {fault}",
                acd.held_more
            ),
        );
        return;
    }
    if acd.held.is_empty() {
        return;
    }
    page.mood(Mood::Careful, "held, the oldest first:");
    let mut table = Table::new(["report", "interval", "agent", "queue", "why", "last shown"]);
    for held in &acd.held {
        let name = |name: &Option<Name>| name.as_ref().map_or("", Name::as_str).to_owned();
        let why: Vec<_> = held.why.iter().map(ToString::to_string).collect();
        table.row([
            held.report.to_string(),
            held.interval.to_string(),
            name(&held.agent),
            name(&held.queue),
            why.join("; "),
            shown(held.shown),
        ]);
    }
    page.table(table);
    if acd.held_more > 0 {
        page.line(format!("and {} more", acd.held_more));
    }
}
