//! Erasing on request what is here about a leg.

use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, LegId};
use sqlx::Row as _;
use twilio_sid::{ConversationSid, RecordingSid};

use super::rows::{StoredContact, stored_bytes, unreadable};
use super::writing::json;
use super::{SqliteLedger, Tx};
use crate::erasure::{is_about, note_of, sids_of, stage_when_forgotten};
use crate::record::reason_of;
use crate::seal::Bound;
use crate::{
    ContactRecord, Elsewhere, ErasureStore, Forgotten, FoundByText, Result, RowMark, StoredBytes,
    floor_ms,
};

/// How many pushed events are in memory at a time.
const AT_ONCE: u32 = 100;

impl ErasureStore for SqliteLedger {
    async fn forget(&self, acd: &AcdKey, leg: LegId, now: DateTime<Utc>) -> Result<Forgotten> {
        let now = floor_ms(now);
        let mut tx = self.begin().await?;
        let acd_id = self.acd_id(&mut tx, acd).await?;
        self.remember_forgotten(&mut tx, acd_id, leg, now).await?;
        let Some((head, stored)) = self.find(&mut tx, acd_id, leg).await? else {
            let about = (acd, acd_id);
            let events = self
                .erase_events(&mut tx, about, &[leg.as_str()], now)
                .await?;
            // They can outlive the contact's row.
            let (messages, messages_undelivered) =
                self.erase_messages(&mut tx, acd_id, leg, now).await?;
            self.commit(tx).await?;
            self.inner.log_to_empty.store(true, Ordering::Relaxed);
            self.empty_log_of_what_was_dropped().await;
            return Ok(Forgotten {
                details: false,
                messages,
                messages_undelivered,
                events,
                holds: 0,
                elsewhere: None,
            });
        };
        let record = stored.record(&self.inner.sealing).map_err(unreadable)?;
        let elsewhere = self.elsewhere(&mut tx, (acd_id, head.id), &record).await?;
        let events = self
            .erase_events(
                &mut tx,
                (acd, acd_id),
                &sids_of(&record.row.contact.leg),
                now,
            )
            .await?;
        let (messages, messages_undelivered) =
            self.erase_messages(&mut tx, acd_id, leg, now).await?;
        let holds = self.erase_holds(&mut tx, acd_id, &elsewhere).await?;
        let details = self
            .make_tombstone(&mut tx, &stored, &record, &elsewhere, now)
            .await?;
        self.commit(tx).await?;
        self.empty_log_of_what_was_dropped().await;
        Ok(Forgotten {
            details,
            messages,
            messages_undelivered,
            events,
            holds,
            elsewhere: Some(elsewhere),
        })
    }

    async fn find_by_text(
        &self,
        needle: &str,
        acd: Option<&AcdKey>,
        limit: u32,
        after: Option<RowMark>,
    ) -> Result<FoundByText> {
        self.find_text(needle, acd, limit, after).await
    }
}

impl SqliteLedger {
    /// What other systems may still have, as far as the rows know.
    async fn elsewhere(
        &self,
        tx: &mut Tx,
        (acd, contact): (i64, i64),
        record: &ContactRecord,
    ) -> Result<Elsewhere> {
        let fault = |error| self.fault(error);
        let mut elsewhere = Elsewhere::of(&record.row.contact);
        if let Some(attributes) = record
            .details
            .present()
            .and_then(|details| details.attributes.as_ref())
        {
            elsewhere.note(attributes);
        }
        let recordings: Vec<String> =
            sqlx::query_scalar("SELECT recording FROM contact_recording WHERE contact = ?")
                .bind(contact)
                .fetch_all(&mut **tx)
                .await
                .map_err(fault)?;
        elsewhere.recordings.extend(
            recordings
                .iter()
                .filter_map(|sid| sid.parse::<RecordingSid>().ok()),
        );
        let conversation: Option<String> =
            sqlx::query_scalar("SELECT conversation FROM transcript_claim WHERE contact = ?")
                .bind(contact)
                .fetch_optional(&mut **tx)
                .await
                .map_err(fault)?;
        elsewhere
            .conversations
            .extend(conversation.and_then(|sid| sid.parse::<ConversationSid>().ok()));
        let mut elsewhere = elsewhere.sorted();
        let mut kept = Vec::with_capacity(elsewhere.recordings.len());
        for recording in std::mem::take(&mut elsewhere.recordings) {
            let deleted: bool = sqlx::query_scalar(
                "SELECT EXISTS (SELECT 1 FROM source_deletion WHERE acd = ? AND recording = ? AND state = 'deleted')",
            )
            .bind(acd)
            .bind(recording.as_str())
            .fetch_one(&mut **tx)
            .await
            .map_err(fault)?;
            if !deleted {
                kept.push(recording);
            }
        }
        elsewhere.recordings = kept;
        Ok(elsewhere)
    }

    async fn erase_events(
        &self,
        tx: &mut Tx,
        (acd, acd_id): (&AcdKey, i64),
        sids: &[&str],
        now: DateTime<Utc>,
    ) -> Result<u64> {
        let fault = |error| self.fault(error);
        let (mut after, mut erased) = (0_i64, 0);
        loop {
            let rows = sqlx::query(
                "SELECT id, event, payload, payload_seal FROM inbox INDEXED BY inbox_waiting \
                 WHERE settled_at IS NULL AND acd = ? AND id > ? ORDER BY id LIMIT ?",
            )
            .bind(acd_id)
            .bind(after)
            .bind(AT_ONCE)
            .fetch_all(&mut **tx)
            .await
            .map_err(fault)?;
            let Some(last) = rows.last() else {
                return Ok(erased);
            };
            after = last.try_get("id").map_err(fault)?;
            for row in &rows {
                let event: String = row.try_get("event").map_err(fault)?;
                let (payload, seal): (Option<Vec<u8>>, Option<String>) = (
                    row.try_get("payload").map_err(fault)?,
                    row.try_get("payload_seal").map_err(fault)?,
                );
                let bound = Bound::Event(acd, &event);
                let payload = stored_bytes(
                    &self.inner.sealing,
                    bound,
                    payload.as_deref(),
                    seal.as_deref(),
                );
                if let StoredBytes::Present(payload) = payload
                    && is_about(&payload, sids)
                {
                    let id = row.try_get("id").map_err(fault)?;
                    self.end_event(tx, id, now).await?;
                    erased += 1;
                }
            }
        }
    }

    /// Gives how many lost their body, and how many of these had not been delivered.
    async fn erase_messages(
        &self,
        tx: &mut Tx,
        acd: i64,
        leg: LegId,
        now: DateTime<Utc>,
    ) -> Result<(u64, u64)> {
        let fault = |error| self.fault(error);
        let undelivered = sqlx::query(
            "UPDATE outbox INDEXED BY outbox_leg SET state = 'erased', due_at = NULL, lease_until = NULL, \
             settled_at = COALESCE(settled_at, ?), body = NULL, body_seal = NULL, answer = NULL, answer_seal = NULL \
             WHERE acd = ? AND leg = ? AND state IN ('pending', 'exhausted')",
        )
        .bind(now.timestamp_millis())
        .bind(acd)
        .bind(leg.as_str())
        .execute(&mut **tx)
        .await
        .map_err(fault)?
        .rows_affected();
        let delivered = sqlx::query(
            "UPDATE outbox INDEXED BY outbox_leg SET body = NULL, body_seal = NULL, answer = NULL, answer_seal = NULL \
             WHERE acd = ? AND leg = ? AND body IS NOT NULL",
        )
        .bind(acd)
        .bind(leg.as_str())
        .execute(&mut **tx)
        .await
        .map_err(fault)?
        .rows_affected();
        Ok((undelivered + delivered, undelivered))
    }

    async fn erase_holds(&self, tx: &mut Tx, acd: i64, elsewhere: &Elsewhere) -> Result<u64> {
        let mut erased = 0;
        let of = [
            (
                "DELETE FROM hold_note WHERE acd = ? AND conference = ?",
                texts(&elsewhere.conferences),
            ),
            (
                "DELETE FROM conference_change WHERE acd = ? AND conference = ?",
                texts(&elsewhere.conferences),
            ),
            (
                "DELETE FROM hold_note WHERE acd = ? AND call = ?",
                texts(&elsewhere.calls),
            ),
        ];
        for (statement, sids) in of {
            for sid in sids {
                erased += sqlx::query(statement)
                    .bind(acd)
                    .bind(sid)
                    .execute(&mut **tx)
                    .await
                    .map_err(|error| self.fault(error))?
                    .rows_affected();
            }
        }
        Ok(erased)
    }

    /// That a leg was forgotten, for good: when it was forgotten first stays.
    async fn remember_forgotten(
        &self,
        tx: &mut Tx,
        acd: i64,
        leg: LegId,
        now: DateTime<Utc>,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO forgotten (acd, leg, at) VALUES (?, ?, ?) ON CONFLICT (acd, leg) DO NOTHING",
        )
        .bind(acd)
        .bind(leg.as_str())
        .bind(now.timestamp_millis())
        .execute(&mut **tx)
        .await
        .map_err(|error| self.fault(error))?;
        Ok(())
    }

    /// When a leg was forgotten, if it ever was.
    pub(super) async fn when_forgotten(
        &self,
        tx: &mut Tx,
        acd: i64,
        leg: LegId,
    ) -> Result<Option<i64>> {
        sqlx::query_scalar("SELECT at FROM forgotten WHERE acd = ? AND leg = ?")
            .bind(acd)
            .bind(leg.as_str())
            .fetch_optional(&mut **tx)
            .await
            .map_err(|error| self.fault(error))
    }

    /// The row without its details, at its end. Gives whether there were details.
    async fn make_tombstone(
        &self,
        tx: &mut Tx,
        stored: &StoredContact,
        record: &ContactRecord,
        elsewhere: &Elsewhere,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let row = &record.row;
        let stage = stage_when_forgotten(&row.contact.stage, now);
        let moved = stage != row.contact.stage;
        let at = now.timestamp_millis();
        let had_details = stored.has_details();
        sqlx::query(
            "UPDATE contact SET stage = ?, reason = ?, stage_json = ?, stage_since = ?, finished_at = COALESCE(finished_at, ?), \
             version = version + 1, due_at = NULL, lease_until = NULL, waits_for = NULL, details = NULL, details_seal = NULL, \
             details_dropped_at = CASE WHEN details IS NULL THEN details_dropped_at ELSE ? END, \
             forgotten_at = COALESCE(forgotten_at, ?) WHERE id = ?",
        )
        .bind(stage.name().as_str())
        .bind(reason_of(&stage))
        .bind(json("a stage", &stage)?)
        .bind(if moved { at } else { row.stage_since.timestamp_millis() })
        .bind(at)
        .bind(at)
        .bind(at)
        .bind(stored.id)
        .execute(&mut **tx)
        .await
        .map_err(|error| self.fault(error))?;
        self.note(tx, stored.id, &stage, at, Some(&note_of(elsewhere)))
            .await?;
        self.inner.log_to_empty.store(true, Ordering::Relaxed);
        Ok(had_details)
    }
}

fn texts(sids: &[impl ToString]) -> Vec<String> {
    sids.iter().map(ToString::to_string).collect()
}
