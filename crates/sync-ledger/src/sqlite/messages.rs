//! Messages of the outbox and their endpoints, read and listed.

use std::collections::BTreeMap;

use contact_model::AcdKey;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use super::contacts::{push_acd, push_any};
use super::rows::{acd_of, leg_of, stored_bytes, time_of};
use super::{SqliteLedger, Tx};
use crate::page::rows;
use crate::seal::Bound;
use crate::{
    Endpoint, EndpointDisabled, LastAttempt, LedgerError, MessageFilter, MessagePage,
    MessageRecord, MessageRow, MessageState, OutboxCount, Result, RowMark, Sealing, StoredBytes,
};

const WHAT: &str = "a webhook message";

/// The columns that [`StoredMessage::read`] wants; the second argument names those of the bytes.
macro_rules! select_message {
    ($rest:literal, $bytes:literal) => {
        concat!(
            "SELECT o.id, o.message, o.leg, o.status_json, o.state, o.created_at, o.due_at, o.lease_until, o.claims, \
             o.attempts, o.attempt_at, o.attempt_ms, o.attempt_status, o.attempt_failure, o.attempt_reason, o.settled_at, ",
            $bytes,
            ", a.account, a.workspace, a.tenant FROM outbox o JOIN acd a ON a.id = o.acd ",
            $rest
        )
    };
    ($rest:literal) => {
        select_message!(
            $rest,
            "NULL AS body, NULL AS body_seal, NULL AS answer, NULL AS answer_seal"
        )
    };
}

pub(super) use select_message;

/// A row of the table `outbox`, not yet understood.
pub(super) struct StoredMessage {
    pub(super) id: i64,
    pub(super) message: String,
    pub(super) leg: String,
    pub(super) claims: u32,
    acd: AcdKey,
    status_json: String,
    state: String,
    created_at: i64,
    due_at: Option<i64>,
    lease_until: Option<i64>,
    attempts: u32,
    attempt_at: Option<i64>,
    attempt_ms: Option<i64>,
    attempt_status: Option<u16>,
    attempt_failure: Option<String>,
    attempt_reason: Option<String>,
    settled_at: Option<i64>,
    body: Option<Vec<u8>>,
    body_seal: Option<String>,
    answer: Option<Vec<u8>>,
    answer_seal: Option<String>,
}

impl StoredMessage {
    pub(super) fn read(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            message: row.try_get("message")?,
            leg: row.try_get("leg")?,
            claims: row.try_get("claims")?,
            acd: acd_of(row)?,
            status_json: row.try_get("status_json")?,
            state: row.try_get("state")?,
            created_at: row.try_get("created_at")?,
            due_at: row.try_get("due_at")?,
            lease_until: row.try_get("lease_until")?,
            attempts: row.try_get("attempts")?,
            attempt_at: row.try_get("attempt_at")?,
            attempt_ms: row.try_get("attempt_ms")?,
            attempt_status: row.try_get("attempt_status")?,
            attempt_failure: row.try_get("attempt_failure")?,
            attempt_reason: row.try_get("attempt_reason")?,
            settled_at: row.try_get("settled_at")?,
            body: row.try_get("body")?,
            body_seal: row.try_get("body_seal")?,
            answer: row.try_get("answer")?,
            answer_seal: row.try_get("answer_seal")?,
        })
    }

    pub(super) fn row(&self) -> Result<MessageRow> {
        let unreadable = |fault: &str| LedgerError::Unreadable {
            what: format!("webhook message {}", self.message),
            fault: fault.to_owned(),
        };
        let some = |at: Option<i64>| at.map(|at| time_of(WHAT, at)).transpose();
        let last = some(self.attempt_at)?.map(|at| LastAttempt {
            at,
            took_ms: self.attempt_ms.map_or(0, i64::unsigned_abs),
            status: self.attempt_status,
            failure: self.attempt_failure.clone(),
            reason: self.attempt_reason.clone(),
        });
        Ok(MessageRow {
            id: self.message.clone(),
            acd: self.acd.clone(),
            leg: leg_of(&self.leg)?,
            status: serde_json::from_str(&self.status_json)
                .map_err(|_| unreadable("its status is none that this release knows"))?,
            state: MessageState::parse(&self.state)
                .ok_or_else(|| unreadable("its state is none that this release knows"))?,
            created_at: time_of(WHAT, self.created_at)?,
            due_at: some(self.due_at)?,
            lease_until: some(self.lease_until)?,
            attempts: self.attempts,
            last,
            settled_at: some(self.settled_at)?,
        })
    }

    pub(super) fn body(&self, sealing: &Sealing) -> StoredBytes {
        let bound = Bound::Message(&self.acd, &self.message);
        stored_bytes(
            sealing,
            bound,
            self.body.as_deref(),
            self.body_seal.as_deref(),
        )
    }

    fn answer(&self, sealing: &Sealing) -> StoredBytes {
        let bound = Bound::Answer(&self.acd, &self.message);
        stored_bytes(
            sealing,
            bound,
            self.answer.as_deref(),
            self.answer_seal.as_deref(),
        )
    }
}

const ENDPOINT: &str = "SELECT failing_since, last_failure, last_success, disabled_at, disabled_reason FROM endpoint WHERE acd = ?";

impl SqliteLedger {
    pub(super) async fn read_message(&self, id: &str) -> Result<Option<MessageRecord>> {
        let row = sqlx::query(select_message!(
            "WHERE o.message = ?",
            "o.body, o.body_seal, o.answer, o.answer_seal"
        ))
        .bind(id)
        .fetch_optional(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        let Some(row) = row else { return Ok(None) };
        let stored = StoredMessage::read(&row).map_err(|error| self.fault(error))?;
        Ok(Some(MessageRecord {
            row: stored.row()?,
            body: stored.body(&self.inner.sealing),
            answer: stored.answer(&self.inner.sealing),
        }))
    }

    pub(super) async fn list_messages(
        &self,
        filter: &MessageFilter,
        limit: u32,
        after: Option<RowMark>,
    ) -> Result<MessagePage> {
        let fault = |error| self.fault(error);
        let limit = rows(limit);
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(select_message!("WHERE TRUE"));
        push_acd(&mut query, filter.acd.as_ref());
        push_any(
            &mut query,
            "o.state",
            filter.states.iter().map(|state| state.as_str()),
        );
        if let Some(leg) = filter.leg {
            query.push(" AND o.leg = ").push_bind(leg.to_string());
        }
        if let Some(from) = filter.from {
            query
                .push(" AND o.created_at >= ")
                .push_bind(from.timestamp_millis());
        }
        if let Some(to) = filter.to {
            query
                .push(" AND o.created_at < ")
                .push_bind(to.timestamp_millis());
        }
        if let Some(RowMark(id)) = after {
            query.push(" AND o.id < ").push_bind(id);
        }
        query
            .push(" ORDER BY o.id DESC LIMIT ")
            .push_bind(i64::from(limit) + 1);
        let found = query
            .build()
            .fetch_all(&self.inner.reader)
            .await
            .map_err(fault)?;
        let more = found.len() > limit as usize;
        let mut page = MessagePage::default();
        for row in found.iter().take(limit as usize) {
            let stored = StoredMessage::read(row).map_err(fault)?;
            page.next = more.then_some(RowMark(stored.id));
            page.messages.push(stored.row()?);
        }
        Ok(page)
    }

    pub(super) async fn count_messages(&self, acd: Option<&AcdKey>) -> Result<Vec<OutboxCount>> {
        let fault = |error| self.fault(error);
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
            "SELECT a.account, a.workspace, a.tenant, e.failing_since, e.last_failure, e.last_success, e.disabled_at, \
             e.disabled_reason, o.state, COUNT(o.id) AS messages, MIN(o.created_at) AS oldest FROM acd a \
             LEFT JOIN endpoint e ON e.acd = a.id LEFT JOIN outbox o ON o.acd = a.id WHERE TRUE",
        );
        push_acd(&mut query, acd);
        query.push(" GROUP BY a.id, o.state");
        let found = query
            .build()
            .fetch_all(&self.inner.reader)
            .await
            .map_err(fault)?;
        let mut counts = BTreeMap::new();
        for row in &found {
            let acd = acd_of(row).map_err(fault)?;
            let endpoint = self.read_endpoint(row)?;
            let count = counts.entry(acd.clone()).or_insert(OutboxCount {
                acd,
                endpoint,
                pending: 0,
                oldest_pending: None,
                delivered: 0,
                exhausted: 0,
                oldest_exhausted: None,
            });
            let Some(state) = row.try_get::<Option<String>, _>("state").map_err(fault)? else {
                continue;
            };
            let messages: i64 = row.try_get("messages").map_err(fault)?;
            let oldest = time_of(WHAT, row.try_get("oldest").map_err(fault)?)?;
            match MessageState::parse(&state) {
                Some(MessageState::Pending) => {
                    (count.pending, count.oldest_pending) = (messages.unsigned_abs(), Some(oldest));
                }
                Some(MessageState::Exhausted) => {
                    (count.exhausted, count.oldest_exhausted) =
                        (messages.unsigned_abs(), Some(oldest));
                }
                Some(MessageState::Delivered) => count.delivered = messages.unsigned_abs(),
                Some(MessageState::Erased) | None => {}
            }
        }
        Ok(counts.into_values().collect())
    }

    pub(super) async fn read_endpoint_of(&self, acd: &AcdKey) -> Result<Endpoint> {
        let row = sqlx::query(
            "SELECT e.failing_since, e.last_failure, e.last_success, e.disabled_at, e.disabled_reason \
             FROM endpoint e JOIN acd a ON a.id = e.acd WHERE a.account = ? AND a.workspace = ? AND a.tenant = ?",
        )
        .bind(acd.account.as_str())
        .bind(acd.workspace.as_str())
        .bind(acd.tenant.as_str())
        .fetch_optional(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        row.map_or_else(|| Ok(Endpoint::default()), |row| self.read_endpoint(&row))
    }

    pub(super) async fn endpoint_in(&self, tx: &mut Tx, acd: i64) -> Result<Endpoint> {
        let row = sqlx::query(ENDPOINT)
            .bind(acd)
            .fetch_optional(&mut **tx)
            .await
            .map_err(|error| self.fault(error))?;
        row.map_or_else(|| Ok(Endpoint::default()), |row| self.read_endpoint(&row))
    }

    pub(super) async fn write_endpoint(
        &self,
        tx: &mut Tx,
        acd: i64,
        endpoint: &Endpoint,
    ) -> Result<()> {
        let ms = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(|at| at.timestamp_millis());
        sqlx::query(
            "INSERT OR REPLACE INTO endpoint (acd, failing_since, last_failure, last_success, disabled_at, disabled_reason) \
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(acd)
        .bind(ms(endpoint.failing_since))
        .bind(ms(endpoint.last_failure))
        .bind(ms(endpoint.last_success))
        .bind(ms(endpoint.disabled.as_ref().map(|disabled| disabled.at)))
        .bind(endpoint.disabled.as_ref().map(|disabled| &disabled.reason))
        .execute(&mut **tx)
        .await
        .map_err(|error| self.fault(error))?;
        Ok(())
    }

    fn read_endpoint(&self, row: &SqliteRow) -> Result<Endpoint> {
        let fault = |error| self.fault(error);
        let at = |column: &str| {
            let at: Option<i64> = row.try_get(column).map_err(fault)?;
            at.map(|at| time_of("an endpoint", at)).transpose()
        };
        let reason: Option<String> = row.try_get("disabled_reason").map_err(fault)?;
        let disabled = at("disabled_at")?.zip(reason);
        Ok(Endpoint {
            failing_since: at("failing_since")?,
            last_failure: at("last_failure")?,
            last_success: at("last_success")?,
            disabled: disabled.map(|(at, reason)| EndpointDisabled { at, reason }),
        })
    }
}
