//! The table of pushed events.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use contact_model::AcdKey;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use super::rows::{acd_of, stored_bytes, time_of};
use super::writing::json;
use super::{SqliteLedger, Tx};
use crate::cursors::by_acd;
use crate::seal::Bound;
use crate::{
    ClaimedEvent, ClaimedEvents, EventClaim, EventNumber, Inbox, InboxBacklog, LedgerError, Merge,
    ProcessedEvent, PushedEvent, Received, Result, SettledEvents, StoredBytes, floor_ms,
};

const WHAT: &str = "a pushed event";

/// Triggers keep the number, whoever receives, settles or removes.
pub(super) const WAITING: &str = "SELECT waiting FROM inbox_count";
pub(super) const CLAIM: &str = "SELECT i.id, i.event, i.kind, i.form, i.happened_at, i.received_at, i.claims, i.payload, \
    i.payload_seal, a.account, a.workspace, a.tenant FROM inbox i INDEXED BY inbox_waiting CROSS JOIN acd a ON a.id = i.acd \
    WHERE i.settled_at IS NULL AND (i.lease_until IS NULL OR i.lease_until <= ?) ORDER BY i.id LIMIT ?";
pub(super) const LEASE: &str = "UPDATE inbox SET lease_until = ?, claims = claims + 1 \
    WHERE id IN (SELECT value FROM json_each(?))";

pub(super) const HELD: &str = "SELECT id, claims FROM inbox \
    WHERE id IN (SELECT value FROM json_each(?)) AND lease_until IS NOT NULL AND settled_at IS NULL";
pub(super) const SETTLE: &str = "UPDATE inbox SET payload = NULL, payload_seal = NULL, lease_until = NULL, settled_at = ? \
    WHERE id IN (SELECT value FROM json_each(?))";

/// How many events one statement writes down.
const AT_ONCE: usize = 128;

impl Inbox for SqliteLedger {
    async fn receive(&self, events: &[PushedEvent], room: u64) -> Result<Received> {
        let fault = |error| self.fault(error);
        let mut tx = self.begin().await?;
        let waiting: i64 = sqlx::query_scalar(WAITING)
            .fetch_one(&mut *tx)
            .await
            .map_err(fault)?;
        let waiting = waiting.unsigned_abs();
        let mut rows = Vec::with_capacity(events.len());
        // Events of one ACD come together, as a rule.
        let mut of: Option<(&AcdKey, i64)> = None;
        for event in events {
            let acd_id = match of {
                Some((acd, id)) if *acd == event.acd => id,
                _ => self.acd_id(&mut tx, &event.acd).await?,
            };
            of = Some((&event.acd, acd_id));
            rows.push((acd_id, event));
        }
        let mut received = Received::default();
        for some in rows.chunks(AT_ONCE) {
            received.stored += self.keep_events(&mut tx, some).await?;
        }
        received.duplicates = rows.len() as u64 - received.stored;
        // What is known already needs no room.
        if received.stored > 0 && waiting + received.stored > room {
            return Err(LedgerError::InboxFull {
                waiting,
                limit: room,
            });
        }
        self.commit(tx).await?;
        Ok(received)
    }

    async fn claim_events(
        &self,
        now: DateTime<Utc>,
        limit: u32,
        lease_until: DateTime<Utc>,
    ) -> Result<ClaimedEvents> {
        let fault = |error| self.fault(error);
        let mut tx = self.begin().await?;
        let rows = sqlx::query(CLAIM)
            .bind(now.timestamp_millis())
            .bind(limit)
            .fetch_all(&mut *tx)
            .await
            .map_err(fault)?;
        let mut claimed = ClaimedEvents::default();
        let mut ids = Vec::with_capacity(rows.len());
        for row in &rows {
            let id: i64 = row.try_get("id").map_err(fault)?;
            let Some(event) = self.read_event(row)? else {
                self.end_event(&mut tx, id, now).await?;
                claimed.unreadable += 1;
                continue;
            };
            let before: u32 = row.try_get("claims").map_err(fault)?;
            let claim = EventClaim {
                number: EventNumber(id),
                claim: before.saturating_add(1),
            };
            ids.push(id);
            claimed.events.push(ClaimedEvent { claim, event });
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

    async fn settle_events(
        &self,
        events: Vec<ProcessedEvent>,
        merge: Merge<'_>,
        now: DateTime<Utc>,
    ) -> Result<SettledEvents> {
        let mut tx = self.begin().await?;
        let (mut settled, mut legs) = (SettledEvents::default(), Vec::new());
        let mut held = self.held_events(&mut tx, &events).await?;
        let mut ids = Vec::with_capacity(held.len());
        for ProcessedEvent { claim, legs: told } in events {
            let id = claim.number.0;
            if held.get(&id) == Some(&claim.claim) {
                // Told twice, it is settled once.
                held.remove(&id);
                ids.push(id);
                legs.extend(told);
            } else {
                settled.not_held.push(claim.number);
            }
        }
        sqlx::query(SETTLE)
            .bind(now.timestamp_millis())
            .bind(json("numbers", &ids)?)
            .execute(&mut *tx)
            .await
            .map_err(|error| self.fault(error))?;
        for (acd, legs) in by_acd(legs) {
            let acd_id = self.acd_id(&mut tx, &acd).await?;
            let at = floor_ms(now);
            let of_acd = self
                .write_down(&mut tx, acd_id, &acd, &legs, at, merge)
                .await?;
            settled.advanced.add(of_acd);
        }
        self.commit(tx).await?;
        // The payloads are gone from the file, and soon from the log.
        self.inner.log_to_empty.store(true, Ordering::Relaxed);
        Ok(settled)
    }

    async fn inbox_backlog(&self) -> Result<Vec<InboxBacklog>> {
        let fault = |error| self.fault(error);
        let rows = sqlx::query(
            "SELECT a.account, a.workspace, a.tenant, COUNT(*) AS waiting, MIN(i.received_at) AS oldest \
             FROM inbox i JOIN acd a ON a.id = i.acd WHERE i.settled_at IS NULL GROUP BY a.id",
        )
        .fetch_all(&self.inner.reader)
        .await
        .map_err(fault)?;
        let mut backlog = Vec::with_capacity(rows.len());
        for row in &rows {
            let waiting: i64 = row.try_get("waiting").map_err(fault)?;
            backlog.push(InboxBacklog {
                acd: acd_of(row).map_err(fault)?,
                waiting: waiting.unsigned_abs(),
                oldest: time_of(WHAT, row.try_get("oldest").map_err(fault)?)?,
            });
        }
        backlog.sort_by(|a, b| a.acd.cmp(&b.acd));
        Ok(backlog)
    }
}

impl SqliteLedger {
    /// Writes those events down that are not known; gives how many.
    ///
    /// All in one statement: each takes its way to the connection's thread and back, while whoever waits for an answer waits.
    async fn keep_events(&self, tx: &mut Tx, events: &[(i64, &PushedEvent)]) -> Result<u64> {
        let mut sealed = Vec::with_capacity(events.len());
        for (acd, event) in events {
            let bound = Bound::Event(&event.acd, &event.id);
            let payload = self.inner.sealing.seal_bytes(bound, &event.payload)?;
            sealed.push((*acd, *event, payload));
        }
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
            "INSERT INTO inbox (acd, event, kind, form, happened_at, received_at, payload, payload_seal) ",
        );
        query.push_values(sealed, |mut row, (acd, event, payload)| {
            row.push_bind(acd)
                .push_bind(&event.id)
                .push_bind(&event.kind)
                .push_bind(&event.form)
                .push_bind(event.at.map(|at| at.timestamp_millis()))
                .push_bind(event.received_at.timestamp_millis())
                .push_bind(payload.bytes)
                .push_bind(payload.marker);
        });
        query.push(" ON CONFLICT (acd, event) DO NOTHING");
        let done = query
            .build()
            // Of as many lengths there would be as many statements to be kept.
            .persistent(events.len() == 1)
            .execute(&mut **tx)
            .await
            .map_err(|error| self.fault(error))?;
        Ok(done.rows_affected())
    }

    /// The claims by which those of some events are held that are held, by their numbers.
    async fn held_events(
        &self,
        tx: &mut Tx,
        events: &[ProcessedEvent],
    ) -> Result<HashMap<i64, u32>> {
        let fault = |error| self.fault(error);
        let ids: Vec<i64> = events.iter().map(|event| event.claim.number.0).collect();
        let rows = sqlx::query(HELD)
            .bind(json("numbers", &ids)?)
            .fetch_all(&mut **tx)
            .await
            .map_err(fault)?;
        let mut held = HashMap::with_capacity(rows.len());
        for row in rows {
            let id = row.try_get("id").map_err(fault)?;
            held.insert(id, row.try_get("claims").map_err(fault)?);
        }
        Ok(held)
    }

    /// Settles an event: its id alone stays.
    pub(super) async fn end_event(&self, tx: &mut Tx, id: i64, now: DateTime<Utc>) -> Result<()> {
        sqlx::query(
            "UPDATE inbox SET payload = NULL, payload_seal = NULL, lease_until = NULL, settled_at = ? WHERE id = ?",
        )
        .bind(now.timestamp_millis())
        .bind(id)
        .execute(&mut **tx)
        .await
        .map_err(|error| self.fault(error))?;
        Ok(())
    }

    /// The event of a row, unless its payload cannot be read.
    fn read_event(&self, row: &SqliteRow) -> Result<Option<PushedEvent>> {
        let fault = |error| self.fault(error);
        let acd = acd_of(row).map_err(fault)?;
        let id: String = row.try_get("event").map_err(fault)?;
        let (payload, seal): (Option<Vec<u8>>, Option<String>) = (
            row.try_get("payload").map_err(fault)?,
            row.try_get("payload_seal").map_err(fault)?,
        );
        let payload = stored_bytes(
            &self.inner.sealing,
            Bound::Event(&acd, &id),
            payload.as_deref(),
            seal.as_deref(),
        );
        let payload: Bytes = match payload {
            StoredBytes::Present(payload) => payload,
            StoredBytes::Absent | StoredBytes::Unreadable(_) => return Ok(None),
        };
        let at: Option<i64> = row.try_get("happened_at").map_err(fault)?;
        Ok(Some(PushedEvent {
            acd,
            id,
            kind: row.try_get("kind").map_err(fault)?,
            form: row.try_get("form").map_err(fault)?,
            at: at.map(|at| time_of(WHAT, at)).transpose()?,
            received_at: time_of(WHAT, row.try_get("received_at").map_err(fault)?)?,
            payload,
        }))
    }
}
