//! One pull of one report: rows in, batches out.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use contact_model::AcdKey;
use flex_insights_client::Report as Answer;
use foldhash::{HashMap, HashMapExt};
use serde::Serialize;
use sync_ledger::{HeldInterval, HeldNumber, HeldPull, IntervalStore, LedgerError, NewBatch, Pull};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wfm_history::{
    Change, ChangeTally, Delivered, History, HistoryError, IntervalKey, Outcome, Report,
    ReportRules, Summary, changes,
};
use wfm_interval::Interval;

use crate::clock::Clock;
use crate::error::PullError;
use crate::policy::{Directory, Sums, key_of};
use crate::services::{HistoryServices, ReportSource};

/// How many pieces of a report wait to be read: a few, so that a slow reader slows the download.
const PIECES: usize = 4;

/// How many rows of the ledger are read at a time.
const PAGE: u32 = 2_000;

/// How many held rows are matched with what a pull shows at most; more wait for a later pull.
const MOST_HELD: usize = 100_000;

/// What one pull of a report brought.
#[derive(Debug, Clone, Serialize)]
pub struct PullReport {
    /// The report.
    pub report: Report,
    /// When it was pulled.
    pub at: DateTime<Utc>,
    /// The intervals that were asked for.
    pub asked: Range<Interval>,
    /// What was found in it; absent where Flex Insights had nothing at all.
    pub summary: Option<Summary>,
    /// How its intervals compare with what was delivered.
    pub changes: ChangeTally,
    /// How many intervals were put into batches; with a dry run, how many would be.
    pub to_deliver: u64,
    /// Intervals that are listed and not delivered, since Calabrio takes no second delivery.
    pub not_again: u64,
    /// How many agents' intervals name no queue, while no service queue is set: they are not delivered.
    pub without_queue: u64,
    /// How many rows are held.
    pub held: u64,
    /// Why nothing was taken back.
    pub alarm: Option<String>,
    /// What says that the report is not built on the workload data set: the first such interval, in a sentence.
    pub not_workload: Option<String>,
    /// The first changes, to be looked at.
    pub sample: Vec<Change>,
}

/// How a pull is to be made.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Which intervals are delivered.
    pub(crate) range: Range<Interval>,
    /// Whether only to look.
    pub(crate) dry_run: bool,
    /// Whether what Calabrio refused is delivered again although it has not changed.
    pub(crate) refused_again: bool,
    /// How many changes the report shows.
    pub(crate) sample: usize,
}

impl PullReport {
    /// What to do about rows that name no queue.
    pub fn lost_queue(&self) -> Option<String> {
        (self.without_queue > 0).then(|| {
            format!(
                "{} intervals of agents name no queue and are not delivered: set service_queue in the table wfm of the ACD",
                self.without_queue
            )
        })
    }

    /// The first rows that could not be read, by their lines, and how many more there are.
    pub fn issues(&self) -> impl Iterator<Item = String> + '_ {
        let issues = self.summary.as_ref().map(|summary| &summary.issues);
        let listed = issues.into_iter().flat_map(|issues| &issues.listed);
        let more = issues.map_or(0, |issues| {
            issues.total.saturating_sub(issues.listed.len() as u64)
        });
        let more = (more > 0).then(|| format!("{more} more rows could not be read"));
        listed.map(ToString::to_string).chain(more)
    }
}

enum Piece {
    Bytes(Bytes),
    /// The report is whole.
    End,
}

/// Pulls a report, compares it with what was delivered, and writes down batches and what is held.
#[expect(clippy::too_many_arguments, reason = "each is a decision of its own")]
pub(crate) async fn pull<L: IntervalStore + Clone + 'static>(
    ledger: &L,
    acd: &AcdKey,
    services: &HistoryServices,
    source: &ReportSource,
    rules: ReportRules,
    directory: Directory,
    asked: Asked,
    clock: &Clock,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<PullReport, PullError> {
    let at = clock.now();
    let mut rows = match services.insights.report(&source.id).await? {
        Answer::Rows(rows) => rows,
        Answer::Empty(_) => return nothing(ledger, acd, source, at, &asked).await,
    };
    let (send, receive) = mpsc::channel(PIECES);
    // Whoever drops this pull stops its reader, too: it would go on writing beside the worker that comes after.
    let pulling = CancellationToken::new();
    let _stops = pulling.clone().drop_guard();
    let reading = Reading {
        ledger: ledger.clone(),
        acd: acd.clone(),
        source: source.clone(),
        rules,
        services: services.clone(),
        directory,
        asked,
        at,
        handle: Handle::current(),
        pulling,
    };
    let reader = tokio::task::spawn_blocking(move || reading.read(receive));
    let fed = async {
        while let Some(piece) = rows.next_chunk().await? {
            progress(rows.received());
            if send.send(Piece::Bytes(piece)).await.is_err() {
                // The reader failed, and says why.
                return Ok(());
            }
        }
        let _ = send.send(Piece::End).await;
        Ok::<_, PullError>(())
    };
    let fed = fed.await;
    drop(send);
    let read = joined(reader).await;
    fed?;
    read
}

/// What a reader found. One that panics takes its pull with it, and nothing else.
async fn joined<T>(reader: JoinHandle<Result<T, PullError>>) -> Result<T, PullError> {
    reader.await.unwrap_or(Err(PullError::BrokenOff))
}

/// Flex Insights had no row at all: nothing is taken back.
async fn nothing<L: IntervalStore>(
    ledger: &L,
    acd: &AcdKey,
    source: &ReportSource,
    at: DateTime<Utc>,
    asked: &Asked,
) -> Result<PullReport, PullError> {
    let report = PullReport {
        alarm: Some(wfm_history::Alarm::Empty.to_string()),
        ..empty(source.report, at, asked)
    };
    if !asked.dry_run {
        record(ledger, acd, &report).await?;
    }
    Ok(report)
}

fn empty(report: Report, at: DateTime<Utc>, asked: &Asked) -> PullReport {
    PullReport {
        report,
        at,
        asked: asked.range.clone(),
        summary: None,
        changes: ChangeTally::default(),
        to_deliver: 0,
        not_again: 0,
        without_queue: 0,
        held: 0,
        alarm: None,
        not_workload: None,
        sample: Vec::new(),
    }
}

/// Remembers a pull: for `status`, and for what it tells of how often Flex Insights loads.
async fn record<L: IntervalStore>(
    ledger: &L,
    acd: &AcdKey,
    report: &PullReport,
) -> Result<(), LedgerError> {
    let last = report.summary.as_ref().and_then(|summary| summary.last);
    let pull = Pull {
        at: report.at,
        newest: last.filter(|last| last.end() <= report.at),
        account: serde_json::json!({
            "rows": report.summary.as_ref().map_or(0, |summary| summary.rows),
            "issues": report.summary.as_ref().map_or(0, |summary| summary.issues.total),
            "listed": report.issues().collect::<Vec<_>>(),
            "new": report.changes.new,
            "changed": report.changes.changed,
            "gone": report.changes.gone,
            "unchanged": report.changes.unchanged,
            "open": report.changes.open,
            "held": report.held,
            "not_again": report.not_again,
            "not_workload": report.changes.not_workload,
            "kept": report.changes.kept,
            "without_queue": report.lost_queue(),
            "alarm": report.alarm,
            "sentence": report.not_workload,
        }),
    };
    ledger.record_pull(acd, report.report, &pull).await
}

/// The part that reads and compares, on a thread of its own.
struct Reading<L> {
    ledger: L,
    acd: AcdKey,
    source: ReportSource,
    rules: ReportRules,
    services: HistoryServices,
    directory: Directory,
    asked: Asked,
    at: DateTime<Utc>,
    handle: Handle,
    /// Cancelled where nobody waits for it any more.
    pulling: CancellationToken,
}

impl<L: IntervalStore + Clone + 'static> Reading<L> {
    fn read(self, mut pieces: mpsc::Receiver<Piece>) -> Result<PullReport, PullError> {
        let mut history = History::new(self.rules.clone(), &self.directory);
        loop {
            match pieces.blocking_recv() {
                Some(Piece::Bytes(bytes)) => history.push(&bytes)?,
                Some(Piece::End) => break,
                // Whoever feeds has the error.
                None => return Err(PullError::CutOff),
            }
        }
        drop(pieces);
        let (summary, intervals) = history.finish()?;
        let mut report = empty(self.source.report, self.at, &self.asked);
        report.alarm = summary.alarm().map(|alarm| alarm.to_string());
        let mut rules = self.services.rules.change_rules(&summary, self.at);
        rules.refused_again = self.asked.refused_again;
        // What is not told is not held either; what is held of it already stays.
        rules.told = Some(self.asked.range.clone());
        let shown = summary
            .first
            .zip(summary.last)
            .map(|(first, last)| first..last.next());
        let delivered = DeliveredPages {
            ledger: &self.ledger,
            acd: &self.acd,
            report: self.source.report,
            handle: &self.handle,
            range: shown.clone(),
            after: None,
            page: VecDeque::new(),
        };
        let mut changes = changes(&summary, intervals, delivered, rules, self.at);
        let mut out = Out::begin(&self, report.alarm.is_some())?;
        for outcome in changes.by_ref() {
            if self.pulling.is_cancelled() {
                return Err(PullError::CutOff);
            }
            out.take(outcome?, &mut report)?;
        }
        out.flush()?;
        report.changes = *changes.tally();
        report.without_queue = changes.report_tally().without_queue.intervals;
        report.summary = Some(summary);
        if !self.asked.dry_run {
            if let Some((pull, shown)) = out.pull.take().zip(shown) {
                let range =
                    shown.start.max(self.asked.range.start)..shown.end.min(self.asked.range.end);
                if range.start < range.end {
                    self.handle
                        .block_on(self.ledger.finish_held(&pull, range))?;
                }
            }
            self.handle
                .block_on(record(&self.ledger, &self.acd, &report))?;
        }
        Ok(report)
    }
}

/// Where changes and held rows go.
struct Out<'a, L> {
    reading: &'a Reading<L>,
    batch: Vec<Change>,
    released: Vec<HeldNumber>,
    held: Vec<wfm_history::HeldRow>,
    pull: Option<HeldPull>,
    /// Rows that were held and are known by now, by the interval that they are of.
    known: HashMap<IntervalKey, Vec<HeldNumber>>,
    /// Rows that are held and that this report need not show, since it is not whole: they stay held.
    kept: HashMap<Interval, Vec<HeldInterval>>,
}

impl<'a, L: IntervalStore + Clone + 'static> Out<'a, L> {
    /// With `keep`, what is held and not shown stays held.
    fn begin(reading: &'a Reading<L>, keep: bool) -> Result<Self, PullError> {
        let mut out = Self {
            reading,
            batch: Vec::new(),
            released: Vec::new(),
            held: Vec::new(),
            pull: None,
            known: HashMap::new(),
            kept: HashMap::new(),
        };
        if reading.asked.dry_run {
            return Ok(out);
        }
        let (ledger, acd, report) = (&reading.ledger, &reading.acd, reading.source.report);
        let begun = ledger.begin_held(acd, report, reading.at);
        out.pull = Some(reading.handle.block_on(begun)?);
        let (mut after, mut seen) = (None, 0);
        while seen < MOST_HELD {
            let page = ledger.held(acd, report, None, after, PAGE);
            let page = reading.handle.block_on(page)?;
            let Some(last) = page.last() else { break };
            after = Some(last.number);
            seen += page.len();
            for held in page {
                if let Some(key) = key_of(&held, &reading.directory, reading.services.service_queue)
                {
                    out.known.entry(key).or_default().push(held.number);
                }
                let interval = held.row.interval;
                if keep && reading.asked.range.contains(&interval) {
                    out.kept.entry(interval).or_default().push(held);
                }
            }
        }
        Ok(out)
    }

    fn take(&mut self, outcome: Outcome, report: &mut PullReport) -> Result<(), PullError> {
        match outcome {
            Outcome::Change(change) => {
                if report.sample.len() < self.reading.asked.sample {
                    report.sample.push(change);
                }
                if !change.deliver {
                    report.not_again += 1;
                    return Ok(());
                }
                report.to_deliver += 1;
                if self.reading.asked.dry_run {
                    return Ok(());
                }
                // In the transaction that takes their values over they stop being held, so that nothing counts twice.
                let released = self.known.remove(&change.row.key).unwrap_or_default();
                if let Some(kept) = self.kept.get_mut(&change.row.key.interval) {
                    kept.retain(|one| !released.contains(&one.number));
                }
                self.released.extend(released);
                self.batch.push(change);
                if self.batch.len() >= self.reading.services.batch_rows {
                    self.write_batch()?;
                }
            }
            Outcome::Held(row) => {
                report.held += 1;
                if let Some(kept) = self.kept.get_mut(&row.interval) {
                    kept.retain(|one| one.row.agent != row.agent || one.row.queue != row.queue);
                }
                if !self.reading.asked.dry_run {
                    self.held.push(row);
                    if self.held.len() >= self.reading.services.batch_rows {
                        self.write_held()?;
                    }
                }
            }
            Outcome::NotWorkload(refused) => {
                report
                    .not_workload
                    .get_or_insert_with(|| refused.to_string());
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), PullError> {
        self.write_batch()?;
        let kept = std::mem::take(&mut self.kept).into_values().flatten();
        self.held.extend(kept.map(|one| one.row));
        self.write_held()
    }

    fn write_batch(&mut self) -> Result<(), PullError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = NewBatch {
            acd: self.reading.acd.clone(),
            report: self.reading.source.report,
            created: self.reading.at,
            rows: std::mem::take(&mut self.batch),
            released: std::mem::take(&mut self.released),
        };
        self.reading
            .handle
            .block_on(self.reading.ledger.add_batch(&batch))?;
        Ok(())
    }

    fn write_held(&mut self) -> Result<(), PullError> {
        let rows = std::mem::take(&mut self.held);
        if let (Some(pull), false) = (&self.pull, rows.is_empty()) {
            self.reading
                .handle
                .block_on(self.reading.ledger.put_held(pull, &rows))?;
        }
        Ok(())
    }
}

/// What was delivered, page by page.
struct DeliveredPages<'a, L> {
    ledger: &'a L,
    acd: &'a AcdKey,
    report: Report,
    handle: &'a Handle,
    range: Option<Range<Interval>>,
    after: Option<IntervalKey>,
    page: VecDeque<Delivered>,
}

impl<L: IntervalStore> Iterator for DeliveredPages<'_, L> {
    type Item = Result<Delivered, Box<dyn std::error::Error + Send + Sync>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty() {
            let range = self.range.clone()?;
            let page =
                self.ledger
                    .intervals(self.acd, self.report, range, self.after.as_ref(), PAGE);
            match self.handle.block_on(page) {
                Ok(page) => self.page = page.into(),
                Err(error) => {
                    self.range = None;
                    return Some(Err(error.into()));
                }
            }
            match self.page.back() {
                Some(last) => self.after = Some(last.key),
                None => self.range = None,
            }
        }
        self.page.pop_front().map(Ok)
    }
}

/// Held rows that no report shows any more: what of them can be delivered by now is put into a batch.
pub(crate) async fn release_old<L: IntervalStore>(
    ledger: &L,
    acd: &AcdKey,
    services: &HistoryServices,
    report: Report,
    before: Interval,
    directory: &Directory,
    now: DateTime<Utc>,
) -> Result<u64, LedgerError> {
    let (mut after, mut seen, mut sums) = (None, 0, Sums::default());
    while seen < MOST_HELD {
        let page = ledger.held(acd, report, Some(before), after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.number);
        seen += page.len();
        sums.add(&page, directory, services.service_queue);
    }
    let Some(range) = sums.range() else {
        return Ok(0);
    };
    let (mut delivered, mut place) = (BTreeMap::new(), None);
    loop {
        let rows = ledger
            .intervals(acd, report, range.clone(), place.as_ref(), PAGE)
            .await?;
        let Some(last) = rows.last() else { break };
        place = Some(last.key);
        let wanted = rows.into_iter().filter(|one| sums.contains(&one.key));
        delivered.extend(wanted.map(|one| (one.key, one)));
    }
    let mut count = 0;
    let released = sums.release(&delivered, services.rules.redelivery);
    for part in released.chunks(services.batch_rows.max(1)) {
        let batch = NewBatch {
            acd: acd.clone(),
            report,
            created: now,
            rows: part.iter().map(|one| one.change).collect(),
            released: part.iter().flat_map(|one| one.held.clone()).collect(),
        };
        count += batch.rows.len() as u64;
        ledger.add_batch(&batch).await?;
    }
    Ok(count)
}

impl From<HistoryError> for PullError {
    fn from(error: HistoryError) -> Self {
        Self::Rows(error)
    }
}
