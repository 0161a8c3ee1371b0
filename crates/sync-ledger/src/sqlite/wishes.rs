//! The table of wishes.

use chrono::{DateTime, Utc};
use contact_model::AcdKey;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::SqliteLedger;
use super::rows::time_of;
use super::writing::json;
use crate::wishes::UNKNOWN_WISH;
use crate::{
    ClaimedWish, LedgerError, Outcome, Result, Wish, WishId, WishRow, WishState, WishStore,
};

const CLAIMABLE: &str = "SELECT id, wish_json, claims FROM wish WHERE id > ? AND (state = 'waiting' \
    OR (state = 'claimed' AND lease_until <= ?)) ORDER BY id LIMIT 64";

impl WishStore for SqliteLedger {
    async fn put(&self, wish: &Wish, now: DateTime<Utc>) -> Result<WishId> {
        let fault = |error| self.fault(error);
        let wish_json = json("a wish", wish)?;
        let mut tx = self.begin().await?;
        let waiting: Option<i64> = sqlx::query_scalar(
            "SELECT id FROM wish WHERE state = 'waiting' AND wish_json = ? ORDER BY id LIMIT 1",
        )
        .bind(&wish_json)
        .fetch_optional(&mut *tx)
        .await
        .map_err(fault)?;
        if let Some(id) = waiting {
            return Ok(WishId(id));
        }
        let id =
            sqlx::query("INSERT INTO wish (wish_json, state, created_at) VALUES (?, 'waiting', ?)")
                .bind(&wish_json)
                .bind(now.timestamp_millis())
                .execute(&mut *tx)
                .await
                .map_err(fault)?
                .last_insert_rowid();
        self.commit(tx).await?;
        Ok(WishId(id))
    }

    async fn claim_wish(
        &self,
        busy: &[AcdKey],
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Option<ClaimedWish>> {
        let fault = |error| self.fault(error);
        let mut tx = self.begin().await?;
        let mut claimed = None;
        // Those of busy ACDs are passed over, however many they are, without all of them in memory.
        let (mut page, mut after) = (Vec::new().into_iter(), 0);
        loop {
            let Some(row) = page.next() else {
                page = sqlx::query(CLAIMABLE)
                    .bind(after)
                    .bind(now.timestamp_millis())
                    .fetch_all(&mut *tx)
                    .await
                    .map_err(fault)?
                    .into_iter();
                if page.as_slice().is_empty() {
                    break;
                }
                continue;
            };
            let id: i64 = row.try_get("id").map_err(fault)?;
            after = id;
            let wish_json: String = row.try_get("wish_json").map_err(fault)?;
            let Ok(wish) = serde_json::from_str::<Wish>(&wish_json) else {
                sqlx::query(
                    "UPDATE wish SET state = 'failed', settled_at = ?, outcome = ? WHERE id = ?",
                )
                .bind(now.timestamp_millis())
                .bind(UNKNOWN_WISH)
                .bind(id)
                .execute(&mut *tx)
                .await
                .map_err(fault)?;
                continue;
            };
            if wish.waits_for(busy) {
                continue;
            }
            let claims: i64 = row.try_get("claims").map_err(fault)?;
            let claim = u32::try_from(claims).unwrap_or(u32::MAX).saturating_add(1);
            sqlx::query(
                "UPDATE wish SET state = 'claimed', claims = ?, lease_until = ? WHERE id = ?",
            )
            .bind(claim)
            .bind(lease_until.timestamp_millis())
            .bind(id)
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
            let id = WishId(id);
            claimed = Some(ClaimedWish { id, wish, claim });
            break;
        }
        self.commit(tx).await?;
        Ok(claimed)
    }

    async fn settle_wish(
        &self,
        claimed: &ClaimedWish,
        outcome: Outcome,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let (state, said) = match outcome {
            Outcome::Done(said) => (WishState::Done, said),
            Outcome::Failed(said) => (WishState::Failed, said),
        };
        let mut tx = self.begin().await?;
        let settled = sqlx::query(
            "UPDATE wish SET state = ?, settled_at = ?, outcome = ?, lease_until = NULL \
             WHERE id = ? AND state = 'claimed' AND claims = ?",
        )
        .bind(state.as_str())
        .bind(now.timestamp_millis())
        .bind(said)
        .bind(claimed.id.0)
        .bind(claimed.claim)
        .execute(&mut *tx)
        .await
        .map_err(|error| self.fault(error))?;
        if settled.rows_affected() == 0 {
            return Err(LedgerError::WishNotHeld { id: claimed.id.0 });
        }
        self.commit(tx).await
    }

    async fn wish(&self, id: WishId) -> Result<Option<WishRow>> {
        let row = sqlx::query(
            "SELECT id, wish_json, state, created_at, claims, settled_at, outcome FROM wish WHERE id = ?",
        )
        .bind(id.0)
        .fetch_optional(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        row.map(|row| self.read_wish(&row)).transpose()
    }

    async fn wishes(&self, only_open: bool, limit: u32) -> Result<Vec<WishRow>> {
        let rows = sqlx::query(
            "SELECT id, wish_json, state, created_at, claims, settled_at, outcome FROM wish \
             WHERE NOT ? OR state IN ('waiting', 'claimed') ORDER BY id DESC LIMIT ?",
        )
        .bind(only_open)
        .bind(limit)
        .fetch_all(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        rows.iter().map(|row| self.read_wish(row)).collect()
    }
}

impl SqliteLedger {
    fn read_wish(&self, row: &SqliteRow) -> Result<WishRow> {
        let fault = |error| self.fault(error);
        let state: String = row.try_get("state").map_err(fault)?;
        let unknown = || LedgerError::Unreadable {
            what: "a wish".to_owned(),
            fault: "its state is none that this release knows".to_owned(),
        };
        let wish_json: String = row.try_get("wish_json").map_err(fault)?;
        let settled_at: Option<i64> = row.try_get("settled_at").map_err(fault)?;
        let wish: Option<Wish> = serde_json::from_str(&wish_json).ok();
        Ok(WishRow {
            id: WishId(row.try_get("id").map_err(fault)?),
            wish,
            state: WishState::parse(&state).ok_or_else(unknown)?,
            created_at: time_of("a wish", row.try_get("created_at").map_err(fault)?)?,
            claims: row.try_get("claims").map_err(fault)?,
            settled_at: settled_at.map(|at| time_of("a wish", at)).transpose()?,
            outcome: row.try_get("outcome").map_err(fault)?,
        })
    }
}
