//! The table of reconciliations.

use contact_model::AcdKey;
use sqlx::Row as _;

use super::SqliteLedger;
use super::rows::time_of;
use super::writing::json;
use crate::{LedgerError, Reconciliation, ReconciliationStore, Result};

const WHAT: &str = "a reconciliation";

impl ReconciliationStore for SqliteLedger {
    async fn record_reconciliation(&self, reconciliation: &Reconciliation) -> Result<()> {
        let mut tx = self.begin().await?;
        let acd_id = self.acd_id(&mut tx, &reconciliation.acd).await?;
        sqlx::query(
            "INSERT INTO reconciliation (acd, range_from, range_to, at, totals_json, unexplained) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(acd_id)
        .bind(reconciliation.from.timestamp_millis())
        .bind(reconciliation.to.timestamp_millis())
        .bind(reconciliation.at.timestamp_millis())
        .bind(json(WHAT, &reconciliation.totals)?)
        .bind(i64::try_from(reconciliation.unexplained).unwrap_or(i64::MAX))
        .execute(&mut *tx)
        .await
        .map_err(|error| self.fault(error))?;
        self.commit(tx).await
    }

    async fn reconciliations(&self, acd: &AcdKey, limit: u32) -> Result<Vec<Reconciliation>> {
        let fault = |error| self.fault(error);
        let rows = sqlx::query(
            "SELECT r.range_from, r.range_to, r.at, r.totals_json, r.unexplained FROM reconciliation r \
             JOIN acd a ON a.id = r.acd WHERE a.account = ? AND a.workspace = ? AND a.tenant = ? ORDER BY r.id DESC LIMIT ?",
        )
        .bind(acd.account.as_str())
        .bind(acd.workspace.as_str())
        .bind(acd.tenant.as_str())
        .bind(limit)
        .fetch_all(&self.inner.reader)
        .await
        .map_err(fault)?;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            let at = |column: &str| time_of(WHAT, row.try_get(column).map_err(fault)?);
            let totals: String = row.try_get("totals_json").map_err(fault)?;
            let unexplained: i64 = row.try_get("unexplained").map_err(fault)?;
            found.push(Reconciliation {
                acd: acd.clone(),
                from: at("range_from")?,
                to: at("range_to")?,
                at: at("at")?,
                totals: serde_json::from_str(&totals).map_err(|_| LedgerError::Unreadable {
                    what: WHAT.to_owned(),
                    fault: "its totals are no JSON".to_owned(),
                })?,
                unexplained: unexplained.unsigned_abs(),
            });
        }
        Ok(found)
    }
}
