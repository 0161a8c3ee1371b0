//! Carrying out what commands left as wishes: history of a range.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contact_model::AcdKey;
use sync_ledger::{ClaimedWish, Outcome, Wish};
use tokio_util::sync::CancellationToken;
use wfm_interval::Interval;

use super::pull::{Asked, PullReport};
use super::worker::WfmLedger;
use super::{Core, history};
use crate::error::PipelineError;
use crate::services::AcdServices;

/// How often the ledger is looked at for new wishes: other processes cannot tell this one.
const POLL: Duration = Duration::from_secs(1);

/// For how long a wish is held. There is one worker per ledger.
const LEASE: TimeDelta = TimeDelta::hours(12);

/// Carries out wishes, one after the other, until it is told to stop.
pub(crate) async fn serve<L: WfmLedger>(
    core: Arc<Core<L>>,
    acds: Vec<Arc<AcdServices>>,
    stop: CancellationToken,
) {
    loop {
        // The ledger's lease is of this process alone: real time, whatever the clock of the worker.
        let now = Utc::now();
        match core.ledger.claim_wish(&[], now, now + LEASE).await {
            Ok(Some(claimed)) => {
                let outcome = tokio::select! {
                    // It is taken up again after the next start.
                    () = stop.cancelled() => return,
                    outcome = carry_out(&core, &acds, &claimed) => outcome,
                };
                tracing::info!(wish = %claimed.id, ?outcome, "a wish was settled");
                if let Err(error) = core.ledger.settle_wish(&claimed, outcome, Utc::now()).await {
                    tracing::error!(wish = %claimed.id, %error, "a wish could not be settled");
                }
                continue;
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "wishes cannot be read"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

async fn carry_out<L: WfmLedger>(
    core: &Core<L>,
    acds: &[Arc<AcdServices>],
    claimed: &ClaimedWish,
) -> Outcome {
    let Wish::History { acd, from, to } = &claimed.wish else {
        return Outcome::Failed("this is a wish for the program of quality management".to_owned());
    };
    match of_range(core, acds, acd, *from, *to, false, 0, &|_| {}).await {
        Ok(reports) => {
            core.wake.notify_waiters();
            let intervals: u64 = reports.iter().map(|report| report.to_deliver).sum();
            Outcome::Done(format!("{intervals} intervals are to be delivered"))
        }
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

/// Pulls both reports, and delivers what differs of the intervals that begin in a range.
#[expect(clippy::too_many_arguments, reason = "each is a decision of its own")]
pub(crate) async fn of_range<L: WfmLedger>(
    core: &Core<L>,
    acds: &[Arc<AcdServices>],
    acd: &AcdKey,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    dry_run: bool,
    sample: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<PullReport>, PipelineError> {
    let Some(acd) = acds.iter().find(|one| one.key == *acd) else {
        return Err(PipelineError::UnknownAcd);
    };
    let Some(services) = &acd.history else {
        return Err(PipelineError::NoHistory {
            acd: acd.name.clone(),
        });
    };
    let mut reports = Vec::new();
    for source in &services.reports {
        let asked = Asked {
            range: Interval::containing(from)..Interval::containing(to),
            dry_run,
            refused_again: true,
            sample,
        };
        let report = history::pull_one(core, acd, services, source, asked, progress).await;
        reports.push(report?);
    }
    Ok(reports)
}
