//! Removing an ACD with everything that the ledger has of it, piece by piece.

use std::sync::atomic::Ordering;

use contact_model::AcdKey;
use sqlx::Row as _;

use super::{SqliteLedger, Tx};
use crate::{LedgerError, RemovedAcd, Result, Wish};

/// How many rows go in one transaction, so that nobody waits long for it.
const AT_ONCE: u32 = 500;

const UNFINISHED: &str = "DELETE FROM contact WHERE id IN (SELECT id FROM contact WHERE acd = ? AND finished_at IS NULL LIMIT ?)";
const FINISHED: &str = "DELETE FROM contact WHERE id IN (SELECT id FROM contact WHERE acd = ? AND finished_at IS NOT NULL LIMIT ?)";
const MESSAGES: &str =
    "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE acd = ? LIMIT ?)";
const WAITING: &str = "DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE acd = ? AND settled_at IS NULL LIMIT ?)";
const PROCESSED: &str =
    "DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE acd = ? LIMIT ?)";
const DELETIONS: &str = "DELETE FROM source_deletion WHERE id IN (SELECT id FROM source_deletion WHERE acd = ? LIMIT ?)";

/// History of workforce management, children before parents.
const HISTORY: &[&str] = &[
    "DELETE FROM interval_value WHERE (acd, report, number, agent, queue) IN (SELECT acd, report, number, agent, queue FROM interval_value WHERE acd = ? LIMIT ?)",
    "DELETE FROM interval_row WHERE (batch, place) IN (SELECT r.batch, r.place FROM interval_row r JOIN interval_batch b ON b.id = r.batch WHERE b.acd = ? LIMIT ?)",
    "DELETE FROM interval_file WHERE (batch, name) IN (SELECT f.batch, f.name FROM interval_file f JOIN interval_batch b ON b.id = f.batch WHERE b.acd = ? LIMIT ?)",
    "DELETE FROM interval_batch WHERE id IN (SELECT id FROM interval_batch WHERE acd = ? LIMIT ?)",
    "DELETE FROM held_interval WHERE id IN (SELECT id FROM held_interval WHERE acd = ? LIMIT ?)",
    "DELETE FROM held_pull WHERE id IN (SELECT id FROM held_pull WHERE acd = ? LIMIT ?)",
    "DELETE FROM subject WHERE id IN (SELECT id FROM subject WHERE acd = ? LIMIT ?)",
];

/// What has few rows, or rows that are soon removed, and the ACD at last.
const REST: &[&str] = &[
    "DELETE FROM endpoint WHERE acd = ?",
    "DELETE FROM hold_note WHERE acd = ?",
    "DELETE FROM conference_change WHERE acd = ?",
    "DELETE FROM tenant_fact WHERE acd = ?",
    "DELETE FROM reconciliation WHERE acd = ?",
    "DELETE FROM history_pull WHERE acd = ?",
    "DELETE FROM failed_pull WHERE acd = ?",
    "DELETE FROM cursor WHERE acd = ?",
    "DELETE FROM backfill WHERE acd = ?",
    "DELETE FROM forgotten WHERE acd = ?",
    "DELETE FROM acd WHERE id = ?",
];

impl SqliteLedger {
    pub(super) async fn remove_acd(
        &self,
        acd: &AcdKey,
        with_unfinished: bool,
    ) -> Result<RemovedAcd> {
        self.demand_finished(acd, with_unfinished).await?;
        let mut removed = RemovedAcd::default();
        if with_unfinished {
            removed.unfinished = self.remove_all(acd, UNFINISHED).await?;
        }
        removed.contacts = removed.unfinished + self.remove_all(acd, FINISHED).await?;
        removed.messages = self.remove_all(acd, MESSAGES).await?;
        removed.events = self.remove_all(acd, WAITING).await?;
        self.remove_all(acd, PROCESSED).await?;
        self.remove_all(acd, DELETIONS).await?;
        for statement in HISTORY {
            self.remove_all(acd, statement).await?;
        }
        self.remove_rest(acd).await?;
        self.inner.log_to_empty.store(true, Ordering::Relaxed);
        self.empty_log_of_what_was_dropped().await;
        Ok(removed)
    }

    async fn remove_all(&self, acd: &AcdKey, statement: &'static str) -> Result<u64> {
        let mut removed = 0;
        loop {
            let mut tx = self.begin().await?;
            let id = self.acd_id(&mut tx, acd).await?;
            let gone = sqlx::query(statement)
                .bind(id)
                .bind(AT_ONCE)
                .execute(&mut *tx)
                .await
                .map_err(|error| self.fault(error))?
                .rows_affected();
            self.commit(tx).await?;
            removed += gone;
            if gone < u64::from(AT_ONCE) {
                return Ok(removed);
            }
        }
    }

    async fn remove_rest(&self, acd: &AcdKey) -> Result<()> {
        let mut tx = self.begin().await?;
        let id = self.acd_id(&mut tx, acd).await?;
        // What came in meanwhile belongs to somebody who still works for the ACD.
        let came: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM contact WHERE acd = ?")
            .bind(id)
            .fetch_one(&mut *tx)
            .await
            .map_err(|error| self.fault(error))?;
        demand_none(acd, came)?;
        for statement in [MESSAGES, PROCESSED, DELETIONS].iter().chain(HISTORY) {
            sqlx::query(*statement)
                .bind(id)
                .bind(i64::MAX)
                .execute(&mut *tx)
                .await
                .map_err(|error| self.fault(error))?;
        }
        self.remove_wishes(&mut tx, acd).await?;
        for statement in REST {
            sqlx::query(*statement)
                .bind(id)
                .execute(&mut *tx)
                .await
                .map_err(|error| self.fault(error))?;
        }
        self.commit(tx).await
    }

    async fn demand_finished(&self, acd: &AcdKey, with_unfinished: bool) -> Result<()> {
        let mut tx = self.begin().await?;
        let id = self.acd_id(&mut tx, acd).await?;
        let unfinished: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM contact WHERE acd = ? AND finished_at IS NULL",
        )
        .bind(id)
        .fetch_one(&mut *tx)
        .await
        .map_err(|error| self.fault(error))?;
        if with_unfinished {
            return Ok(());
        }
        demand_none(acd, unfinished)
    }

    async fn remove_wishes(&self, tx: &mut Tx, acd: &AcdKey) -> Result<()> {
        let fault = |error| self.fault(error);
        let rows = sqlx::query("SELECT id, wish_json FROM wish")
            .fetch_all(&mut **tx)
            .await
            .map_err(fault)?;
        for row in &rows {
            let text: String = row.try_get("wish_json").map_err(fault)?;
            let wish: Option<Wish> = serde_json::from_str(&text).ok();
            if wish.as_ref().and_then(Wish::acd) != Some(acd) {
                continue;
            }
            sqlx::query("DELETE FROM wish WHERE id = ?")
                .bind(row.try_get::<i64, _>("id").map_err(fault)?)
                .execute(&mut **tx)
                .await
                .map_err(fault)?;
        }
        Ok(())
    }
}

fn demand_none(acd: &AcdKey, contacts: i64) -> Result<()> {
    if contacts == 0 {
        return Ok(());
    }
    Err(LedgerError::Unfinished {
        acd: Box::new(acd.clone()),
        contacts: contacts.unsigned_abs(),
    })
}
