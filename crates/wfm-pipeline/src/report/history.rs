//! History of a range, by command.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use service_runtime::{Mood, Page, Report, Table};

use super::shown;
use crate::PullReport;
use crate::clock::Clock;
use crate::error::PipelineError;
use crate::runner::{Core, Nobody, WfmLedger, wishes};
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
}

/// Pulls both reports and puts what differs of the intervals that begin in the range into batches, or with a dry run only tells. `progress` is told how many
/// bytes of a report have come.
///
/// Whoever holds the ledger's lock delivers the batches: [`Worker`](crate::Worker).
///
/// # Errors
///
/// [`PipelineError::NoHistory`], [`PipelineError::Pull`].
pub async fn history<L: WfmLedger>(
    ledger: L,
    acd: &AcdServices,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    dry_run: bool,
    sample: usize,
    clock: Clock,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<AcdHistory, PipelineError> {
    let core = Core {
        ledger,
        clock,
        witness: Arc::new(Nobody),
        wake: tokio::sync::Notify::new(),
    };
    let acds = [Arc::new(acd.clone())];
    let reports =
        wishes::of_range(&core, &acds, &acd.key, from, to, dry_run, sample, progress).await?;
    Ok(AcdHistory {
        acd: acd.name.clone(),
        from,
        to,
        wish: None,
        reports,
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
                    "the worker that runs carries it out as wish {wish}"
                ));
            }
            let verb = if self.dry_run {
                "would be delivered"
            } else {
                "are to be delivered"
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
                    pull.outside.to_string(),
                ]);
            }
            page.table(table);
            for pull in &acd.reports {
                for text in pull.alarm.iter().chain(&pull.not_workload) {
                    page.mood(Mood::Bad, format!("{}: {text}", pull.report));
                }
                let issues = pull
                    .summary
                    .iter()
                    .flat_map(|summary| &summary.issues.listed);
                for issue in issues {
                    page.mood(Mood::Bad, format!("{}: {issue}", pull.report));
                }
            }
        }
    }
}
