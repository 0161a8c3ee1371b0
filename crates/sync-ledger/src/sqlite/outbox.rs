//! The outbox: messages put, claimed, settled and sent again.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, LegId};
use sqlx::Row as _;

use super::messages::{StoredMessage, select_message};
use super::rows::time_of;
use super::writing::json;
use super::{SqliteLedger, Tx};
use crate::seal::Bound;
use crate::{
    ClaimedMessage, ClaimedMessages, EnabledEndpoint, Endpoint, Judge, MAX_ANSWER_BYTES,
    MessageFilter, MessageOutcome, MessagePage, MessageRecord, MessageSettled, MessageSettlement,
    MessageState, OutboxCount, OutboxStore, Replayed, Result, RowMark, StoredBytes, Tell,
    Undelivered,
};

/// The engine would rather look at every pending message of the ACD.
pub(super) const ORDER_LEG: &str = "UPDATE outbox INDEXED BY outbox_leg SET due_at = CASE WHEN id = \
    (SELECT MIN(id) FROM outbox INDEXED BY outbox_leg WHERE acd = ?1 AND leg = ?2 AND state = 'pending') \
    THEN COALESCE(due_at, ?3) END WHERE acd = ?1 AND leg = ?2 AND state = 'pending'";
pub(super) const ORDER_LEGS_OF: &str = "UPDATE outbox INDEXED BY outbox_leg SET due_at = CASE WHEN id = \
    (SELECT MIN(e.id) FROM outbox e INDEXED BY outbox_leg WHERE e.acd = outbox.acd AND e.leg = outbox.leg \
      AND e.state = 'pending') THEN COALESCE(due_at, ?1) END WHERE state = 'pending' AND (acd, leg) IN \
    (SELECT o.acd, o.leg FROM outbox o WHERE o.id IN (SELECT value FROM json_each(?2)))";
pub(super) const CLAIM: &str = select_message!(
    "WHERE o.acd = ? AND o.due_at <= ? AND (o.lease_until IS NULL OR o.lease_until <= ?) \
     ORDER BY o.due_at, o.id LIMIT ?",
    "o.body, o.body_seal, NULL AS answer, NULL AS answer_seal"
);
pub(super) const LEASE: &str = "UPDATE outbox SET lease_until = ?, claims = claims + 1 \
    WHERE id IN (SELECT value FROM json_each(?))";

impl OutboxStore for SqliteLedger {
    async fn claim_messages(
        &self,
        acd: &AcdKey,
        now: DateTime<Utc>,
        limit: u32,
        lease_until: DateTime<Utc>,
    ) -> Result<ClaimedMessages> {
        let fault = |error| self.fault(error);
        let mut tx = self.begin().await?;
        let acd_id = self.acd_id(&mut tx, acd).await?;
        let mut claimed = ClaimedMessages::default();
        if self.endpoint_in(&mut tx, acd_id).await?.disabled.is_some() {
            return Ok(claimed);
        }
        let due = sqlx::query(CLAIM)
            .bind(acd_id)
            .bind(now.timestamp_millis())
            .bind(now.timestamp_millis())
            .bind(limit)
            .fetch_all(&mut *tx)
            .await
            .map_err(fault)?;
        let mut ids = Vec::with_capacity(due.len());
        for row in &due {
            let stored = StoredMessage::read(row).map_err(fault)?;
            let body = stored.body(&self.inner.sealing);
            let (Ok(row), StoredBytes::Present(body)) = (stored.row(), body) else {
                // Nobody could ever send it: it makes way for the next of its leg.
                self.set_aside(&mut tx, &stored, acd_id, now).await?;
                claimed.unreadable.push(stored.message);
                continue;
            };
            ids.push(stored.id);
            claimed.messages.push(ClaimedMessage {
                id: row.id,
                claim: stored.claims.saturating_add(1),
                acd: row.acd,
                leg: row.leg,
                body,
                created_at: row.created_at,
                attempts: row.attempts,
            });
        }
        sqlx::query(LEASE)
            .bind(lease_until.timestamp_millis())
            .bind(json("numbers", &ids)?)
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        self.commit(tx).await?;
        Ok(claimed)
    }

    async fn settle_messages(
        &self,
        settlements: &[MessageSettlement],
        judge: Judge<'_>,
        now: DateTime<Utc>,
    ) -> Result<Vec<MessageSettled>> {
        let mut tx = self.begin().await?;
        // Each as it was, and as it has become.
        let mut endpoints: BTreeMap<i64, (Endpoint, Endpoint)> = BTreeMap::new();
        let (mut ids, mut settled) = (Vec::new(), Vec::with_capacity(settlements.len()));
        for (place, settlement) in settlements.iter().enumerate() {
            let held = self.settle_one(&mut tx, settlement, now).await?;
            let Some((id, acd)) = held else {
                settled.push(MessageSettled::NotHeld);
                continue;
            };
            ids.push(id);
            let endpoint = match endpoints.entry(acd) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    let stored = self.endpoint_in(&mut tx, acd).await?;
                    unknown.insert((stored.clone(), stored))
                }
            };
            let before = endpoint.1.clone();
            endpoint.1 = judge(place, &before).floored();
            let after = endpoint.1.clone();
            settled.push(MessageSettled::Recorded { before, after });
        }
        self.order_legs_of(&mut tx, &ids, now.timestamp_millis())
            .await?;
        for (acd, (stored, becomes)) in &endpoints {
            if becomes != stored {
                self.write_endpoint(&mut tx, *acd, becomes).await?;
            }
        }
        self.commit(tx).await?;
        Ok(settled)
    }

    async fn next_message_due(&self, acd: &AcdKey) -> Result<Option<DateTime<Utc>>> {
        let next: Option<i64> = sqlx::query_scalar(
            "WITH of AS (SELECT a.id FROM acd a LEFT JOIN endpoint e ON e.acd = a.id \
               WHERE a.account = ? AND a.workspace = ? AND a.tenant = ? AND e.disabled_at IS NULL) \
             SELECT MIN(next) FROM (\
               SELECT (SELECT o.due_at FROM outbox o WHERE o.acd = of.id AND o.due_at IS NOT NULL \
                 AND o.lease_until IS NULL ORDER BY o.due_at, o.id LIMIT 1) AS next FROM of \
               UNION ALL SELECT MAX(o.due_at, o.lease_until) FROM outbox o JOIN of ON of.id = o.acd \
                 WHERE o.lease_until IS NOT NULL AND o.due_at IS NOT NULL)",
        )
        .bind(acd.account.as_str())
        .bind(acd.workspace.as_str())
        .bind(acd.tenant.as_str())
        .fetch_one(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        next.map(|at| time_of("a webhook message", at)).transpose()
    }

    async fn endpoint(&self, acd: &AcdKey) -> Result<Endpoint> {
        self.read_endpoint_of(acd).await
    }

    async fn enable_endpoint(&self, acd: &AcdKey, now: DateTime<Utc>) -> Result<EnabledEndpoint> {
        let fault = |error| self.fault(error);
        let mut tx = self.begin().await?;
        let acd_id = self.acd_id(&mut tx, acd).await?;
        let before = self.endpoint_in(&mut tx, acd_id).await?;
        let after = Endpoint {
            failing_since: None,
            disabled: None,
            ..before.clone()
        };
        self.write_endpoint(&mut tx, acd_id, &after).await?;
        // A message without a time waits for an earlier one of its leg, and goes on waiting.
        let pending = sqlx::query(
            "UPDATE outbox SET attempts = 0, due_at = CASE WHEN due_at IS NULL THEN NULL ELSE ? END, lease_until = NULL \
             WHERE acd = ? AND state = 'pending' AND (lease_until IS NULL OR lease_until <= ?)",
        )
        .bind(now.timestamp_millis())
        .bind(acd_id)
        .bind(now.timestamp_millis())
        .execute(&mut *tx)
        .await
        .map_err(fault)?
        .rows_affected();
        self.commit(tx).await?;
        Ok(EnabledEndpoint { before, pending })
    }

    async fn message(&self, id: &str) -> Result<Option<MessageRecord>> {
        self.read_message(id).await
    }

    async fn messages(
        &self,
        filter: &MessageFilter,
        limit: u32,
        after: Option<RowMark>,
    ) -> Result<MessagePage> {
        self.list_messages(filter, limit, after).await
    }

    async fn replay_message(&self, id: &str, now: DateTime<Utc>) -> Result<Replayed> {
        let fault = |error| self.fault(error);
        let mut tx = self.begin().await?;
        let row = sqlx::query(
            "SELECT id, acd, leg, state, lease_until, body IS NULL AS erased FROM outbox WHERE message = ?",
        )
        .bind(id)
        .fetch_optional(&mut *tx)
        .await
        .map_err(fault)?;
        let Some(row) = row else {
            return Ok(Replayed::Unknown);
        };
        if row.try_get("erased").map_err(fault)? {
            return Ok(Replayed::Erased);
        }
        let lease: Option<i64> = row.try_get("lease_until").map_err(fault)?;
        if lease.is_some_and(|lease| lease > now.timestamp_millis()) {
            return Ok(Replayed::UnderWay);
        }
        let (acd, leg): (i64, String) = (
            row.try_get("acd").map_err(fault)?,
            row.try_get("leg").map_err(fault)?,
        );
        sqlx::query(
            "UPDATE outbox SET state = 'pending', settled_at = NULL, attempts = 0, due_at = ?, lease_until = NULL WHERE id = ?",
        )
        .bind(now.timestamp_millis())
        .bind(row.try_get::<i64, _>("id").map_err(fault)?)
        .execute(&mut *tx)
        .await
        .map_err(fault)?;
        self.order_leg(&mut tx, acd, &leg, now.timestamp_millis())
            .await?;
        self.commit(tx).await?;
        Ok(Replayed::Due)
    }

    async fn replay_messages(
        &self,
        acd: &AcdKey,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        delivered: bool,
        now: DateTime<Utc>,
    ) -> Result<u64> {
        let fault = |error| self.fault(error);
        let mut tx = self.begin().await?;
        let acd_id = self.acd_id(&mut tx, acd).await?;
        let replayed = sqlx::query(
            "UPDATE outbox SET state = 'pending', settled_at = NULL, attempts = 0, due_at = ?, lease_until = NULL \
             WHERE acd = ? AND created_at >= ? AND created_at < ? AND body IS NOT NULL \
             AND (state = 'exhausted' OR (? AND state = 'delivered'))",
        )
        .bind(now.timestamp_millis())
        .bind(acd_id)
        .bind(from.timestamp_millis())
        .bind(to.timestamp_millis())
        .bind(delivered)
        .execute(&mut *tx)
        .await
        .map_err(fault)?
        .rows_affected();
        if replayed > 0 {
            sqlx::query(
                "UPDATE outbox SET due_at = CASE WHEN EXISTS (SELECT 1 FROM outbox e WHERE e.acd = outbox.acd \
                   AND e.leg = outbox.leg AND e.id < outbox.id AND e.state = 'pending') THEN NULL \
                 ELSE COALESCE(due_at, ?) END WHERE acd = ? AND state = 'pending'",
            )
            .bind(now.timestamp_millis())
            .bind(acd_id)
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        }
        self.commit(tx).await?;
        Ok(replayed)
    }

    async fn outbox_counts(&self, acd: Option<&AcdKey>) -> Result<Vec<OutboxCount>> {
        self.count_messages(acd).await
    }

    async fn undelivered_of_leg(&self, acd: &AcdKey, leg: LegId) -> Result<Undelivered> {
        let row = sqlx::query(
            "SELECT COALESCE(SUM(o.state = 'pending'), 0) AS pending, COALESCE(SUM(o.state = 'exhausted'), 0) AS exhausted \
             FROM outbox o JOIN acd a ON a.id = o.acd WHERE a.account = ? AND a.workspace = ? AND a.tenant = ? AND o.leg = ?",
        )
        .bind(acd.account.as_str())
        .bind(acd.workspace.as_str())
        .bind(acd.tenant.as_str())
        .bind(leg.as_str())
        .fetch_one(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        let count = |column: &str| {
            row.try_get::<i64, _>(column)
                .map(i64::unsigned_abs)
                .map_err(|error| self.fault(error))
        };
        Ok(Undelivered {
            pending: count("pending")?,
            exhausted: count("exhausted")?,
        })
    }
}

impl SqliteLedger {
    /// Puts a message behind those of its leg that are pending.
    pub(super) async fn put_message(
        &self,
        tx: &mut Tx,
        (acd_id, acd, leg): (i64, &AcdKey, LegId),
        tell: &Tell,
        at: i64,
    ) -> Result<()> {
        let bound = Bound::Message(acd, &tell.message_id);
        let sealed = self.inner.sealing.seal_bytes(bound, &tell.body)?;
        sqlx::query(
            "INSERT INTO outbox (message, acd, leg, status_json, state, created_at, body, body_seal) \
             VALUES (?, ?, ?, ?, 'pending', ?, ?, ?)",
        )
        .bind(&tell.message_id)
        .bind(acd_id)
        .bind(leg.as_str())
        .bind(json("a status", &tell.status)?)
        .bind(at)
        .bind(sealed.bytes)
        .bind(sealed.marker)
        .execute(&mut **tx)
        .await
        .map_err(|error| self.fault(error))?;
        self.order_leg(tx, acd_id, leg.as_str(), at).await
    }

    /// Of the pending messages of a leg the oldest is due, at its own time or now; the others wait for it.
    pub(super) async fn order_leg(&self, tx: &mut Tx, acd: i64, leg: &str, now: i64) -> Result<()> {
        sqlx::query(ORDER_LEG)
            .bind(acd)
            .bind(leg)
            .bind(now)
            .execute(&mut **tx)
            .await
            .map_err(|error| self.fault(error))?;
        Ok(())
    }

    async fn set_aside(
        &self,
        tx: &mut Tx,
        stored: &StoredMessage,
        acd_id: i64,
        now: DateTime<Utc>,
    ) -> Result<()> {
        sqlx::query(
            "UPDATE outbox SET state = ?, due_at = NULL, lease_until = NULL, settled_at = ? WHERE id = ?",
        )
        .bind(MessageState::Exhausted.as_str())
        .bind(now.timestamp_millis())
        .bind(stored.id)
        .execute(&mut **tx)
        .await
        .map_err(|error| self.fault(error))?;
        self.order_leg(tx, acd_id, &stored.leg, now.timestamp_millis())
            .await
    }

    /// As `order_leg`, for the legs of all these messages.
    async fn order_legs_of(&self, tx: &mut Tx, ids: &[i64], now: i64) -> Result<()> {
        sqlx::query(ORDER_LEGS_OF)
            .bind(now)
            .bind(json("numbers", &ids)?)
            .execute(&mut **tx)
            .await
            .map_err(|error| self.fault(error))?;
        Ok(())
    }

    /// Gives the message's row and its ACD's, unless it is not held.
    async fn settle_one(
        &self,
        tx: &mut Tx,
        settlement: &MessageSettlement,
        now: DateTime<Utc>,
    ) -> Result<Option<(i64, i64)>> {
        let fault = |error| self.fault(error);
        let held = sqlx::query(
            "SELECT o.id, o.acd AS acd_id, a.account, a.workspace, a.tenant FROM outbox o JOIN acd a ON a.id = o.acd \
             WHERE o.message = ? AND o.state = 'pending' AND o.claims = ? AND o.lease_until IS NOT NULL",
        )
        .bind(&settlement.id)
        .bind(settlement.claim)
        .fetch_optional(&mut **tx)
        .await
        .map_err(fault)?;
        let Some(held) = held else {
            return Ok(None);
        };
        let acd = super::rows::acd_of(&held).map_err(fault)?;
        let (id, acd_id): (i64, i64) = (
            held.try_get("id").map_err(fault)?,
            held.try_get("acd_id").map_err(fault)?,
        );
        let at = now.timestamp_millis();
        let (state, failed, due_at, settled_at) = match settlement.outcome {
            MessageOutcome::Delivered => (MessageState::Delivered, false, None, Some(at)),
            MessageOutcome::RetryAt(due) => (
                MessageState::Pending,
                true,
                Some(due.timestamp_millis()),
                None,
            ),
            MessageOutcome::Exhausted => (MessageState::Exhausted, true, None, Some(at)),
        };
        let attempt = &settlement.attempt;
        let answer = attempt
            .answer
            .get(..MAX_ANSWER_BYTES)
            .unwrap_or(&attempt.answer);
        let sealed = if answer.is_empty() {
            None
        } else {
            let bound = Bound::Answer(&acd, &settlement.id);
            Some(self.inner.sealing.seal_bytes(bound, answer)?)
        };
        let (bytes, marker) = sealed.map(|sealed| (sealed.bytes, sealed.marker)).unzip();
        sqlx::query(
            "UPDATE outbox SET state = ?, attempts = attempts + ?, due_at = ?, settled_at = ?, lease_until = NULL, \
             attempt_at = ?, attempt_ms = ?, attempt_status = ?, attempt_failure = ?, attempt_reason = ?, \
             answer = ?, answer_seal = ? WHERE id = ?",
        )
        .bind(state.as_str())
        .bind(failed)
        .bind(due_at)
        .bind(settled_at)
        .bind(attempt.at.timestamp_millis())
        .bind(i64::try_from(attempt.took.as_millis()).unwrap_or(i64::MAX))
        .bind(attempt.status)
        .bind(&attempt.failure)
        .bind(&attempt.reason)
        .bind(bytes)
        .bind(marker)
        .bind(id)
        .execute(&mut **tx)
        .await
        .map_err(fault)?;
        Ok(Some((id, acd_id)))
    }
}
