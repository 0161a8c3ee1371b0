//! History of one ACD: pulls on the quarter of an hour, batches in their order.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use sync_ledger::{IntervalStore, LedgerError, RosterStore, RowFate, SubjectKind};
use tokio_util::sync::CancellationToken;
use wfm_delivery::{Fate, HistoryBatch};
use wfm_history::Report;
use wfm_interval::Interval;

use super::pull::{Asked, PullReport, pull, release_old};
use super::start::{self, Starting};
use super::{Core, workspace};
use crate::clock::delta;
use crate::error::PullError;
use crate::policy::{Directory, cut_off, next_pull, settlement, window};
use crate::services::{AcdServices, HistoryServices, ReportSource};

/// How long after the quarter of an hour reports are pulled: Flex Insights needs a little to load.
const LAG: Duration = Duration::from_mins(2);

/// How often the drop folder is asked what Calabrio made of files, and how many the ledger is asked for at a time.
const LOOK_AT_FILES: (Duration, u32) = (Duration::from_mins(1), 500);

/// How long is waited after the ledger failed, and how often it is looked at although nobody says that something waits.
const LEDGER_PAUSE: Duration = Duration::from_secs(5);

/// When a failed pull is tried again before the next quarter of an hour, at first; then after twice as long each time, so that a vendor who refuses is not
/// asked without end.
const PULL_AGAIN: Duration = Duration::from_mins(1);

/// Agents and queues as the ledger has them.
pub(crate) async fn directory<L: RosterStore>(
    ledger: &L,
    acd: &AcdServices,
) -> Result<Directory, LedgerError> {
    let agents = ledger.roster(&acd.key, SubjectKind::Agent).await?;
    let queues = ledger.roster(&acd.key, SubjectKind::Queue).await?;
    Ok(Directory::new(&agents, &queues, acd.roster.sink.is_some()))
}

/// Pulls until it is told to stop: at once, then on each quarter of an hour. Counts `firsts` up once every report has come.
pub(crate) async fn pulls<L>(
    core: Arc<Core<L>>,
    acd: Arc<AcdServices>,
    services: HistoryServices,
    firsts: Arc<AtomicUsize>,
    starting: Starting,
    stop: CancellationToken,
) where
    L: IntervalStore + RosterStore + Clone + 'static,
{
    let (mut first, mut failures) = (true, 0);
    loop {
        let failed = tokio::select! {
            () = stop.cancelled() => return,
            failed = pull_all(&core, &acd, &services) => failed,
        };
        if first && let Some(refused) = failed.iter().find(|error| start::pull(error)) {
            starting.refused(&acd.name, refused);
        }
        let whole = failed.is_empty();
        failures = if whole { 0 } else { failures + 1 };
        if whole && first {
            first = false;
            firsts.fetch_add(1, Ordering::Release);
        }
        let now = core.now();
        let mut next = next_pull(
            now,
            services.rules.pull_every,
            LAG.min(services.rules.pull_every / 4),
        );
        if !whole {
            next = next.min(now + delta(PULL_AGAIN * (1 << (failures - 1).min(4))));
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = core.clock.sleep_until(next) => {}
        }
    }
}

/// One pull of every report; why those failed that did.
pub(crate) async fn pull_all<L>(
    core: &Core<L>,
    acd: &AcdServices,
    services: &HistoryServices,
) -> Vec<PullError>
where
    L: IntervalStore + RosterStore + Clone + 'static,
{
    let mut failed = Vec::new();
    for source in &services.reports {
        let asked = Asked {
            range: window(core.now(), services.rules.pull_back),
            dry_run: false,
            refused_again: false,
            sample: 0,
        };
        match pull_one(core, acd, services, source, asked, &|_| {}).await {
            Ok(report) => note(core, acd, &report),
            Err(error) => {
                let report = source.report;
                core.witness.pull_failed(&acd.name, report);
                tracing::warn!(acd = %acd.name, %report, error = &error as &dyn std::error::Error, "a report could not be pulled; it is tried again");
                let told = core
                    .ledger
                    .record_failed_pull(&acd.key, report, core.now(), &start::said(&error))
                    .await;
                if let Err(error) = told {
                    tracing::error!(acd = %acd.name, %error, "the ledger cannot be used");
                }
                failed.push(error);
            }
        }
        core.wake.notify_waiters();
    }
    failed
}

/// One pull of one report. What is held although no pull delivers its interval any more is released where it is known by now whose it is.
pub(crate) async fn pull_one<L>(
    core: &Core<L>,
    acd: &AcdServices,
    services: &HistoryServices,
    source: &ReportSource,
    asked: Asked,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<PullReport, PullError>
where
    L: IntervalStore + RosterStore + Clone + 'static,
{
    let _turn = source.turn.lock().await;
    let directory = directory(&core.ledger, acd).await?;
    let directory = directory.of_rows_from(asked.range.start);
    let map = workspace::activities(&acd.twilio, acd.workspace, &services.activities).await?;
    let spill = services.rules.spill_dir.clone();
    let made = tokio::task::spawn_blocking(move || std::fs::create_dir_all(spill)).await;
    if let Ok(Err(error)) = made {
        let folder = services.rules.spill_dir.clone();
        return Err(PullError::SpillDir { folder, error });
    }
    let rules = services
        .rules
        .report_rules(source.report, &map)
        .map_err(PullError::Rows)?;
    let (dry_run, begin) = (asked.dry_run, asked.range.start);
    let found = pull(
        &core.ledger,
        &acd.key,
        services,
        source,
        rules,
        directory.clone(),
        asked,
        &core.clock,
        progress,
    )
    .await?;
    let first = found.summary.as_ref().and_then(|summary| summary.first);
    if let (Some(first), false) = (first, dry_run) {
        let now = core.now();
        let report = source.report;
        // What a report still shows and no pull delivers by itself any more is as old.
        let seldom = begin.min(window(now, services.rules.pull_back).start);
        release_old(
            &core.ledger,
            &acd.key,
            services,
            report,
            first.max(seldom),
            &directory,
            now,
        )
        .await?;
    }
    Ok(found)
}

fn note<L>(core: &Core<L>, acd: &AcdServices, report: &PullReport) {
    core.witness.pulled(&acd.name, report);
    let name = &acd.name;
    if let Some(alarm) = &report.alarm {
        tracing::warn!(acd = %name, report = %report.report, alarm, "a report takes nothing back");
    }
    if let Some(sentence) = &report.not_workload {
        tracing::error!(acd = %name, report = %report.report, intervals = report.changes.not_workload, "{sentence}");
    }
    if let Some(sentence) = report.lost_queue() {
        tracing::warn!(acd = %name, report = %report.report, "{sentence}");
    }
    for issue in report.issues().take(LOGGED) {
        tracing::warn!(acd = %name, report = %report.report, "{issue}; `status` lists more");
    }
    tracing::info!(
        acd = %name, report = %report.report, intervals = report.to_deliver, held = report.held,
        "a report was pulled"
    );
}

/// Delivers batches of one report, in their order, until it is told to stop.
pub(crate) async fn deliveries<L: IntervalStore + 'static>(
    core: Arc<Core<L>>,
    acd: Arc<AcdServices>,
    services: HistoryServices,
    report: Report,
    stop: CancellationToken,
) {
    loop {
        let woken = core.wake.notified();
        let Some(next) = attempt(&core, &acd, &services, report, &stop).await else {
            return;
        };
        let pause = match next {
            Ok(Next::Again) => continue,
            Ok(Next::At(due)) => (due - core.now())
                .to_std()
                .unwrap_or_default()
                .min(LEDGER_PAUSE * 12),
            Ok(Next::Nothing) => LEDGER_PAUSE,
            Err(error) => {
                tracing::error!(acd = %acd.name, %error, "the ledger cannot be used");
                LEDGER_PAUSE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = woken => {}
            () = core.clock.sleep(pause) => {}
        }
    }
}

/// Delivers the oldest batch, if its time has come; `None` once it is told to stop.
async fn attempt<L: IntervalStore>(
    core: &Core<L>,
    acd: &AcdServices,
    services: &HistoryServices,
    report: Report,
    stop: &CancellationToken,
) -> Option<Result<Next, LedgerError>> {
    let next = deliver_next(core, acd, services, report);
    if services.comes_once() {
        // An answer is worth waiting for: without it, nobody knows.
        return if stop.is_cancelled() {
            None
        } else {
            Some(next.await)
        };
    }
    tokio::select! {
        () = stop.cancelled() => None,
        next = next => Some(next),
    }
}

/// Delivers every batch of both reports; `false` where it is told to stop before.
pub(crate) async fn deliver_all<L: IntervalStore>(
    core: &Core<L>,
    acd: &AcdServices,
    services: &HistoryServices,
    stop: &CancellationToken,
) -> Result<bool, LedgerError> {
    for report in services.reports.iter().map(|source| source.report) {
        loop {
            match attempt(core, acd, services, report, stop).await {
                None => return Ok(false),
                Some(Ok(Next::Again)) => {}
                Some(Ok(Next::Nothing)) => break,
                Some(Ok(Next::At(due))) => tokio::select! {
                    () = stop.cancelled() => return Ok(false),
                    () = core.clock.sleep_until(due) => {}
                },
                Some(Err(error)) => return Err(error),
            }
        }
    }
    Ok(true)
}

/// What is to be done after an attempt.
pub(crate) enum Next {
    /// More may wait.
    Again,
    /// The next batch waits until then.
    At(DateTime<Utc>),
    /// Nothing waits.
    Nothing,
}

/// Delivers the oldest batch of a report, if its time has come.
///
/// It may be dropped at any moment: what was delivered and not settled is delivered again, as the same delivery. Where nothing may come twice
/// and the transport cannot see to that, it is in doubt instead.
pub(crate) async fn deliver_next<L: IntervalStore>(
    core: &Core<L>,
    acd: &AcdServices,
    services: &HistoryServices,
    report: Report,
) -> Result<Next, LedgerError> {
    let Some(batch) = core.ledger.next_batch(&acd.key, report).await? else {
        return Ok(Next::Nothing);
    };
    if batch.due > core.now() {
        return Ok(Next::At(batch.due));
    }
    let rows: Vec<_> = batch.rows.iter().map(|(_, change)| *change).collect();
    let once = services.comes_once();
    let (settled, later) = if once && batch.begun.is_some() {
        (cut_off(&batch, core.now()), None)
    } else {
        if once {
            core.ledger.begin_attempt(batch.number, core.now()).await?;
        }
        let delivery = HistoryBatch::new(report, &rows);
        let receipt = services.sink.deliver(&delivery, batch.created).await;
        let settled = settlement(
            &batch,
            &receipt,
            services.rules.redelivery,
            core.now(),
            rand::random::<f64>(),
        );
        (settled, receipt.retry_later().map(ToString::to_string))
    };
    core.ledger.settle_batch(batch.number, &settled).await?;
    let (mut delivered, mut refused, mut doubtful) = (0, 0, 0);
    for (_, fate) in &settled.rows {
        match fate {
            RowFate::Delivered { .. } => delivered += 1,
            RowFate::Refused { .. } => refused += 1,
            RowFate::InDoubt { .. } => doubtful += 1,
        }
    }
    let waiting = rows.len() as u64 - delivered - refused - doubtful;
    for (fate, count) in [
        ("delivered", delivered),
        ("refused", refused),
        ("in-doubt", doubtful),
        ("waiting", waiting),
    ] {
        core.witness.intervals(&acd.name, report, fate, count);
    }
    if refused + doubtful > 0 {
        tracing::warn!(acd = %acd.name, %report, batch = %batch.number, refused, doubtful, "intervals were not taken; `status` lists them");
    }
    if let Some(error) = later.filter(|_| waiting > 0) {
        tracing::warn!(acd = %acd.name, %report, batch = %batch.number, %error, attempts = batch.attempts + 1, "intervals are delivered again later");
    }
    if waiting > 0 {
        return Ok(Next::At(settled.due));
    }
    Ok(Next::Again)
}

/// Asks what Calabrio made of files, until it is told to stop.
pub(crate) async fn files<L: IntervalStore + 'static>(
    core: Arc<Core<L>>,
    acd: Arc<AcdServices>,
    services: HistoryServices,
    stop: CancellationToken,
) {
    loop {
        let looked = tokio::select! {
            () = stop.cancelled() => return,
            looked = look_at_files(&core, &acd, &services) => looked,
        };
        if let Err(error) = looked {
            tracing::warn!(acd = %acd.name, error, "it cannot be told what Calabrio made of files");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = core.clock.sleep(LOOK_AT_FILES.0) => {}
        }
    }
}

async fn look_at_files<L: IntervalStore>(
    core: &Core<L>,
    acd: &AcdServices,
    services: &HistoryServices,
) -> Result<(), String> {
    let mut open = Vec::new();
    loop {
        let (ledger, after) = (&core.ledger, open.last());
        let some = ledger.open_files(&acd.key, after, LOOK_AT_FILES.1).await;
        let some = some.map_err(|error| error.to_string())?;
        // All at once: for each question the folder is listed.
        open.extend_from_slice(&some);
        if some.len() < LOOK_AT_FILES.1 as usize {
            break;
        }
    }
    if open.is_empty() {
        return Ok(());
    }
    let names = open.iter().map(|file| file.name.clone()).collect();
    let fates = match services.fates(names).await {
        None => return Ok(()),
        Some(fates) => fates.map_err(|error| error.to_string())?,
    };
    for (file, (_, fate)) in open.iter().zip(fates) {
        let refused = match fate {
            Fate::Waiting => continue,
            Fate::Refused => {
                tracing::error!(acd = %acd.name, file = %file.name, "Calabrio put a file into its penalty box and does not try it again; `status` lists its intervals");
                Some(wfm_delivery::Refusal::PenaltyBox.to_string())
            }
            // Taken, and tidied away later.
            _ => None,
        };
        core.ledger
            .close_file(file, refused.as_deref(), core.now())
            .await
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// How many rows that could not be read are logged of a pull.
const LOGGED: usize = 3;

/// How long intervals are kept, counted from their beginning.
const KEPT: Duration = Duration::from_hours(24 * 60);

/// How many intervals of a report are dropped at a time.
const DROPPED: u32 = 5_000;

/// Drops what is old, until it is told to stop.
pub(crate) async fn prune<L: IntervalStore + 'static>(
    core: Arc<Core<L>>,
    acds: Vec<Arc<AcdServices>>,
    rows: Duration,
    stop: CancellationToken,
) {
    loop {
        match prune_some(&core, &acds, rows).await {
            Ok(dropped) if dropped >= u64::from(DROPPED) => continue,
            Ok(_) => {}
            Err(error) => {
                tracing::error!(%error, "what is older than the retention could not be dropped");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = core.clock.sleep(Duration::from_mins(10)) => {}
        }
    }
}

/// How old something is is counted from the newest closed interval that a report showed: a clock that is far ahead makes nothing old, and what it took
/// from the ledger would be delivered anew.
async fn prune_some<L: IntervalStore>(
    core: &Core<L>,
    acds: &[Arc<AcdServices>],
    rows: Duration,
) -> Result<u64, LedgerError> {
    let (mut pulled, mut newest) = (false, None);
    for acd in acds {
        let reports = acd.history.iter().flat_map(|history| &history.reports);
        for source in reports {
            pulled = true;
            let pulls = core.ledger.pulls(&acd.key, source.report).await?;
            newest = newest.max(pulls.into_iter().filter_map(|pull| pull.newest).max());
        }
    }
    let present = match newest {
        Some(newest) => core.now().min(newest.end()),
        None if pulled => return Ok(0),
        None => core.now(),
    };
    let before = Interval::containing(present - delta(rows.min(KEPT)));
    core.ledger.prune_intervals(before, DROPPED).await
}
