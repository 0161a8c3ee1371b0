//! The table of contacts.

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, LegId, MessageRange, SessionId, StageName};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite};
use twilio_sid::{ConversationSid, RecordingSid};

use super::SqliteLedger;
use super::rows::{StoredContact, acd_of, leg_of, select_contact, select_row, time_of, unreadable};
use super::writing::Becomes;
use crate::{
    Change, Claimed, ContactFilter, ContactRecord, ContactStore, LedgerError, Page, PageMark,
    PageRequest, Result, Siblings, StageCount, Transition, WaitCount,
};

impl ContactStore for SqliteLedger {
    async fn get(&self, acd: &AcdKey, leg: LegId) -> Result<Option<ContactRecord>> {
        let row = sqlx::query(select_contact!(
            "WHERE a.account = ? AND a.workspace = ? AND a.tenant = ? AND c.leg = ?"
        ))
        .bind(acd.account.as_str())
        .bind(acd.workspace.as_str())
        .bind(acd.tenant.as_str())
        .bind(leg.as_str())
        .fetch_optional(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        let Some(row) = row else { return Ok(None) };
        let stored = StoredContact::read(&row).map_err(|error| self.fault(error))?;
        stored
            .record(&self.inner.sealing)
            .map(Some)
            .map_err(unreadable)
    }

    async fn save(&self, change: Change) -> Result<u64> {
        let (acd, leg) = (&change.contact.leg.acd, change.contact.leg.id);
        let mut tx = self.begin().await?;
        let head = self.head(&mut tx, acd, leg).await?;
        let found = head.version.unsigned_abs();
        if found != change.version {
            return Err(LedgerError::Conflict {
                leg,
                expected: change.version,
                found,
            });
        }
        if head.forgotten {
            return Err(LedgerError::Forgotten { leg });
        }
        let becomes = Becomes {
            contact: &change.contact,
            schedule: change.schedule,
            details: &change.details,
            note: change.note.as_deref(),
            at: change.at,
            keeps_lease: change.keep_lease,
            waits_for: change.waits_for.as_deref(),
            tell: change.tell.as_ref(),
        };
        self.apply(&mut tx, &head, &becomes).await?;
        self.commit(tx).await?;
        Ok(found + 1)
    }

    async fn claim_due(
        &self,
        acd: Option<&AcdKey>,
        now: DateTime<Utc>,
        limit: u32,
        lease_until: DateTime<Utc>,
    ) -> Result<Claimed> {
        let fault = |error| self.fault(error);
        let mut tx = self.begin().await?;
        let acds: Vec<i64> = match acd {
            Some(acd) => vec![self.acd_id(&mut tx, acd).await?],
            None => sqlx::query_scalar("SELECT id FROM acd ORDER BY served, id")
                .fetch_all(&mut *tx)
                .await
                .map_err(fault)?,
        };
        let mut due = Vec::with_capacity(acds.len());
        for &acd in &acds {
            let of_acd: Vec<i64> = sqlx::query_scalar(
                "SELECT id FROM contact WHERE acd = ? AND due_at <= ? AND (lease_until IS NULL OR lease_until <= ?) \
                 ORDER BY due_at, id LIMIT ?",
            )
            .bind(acd)
            .bind(now.timestamp_millis())
            .bind(now.timestamp_millis())
            .bind(limit)
            .fetch_all(&mut *tx)
            .await
            .map_err(fault)?;
            due.push((acd, of_acd.into_iter()));
        }
        let mut claimed = Claimed::default();
        let mut left = limit;
        while left > 0 {
            let before = left;
            for (acd, of_acd) in &mut due {
                let Some(id) = of_acd.next().filter(|_| left > 0) else {
                    continue;
                };
                left -= 1;
                sqlx::query(
                    "UPDATE acd SET served = (SELECT MAX(served) FROM acd) + 1 WHERE id = ?",
                )
                .bind(*acd)
                .execute(&mut *tx)
                .await
                .map_err(fault)?;
                sqlx::query(
                    "UPDATE contact SET lease_until = ?, version = version + 1 WHERE id = ?",
                )
                .bind(lease_until.timestamp_millis())
                .bind(id)
                .execute(&mut *tx)
                .await
                .map_err(fault)?;
                let row = sqlx::query(select_contact!("WHERE c.id = ?"))
                    .bind(id)
                    .fetch_one(&mut *tx)
                    .await
                    .map_err(fault)?;
                match StoredContact::read(&row)
                    .map_err(fault)?
                    .record(&self.inner.sealing)
                {
                    Ok(record) => claimed.contacts.push(record),
                    Err(contact) => claimed.unreadable.push(*contact),
                }
            }
            if left == before {
                break;
            }
        }
        // With nothing claimed nothing was written, and the commit costs nothing.
        self.commit(tx).await?;
        Ok(claimed)
    }

    async fn extend_lease(
        &self,
        acd: &AcdKey,
        leg: LegId,
        version: u64,
        lease_until: DateTime<Utc>,
    ) -> Result<()> {
        self.set_lease(acd, leg, version, Some(lease_until.timestamp_millis()))
            .await
    }

    async fn release(&self, acd: &AcdKey, leg: LegId, version: u64) -> Result<()> {
        self.set_lease(acd, leg, version, None).await
    }

    async fn release_all(&self) -> Result<u64> {
        let fault = |error| self.fault(error);
        let mut tx = self.begin().await?;
        let contacts = sqlx::query(
            "UPDATE contact SET lease_until = NULL, version = version + 1 WHERE lease_until IS NOT NULL",
        )
        .execute(&mut *tx)
        .await
        .map_err(fault)?
        .rows_affected();
        for statement in [
            "UPDATE wish SET state = 'waiting', lease_until = NULL WHERE state = 'claimed'",
            "UPDATE outbox SET lease_until = NULL WHERE lease_until IS NOT NULL",
            "UPDATE inbox SET lease_until = NULL WHERE lease_until IS NOT NULL",
        ] {
            sqlx::query(statement)
                .execute(&mut *tx)
                .await
                .map_err(fault)?;
        }
        self.commit(tx).await?;
        Ok(contacts)
    }

    async fn next_due(&self, acd: Option<&AcdKey>) -> Result<Option<DateTime<Utc>>> {
        // Both halves are found by an index, however long the backlog is.
        let next: Option<i64> = sqlx::query_scalar(
            "SELECT MIN(next) FROM (\
               SELECT (SELECT c.due_at FROM contact c WHERE c.acd = a.id AND c.due_at IS NOT NULL \
                 AND c.lease_until IS NULL ORDER BY c.due_at, c.id LIMIT 1) AS next FROM acd a \
                 WHERE ?1 IS NULL OR (a.account = ?1 AND a.workspace = ?2 AND a.tenant = ?3) \
               UNION ALL SELECT MAX(c.due_at, c.lease_until) FROM contact c JOIN acd a ON a.id = c.acd \
                 WHERE c.lease_until IS NOT NULL AND c.due_at IS NOT NULL \
                 AND (?1 IS NULL OR (a.account = ?1 AND a.workspace = ?2 AND a.tenant = ?3)))",
        )
        .bind(acd.map(|acd| acd.account.to_string()))
        .bind(acd.map(|acd| acd.workspace.to_string()))
        .bind(acd.map(|acd| acd.tenant.to_string()))
        .fetch_one(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        next.map(|at| time_of("a contact", at)).transpose()
    }

    async fn list(&self, filter: &ContactFilter, page: &PageRequest) -> Result<Page> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(select_row!("WHERE TRUE"));
        push_acd(&mut query, filter.acd.as_ref());
        push_any(
            &mut query,
            "c.stage",
            filter.stages.iter().map(|stage| stage.as_str()),
        );
        if !filter.park_kinds.is_empty() {
            query.push(" AND c.stage = 'parked'");
            push_any(
                &mut query,
                "c.reason",
                filter.park_kinds.iter().map(|kind| kind.as_str()),
            );
        }
        push_any(
            &mut query,
            "c.reason",
            filter.reasons.iter().map(String::as_str),
        );
        if let Some(worker) = filter.worker {
            query.push(" AND c.worker = ").push_bind(worker.to_string());
        }
        if let Some(session) = &filter.session {
            query
                .push(" AND c.session = ")
                .push_bind(session.to_string());
        }
        if let Some(from) = filter.from {
            query
                .push(" AND c.happened_at >= ")
                .push_bind(from.timestamp_millis());
        }
        if let Some(to) = filter.to {
            query
                .push(" AND c.happened_at < ")
                .push_bind(to.timestamp_millis());
        }
        if let Some(mark) = page.after {
            query
                .push(" AND (c.happened_at, c.id) < (")
                .push_bind(mark.happened_at)
                .push(", ");
            query.push_bind(mark.id).push(")");
        }
        // One more than asked for tells whether there is another page.
        query
            .push(" ORDER BY c.happened_at DESC, c.id DESC LIMIT ")
            .push_bind(i64::from(page.rows()) + 1);
        let rows = query
            .build()
            .fetch_all(&self.inner.reader)
            .await
            .map_err(|error| self.fault(error))?;
        let more = rows.len() > page.rows() as usize;
        let mut found = Page::default();
        for row in rows.iter().take(page.rows() as usize) {
            let stored = StoredContact::read(row).map_err(|error| self.fault(error))?;
            found.next = more.then_some(PageMark {
                happened_at: stored.happened_at,
                id: stored.id,
            });
            match stored.row() {
                Ok(row) => found.contacts.push(row),
                Err(contact) => found.unreadable.push(*contact),
            }
        }
        Ok(found)
    }

    async fn counts(&self, acd: Option<&AcdKey>) -> Result<Vec<StageCount>> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
            "SELECT a.account, a.workspace, a.tenant, c.stage, c.reason, COUNT(*) AS contacts, \
             MIN(c.stage_since) AS oldest FROM contact c JOIN acd a ON a.id = c.acd WHERE TRUE",
        );
        push_acd(&mut query, acd);
        query.push(" GROUP BY c.acd, c.stage, c.reason");
        let rows = query
            .build()
            .fetch_all(&self.inner.reader)
            .await
            .map_err(|error| self.fault(error))?;
        let mut counts = Vec::with_capacity(rows.len());
        for row in &rows {
            let fault = |error| self.fault(error);
            let contacts: i64 = row.try_get("contacts").map_err(fault)?;
            counts.push(StageCount {
                acd: acd_of(row).map_err(fault)?,
                stage: stage_of(row.try_get("stage").map_err(fault)?)?,
                reason: row.try_get("reason").map_err(fault)?,
                contacts: contacts.unsigned_abs(),
                oldest: time_of("a contact", row.try_get("oldest").map_err(fault)?)?,
            });
        }
        counts.sort_by(|a, b| (&a.acd, a.stage, &a.reason).cmp(&(&b.acd, b.stage, &b.reason)));
        Ok(counts)
    }

    async fn waits(&self, acd: Option<&AcdKey>) -> Result<Vec<WaitCount>> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
            "SELECT a.account, a.workspace, a.tenant, c.waits_for, COUNT(*) AS contacts, \
             MIN(c.stage_since) AS oldest FROM contact c JOIN acd a ON a.id = c.acd \
             WHERE c.due_at IS NOT NULL AND c.waits_for IS NOT NULL",
        );
        push_acd(&mut query, acd);
        query.push(" GROUP BY c.acd, c.waits_for");
        let fault = |error| self.fault(error);
        let rows = query
            .build()
            .fetch_all(&self.inner.reader)
            .await
            .map_err(fault)?;
        let mut waits = Vec::with_capacity(rows.len());
        for row in &rows {
            let contacts: i64 = row.try_get("contacts").map_err(fault)?;
            waits.push(WaitCount {
                acd: acd_of(row).map_err(fault)?,
                waits_for: row.try_get("waits_for").map_err(fault)?,
                contacts: contacts.unsigned_abs(),
                oldest: time_of("a contact", row.try_get("oldest").map_err(fault)?)?,
            });
        }
        waits.sort_by(|a, b| (&a.acd, &a.waits_for).cmp(&(&b.acd, &b.waits_for)));
        Ok(waits)
    }

    async fn history(&self, acd: &AcdKey, leg: LegId) -> Result<Vec<Transition>> {
        let rows = sqlx::query(
            "SELECT t.stage, t.reason, t.at, t.note FROM transition t JOIN contact c ON c.id = t.contact \
             JOIN acd a ON a.id = c.acd WHERE a.account = ? AND a.workspace = ? AND a.tenant = ? AND c.leg = ? \
             ORDER BY t.id",
        )
        .bind(acd.account.as_str())
        .bind(acd.workspace.as_str())
        .bind(acd.tenant.as_str())
        .bind(leg.as_str())
        .fetch_all(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        let read = |row: &SqliteRow| -> Result<Transition> {
            let fault = |error| self.fault(error);
            Ok(Transition {
                stage: stage_of(row.try_get("stage").map_err(fault)?)?,
                reason: row.try_get("reason").map_err(fault)?,
                at: time_of("a transition", row.try_get("at").map_err(fault)?)?,
                note: row.try_get("note").map_err(fault)?,
            })
        };
        rows.iter().map(read).collect()
    }

    async fn find_session_siblings(&self, acd: &AcdKey, session: &SessionId) -> Result<Siblings> {
        let rows = sqlx::query(select_row!(
            "WHERE a.account = ? AND a.workspace = ? AND a.tenant = ? AND c.session = ? ORDER BY c.id"
        ))
        .bind(acd.account.as_str())
        .bind(acd.workspace.as_str())
        .bind(acd.tenant.as_str())
        .bind(session.as_str())
        .fetch_all(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        let mut found = Siblings::default();
        for row in &rows {
            let stored = StoredContact::read(row).map_err(|error| self.fault(error))?;
            match stored.row() {
                Ok(contact) => found.contacts.push(contact),
                Err(unreadable) => found.unreadable.push(*unreadable),
            }
        }
        Ok(found)
    }

    async fn legs_of_recording(&self, recording: RecordingSid) -> Result<Vec<(AcdKey, LegId)>> {
        let rows = sqlx::query(
            "SELECT a.account, a.workspace, a.tenant, c.leg FROM contact_recording r \
             JOIN contact c ON c.id = r.contact JOIN acd a ON a.id = c.acd WHERE r.recording = ? ORDER BY c.id",
        )
        .bind(recording.as_str())
        .fetch_all(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        let read = |row: &SqliteRow| -> Result<(AcdKey, LegId)> {
            let fault = |error| self.fault(error);
            let leg: String = row.try_get("leg").map_err(fault)?;
            Ok((acd_of(row).map_err(fault)?, leg_of(&leg)?))
        };
        rows.iter().map(read).collect()
    }

    async fn transcript_claims(
        &self,
        acd: &AcdKey,
        conversation: ConversationSid,
    ) -> Result<Vec<(LegId, MessageRange)>> {
        self.claims_of(acd, conversation).await
    }
}

pub(super) fn push_acd(query: &mut QueryBuilder<Sqlite>, acd: Option<&AcdKey>) {
    if let Some(acd) = acd {
        query
            .push(" AND a.account = ")
            .push_bind(acd.account.to_string());
        query
            .push(" AND a.workspace = ")
            .push_bind(acd.workspace.to_string());
        query
            .push(" AND a.tenant = ")
            .push_bind(acd.tenant.to_string());
    }
}

/// Adds that the column is one of these words, if there are any.
pub(super) fn push_any<'a>(
    query: &mut QueryBuilder<Sqlite>,
    column: &str,
    words: impl ExactSizeIterator<Item = &'a str>,
) {
    if words.len() == 0 {
        return;
    }
    query.push(" AND ").push(column).push(" IN (");
    let mut list = query.separated(", ");
    for word in words {
        list.push_bind(word.to_owned());
    }
    query.push(")");
}

fn stage_of(text: &str) -> Result<StageName> {
    text.parse().map_err(|_| LedgerError::Unreadable {
        what: "a contact".to_owned(),
        fault: "its stage is none that this release knows".to_owned(),
    })
}
