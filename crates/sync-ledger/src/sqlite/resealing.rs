//! Under which keys things are sealed, and bringing them under the current one.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use contact_model::AcdKey;
use serde::Serialize;
use sqlx::Row as _;

use super::rows::{StoredContact, acd_of, select_contact};
use super::{SqliteLedger, Tx};
use crate::seal::{Bound, CLEAR};
use crate::{LedgerError, Result, StoredDetails};

/// What is stored under one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DetailsAtRest {
    /// The id of the key that it is sealed under; `None` where it lies in the clear.
    pub key: Option<String>,
    /// The details of how many contacts.
    pub contacts: u64,
    /// How many bodies of webhook messages, answers to them, payloads of pushed events, and names of agents and queues.
    pub others: u64,
}

/// Sealed bytes beside the details of contacts.
struct Column {
    /// Counts them by their marker.
    count: &'static str,
    /// Gives the rows that are not under this marker, with `id`, `name`, `bytes`, `seal` and the ACD.
    other_than: &'static str,
    /// Stores bytes and marker in a row.
    store: &'static str,
    /// Where they belong.
    bound: for<'a> fn(&'a AcdKey, &'a str) -> Bound<'a>,
}

macro_rules! column {
    ($table:literal, $name:literal, $column:literal, $index:literal, $bound:ident) => {
        Column {
            count: concat!(
                "SELECT ",
                $column,
                "_seal, COUNT(*) FROM ",
                $table,
                " WHERE ",
                $column,
                "_seal IS NOT NULL GROUP BY ",
                $column,
                "_seal"
            ),
            other_than: concat!(
                "SELECT t.id, t.",
                $name,
                " AS name, t.",
                $column,
                " AS bytes, t.",
                $column,
                "_seal AS seal, a.account, a.workspace, a.tenant FROM ",
                $table,
                " t INDEXED BY ",
                $index,
                " JOIN acd a ON a.id = t.acd WHERE t.",
                $column,
                "_seal IS NOT NULL AND t.",
                $column,
                "_seal <> ? AND t.id > ? ORDER BY t.id LIMIT ?"
            ),
            store: concat!(
                "UPDATE ",
                $table,
                " SET ",
                $column,
                " = ?, ",
                $column,
                "_seal = ? WHERE id = ?"
            ),
            bound: |acd, name| Bound::$bound(acd, name),
        }
    };
}

const COLUMNS: &[Column] = &[
    column!("outbox", "message", "body", "outbox_body_seal", Message),
    column!("outbox", "message", "answer", "outbox_answer_seal", Answer),
    column!("inbox", "event", "payload", "inbox_payload_seal", Event),
    column!(
        "held_interval",
        "mark",
        "who",
        "held_interval_who_seal",
        Held
    ),
    column!("subject", "sid", "names", "subject_names_seal", Subject),
];

impl SqliteLedger {
    /// Under which keys details and other bytes are sealed, and how many lie in the clear.
    ///
    /// # Errors
    ///
    /// What the file system has against it.
    pub async fn details_at_rest(&self) -> Result<Vec<DetailsAtRest>> {
        let mut kept: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let details = "SELECT details_seal, COUNT(*) FROM contact WHERE details_seal IS NOT NULL GROUP BY details_seal";
        for (marker, contacts) in self.count_by_marker(details).await? {
            kept.entry(marker).or_default().0 += contacts;
        }
        for column in COLUMNS {
            for (marker, others) in self.count_by_marker(column.count).await? {
                kept.entry(marker).or_default().1 += others;
            }
        }
        let at_rest = kept
            .into_iter()
            .map(|(marker, (contacts, others))| DetailsAtRest {
                key: Some(marker).filter(|key| key != CLEAR),
                contacts,
                others,
            });
        Ok(at_rest.collect())
    }

    async fn count_by_marker(&self, statement: &'static str) -> Result<Vec<(String, u64)>> {
        let fault = |error| self.fault(error);
        let rows = sqlx::query(statement)
            .fetch_all(&self.inner.reader)
            .await
            .map_err(fault)?;
        let mut counts = Vec::with_capacity(rows.len());
        for row in rows {
            let count: i64 = row.try_get(1).map_err(fault)?;
            counts.push((row.try_get(0).map_err(fault)?, count.unsigned_abs()));
        }
        Ok(counts)
    }

    /// Brings details and other bytes that are stored otherwise under the current sealing, at most so many; gives how many
    /// it were. Done when it gives 0. What cannot be read stays as it is.
    ///
    /// # Errors
    ///
    /// What the file system has against it.
    pub async fn reseal(&self, limit: u32) -> Result<u64> {
        let limit = u64::from(limit);
        let mut tx = self.begin().await?;
        let mut resealed = self.reseal_details(&mut tx, limit).await?;
        for column in COLUMNS {
            let left = limit.saturating_sub(resealed);
            resealed += self.reseal_column(&mut tx, column, left).await?;
        }
        self.commit(tx).await?;
        if resealed > 0 {
            self.inner.log_to_empty.store(true, Ordering::Relaxed);
        }
        Ok(resealed)
    }

    async fn reseal_details(&self, tx: &mut Tx, limit: u64) -> Result<u64> {
        let fault = |error| self.fault(error);
        let ids: Vec<i64> = sqlx::query_scalar(
            "SELECT id FROM contact INDEXED BY contact_seal WHERE details_seal IS NOT NULL AND details_seal <> ? ORDER BY id",
        )
        .bind(self.inner.sealing.marker().to_owned())
        .fetch_all(&mut **tx)
        .await
        .map_err(fault)?;
        let mut resealed = 0;
        for id in ids {
            if resealed >= limit {
                break;
            }
            let row = sqlx::query(select_contact!("WHERE c.id = ?"))
                .bind(id)
                .fetch_one(&mut **tx)
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
                .execute(&mut **tx)
                .await
                .map_err(fault)?;
            resealed += 1;
        }
        Ok(resealed)
    }

    async fn reseal_column(&self, tx: &mut Tx, column: &Column, limit: u64) -> Result<u64> {
        let fault = |error| self.fault(error);
        let (mut after, mut resealed) = (0_i64, 0);
        while resealed < limit {
            let rows = sqlx::query(column.other_than)
                .bind(self.inner.sealing.marker().to_owned())
                .bind(after)
                .bind(i64::try_from(limit - resealed).unwrap_or(i64::MAX))
                .fetch_all(&mut **tx)
                .await
                .map_err(fault)?;
            let Some(last) = rows.last() else { break };
            after = last.try_get("id").map_err(fault)?;
            for row in &rows {
                let acd = acd_of(row).map_err(fault)?;
                let (name, marker): (String, String) = (
                    row.try_get("name").map_err(fault)?,
                    row.try_get("seal").map_err(fault)?,
                );
                let bytes: Vec<u8> = row.try_get("bytes").map_err(fault)?;
                let bound = (column.bound)(&acd, &name);
                // What cannot be read is passed over.
                let Ok(plain) = self.inner.sealing.open_bytes(bound, &marker, &bytes) else {
                    continue;
                };
                let sealed = self.inner.sealing.seal_bytes(bound, &plain)?;
                sqlx::query(column.store)
                    .bind(sealed.bytes)
                    .bind(sealed.marker)
                    .bind(row.try_get::<i64, _>("id").map_err(fault)?)
                    .execute(&mut **tx)
                    .await
                    .map_err(fault)?;
                resealed += 1;
            }
        }
        Ok(resealed)
    }

    /// Refuses to begin while something is sealed under a key that is not at hand.
    pub(super) async fn demand_keys(&self) -> Result<()> {
        for kept in self.details_at_rest().await? {
            let Some(key) = kept.key else { continue };
            if !self.inner.sealing.knows(&key) {
                let configured = self.inner.sealing.known();
                return Err(LedgerError::SealingKeyMissing {
                    sealed_under: key,
                    contacts: kept.contacts,
                    others: kept.others,
                    configured,
                });
            }
        }
        Ok(())
    }
}
