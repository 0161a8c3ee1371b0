//! The table of recordings that may be deleted at their source.

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, Stage, StageName};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite};
use twilio_sid::RecordingSid;

use super::contacts::{push_acd, push_any};
use super::rows::{acd_of, leg_of, time_of};
use super::{SqliteLedger, Tx};
use crate::page::rows;
use crate::record::sources_of;
use crate::{
    DeletionCount, DeletionFilter, DeletionPage, DeletionRow, DeletionState, DeletionStore,
    HeldRecording, HeldRecordings, LedgerError, Result, RowMark, Verdict,
};

const WHAT: &str = "the deletion of a recording";

macro_rules! select_deletion {
    ($rest:literal) => {
        concat!(
            "SELECT d.id, d.recording, d.state, d.reason, d.attempts, d.complete_at, d.changed_at, d.next_at, \
             a.account, a.workspace, a.tenant FROM source_deletion d JOIN acd a ON a.id = d.acd ",
            $rest
        )
    };
}

pub(super) const CANDIDATES: &str = select_deletion!(
    "WHERE d.acd = (SELECT id FROM acd WHERE account = ? AND workspace = ? AND tenant = ?) AND d.next_at <= ? \
     AND d.complete_at <= ? AND EXISTS (SELECT 1 FROM contact_recording r JOIN contact c ON c.id = r.contact \
       WHERE r.recording = d.recording AND c.acd = d.acd AND c.stage = 'complete') \
     ORDER BY d.next_at, d.complete_at, d.id LIMIT ?"
);

pub(super) const HELD: &str = "SELECT r.recording, c.leg, c.stage, c.reason, c.stage_since, COUNT(*) OVER () AS total \
     FROM contact c JOIN contact_recording r ON r.contact = c.id WHERE c.stage IN ('parked', 'failed') \
     AND c.acd = (SELECT id FROM acd WHERE account = ? AND workspace = ? AND tenant = ?) \
     AND NOT EXISTS (SELECT 1 FROM source_deletion d WHERE d.acd = c.acd AND d.recording = r.recording AND d.state = 'deleted') \
     ORDER BY c.stage_since, c.id, r.recording LIMIT ?";

impl DeletionStore for SqliteLedger {
    async fn deletion_candidates(
        &self,
        acd: &AcdKey,
        complete_by: DateTime<Utc>,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<DeletionRow>> {
        let found = sqlx::query(CANDIDATES)
            .bind(acd.account.as_str())
            .bind(acd.workspace.as_str())
            .bind(acd.tenant.as_str())
            .bind(now.timestamp_millis())
            .bind(complete_by.timestamp_millis())
            .bind(limit)
            .fetch_all(&self.inner.reader)
            .await
            .map_err(|error| self.fault(error))?;
        found.iter().map(|row| self.read_deletion(row)).collect()
    }

    async fn record_deletion(
        &self,
        acd: &AcdKey,
        recording: RecordingSid,
        verdict: &Verdict,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let (state, reason, next, asked) = match verdict {
            Verdict::Blocked { reason, next } => {
                (DeletionState::Blocked, Some(reason), Some(*next), false)
            }
            Verdict::Requested { next } => (DeletionState::Requested, None, Some(*next), true),
            Verdict::Deleted => (DeletionState::Deleted, None, None, false),
            Verdict::Failed { reason, next } => (DeletionState::Failed, Some(reason), *next, false),
        };
        let at = now.timestamp_millis();
        let mut tx = self.begin().await?;
        let acd_id = self.acd_id(&mut tx, acd).await?;
        sqlx::query(
            "INSERT INTO source_deletion (acd, recording, state, reason, attempts, complete_at, changed_at, next_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7) ON CONFLICT (acd, recording) DO UPDATE SET state = excluded.state, \
             reason = excluded.reason, attempts = attempts + excluded.attempts, next_at = excluded.next_at, \
             changed_at = CASE WHEN state = excluded.state AND reason IS excluded.reason THEN changed_at \
               ELSE excluded.changed_at END WHERE state <> 'deleted'",
        )
        .bind(acd_id)
        .bind(recording.as_str())
        .bind(state.as_str())
        .bind(reason)
        .bind(asked)
        .bind(at)
        .bind(next.map(|next| next.timestamp_millis()))
        .execute(&mut *tx)
        .await
        .map_err(|error| self.fault(error))?;
        self.commit(tx).await
    }

    async fn deletions(
        &self,
        filter: &DeletionFilter,
        limit: u32,
        after: Option<RowMark>,
    ) -> Result<DeletionPage> {
        let fault = |error| self.fault(error);
        let limit = rows(limit);
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(select_deletion!("WHERE TRUE"));
        push_acd(&mut query, filter.acd.as_ref());
        push_any(
            &mut query,
            "d.state",
            filter.states.iter().map(|state| state.as_str()),
        );
        if let Some(recording) = filter.recording {
            query
                .push(" AND d.recording = ")
                .push_bind(recording.to_string());
        }
        if let Some(RowMark(id)) = after {
            query.push(" AND d.id < ").push_bind(id);
        }
        query
            .push(" ORDER BY d.id DESC LIMIT ")
            .push_bind(i64::from(limit) + 1);
        let found = query
            .build()
            .fetch_all(&self.inner.reader)
            .await
            .map_err(fault)?;
        let more = found.len() > limit as usize;
        let mut page = DeletionPage::default();
        for row in found.iter().take(limit as usize) {
            let id: i64 = row.try_get("id").map_err(fault)?;
            page.next = more.then_some(RowMark(id));
            page.deletions.push(self.read_deletion(row)?);
        }
        Ok(page)
    }

    async fn deletion_counts(&self, acd: Option<&AcdKey>) -> Result<Vec<DeletionCount>> {
        let fault = |error| self.fault(error);
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
            "SELECT a.account, a.workspace, a.tenant, d.state, d.reason, COUNT(*) AS recordings, \
             MIN(d.changed_at) AS oldest FROM source_deletion d JOIN acd a ON a.id = d.acd WHERE TRUE",
        );
        push_acd(&mut query, acd);
        query.push(" GROUP BY d.acd, d.state, d.reason");
        let found = query
            .build()
            .fetch_all(&self.inner.reader)
            .await
            .map_err(fault)?;
        let mut counts = Vec::with_capacity(found.len());
        for row in &found {
            let recordings: i64 = row.try_get("recordings").map_err(fault)?;
            counts.push(DeletionCount {
                acd: acd_of(row).map_err(fault)?,
                state: state_of(row.try_get("state").map_err(fault)?)?,
                reason: row.try_get("reason").map_err(fault)?,
                recordings: recordings.unsigned_abs(),
                oldest: time_of(WHAT, row.try_get("oldest").map_err(fault)?)?,
            });
        }
        counts.sort_by(|a, b| (&a.acd, a.state, &a.reason).cmp(&(&b.acd, b.state, &b.reason)));
        Ok(counts)
    }

    async fn held_recordings(&self, acd: &AcdKey, limit: u32) -> Result<HeldRecordings> {
        let fault = |error| self.fault(error);
        let found = sqlx::query(HELD)
            .bind(acd.account.as_str())
            .bind(acd.workspace.as_str())
            .bind(acd.tenant.as_str())
            .bind(rows(limit))
            .fetch_all(&self.inner.reader)
            .await
            .map_err(fault)?;
        let mut held = HeldRecordings::default();
        for row in &found {
            let total: i64 = row.try_get("total").map_err(fault)?;
            held.total = total.unsigned_abs();
            let leg: String = row.try_get("leg").map_err(fault)?;
            let stage: String = row.try_get("stage").map_err(fault)?;
            held.recordings.push(HeldRecording {
                recording: recording_of(row.try_get("recording").map_err(fault)?)?,
                leg: leg_of(&leg)?,
                stage: if stage == StageName::Parked.as_str() {
                    StageName::Parked
                } else {
                    StageName::Failed
                },
                reason: row.try_get("reason").map_err(fault)?,
                since: time_of(WHAT, row.try_get("stage_since").map_err(fault)?)?,
            });
        }
        Ok(held)
    }
}

impl SqliteLedger {
    /// The recordings of a contact that is complete are looked at from now on.
    pub(super) async fn offer_sources(
        &self,
        tx: &mut Tx,
        acd: i64,
        stage: &Stage,
        at: i64,
    ) -> Result<()> {
        for recording in sources_of(stage) {
            // What is given up has no time, and gets none: the lesser of nothing and something is nothing.
            sqlx::query(
                "INSERT INTO source_deletion (acd, recording, state, complete_at, changed_at, next_at) \
                 VALUES (?1, ?2, 'waiting', ?3, ?3, ?3) ON CONFLICT (acd, recording) DO UPDATE SET \
                 complete_at = MAX(complete_at, excluded.complete_at), next_at = MIN(next_at, excluded.next_at)",
            )
            .bind(acd)
            .bind(recording.as_str())
            .bind(at)
            .execute(&mut **tx)
            .await
            .map_err(|error| self.fault(error))?;
        }
        Ok(())
    }

    fn read_deletion(&self, row: &SqliteRow) -> Result<DeletionRow> {
        let fault = |error| self.fault(error);
        let at = |column: &str| time_of(WHAT, row.try_get(column).map_err(fault)?);
        let recording: String = row.try_get("recording").map_err(fault)?;
        let next: Option<i64> = row.try_get("next_at").map_err(fault)?;
        Ok(DeletionRow {
            acd: acd_of(row).map_err(fault)?,
            recording: recording_of(&recording)?,
            state: state_of(row.try_get("state").map_err(fault)?)?,
            reason: row.try_get("reason").map_err(fault)?,
            attempts: row.try_get("attempts").map_err(fault)?,
            complete_at: at("complete_at")?,
            changed_at: at("changed_at")?,
            next_at: next.map(|next| time_of(WHAT, next)).transpose()?,
        })
    }
}

fn recording_of(text: &str) -> Result<RecordingSid> {
    text.parse().map_err(|_| LedgerError::Unreadable {
        what: WHAT.to_owned(),
        fault: "it names no recording".to_owned(),
    })
}

fn state_of(text: &str) -> Result<DeletionState> {
    DeletionState::parse(text).ok_or_else(|| LedgerError::Unreadable {
        what: WHAT.to_owned(),
        fault: "its state is none that this release knows".to_owned(),
    })
}
