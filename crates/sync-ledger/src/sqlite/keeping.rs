//! Looking after the file: retention, sealing keys, the write-ahead log, checks.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{Connection as _, Row as _, SqliteConnection};

use super::rows::{StoredContact, select_contact};
use super::{SqliteLedger, Tx};
use crate::seal::CLEAR;
use crate::{LedgerError, Pruned, Result, Retention, RetentionStore, StoredDetails};

/// How long emptying the write-ahead log waits for readers, while changes wait for it.
const CHECKPOINT_WAIT: Duration = Duration::from_secs(1);

/// How the stored details are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DetailsAtRest {
    /// The id of the key that they are sealed under; `None` where they lie in the clear.
    pub key: Option<String>,
    /// Of how many contacts.
    pub contacts: u64,
}

impl RetentionStore for SqliteLedger {
    async fn prune(&self, now: DateTime<Utc>, retention: &Retention, limit: u32) -> Result<Pruned> {
        let limit = limit.max(1);
        let (details, rows) = retention.cutoffs(now);
        let (details, rows, at) = (
            details.timestamp_millis(),
            rows.timestamp_millis(),
            now.timestamp_millis(),
        );
        let mut tx = self.begin().await?;
        // Rows first: what goes as a whole needs no details dropped.
        let contacts = self
            .forget(
                &mut tx,
                "DELETE FROM contact WHERE id IN (SELECT id FROM contact WHERE finished_at <= ?1 \
                 AND (lease_until IS NULL OR lease_until <= ?2) ORDER BY finished_at, id LIMIT ?3)",
                [rows, at, i64::from(limit)],
            )
            .await?;
        let details = self
            .forget(
                &mut tx,
                "UPDATE contact SET details = NULL, details_seal = NULL, details_dropped_at = ?2 WHERE id IN \
                 (SELECT id FROM contact INDEXED BY contact_details_to_drop WHERE finished_at <= ?1 AND details IS NOT NULL \
                 AND (lease_until IS NULL OR lease_until <= ?2) ORDER BY finished_at, id LIMIT ?3)",
                [details, at, i64::from(limit)],
            )
            .await?;
        let wishes = self
            .forget(
                &mut tx,
                "DELETE FROM wish WHERE id IN (SELECT id FROM wish WHERE settled_at <= ?1 AND ?2 ORDER BY id LIMIT ?3)",
                [rows, 1, i64::from(limit)],
            )
            .await?;
        let backfills = self
            .forget(
                &mut tx,
                "DELETE FROM backfill WHERE id IN (SELECT id FROM backfill WHERE state <> 'open' AND moved_at <= ?1 \
                 AND ?2 ORDER BY id LIMIT ?3)",
                [rows, 1, i64::from(limit)],
            )
            .await?;
        self.commit(tx).await?;
        let full = u64::from(limit);
        let forgotten = [contacts, details, wishes, backfills];
        let more = forgotten.iter().any(|forgotten| *forgotten >= full);
        if forgotten.iter().any(|forgotten| *forgotten > 0) {
            self.inner.log_to_empty.store(true, Ordering::Relaxed);
        }
        if !more && self.inner.log_to_empty.load(Ordering::Relaxed) {
            // What was dropped is dropped, whatever stands in the way now: the next call tries again.
            if let Err(error) = self.checkpoint().await {
                tracing::warn!(%error, "the write-ahead log could not be emptied of what was dropped");
            }
        }
        Ok(Pruned {
            details,
            contacts,
            wishes,
            backfills,
            more,
        })
    }
}

impl SqliteLedger {
    async fn forget(&self, tx: &mut Tx, statement: &'static str, values: [i64; 3]) -> Result<u64> {
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

    /// Under which keys the stored details are sealed, and how many lie in the clear.
    ///
    /// # Errors
    ///
    /// What the file system has against it.
    pub async fn details_at_rest(&self) -> Result<Vec<DetailsAtRest>> {
        let fault = |error| self.fault(error);
        let rows = sqlx::query(
            "SELECT details_seal, COUNT(*) FROM contact WHERE details_seal IS NOT NULL GROUP BY details_seal \
             ORDER BY details_seal",
        )
        .fetch_all(&self.inner.reader)
        .await
        .map_err(fault)?;
        let mut kept = Vec::with_capacity(rows.len());
        for row in rows {
            let marker: String = row.try_get(0).map_err(fault)?;
            let contacts: i64 = row.try_get(1).map_err(fault)?;
            kept.push(DetailsAtRest {
                key: Some(marker).filter(|key| key != CLEAR),
                contacts: contacts.unsigned_abs(),
            });
        }
        Ok(kept)
    }

    /// Brings details that are stored otherwise under the current sealing, at most so many; gives how many it were.
    /// Done when it gives 0. Details that cannot be read stay as they are.
    ///
    /// # Errors
    ///
    /// What the file system has against it.
    pub async fn reseal(&self, limit: u32) -> Result<u64> {
        let fault = |error| self.fault(error);
        let mut tx = self.begin().await?;
        let ids: Vec<i64> = sqlx::query_scalar(
            "SELECT id FROM contact INDEXED BY contact_seal WHERE details_seal IS NOT NULL AND details_seal <> ? ORDER BY id",
        )
        .bind(self.inner.sealing.marker().to_owned())
        .fetch_all(&mut *tx)
        .await
        .map_err(fault)?;
        let mut resealed = 0;
        for id in ids {
            if resealed >= u64::from(limit) {
                break;
            }
            let row = sqlx::query(select_contact!("WHERE c.id = ?"))
                .bind(id)
                .fetch_one(&mut *tx)
                .await
                .map_err(fault)?;
            let stored = StoredContact::read(&row).map_err(fault)?;
            let Ok(record) = stored.record(&self.inner.sealing) else {
                continue;
            };
            let StoredDetails::Present(details) = record.details else {
                continue;
            };
            let sealed = self
                .inner
                .sealing
                .seal(&stored.acd, record.row.leg(), &details)?;
            sqlx::query("UPDATE contact SET details = ?, details_seal = ? WHERE id = ?")
                .bind(sealed.bytes)
                .bind(sealed.marker)
                .bind(stored.id)
                .execute(&mut *tx)
                .await
                .map_err(fault)?;
            resealed += 1;
        }
        self.commit(tx).await?;
        if resealed > 0 {
            self.inner.log_to_empty.store(true, Ordering::Relaxed);
        }
        Ok(resealed)
    }

    /// Refuses to begin while details are sealed under a key that is not at hand.
    pub(super) async fn demand_keys(&self) -> Result<()> {
        for kept in self.details_at_rest().await? {
            let Some(key) = kept.key else { continue };
            if !self.inner.sealing.knows(&key) {
                let configured = self.inner.sealing.known();
                return Err(LedgerError::SealingKeyMissing {
                    sealed_under: key,
                    contacts: kept.contacts,
                    configured,
                });
            }
        }
        Ok(())
    }
}
