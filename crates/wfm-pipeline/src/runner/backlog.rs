//! What stands in the ledger, told from time to time to whoever watches.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sync_ledger::{IntervalStore, LedgerError, RowState};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wfm_history::Report;
use wfm_interval::Interval;

use super::Core;
use crate::services::AcdServices;

/// How often it is counted, in real time; where there is so much that it takes long, no more than a fiftieth of the time.
const COUNT: Duration = Duration::from_secs(15);
const SHARE: u32 = 50;

/// How history of one report stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Rows that are held.
    pub held: u64,
    /// Intervals that wait to be delivered.
    pub waiting: u64,
    /// Intervals that Calabrio refused.
    pub refused: u64,
    /// Intervals of which nobody can tell whether Calabrio has them.
    pub in_doubt: u64,
    /// When the oldest batch was made that waits.
    pub oldest_batch: Option<DateTime<Utc>>,
    /// The end of the newest closed interval that the report showed.
    pub shown_until: Option<DateTime<Utc>>,
}

/// Counts until it is told to stop.
pub(crate) async fn watch<L: IntervalStore + 'static>(
    core: Arc<Core<L>>,
    acds: Vec<Arc<AcdServices>>,
    stop: CancellationToken,
) {
    loop {
        let begun = Instant::now();
        for acd in acds.iter().filter(|acd| acd.history.is_some()) {
            for report in [Report::AgentProductivity, Report::QueueHistory] {
                match backlog(&core, acd, report).await {
                    Ok(backlog) => core
                        .witness
                        .backlog(&acd.name, report, &backlog, core.now()),
                    Err(error) => {
                        tracing::warn!(acd = %acd.name, %error, "what waits cannot be counted");
                    }
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(COUNT.max(begun.elapsed() * SHARE)) => {}
        }
    }
}

async fn backlog<L: IntervalStore>(
    core: &Core<L>,
    acd: &AcdServices,
    report: Report,
) -> Result<Backlog, LedgerError> {
    let (ledger, acd) = (&core.ledger, &acd.key);
    let held = ledger.held_count(acd).await?;
    let rows = ledger.row_counts(acd).await?;
    let of = |state: RowState| {
        let counted = rows.iter().filter(|one| one.report == report);
        counted
            .filter(|one| one.state == state)
            .map(|one| one.rows)
            .sum()
    };
    let oldest = match of(RowState::Waiting) {
        0 => None,
        _ => ledger.next_batch(acd, report).await?,
    };
    let pulls = ledger.pulls(acd, report).await?;
    let newest = pulls.into_iter().filter_map(|pull| pull.newest).max();
    Ok(Backlog {
        held: held
            .iter()
            .filter(|(of, _)| *of == report)
            .map(|(_, rows)| rows)
            .sum(),
        waiting: of(RowState::Waiting),
        refused: of(RowState::Refused),
        in_doubt: of(RowState::InDoubt),
        oldest_batch: oldest.map(|batch| batch.created),
        shown_until: newest.map(Interval::end),
    })
}
