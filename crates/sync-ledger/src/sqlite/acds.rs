//! The table of ACDs.

use contact_model::AcdKey;
use sqlx::Row as _;

use super::rows::acd_of;
use super::{SqliteLedger, Tx};
use crate::{AcdRow, AcdStore, LedgerError, RemovedAcd, Result};

/// The row of an ACD, by account, workspace and tenant.
pub(super) const ACD_ID: &str =
    "SELECT id FROM acd WHERE account = ? AND workspace = ? AND tenant = ?";

impl AcdStore for SqliteLedger {
    async fn register(&self, acd: &AcdKey, name: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO acd (account, workspace, tenant, name) VALUES (?, ?, ?, ?) \
             ON CONFLICT (account, workspace, tenant) DO UPDATE SET name = excluded.name",
        )
        .bind(acd.account.as_str())
        .bind(acd.workspace.as_str())
        .bind(acd.tenant.as_str())
        .bind(name)
        .execute(&mut *tx)
        .await
        .map_err(|error| self.fault(error))?;
        self.commit(tx).await
    }

    async fn acds(&self) -> Result<Vec<AcdRow>> {
        let rows = sqlx::query(
            "SELECT account, workspace, tenant, name, \
             (SELECT COUNT(*) FROM contact c WHERE c.acd = a.id AND c.finished_at IS NULL) AS unfinished \
             FROM acd a ORDER BY account, workspace, tenant",
        )
        .fetch_all(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        let read = |row| {
            let unfinished: i64 = sqlx::sqlite::SqliteRow::try_get(&row, "unfinished")?;
            Ok(AcdRow {
                key: acd_of(&row)?,
                name: row.try_get("name")?,
                unfinished: unfinished.unsigned_abs(),
            })
        };
        rows.into_iter()
            .map(read)
            .collect::<sqlx::Result<_>>()
            .map_err(|error| self.fault(error))
    }

    async fn remove(&self, acd: &AcdKey, with_unfinished: bool) -> Result<RemovedAcd> {
        self.remove_acd(acd, with_unfinished).await
    }
}

impl SqliteLedger {
    /// The row of an ACD, within a transaction.
    pub(super) async fn acd_id(&self, tx: &mut Tx, acd: &AcdKey) -> Result<i64> {
        sqlx::query_scalar(ACD_ID)
            .bind(acd.account.as_str())
            .bind(acd.workspace.as_str())
            .bind(acd.tenant.as_str())
            .fetch_optional(&mut **tx)
            .await
            .map_err(|error| self.fault(error))?
            .ok_or_else(|| LedgerError::UnknownAcd {
                acd: Box::new(acd.clone()),
            })
    }
}
