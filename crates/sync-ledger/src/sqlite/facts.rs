//! The table of what was found out about tenants.

use chrono::{DateTime, Utc};
use contact_model::AcdKey;
use sqlx::Row as _;

use super::SqliteLedger;
use super::rows::time_of;
use crate::{Result, TenantFact, TenantFacts};

impl TenantFacts for SqliteLedger {
    async fn confirm(
        &self,
        acd: &AcdKey,
        assumption: u32,
        held: bool,
        at: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        let acd_id = self.acd_id(&mut tx, acd).await?;
        sqlx::query(
            "INSERT OR REPLACE INTO tenant_fact (acd, assumption, held, at) VALUES (?, ?, ?, ?)",
        )
        .bind(acd_id)
        .bind(assumption)
        .bind(held)
        .bind(at.timestamp_millis())
        .execute(&mut *tx)
        .await
        .map_err(|error| self.fault(error))?;
        self.commit(tx).await
    }

    async fn confirmed(&self, acd: &AcdKey) -> Result<Vec<TenantFact>> {
        let fault = |error| self.fault(error);
        let rows = sqlx::query(
            "SELECT f.assumption, f.held, f.at FROM tenant_fact f JOIN acd a ON a.id = f.acd \
             WHERE a.account = ? AND a.workspace = ? AND a.tenant = ? ORDER BY f.assumption",
        )
        .bind(acd.account.as_str())
        .bind(acd.workspace.as_str())
        .bind(acd.tenant.as_str())
        .fetch_all(&self.inner.reader)
        .await
        .map_err(fault)?;
        let mut facts = Vec::with_capacity(rows.len());
        for row in &rows {
            facts.push(TenantFact {
                assumption: row.try_get("assumption").map_err(fault)?,
                held: row.try_get("held").map_err(fault)?,
                at: time_of("a tenant's fact", row.try_get("at").map_err(fault)?)?,
            });
        }
        Ok(facts)
    }
}
