//! The tables of history: intervals, batches, files, pulls.

use std::ops::Range;

use chrono::{DateTime, Utc};
use contact_model::AcdKey;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use wfm_history::{
    Change, Delivered, Happened, HeldRow, IntervalKey, IntervalRow, QueueKey, Refused, Report,
    Values,
};
use wfm_interval::Interval;

use super::acds::ACD_ID;
use super::rows::time_of;
use super::{SqliteLedger, Tx};
use crate::{
    BatchNumber, BatchSettlement, DeliveredFile, FailedPull, HeldInterval, HeldNumber, HeldPull,
    IntervalStore, LedgerError, NewBatch, Pull, Result, RowCount, RowFate, RowState, StoredBatch,
    TroubledRow,
};

/// How many pulls of a report are remembered.
const PULLS: i64 = 64;

/// The interval that was put into a batch before, one of another value, and none: as `interval_row.happened` has it.
const NEW: i64 = 1;
const CHANGED: i64 = 2;
const GONE: i64 = 3;

impl IntervalStore for SqliteLedger {
    async fn intervals(
        &self,
        acd: &AcdKey,
        report: Report,
        range: Range<Interval>,
        after: Option<&IntervalKey>,
        limit: u32,
    ) -> Result<Vec<Delivered>> {
        let Some(acd) = self.known_acd(acd).await? else {
            return Ok(Vec::new());
        };
        // Before every key of the range, where there is none to be behind.
        let behind = after.filter(|after| after.interval >= range.start);
        let (number, agent, queue) = match behind {
            Some(key) => (key.interval.number(), agent_text(key), queue_text(key)),
            None => (range.start.previous().number(), "\u{7f}", "\u{7f}"),
        };
        let rows = sqlx::query(
            "SELECT number, agent, queue, amounts, refused, arrived FROM interval_value WHERE acd = ?1 AND report = ?2 \
             AND (number, agent, queue) > (?3, ?4, ?5) AND number < ?6 ORDER BY number, agent, queue LIMIT ?7",
        )
        .bind(acd)
        .bind(report_number(report))
        .bind(number)
        .bind(agent)
        .bind(queue)
        .bind(range.end.number())
        .bind(limit)
        .fetch_all(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        let read = |row: &SqliteRow| {
            let refused = row.try_get("refused").map_err(|error| self.fault(error))?;
            Ok(Delivered {
                key: self.read_key(row)?,
                values: self.read_values(row, "amounts")?,
                refused: if refused {
                    Some(Refused {
                        before: self.read_optional_values(row, "arrived")?,
                    })
                } else {
                    None
                },
            })
        };
        rows.iter().map(read).collect()
    }

    async fn add_batch(&self, batch: &NewBatch) -> Result<BatchNumber> {
        let newest = batch.rows.iter().map(|row| row.row.key.interval).max();
        let Some(newest) = newest else {
            return Err(LedgerError::EmptyBatch);
        };
        let foreign = batch
            .rows
            .iter()
            .position(|row| !row.deliver || row.row.values.report() != batch.report);
        if let Some(row) = foreign {
            return Err(LedgerError::ForeignRow { row });
        }
        let mut tx = self.begin().await?;
        let acd = self.acd_id(&mut tx, &batch.acd).await?;
        let due = batch.created.timestamp_millis();
        // Deliveries are known by this time, so no two batches may share it: not those of one pull, and not those before and after the
        // clock was set back.
        let last: Option<i64> = sqlx::query_scalar(
            "SELECT created FROM interval_batch WHERE acd = ? AND report = ? ORDER BY id DESC LIMIT 1",
        )
        .bind(acd)
        .bind(report_number(batch.report))
        .fetch_optional(&mut *tx)
        .await
        .map_err(|error| self.fault(error))?;
        let created = last.map_or(due, |last| due.max(last.saturating_add(1)));
        let number = sqlx::query(
            "INSERT INTO interval_batch (acd, report, created, due, newest, waiting) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(acd)
        .bind(report_number(batch.report))
        .bind(created)
        .bind(due)
        .bind(newest.number())
        .bind(count(batch.rows.len()))
        .execute(&mut *tx)
        .await
        .map_err(|error| self.fault(error))?
        .last_insert_rowid();
        for (place, change) in (0_i64..).zip(&batch.rows) {
            self.add_row(&mut tx, (acd, number, place), change).await?;
        }
        // What was refused of these intervals is history: newer values are on their way.
        sqlx::query(
            "DELETE FROM interval_row WHERE (batch, place) IN (SELECT w.batch, w.place FROM interval_row w \
             INDEXED BY interval_row_troubled JOIN interval_batch b ON b.id = w.batch JOIN interval_value v \
             ON v.acd = b.acd AND v.report = b.report AND v.number = w.number AND v.agent = w.agent AND v.queue = w.queue \
             WHERE w.state >= 3 AND w.state = 3 AND v.batch = ?)",
        )
        .bind(number)
        .execute(&mut *tx)
        .await
        .map_err(|error| self.fault(error))?;
        for held in &batch.released {
            sqlx::query("DELETE FROM held_interval WHERE id = ? AND acd = ?")
                .bind(held.0)
                .bind(acd)
                .execute(&mut *tx)
                .await
                .map_err(|error| self.fault(error))?;
        }
        self.commit(tx).await?;
        Ok(BatchNumber(number))
    }

    async fn next_batch(&self, acd: &AcdKey, report: Report) -> Result<Option<StoredBatch>> {
        let Some(id) = self.known_acd(acd).await? else {
            return Ok(None);
        };
        let fault = |error| self.fault(error);
        let batch = sqlx::query(
            "SELECT id, created, due, attempts, begun FROM interval_batch INDEXED BY interval_batch_waiting \
             WHERE acd = ? AND report = ? AND waiting > 0 ORDER BY id LIMIT 1",
        )
        .bind(id)
        .bind(report_number(report))
        .fetch_optional(&self.inner.reader)
        .await
        .map_err(fault)?;
        let Some(batch) = batch else { return Ok(None) };
        let number: i64 = batch.try_get("id").map_err(fault)?;
        let rows = sqlx::query(
            "SELECT place, number, agent, queue, amounts, ambiguous, happened, amounts_before FROM interval_row \
             WHERE batch = ? AND state = 1 ORDER BY place",
        )
        .bind(number)
        .fetch_all(&self.inner.reader)
        .await
        .map_err(fault)?;
        let read = |row: &SqliteRow| {
            let place: i64 = row.try_get("place").map_err(fault)?;
            Ok((
                u32::try_from(place).unwrap_or(u32::MAX),
                self.read_change(row)?,
            ))
        };
        Ok(Some(StoredBatch {
            number: BatchNumber(number),
            acd: acd.clone(),
            report,
            created: time_of(
                "a batch of history",
                batch.try_get("created").map_err(fault)?,
            )?,
            due: time_of("a batch of history", batch.try_get("due").map_err(fault)?)?,
            attempts: batch.try_get("attempts").map_err(fault)?,
            begun: batch
                .try_get::<Option<i64>, _>("begun")
                .map_err(fault)?
                .map(|at| time_of("a batch of history", at))
                .transpose()?,
            rows: rows.iter().map(read).collect::<Result<_>>()?,
        }))
    }

    async fn begin_attempt(&self, number: BatchNumber, at: DateTime<Utc>) -> Result<()> {
        let mut tx = self.begin().await?;
        let known = sqlx::query("UPDATE interval_batch SET begun = ?2 WHERE id = ?1")
            .bind(number.0)
            .bind(at.timestamp_millis())
            .execute(&mut *tx)
            .await
            .map_err(|error| self.fault(error))?
            .rows_affected();
        if known == 0 {
            return Err(LedgerError::UnknownBatch { number: number.0 });
        }
        self.commit(tx).await
    }

    async fn settle_batch(&self, number: BatchNumber, settlement: &BatchSettlement) -> Result<()> {
        let fault = |error| self.fault(error);
        let at = settlement.at.timestamp_millis();
        let mut tx = self.begin().await?;
        let known = sqlx::query(
            "UPDATE interval_batch SET due = ?2, attempts = attempts + 1, begun = NULL WHERE id = ?1",
        )
        .bind(number.0)
        .bind(settlement.due.timestamp_millis())
        .execute(&mut *tx)
        .await
        .map_err(fault)?
        .rows_affected();
        if known == 0 {
            return Err(LedgerError::UnknownBatch { number: number.0 });
        }
        let (mut settled, mut delivered) = (0, 0);
        for (place, fate) in &settlement.rows {
            let place = i64::from(*place);
            let changed = match fate {
                // Nothing more is to be known of it.
                RowFate::Delivered { file: None } => sqlx::query(
                    "DELETE FROM interval_row WHERE batch = ? AND place = ? AND state = 1",
                )
                .bind(number.0)
                .bind(place),
                RowFate::Delivered { file: Some(file) } => sqlx::query(
                    "UPDATE interval_row SET state = 2, file = ?3, settled_at = ?4 WHERE batch = ?1 AND place = ?2 AND state = 1",
                )
                .bind(number.0)
                .bind(place)
                .bind(file.as_str())
                .bind(at),
                RowFate::Refused { reason } => trouble(number, place, 3, reason, at),
                RowFate::InDoubt { reason } => trouble(number, place, 4, reason, at),
            };
            let changed = changed
                .execute(&mut *tx)
                .await
                .map_err(fault)?
                .rows_affected();
            settled += changed;
            if matches!(fate, RowFate::Refused { .. }) && changed > 0 {
                self.remember_refused(&mut tx, number, "place", place)
                    .await?;
            }
            if let RowFate::Delivered { file } = fate {
                delivered += changed;
                // A row that was settled before opens no file: it may be closed by now.
                if let Some(file) = file.as_ref().filter(|_| changed > 0) {
                    sqlx::query(
                        "INSERT OR IGNORE INTO interval_file (batch, name, at) VALUES (?, ?, ?)",
                    )
                    .bind(number.0)
                    .bind(file.as_str())
                    .bind(at)
                    .execute(&mut *tx)
                    .await
                    .map_err(fault)?;
                }
            }
        }
        sqlx::query(
            "UPDATE interval_batch SET waiting = waiting - ?2, delivered = delivered + ?3 WHERE id = ?1",
        )
        .bind(number.0)
        .bind(settled.cast_signed())
        .bind(delivered.cast_signed())
        .execute(&mut *tx)
        .await
        .map_err(fault)?;
        self.commit(tx).await
    }

    async fn open_files(
        &self,
        acd: &AcdKey,
        after: Option<&DeliveredFile>,
        limit: u32,
    ) -> Result<Vec<DeliveredFile>> {
        let Some(acd) = self.known_acd(acd).await? else {
            return Ok(Vec::new());
        };
        let rows: Vec<(i64, String, i64)> = sqlx::query_as(
            "SELECT f.batch, f.name, f.at FROM interval_file f JOIN interval_batch b ON b.id = f.batch WHERE b.acd = ? \
             AND (f.batch, f.name) > (?, ?) ORDER BY f.batch, f.name LIMIT ?",
        )
        .bind(acd)
        .bind(after.map_or(i64::MIN, |file| file.batch.0))
        .bind(after.map_or("", |file| &file.name))
        .bind(limit)
        .fetch_all(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        let read = |(batch, name, at)| {
            Ok(DeliveredFile {
                batch: BatchNumber(batch),
                name,
                at: time_of("a delivered file", at)?,
            })
        };
        rows.into_iter().map(read).collect()
    }

    async fn close_file(
        &self,
        file: &DeliveredFile,
        refused: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        let fault = |error| self.fault(error);
        sqlx::query("DELETE FROM interval_file WHERE batch = ? AND name = ?")
            .bind(file.batch.0)
            .bind(&file.name)
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        match refused {
            None => {
                sqlx::query("DELETE FROM interval_row WHERE batch = ? AND file = ? AND state = 2")
                    .bind(file.batch.0)
                    .bind(&file.name)
                    .execute(&mut *tx)
                    .await
                    .map_err(fault)?;
            }
            Some(reason) => {
                let rows = sqlx::query(
                    "UPDATE interval_row SET state = 3, reason = ?3, settled_at = ?4 WHERE batch = ?1 AND file = ?2 AND state = 2",
                )
                .bind(file.batch.0)
                .bind(&file.name)
                .bind(reason)
                .bind(now.timestamp_millis())
                .execute(&mut *tx)
                .await
                .map_err(fault)?
                .rows_affected();
                self.remember_refused(&mut tx, file.batch, "file", file.name.as_str())
                    .await?;
                sqlx::query("UPDATE interval_batch SET delivered = delivered - ? WHERE id = ?")
                    .bind(rows.cast_signed())
                    .bind(file.batch.0)
                    .execute(&mut *tx)
                    .await
                    .map_err(fault)?;
            }
        }
        self.commit(tx).await
    }

    async fn row_counts(&self, acd: &AcdKey) -> Result<Vec<RowCount>> {
        let Some(acd) = self.known_acd(acd).await? else {
            return Ok(Vec::new());
        };
        let fault = |error| self.fault(error);
        let others: Vec<(i64, i64, i64, i64)> = sqlx::query_as(
            "SELECT b.report, r.state, COUNT(*), MIN(r.number) FROM interval_batch b JOIN interval_row r ON r.batch = b.id \
             WHERE b.acd = ? AND r.state <> 2 GROUP BY b.report, r.state",
        )
        .bind(acd)
        .fetch_all(&self.inner.reader)
        .await
        .map_err(fault)?;
        let delivered: Vec<(i64, i64, i64)> = sqlx::query_as(
            "SELECT report, SUM(delivered), \
             COALESCE((SELECT MIN(v.number) FROM interval_value v WHERE v.acd = b.acd AND v.report = b.report), MIN(newest)) \
             FROM interval_batch b WHERE b.acd = ? GROUP BY report HAVING SUM(delivered) > 0",
        )
        .bind(acd)
        .fetch_all(&self.inner.reader)
        .await
        .map_err(fault)?;
        let all = others.into_iter().chain(
            delivered
                .into_iter()
                .map(|(report, rows, oldest)| (report, 2, rows, oldest)),
        );
        let mut counts: Vec<RowCount> = all
            .map(|(report, state, rows, oldest)| {
                Ok(RowCount {
                    report: report_of(report)?,
                    state: state_of(state)?,
                    rows: rows.unsigned_abs(),
                    oldest: Interval::from_number(oldest),
                })
            })
            .collect::<Result<_>>()?;
        counts.sort_by_key(|count| (report_number(count.report), count.state));
        Ok(counts)
    }

    async fn troubled_rows(&self, acd: &AcdKey, limit: u32) -> Result<Vec<TroubledRow>> {
        let Some(acd) = self.known_acd(acd).await? else {
            return Ok(Vec::new());
        };
        let fault = |error| self.fault(error);
        let rows = sqlx::query(
            "SELECT r.batch, b.report, r.number, r.agent, r.queue, r.state, r.reason, r.settled_at FROM interval_row r \
             INDEXED BY interval_row_troubled JOIN interval_batch b ON b.id = r.batch WHERE r.state >= 3 AND b.acd = ? \
             ORDER BY r.settled_at DESC, r.batch DESC, r.place LIMIT ?",
        )
        .bind(acd)
        .bind(limit)
        .fetch_all(&self.inner.reader)
        .await
        .map_err(fault)?;
        let read = |row: &SqliteRow| {
            Ok(TroubledRow {
                batch: BatchNumber(row.try_get("batch").map_err(fault)?),
                report: report_of(row.try_get("report").map_err(fault)?)?,
                key: self.read_key(row)?,
                state: state_of(row.try_get("state").map_err(fault)?)?,
                reason: row.try_get("reason").map_err(fault)?,
                at: time_of(
                    "a row of history",
                    row.try_get("settled_at").map_err(fault)?,
                )?,
            })
        };
        rows.iter().map(read).collect()
    }

    async fn begin_held(
        &self,
        acd: &AcdKey,
        report: Report,
        now: DateTime<Utc>,
    ) -> Result<HeldPull> {
        self.begin_held_pull(acd, report, now).await
    }

    async fn put_held(&self, pull: &HeldPull, rows: &[HeldRow]) -> Result<()> {
        self.put_held_rows(pull, rows).await
    }

    async fn finish_held(&self, pull: &HeldPull, range: Range<Interval>) -> Result<()> {
        self.finish_held_pull(pull, range).await
    }

    async fn held(
        &self,
        acd: &AcdKey,
        report: Report,
        before: Option<Interval>,
        after: Option<HeldNumber>,
        limit: u32,
    ) -> Result<Vec<HeldInterval>> {
        self.held_rows(acd, report, before, after, limit).await
    }

    async fn held_count(&self, acd: &AcdKey) -> Result<Vec<(Report, u64)>> {
        self.held_row_counts(acd).await
    }

    async fn record_pull(&self, acd: &AcdKey, report: Report, pull: &Pull) -> Result<()> {
        let fault = |error| self.fault(error);
        let mut tx = self.begin().await?;
        let acd = self.acd_id(&mut tx, acd).await?;
        sqlx::query("INSERT OR REPLACE INTO history_pull (acd, report, at, newest, account) VALUES (?, ?, ?, ?, ?)")
            .bind(acd)
            .bind(report_number(report))
            .bind(pull.at.timestamp_millis())
            .bind(pull.newest.map(Interval::number))
            .bind(pull.account.to_string())
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        sqlx::query(
            "DELETE FROM history_pull WHERE acd = ?1 AND report = ?2 AND at NOT IN \
             (SELECT at FROM history_pull WHERE acd = ?1 AND report = ?2 ORDER BY at DESC LIMIT ?3)",
        )
        .bind(acd)
        .bind(report_number(report))
        .bind(PULLS)
        .execute(&mut *tx)
        .await
        .map_err(fault)?;
        sqlx::query("DELETE FROM failed_pull WHERE acd = ? AND report = ?")
            .bind(acd)
            .bind(report_number(report))
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        self.commit(tx).await
    }

    async fn record_failed_pull(
        &self,
        acd: &AcdKey,
        report: Report,
        at: DateTime<Utc>,
        reason: &str,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        let acd = self.acd_id(&mut tx, acd).await?;
        sqlx::query(
            "INSERT INTO failed_pull (acd, report, since, last, pulls, reason) VALUES (?1, ?2, ?3, ?3, 1, ?4) \
             ON CONFLICT (acd, report) DO UPDATE SET last = ?3, pulls = pulls + 1, reason = ?4",
        )
        .bind(acd)
        .bind(report_number(report))
        .bind(at.timestamp_millis())
        .bind(reason)
        .execute(&mut *tx)
        .await
        .map_err(|error| self.fault(error))?;
        self.commit(tx).await
    }

    async fn failed_pull(&self, acd: &AcdKey, report: Report) -> Result<Option<FailedPull>> {
        let Some(acd) = self.known_acd(acd).await? else {
            return Ok(None);
        };
        let row: Option<(i64, i64, i64, String)> = sqlx::query_as(
            "SELECT since, last, pulls, reason FROM failed_pull WHERE acd = ? AND report = ?",
        )
        .bind(acd)
        .bind(report_number(report))
        .fetch_optional(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        row.map(|(since, last, pulls, reason)| {
            Ok(FailedPull {
                since: time_of("a failed pull", since)?,
                last: time_of("a failed pull", last)?,
                pulls: pulls.unsigned_abs(),
                reason,
            })
        })
        .transpose()
    }

    async fn pulls(&self, acd: &AcdKey, report: Report) -> Result<Vec<Pull>> {
        let Some(acd) = self.known_acd(acd).await? else {
            return Ok(Vec::new());
        };
        let rows: Vec<(i64, Option<i64>, String)> = sqlx::query_as(
            "SELECT at, newest, account FROM history_pull WHERE acd = ? AND report = ? ORDER BY at",
        )
        .bind(acd)
        .bind(report_number(report))
        .fetch_all(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        let read = |(at, newest, account): (i64, Option<i64>, String)| {
            Ok(Pull {
                at: time_of("a pull", at)?,
                newest: newest.map(Interval::from_number),
                account: serde_json::from_str(&account)
                    .map_err(|_| unreadable("its account is no JSON"))?,
            })
        };
        rows.into_iter().map(read).collect()
    }

    async fn prune_intervals(&self, before: Interval, limit: u32) -> Result<u64> {
        let fault = |error| self.fault(error);
        let mut tx = self.begin().await?;
        let old = "SELECT id FROM interval_batch WHERE newest < ?1 AND waiting = 0";
        for table in ["interval_row", "interval_file"] {
            let statement = format!("DELETE FROM {table} WHERE batch IN ({old})");
            sqlx::query(sqlx::AssertSqlSafe(statement))
                .bind(before.number())
                .execute(&mut *tx)
                .await
                .map_err(fault)?;
        }
        sqlx::query("DELETE FROM interval_batch WHERE newest < ?1 AND waiting = 0")
            .bind(before.number())
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        sqlx::query("DELETE FROM held_interval WHERE number < ?")
            .bind(before.number())
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        let mut gone = 0;
        let acds: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT a.id, r.report FROM acd a JOIN (SELECT 1 AS report UNION SELECT 2) r",
        )
        .fetch_all(&mut *tx)
        .await
        .map_err(fault)?;
        for (acd, report) in acds {
            // Without the values of what waits, a pull would put them into a batch once more.
            gone += sqlx::query(
                "DELETE FROM interval_value WHERE (acd, report, number, agent, queue) IN \
                 (SELECT acd, report, number, agent, queue FROM interval_value WHERE acd = ?1 AND report = ?2 AND number < ?3 \
                 AND (number, agent, queue) NOT IN (SELECT r.number, r.agent, r.queue FROM interval_batch b \
                 JOIN interval_row r ON r.batch = b.id WHERE b.acd = ?1 AND b.report = ?2 AND b.waiting > 0 \
                 AND r.state = 1 AND r.number < ?3) LIMIT ?4)",
            )
            .bind(acd)
            .bind(report)
            .bind(before.number())
            .bind(limit)
            .execute(&mut *tx)
            .await
            .map_err(fault)?
            .rows_affected();
        }
        self.commit(tx).await?;
        Ok(gone)
    }
}

impl SqliteLedger {
    /// The row of an ACD, if it is known.
    pub(super) async fn known_acd(&self, acd: &AcdKey) -> Result<Option<i64>> {
        sqlx::query_scalar(ACD_ID)
            .bind(acd.account.as_str())
            .bind(acd.workspace.as_str())
            .bind(acd.tenant.as_str())
            .fetch_optional(&self.inner.reader)
            .await
            .map_err(|error| self.fault(error))
    }

    async fn add_row(
        &self,
        tx: &mut Tx,
        (acd, batch, place): (i64, i64, i64),
        change: &Change,
    ) -> Result<()> {
        let key = &change.row.key;
        let amounts = change.row.values.to_bytes();
        let (happened, before) = match &change.happened {
            Happened::New => (NEW, None),
            Happened::Changed { before } => (CHANGED, Some(before.to_bytes())),
            Happened::Gone { before } => (GONE, Some(before.to_bytes())),
        };
        sqlx::query(
            "INSERT INTO interval_row (batch, place, number, agent, queue, amounts, ambiguous, happened, amounts_before) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(batch)
        .bind(place)
        .bind(key.interval.number())
        .bind(agent_text(key))
        .bind(queue_text(key))
        .bind(&amounts)
        .bind(change.row.ambiguous)
        .bind(happened)
        .bind(before)
        .execute(&mut **tx)
        .await
        .map_err(|error| self.fault(error))?;
        sqlx::query(
            "INSERT OR REPLACE INTO interval_value (acd, report, number, agent, queue, amounts, batch) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(acd)
        .bind(report_number(change.row.values.report()))
        .bind(key.interval.number())
        .bind(agent_text(key))
        .bind(queue_text(key))
        .bind(&amounts)
        .bind(batch)
        .execute(&mut **tx)
        .await
        .map_err(|error| self.fault(error))?;
        Ok(())
    }

    /// Remembers of the intervals of refused rows what Calabrio has instead: rows of a batch whose `column` has a value. Where newer values are on
    /// their way, they follow on that.
    async fn remember_refused<'q, V>(
        &self,
        tx: &mut Tx,
        batch: BatchNumber,
        column: &str,
        value: V,
    ) -> Result<()>
    where
        V: sqlx::Encode<'q, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite> + Copy + Send + 'q,
    {
        let refused = format!(
            "SELECT b.acd, b.report, w.number, w.agent, w.queue, w.amounts_before, w.batch FROM interval_row w \
             JOIN interval_batch b ON b.id = w.batch WHERE w.batch = ?1 AND w.{column} = ?2 AND w.state = 3"
        );
        let same = "v.acd = r.acd AND v.report = r.report AND v.number = r.number AND v.agent = r.agent AND v.queue = r.queue";
        for statement in [
            format!(
                "UPDATE interval_value AS v SET refused = 1, arrived = r.amounts_before FROM ({refused}) r \
                 WHERE {same} AND v.batch = r.batch"
            ),
            format!(
                "UPDATE interval_row AS n SET amounts_before = r.amounts_before, \
                 happened = CASE WHEN r.amounts_before IS NULL THEN {NEW} ELSE n.happened END \
                 FROM ({refused}) r JOIN interval_value v ON {same} \
                 WHERE v.batch > r.batch AND n.batch = v.batch AND n.number = r.number AND n.agent = r.agent \
                 AND n.queue = r.queue AND n.state = 1"
            ),
        ] {
            sqlx::query(sqlx::AssertSqlSafe(statement))
                .bind(batch.0)
                .bind(value)
                .execute(&mut **tx)
                .await
                .map_err(|error| self.fault(error))?;
        }
        Ok(())
    }

    fn read_key(&self, row: &SqliteRow) -> Result<IntervalKey> {
        let fault = |error| self.fault(error);
        let agent: String = row.try_get("agent").map_err(fault)?;
        let queue: String = row.try_get("queue").map_err(fault)?;
        let sid = || unreadable("it names no agent or queue");
        Ok(IntervalKey {
            interval: Interval::from_number(row.try_get("number").map_err(fault)?),
            agent: if agent.is_empty() {
                None
            } else {
                Some(agent.parse().map_err(|_| sid())?)
            },
            queue: if queue.is_empty() {
                QueueKey::ServiceQueue
            } else {
                QueueKey::Task(queue.parse().map_err(|_| sid())?)
            },
        })
    }

    pub(super) fn read_values(&self, row: &SqliteRow, column: &str) -> Result<Values> {
        let bytes: Vec<u8> = row.try_get(column).map_err(|error| self.fault(error))?;
        values_of(&bytes)
    }

    fn read_optional_values(&self, row: &SqliteRow, column: &str) -> Result<Option<Values>> {
        let bytes: Option<Vec<u8>> = row.try_get(column).map_err(|error| self.fault(error))?;
        bytes.map(|bytes| values_of(&bytes)).transpose()
    }

    fn read_change(&self, row: &SqliteRow) -> Result<Change> {
        let fault = |error| self.fault(error);
        let happened: i64 = row.try_get("happened").map_err(fault)?;
        let happened = match happened {
            NEW => Happened::New,
            CHANGED => Happened::Changed {
                before: self.read_values(row, "amounts_before")?,
            },
            GONE => Happened::Gone {
                before: self.read_values(row, "amounts_before")?,
            },
            _ => {
                return Err(unreadable(
                    "what happened to it is nothing that this release knows",
                ));
            }
        };
        Ok(Change {
            row: IntervalRow {
                key: self.read_key(row)?,
                values: self.read_values(row, "amounts")?,
                ambiguous: row.try_get("ambiguous").map_err(fault)?,
            },
            happened,
            deliver: true,
        })
    }
}

/// Sets a row that waits aside, with the reason.
fn trouble(
    number: BatchNumber,
    place: i64,
    state: i64,
    reason: &str,
    at: i64,
) -> sqlx::query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments> {
    sqlx::query(
        "UPDATE interval_row SET state = ?3, reason = ?4, settled_at = ?5 WHERE batch = ?1 AND place = ?2 AND state = 1",
    )
    .bind(number.0)
    .bind(place)
    .bind(state)
    .bind(reason)
    .bind(at)
}

fn values_of(bytes: &[u8]) -> Result<Values> {
    Values::from_bytes(bytes).map_err(|_| unreadable("its values are none of this release's"))
}

fn agent_text(key: &IntervalKey) -> &str {
    key.agent.as_ref().map_or("", |sid| sid.as_str())
}

fn queue_text(key: &IntervalKey) -> &str {
    match &key.queue {
        QueueKey::ServiceQueue => "",
        QueueKey::Task(sid) => sid.as_str(),
    }
}

pub(super) fn report_number(report: Report) -> i64 {
    match report {
        Report::AgentProductivity => 1,
        Report::QueueHistory => 2,
    }
}

pub(super) fn report_of(number: i64) -> Result<Report> {
    match number {
        1 => Ok(Report::AgentProductivity),
        2 => Ok(Report::QueueHistory),
        _ => Err(unreadable("its report is none that this release knows")),
    }
}

fn state_of(number: i64) -> Result<RowState> {
    Ok(match number {
        1 => RowState::Waiting,
        2 => RowState::Delivered,
        3 => RowState::Refused,
        4 => RowState::InDoubt,
        _ => return Err(unreadable("its state is none that this release knows")),
    })
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

pub(super) fn unreadable(fault: &str) -> LedgerError {
    LedgerError::Unreadable {
        what: "a row of history".to_owned(),
        fault: fault.to_owned(),
    }
}
