//! The tables of what is held.

use std::ops::Range;

use chrono::{DateTime, Utc};
use contact_model::AcdKey;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use twilio_sid::{TaskQueueSid, WorkerSid};
use wfm_history::{HeldRow, Party, Report};
use wfm_interval::Interval;

use super::SqliteLedger;
use super::intervals::{report_number, report_of, unreadable};
use super::rows::{stored_bytes, time_of};
use crate::seal::Bound;
use crate::{HeldInterval, HeldNumber, HeldPull, LedgerError, Result, StoredBytes};

/// Of whom a row is, as it is sealed.
#[derive(Serialize, Deserialize)]
struct Who {
    agent: Party<WorkerSid>,
    queue: Party<TaskQueueSid>,
}

impl SqliteLedger {
    pub(super) async fn begin_held_pull(
        &self,
        acd: &AcdKey,
        report: Report,
        now: DateTime<Utc>,
    ) -> Result<HeldPull> {
        let fault = |error| self.fault(error);
        let mut tx = self.begin().await?;
        let id = self.acd_id(&mut tx, acd).await?;
        for statement in [
            "DELETE FROM held_interval WHERE pull IN (SELECT id FROM held_pull WHERE acd = ? AND report = ? AND finished = 0)",
            "DELETE FROM held_pull WHERE acd = ? AND report = ? AND finished = 0",
        ] {
            sqlx::query(statement)
                .bind(id)
                .bind(report_number(report))
                .execute(&mut *tx)
                .await
                .map_err(fault)?;
        }
        let number = sqlx::query("INSERT INTO held_pull (acd, report, at) VALUES (?, ?, ?)")
            .bind(id)
            .bind(report_number(report))
            .bind(now.timestamp_millis())
            .execute(&mut *tx)
            .await
            .map_err(fault)?
            .last_insert_rowid();
        self.commit(tx).await?;
        Ok(HeldPull {
            acd: acd.clone(),
            report,
            number,
        })
    }

    pub(super) async fn put_held_rows(&self, pull: &HeldPull, rows: &[HeldRow]) -> Result<()> {
        let fault = |error| self.fault(error);
        let mut tx = self.begin().await?;
        let acd = self.acd_id(&mut tx, &pull.acd).await?;
        let before: i64 = sqlx::query_scalar(
            "UPDATE held_pull SET held_rows = held_rows + ?2 WHERE id = ?1 AND finished = 0 RETURNING held_rows - ?2",
        )
        .bind(pull.number)
        .bind(i64::try_from(rows.len()).unwrap_or(i64::MAX))
        .fetch_optional(&mut *tx)
        .await
        .map_err(fault)?
        .ok_or(LedgerError::UnknownPull {
            number: pull.number,
        })?;
        for (number, row) in (before..).zip(rows) {
            let mark = format!("{}:{number}", pull.number);
            let who = Who {
                agent: row.agent.clone(),
                queue: row.queue.clone(),
            };
            let who = serde_json::to_vec(&who).map_err(|_| unreadable("it cannot be written"))?;
            let sealed = self
                .inner
                .sealing
                .seal_bytes(Bound::Held(&pull.acd, &mark), &who)?;
            sqlx::query(
                "INSERT INTO held_interval (acd, report, pull, mark, number, amounts, ambiguous, who, who_seal) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(acd)
            .bind(report_number(pull.report))
            .bind(pull.number)
            .bind(&mark)
            .bind(row.interval.number())
            .bind(row.values.to_bytes())
            .bind(row.ambiguous)
            .bind(sealed.bytes)
            .bind(sealed.marker)
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        }
        self.commit(tx).await
    }

    pub(super) async fn finish_held_pull(
        &self,
        pull: &HeldPull,
        range: Range<Interval>,
    ) -> Result<()> {
        let fault = |error| self.fault(error);
        let mut tx = self.begin().await?;
        let acd = self.acd_id(&mut tx, &pull.acd).await?;
        let begun = sqlx::query("UPDATE held_pull SET finished = 1 WHERE id = ? AND finished = 0")
            .bind(pull.number)
            .execute(&mut *tx)
            .await
            .map_err(fault)?
            .rows_affected();
        if begun == 0 {
            return Err(LedgerError::UnknownPull {
                number: pull.number,
            });
        }
        sqlx::query(
            "DELETE FROM held_interval WHERE acd = ? AND report = ? AND number >= ? AND number < ? AND pull <> ?",
        )
        .bind(acd)
        .bind(report_number(pull.report))
        .bind(range.start.number())
        .bind(range.end.number())
        .bind(pull.number)
        .execute(&mut *tx)
        .await
        .map_err(fault)?;
        sqlx::query(
            "DELETE FROM held_pull WHERE acd = ? AND report = ? AND finished = 1 AND NOT EXISTS \
             (SELECT 1 FROM held_interval h WHERE h.pull = held_pull.id)",
        )
        .bind(acd)
        .bind(report_number(pull.report))
        .execute(&mut *tx)
        .await
        .map_err(fault)?;
        self.commit(tx).await
    }

    pub(super) async fn held_rows(
        &self,
        acd: &AcdKey,
        report: Report,
        before: Option<Interval>,
        after: Option<HeldNumber>,
        limit: u32,
    ) -> Result<Vec<HeldInterval>> {
        let Some(id) = self.known_acd(acd).await? else {
            return Ok(Vec::new());
        };
        let rows = sqlx::query(
            "SELECT h.id, h.mark, h.number, h.amounts, h.ambiguous, h.who, h.who_seal, p.at FROM held_interval h \
             JOIN held_pull p ON p.id = h.pull WHERE h.acd = ? AND h.report = ? AND h.number < ? AND h.id > ? AND p.finished = 1 \
             ORDER BY h.id LIMIT ?",
        )
        .bind(id)
        .bind(report_number(report))
        .bind(before.map_or(i64::MAX, Interval::number))
        .bind(after.map_or(0, |after| after.0))
        .bind(limit)
        .fetch_all(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        rows.iter().map(|row| self.read_held(acd, row)).collect()
    }

    pub(super) async fn oldest_held_rows(
        &self,
        acd: &AcdKey,
        report: Report,
        limit: u32,
    ) -> Result<Vec<HeldInterval>> {
        let Some(id) = self.known_acd(acd).await? else {
            return Ok(Vec::new());
        };
        let rows = sqlx::query(
            "SELECT h.id, h.mark, h.number, h.amounts, h.ambiguous, h.who, h.who_seal, p.at FROM held_interval h \
             JOIN held_pull p ON p.id = h.pull WHERE h.acd = ? AND h.report = ? AND p.finished = 1 \
             ORDER BY h.number, h.id LIMIT ?",
        )
        .bind(id)
        .bind(report_number(report))
        .bind(limit)
        .fetch_all(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        rows.iter().map(|row| self.read_held(acd, row)).collect()
    }

    fn read_held(&self, acd: &AcdKey, row: &SqliteRow) -> Result<HeldInterval> {
        let fault = |error| self.fault(error);
        let mark: String = row.try_get("mark").map_err(fault)?;
        let who: Option<Vec<u8>> = row.try_get("who").map_err(fault)?;
        let seal: Option<String> = row.try_get("who_seal").map_err(fault)?;
        let bound = Bound::Held(acd, &mark);
        let who = stored_bytes(&self.inner.sealing, bound, who.as_deref(), seal.as_deref());
        let who: Who = match who {
            StoredBytes::Present(bytes) => serde_json::from_slice(&bytes)
                .map_err(|_| unreadable("of whom it is cannot be understood"))?,
            StoredBytes::Absent => return Err(unreadable("of whom it is, is missing")),
            StoredBytes::Unreadable(fault) => return Err(unreadable(&fault.to_string())),
        };
        Ok(HeldInterval {
            number: HeldNumber(row.try_get("id").map_err(fault)?),
            row: HeldRow {
                interval: Interval::from_number(row.try_get("number").map_err(fault)?),
                agent: who.agent,
                queue: who.queue,
                values: self.read_values(row, "amounts")?,
                ambiguous: row.try_get("ambiguous").map_err(fault)?,
            },
            at: time_of("a held interval", row.try_get("at").map_err(fault)?)?,
        })
    }

    pub(super) async fn held_row_counts(&self, acd: &AcdKey) -> Result<Vec<(Report, u64)>> {
        let Some(id) = self.known_acd(acd).await? else {
            return Ok(Vec::new());
        };
        let rows: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT h.report, COUNT(*) FROM held_interval h JOIN held_pull p ON p.id = h.pull WHERE h.acd = ? AND p.finished = 1 \
             GROUP BY h.report ORDER BY h.report",
        )
        .bind(id)
        .fetch_all(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        rows.into_iter()
            .map(|(report, rows)| Ok((report_of(report)?, rows.unsigned_abs())))
            .collect()
    }
}
