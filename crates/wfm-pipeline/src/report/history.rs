//! History of a range, by command.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use service_runtime::{Mood, Page, Report, Table};
use sync_ledger::{RowState, WishId};
use tokio_util::sync::CancellationToken;

use super::shown;
use crate::PullReport;
use crate::clock::Clock;
use crate::error::PipelineError;
use crate::runner::history as runner;
use crate::runner::{Core, Nobody, WfmLedger, roster, wishes};
use crate::services::AcdServices;

/// What a command did about the history of a range.
#[derive(Debug, Clone, Serialize)]
pub struct HistoryReport {
    /// Whether nothing was written or delivered.
    pub dry_run: bool,
    /// Each ACD.
    pub acds: Vec<AcdHistory>,
}

/// What it did about one ACD.
#[derive(Debug, Clone, Serialize)]
pub struct AcdHistory {
    /// Its name.
    pub acd: String,
    /// Where the range begins. It belongs to the range.
    pub from: DateTime<Utc>,
    /// Where it ends. It does not belong to the range.
    pub to: DateTime<Utc>,
    /// The number of the wish that was left for the worker, where one runs.
    pub wish: Option<i64>,
    /// What the pulls brought, where this process made them.
    pub reports: Vec<PullReport>,
    /// How many intervals wait although they were to be delivered: a stop came first.
    pub waiting: u64,
}

impl AcdHistory {
    /// What the worker that runs carries out as a wish.
    pub fn wished(acd: String, (from, to): (DateTime<Utc>, DateTime<Utc>), wish: WishId) -> Self {
        Self {
            acd,
            from,
            to,
            wish: Some(wish.0),
            reports: Vec::new(),
            waiting: 0,
        }
    }
}

impl HistoryReport {
    /// What was done about these ACDs.
    pub fn new(dry_run: bool, acds: Vec<AcdHistory>) -> Self {
        Self { dry_run, acds }
    }
}

/// Pulls both reports and tells what differs of the intervals that begin in the range, and some of them; writes nothing. `progress` is told how many bytes of a
/// report have come.
///
/// # Errors
///
/// [`PipelineError::NoHistory`], [`PipelineError::Pull`].
pub async fn preview_history<L: WfmLedger>(
    ledger: L,
    acd: &AcdServices,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    sample: usize,
    clock: Clock,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<AcdHistory, PipelineError> {
    let core = core(ledger, clock);
    let acds = [Arc::new(acd.clone())];
    let asked = wishes::of_range(&core, &acds, &acd.key, from, to, true, sample, progress);
    Ok(told(acd, (from, to), asked.await?, 0))
}

/// Brings history of a range to Calabrio: synchronises agents and queues, pulls both reports, and delivers what differs of the intervals that begin in the range,
/// with whatever waited before. A vendor who is out of reach is waited for, until it is told to stop; the next worker takes up what is left then.
///
/// For whoever holds the ledger's lock.
///
/// # Errors
///
/// [`PipelineError::NoHistory`], [`PipelineError::Pull`], [`PipelineError::Refused`], [`PipelineError::Ledger`].
pub async fn history<L: WfmLedger>(
    ledger: L,
    acd: &AcdServices,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    clock: Clock,
    progress: &(dyn Fn(u64) + Sync),
    stop: &CancellationToken,
) -> Result<AcdHistory, PipelineError> {
    let services = acd.history.as_ref();
    let services = services.ok_or_else(|| PipelineError::NoHistory {
        acd: acd.name.clone(),
    })?;
    ledger.register(&acd.key, &acd.name).await?;
    let core = core(ledger, clock);
    let acds = [Arc::new(acd.clone())];
    let mut reports = Vec::new();
    if roster::once(&core, acd, stop).await? {
        let pulled = wishes::of_range(&core, &acds, &acd.key, from, to, false, 0, progress);
        tokio::select! {
            () = stop.cancelled() => {}
            pulled = pulled => reports = pulled?,
        }
        runner::deliver_all(&core, acd, services, stop).await?;
    }
    let counts = core.ledger.row_counts(&acd.key).await?;
    let waiting = counts
        .iter()
        .filter(|count| count.state == RowState::Waiting);
    let waiting = waiting.map(|count| count.rows).sum();
    Ok(told(acd, (from, to), reports, waiting))
}

fn core<L>(ledger: L, clock: Clock) -> Core<L> {
    Core {
        ledger,
        clock,
        witness: Arc::new(Nobody),
        wake: tokio::sync::Notify::new(),
    }
}

fn told(
    acd: &AcdServices,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    reports: Vec<PullReport>,
    waiting: u64,
) -> AcdHistory {
    AcdHistory {
        acd: acd.name.clone(),
        from,
        to,
        wish: None,
        reports,
        waiting,
    }
}

/// Which intervals a report shows, where those that were asked for are not all among them.
fn shows(pull: &PullReport) -> Option<String> {
    let summary = pull.summary.as_ref()?;
    let (first, last) = (summary.first?, summary.last?);
    let asked = &pull.asked;
    let whole = first <= asked.start && asked.end <= last.next();
    (!whole).then(|| {
        format!(
            "the report shows {} to {}; let it cover more days for what lies outside",
            shown(first.start()),
            shown(last.end())
        )
    })
}

impl Report for HistoryReport {
    fn page(&self, page: &mut Page) {
        for acd in &self.acds {
            page.line(format!(
                "{} from {} to {}",
                acd.acd,
                shown(acd.from),
                shown(acd.to)
            ));
            if let Some(wish) = acd.wish {
                page.line(format!(
                    "the worker that runs carries it out as wish {wish}; `sync-wfm status` tells what became of it"
                ));
            }
            if acd.reports.is_empty() {
                continue;
            }
            let verb = if self.dry_run {
                "would be delivered"
            } else {
                "delivered"
            };
            let mut table = Table::new([
                "report",
                "rows",
                verb,
                "changed",
                "gone",
                "unchanged",
                "open",
                "held",
                "not again",
                "outside",
            ]);
            for pull in &acd.reports {
                table.row([
                    pull.report.to_string(),
                    pull.summary
                        .as_ref()
                        .map_or(0, |summary| summary.rows)
                        .to_string(),
                    pull.to_deliver.to_string(),
                    pull.changes.changed.to_string(),
                    pull.changes.gone.to_string(),
                    pull.changes.unchanged.to_string(),
                    pull.changes.open.to_string(),
                    pull.held.to_string(),
                    pull.not_again.to_string(),
                    pull.changes.outside.to_string(),
                ]);
            }
            page.table(table);
            if acd.waiting > 0 {
                page.mood(
                    Mood::Bad,
                    format!(
                        "{} intervals wait: the next `sync-wfm run` delivers them",
                        acd.waiting
                    ),
                );
            }
            for pull in &acd.reports {
                if let Some(text) = shows(pull) {
                    page.mood(Mood::Bad, format!("{}: {text}", pull.report));
                }
                let lost = pull.lost_queue();
                for text in pull.alarm.iter().chain(&pull.not_workload).chain(&lost) {
                    page.mood(Mood::Bad, format!("{}: {text}", pull.report));
                }
                for issue in pull.issues() {
                    page.mood(Mood::Bad, format!("{}: {issue}", pull.report));
                }
            }
        }
    }
}
