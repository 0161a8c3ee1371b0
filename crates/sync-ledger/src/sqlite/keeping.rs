//! Looking after the file: retention, the write-ahead log, checks.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{Connection as _, Row as _, SqliteConnection};

use super::{SqliteLedger, Tx};
use crate::{LedgerError, Pruned, REMEMBER_EVENTS, Result, Retention, RetentionStore};

/// How long emptying the write-ahead log waits for readers, while changes wait for it.
const CHECKPOINT_WAIT: Duration = Duration::from_secs(1);

impl RetentionStore for SqliteLedger {
    async fn prune(&self, now: DateTime<Utc>, retention: &Retention, limit: u32) -> Result<Pruned> {
        let limit = limit.max(1);
        let (details, rows) = retention.cutoffs(now);
        let (details, rows, at) = (
            details.timestamp_millis(),
            rows.timestamp_millis(),
            now.timestamp_millis(),
        );
        let remembered = now.checked_sub_signed(REMEMBER_EVENTS).unwrap_or(now);
        let most = i64::from(limit);
        let mut tx = self.begin().await?;
        let mut drop = async |statement, cutoff: i64| {
            let values = [cutoff, at, most];
            self.drop_rows(&mut tx, statement, values).await
        };
        let mut pruned = Pruned {
            // Rows first: what goes as a whole needs no details dropped.
            contacts: drop(CONTACTS, rows).await?,
            details: drop(DETAILS, details).await?,
            wishes: drop(WISHES, rows).await?,
            backfills: drop(BACKFILLS, rows).await?,
            messages: drop(MESSAGES, rows).await?,
            answers: drop(ANSWERS, details).await?,
            events: drop(EVENTS, remembered.timestamp_millis()).await?,
            holds: drop(HOLDS, details).await? + drop(CHANGES, details).await?,
            // After the contacts: it stays as long as a contact uses the recording.
            deletions: drop(DELETIONS, rows).await?,
            reconciliations: drop(RECONCILIATIONS, rows).await?,
            more: false,
        };
        self.commit(tx).await?;
        let of_each = pruned.of_each();
        pruned.more = of_each.iter().any(|dropped| *dropped >= u64::from(limit));
        if of_each.iter().any(|dropped| *dropped > 0) {
            self.inner.log_to_empty.store(true, Ordering::Relaxed);
        }
        if !pruned.more {
            self.empty_log_of_what_was_dropped().await;
        }
        Ok(pruned)
    }
}

/// In each statement `?1` is the time that is over, `?2` the present, `?3` the limit.
const CONTACTS: &str = "DELETE FROM contact WHERE id IN (SELECT id FROM contact WHERE finished_at <= ?1 \
    AND (lease_until IS NULL OR lease_until <= ?2) ORDER BY finished_at, id LIMIT ?3)";
const DETAILS: &str = "UPDATE contact SET details = NULL, details_seal = NULL, details_dropped_at = ?2 WHERE id IN \
    (SELECT id FROM contact INDEXED BY contact_details_to_drop WHERE finished_at <= ?1 AND details IS NOT NULL \
    AND (lease_until IS NULL OR lease_until <= ?2) ORDER BY finished_at, id LIMIT ?3)";
const WISHES: &str = "DELETE FROM wish WHERE id IN (SELECT id FROM wish WHERE settled_at <= ?1 AND ?2 ORDER BY id LIMIT ?3)";
const BACKFILLS: &str = "DELETE FROM backfill WHERE id IN (SELECT id FROM backfill WHERE state <> 'open' AND moved_at <= ?1 \
    AND ?2 ORDER BY id LIMIT ?3)";
const MESSAGES: &str = "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox INDEXED BY outbox_settled WHERE settled_at <= ?1 \
    AND ?2 ORDER BY settled_at, id LIMIT ?3)";
const ANSWERS: &str = "UPDATE outbox SET answer = NULL, answer_seal = NULL WHERE id IN (SELECT id FROM outbox \
    INDEXED BY outbox_answer_to_drop WHERE settled_at <= ?1 AND answer IS NOT NULL AND ?2 ORDER BY settled_at, id LIMIT ?3)";
const EVENTS: &str = "DELETE FROM inbox WHERE id IN (SELECT id FROM inbox INDEXED BY inbox_settled WHERE settled_at <= ?1 \
    AND ?2 ORDER BY settled_at, id LIMIT ?3)";
const CHANGES: &str = "DELETE FROM conference_change WHERE (acd, conference, number) IN (SELECT acd, conference, number \
    FROM conference_change INDEXED BY conference_change_at WHERE at <= ?1 AND ?2 ORDER BY at, acd, conference, number LIMIT ?3)";
const HOLDS: &str = "DELETE FROM hold_note WHERE (acd, conference, at, call, held) IN (SELECT acd, conference, at, call, held \
    FROM hold_note INDEXED BY hold_note_at WHERE at <= ?1 AND ?2 ORDER BY at, acd, conference, call, held LIMIT ?3)";
const DELETIONS: &str = "DELETE FROM source_deletion WHERE id IN (SELECT d.id FROM source_deletion d \
    WHERE d.changed_at <= ?1 AND ?2 AND NOT EXISTS (SELECT 1 FROM contact_recording r JOIN contact c ON c.id = r.contact \
    WHERE r.recording = d.recording AND c.acd = d.acd) ORDER BY d.id LIMIT ?3)";
const RECONCILIATIONS: &str = "DELETE FROM reconciliation WHERE id IN (SELECT r.id FROM reconciliation r WHERE r.at <= ?1 AND ?2 \
    AND EXISTS (SELECT 1 FROM reconciliation n WHERE n.acd = r.acd AND n.id > r.id) ORDER BY r.id LIMIT ?3)";

impl SqliteLedger {
    async fn drop_rows(
        &self,
        tx: &mut Tx,
        statement: &'static str,
        values: [i64; 3],
    ) -> Result<u64> {
        let mut query = sqlx::query(statement);
        for value in values {
            query = query.bind(value);
        }
        let done = query
            .execute(&mut **tx)
            .await
            .map_err(|error| self.fault(error))?;
        Ok(done.rows_affected())
    }

    /// Empties the write-ahead log if it may hold what was dropped. What was dropped is dropped, whatever stands in the way
    /// now: the next call tries again.
    pub(super) async fn empty_log_of_what_was_dropped(&self) {
        if !self.inner.log_to_empty.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = self.checkpoint().await {
            tracing::warn!(%error, "the write-ahead log could not be emptied of what was dropped");
        }
    }

    /// Moves the write-ahead log into the file and empties it, so that what was erased is nowhere any more.
    ///
    /// Gives whether that succeeded: a reader or another process may stand in the way, then try again later. Changes wait
    /// for it, a second at most.
    ///
    /// # Errors
    ///
    /// What the file system has against it.
    pub async fn checkpoint(&self) -> Result<bool> {
        self.inner.log_to_empty.store(false, Ordering::Relaxed);
        let emptied = self.empty_log().await;
        if !matches!(emptied, Ok(true)) {
            self.inner.log_to_empty.store(true, Ordering::Relaxed);
        }
        emptied
    }

    async fn empty_log(&self) -> Result<bool> {
        // On a connection of its own: the writer's would wait for readers as long as a change may.
        let options = self.inner.writer.connect_options();
        let options = (*options).clone().busy_timeout(CHECKPOINT_WAIT);
        let emptied = async {
            let mut connection = SqliteConnection::connect_with(&options).await?;
            let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
                .fetch_one(&mut connection)
                .await;
            let busy = row.and_then(|row| row.try_get::<i64, _>(0));
            connection.close().await?;
            busy
        };
        match emptied.await.map_err(|error| self.fault(error)) {
            Ok(busy) => Ok(busy == 0),
            Err(LedgerError::Busy { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads the whole file and checks it. Takes seconds for a large one.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Corrupt`] tells what was found.
    pub async fn verify(&self) -> Result<()> {
        let fault = |error| self.fault(error);
        let said: String = sqlx::query_scalar("PRAGMA integrity_check(1)")
            .fetch_one(&self.inner.reader)
            .await
            .map_err(fault)?;
        if said != "ok" {
            return Err(LedgerError::Corrupt {
                path: self.inner.path.clone(),
                what: said,
            });
        }
        let orphans = sqlx::query("PRAGMA foreign_key_check")
            .fetch_all(&self.inner.reader)
            .await
            .map_err(fault)?;
        if orphans.is_empty() {
            Ok(())
        } else {
            let what = format!("{} rows belong to nothing", orphans.len());
            Err(LedgerError::Corrupt {
                path: self.inner.path.clone(),
                what,
            })
        }
    }
}
