//! Contacts, written: one row with its history, recordings and details.

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, Contact, ContactStatus, Leg, LegId, Stage};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::rows::{StoredContact, select_contact, time};
use super::{SqliteLedger, Tx};
use crate::erasure::FORGOTTEN_BEFORE;
use crate::record::{happened_at, is_finished, reason_of};
use crate::{DetailsChange, LedgerError, NewLeg, Result, Schedule, Tell};

/// What a change must know of the row that it changes.
pub(super) struct Head {
    pub(super) id: i64,
    acd: i64,
    pub(super) version: i64,
    stage: String,
    reason: Option<String>,
    stage_since: i64,
    finished_at: Option<i64>,
    lease_until: Option<i64>,
    told: Option<String>,
    told_ccr: Option<i64>,
    pub(super) forgotten: bool,
}

/// What a row becomes.
pub(super) struct Becomes<'a> {
    pub(super) contact: &'a Contact,
    pub(super) schedule: Schedule,
    pub(super) details: &'a DetailsChange,
    pub(super) note: Option<&'a str>,
    pub(super) at: DateTime<Utc>,
    /// Whether whoever works on it goes on doing so.
    pub(super) keeps_lease: bool,
    pub(super) waits_for: Option<&'a str>,
    pub(super) tell: Option<&'a Tell>,
}

impl SqliteLedger {
    /// The row of a contact, within a transaction.
    pub(super) async fn find(
        &self,
        tx: &mut Tx,
        acd: i64,
        leg: LegId,
    ) -> Result<Option<(Head, StoredContact)>> {
        let fault = |error| self.fault(error);
        let Some(row) = sqlx::query(select_contact!("WHERE c.acd = ? AND c.leg = ?"))
            .bind(acd)
            .bind(leg.as_str())
            .fetch_optional(&mut **tx)
            .await
            .map_err(fault)?
        else {
            return Ok(None);
        };
        let stored = StoredContact::read(&row).map_err(fault)?;
        let head = sqlx::query(HEAD)
            .bind(acd)
            .bind(leg.as_str())
            .fetch_one(&mut **tx)
            .await
            .map_err(fault)?;
        Ok(Some((read_head(&head).map_err(fault)?, stored)))
    }

    pub(super) async fn head(&self, tx: &mut Tx, acd: &AcdKey, leg: LegId) -> Result<Head> {
        let id = self.acd_id(tx, acd).await?;
        let fault = |error| self.fault(error);
        match sqlx::query(HEAD)
            .bind(id)
            .bind(leg.as_str())
            .fetch_optional(&mut **tx)
            .await
            .map_err(fault)?
        {
            Some(row) => read_head(&row).map_err(fault),
            None => Err(LedgerError::UnknownLeg {
                acd: Box::new(acd.clone()),
                leg,
            }),
        }
    }

    pub(super) async fn set_lease(
        &self,
        acd: &AcdKey,
        leg: LegId,
        version: u64,
        lease_until: Option<i64>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        let head = self.head(&mut tx, acd, leg).await?;
        let found = head.version.unsigned_abs();
        if found != version || head.lease_until.is_none() {
            return Err(LedgerError::Conflict {
                leg,
                expected: version,
                found,
            });
        }
        sqlx::query("UPDATE contact SET lease_until = ? WHERE id = ?")
            .bind(lease_until)
            .bind(head.id)
            .execute(&mut *tx)
            .await
            .map_err(|error| self.fault(error))?;
        self.commit(tx).await
    }

    /// Makes a row what it is to become, with everything that hangs on it.
    pub(super) async fn apply(
        &self,
        tx: &mut Tx,
        head: &Head,
        becomes: &Becomes<'_>,
    ) -> Result<()> {
        let fault = |error| self.fault(error);
        let Becomes { contact, at, .. } = *becomes;
        let (leg, stage, reason) = (
            &contact.leg,
            contact.stage.name(),
            reason_of(&contact.stage),
        );
        demand_due(contact, becomes.schedule)?;
        let moved = head.stage != stage.as_str() || head.reason != reason;
        let at = at.timestamp_millis();
        let finished_at = is_finished(stage).then(|| head.finished_at.unwrap_or(at));
        sqlx::query(
            "UPDATE contact SET session = ?, worker = ?, happened_at = CASE WHEN ? THEN ? ELSE happened_at END, \
             leg_json = ?, stage = ?, reason = ?, stage_json = ?, stage_since = ?, finished_at = ?, \
             version = version + 1, due_at = ?, lease_until = ?, attempts = ?, backoff = ?, waits_for = ? WHERE id = ?",
        )
        .bind(leg.session_id().to_string())
        .bind(leg.worker.as_str())
        .bind(leg.times != contact_model::LegTimes::default())
        .bind(happened_at(contact, becomes.at).timestamp_millis())
        .bind(json("a leg", leg)?)
        .bind(stage.as_str())
        .bind(&reason)
        .bind(json("a stage", &contact.stage)?)
        .bind(if moved { at } else { head.stage_since })
        .bind(finished_at)
        .bind(becomes.schedule.due_at.map(|due| due.timestamp_millis()))
        .bind(head.lease_until.filter(|_| becomes.keeps_lease))
        .bind(becomes.schedule.attempts)
        .bind(becomes.schedule.backoff)
        .bind(becomes.waits_for)
        .bind(head.id)
        .execute(&mut **tx)
        .await
        .map_err(fault)?;
        if moved || becomes.note.is_some() {
            self.note(tx, head.id, &contact.stage, at, becomes.note)
                .await?;
        }
        self.follow_media(tx, (head.acd, head.id), contact, at)
            .await?;
        if let Some(tell) = becomes.tell {
            self.tell(tx, head, leg, tell, at).await?;
        }
        let (sealed, dropped_at) = match becomes.details {
            DetailsChange::Keep => return Ok(()),
            DetailsChange::Drop => (None, Some(at)),
            DetailsChange::Replace(details) => (
                Some(self.inner.sealing.seal(&leg.acd, leg.id, details)?),
                None,
            ),
        };
        let (bytes, marker) = sealed.map(|sealed| (sealed.bytes, sealed.marker)).unzip();
        sqlx::query(
            "UPDATE contact SET details_dropped_at = CASE WHEN ? IS NULL THEN NULL \
             WHEN details IS NULL THEN details_dropped_at ELSE ? END, details = ?, details_seal = ? WHERE id = ?",
        )
        .bind(dropped_at)
        .bind(dropped_at)
        .bind(bytes)
        .bind(marker)
        .bind(head.id)
        .execute(&mut **tx)
        .await
        .map_err(fault)?;
        Ok(())
    }

    /// Writes down a leg that is not known yet: as a tombstone, if it was forgotten at this time.
    pub(super) async fn insert(
        &self,
        tx: &mut Tx,
        acd: i64,
        new: &NewLeg,
        at: DateTime<Utc>,
        forgotten: Option<i64>,
    ) -> Result<()> {
        let fault = |error| self.fault(error);
        let (leg, stage) = (&new.contact.leg, new.contact.stage.name());
        demand_due(&new.contact, new.schedule)?;
        let sealed = match &new.details {
            Some(details) => Some(self.inner.sealing.seal(&leg.acd, leg.id, details)?),
            None => None,
        };
        let (bytes, marker) = sealed.map(|sealed| (sealed.bytes, sealed.marker)).unzip();
        let now = at.timestamp_millis();
        let id = sqlx::query(
            "INSERT INTO contact (acd, leg, session, worker, happened_at, leg_json, stage, reason, stage_json, \
             stage_since, discovered_at, finished_at, version, due_at, attempts, backoff, details, details_seal, \
             forgotten_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?)",
        )
        .bind(acd)
        .bind(leg.id.as_str())
        .bind(leg.session_id().to_string())
        .bind(leg.worker.as_str())
        .bind(happened_at(&new.contact, at).timestamp_millis())
        .bind(json("a leg", leg)?)
        .bind(stage.as_str())
        .bind(reason_of(&new.contact.stage))
        .bind(json("a stage", &new.contact.stage)?)
        .bind(now)
        .bind(now)
        .bind(is_finished(stage).then_some(now))
        .bind(new.schedule.due_at.map(|due| due.timestamp_millis()))
        .bind(new.schedule.attempts)
        .bind(new.schedule.backoff)
        .bind(bytes)
        .bind(marker)
        .bind(forgotten)
        .execute(&mut **tx)
        .await
        .map_err(fault)?
        .last_insert_rowid();
        let note = forgotten.map(|_| FORGOTTEN_BEFORE);
        self.note(tx, id, &new.contact.stage, now, note).await?;
        self.follow_media(tx, (acd, id), &new.contact, now).await
    }

    /// What hangs on the media of a contact.
    async fn follow_media(
        &self,
        tx: &mut Tx,
        (acd, id): (i64, i64),
        contact: &Contact,
        at: i64,
    ) -> Result<()> {
        self.index_recordings(tx, id, &contact.stage).await?;
        self.claim_transcript(tx, (acd, id), contact).await?;
        self.offer_sources(tx, acd, &contact.stage, at).await
    }

    /// Puts a message into the outbox if the leg was told otherwise last, or never.
    async fn tell(&self, tx: &mut Tx, head: &Head, leg: &Leg, tell: &Tell, at: i64) -> Result<()> {
        let last: Option<ContactStatus> = head
            .told
            .as_deref()
            .and_then(|told| serde_json::from_str(told).ok());
        let ccr = tell.ccr.map_or(0, i64::from);
        // Where an earlier release told it, the id may not be known: then it is this one from now on.
        let same = last == Some(tell.status) && head.told_ccr.is_none_or(|told| told == ccr);
        if same && head.told_ccr.is_some() {
            return Ok(());
        }
        sqlx::query("UPDATE contact SET told = ?, told_ccr = ? WHERE id = ?")
            .bind(json("a status", &tell.status)?)
            .bind(ccr)
            .bind(head.id)
            .execute(&mut **tx)
            .await
            .map_err(|error| self.fault(error))?;
        if same {
            return Ok(());
        }
        self.put_message(tx, (head.acd, &leg.acd, leg.id), tell, at)
            .await
    }

    pub(super) async fn note(
        &self,
        tx: &mut Tx,
        contact: i64,
        stage: &Stage,
        at: i64,
        note: Option<&str>,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO transition (contact, stage, reason, at, note) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(contact)
        .bind(stage.name().as_str())
        .bind(reason_of(stage))
        .bind(at)
        .bind(note)
        .execute(&mut **tx)
        .await
        .map_err(|error| self.fault(error))?;
        Ok(())
    }

    /// Recordings are added and never taken away: whoever deletes one at its source must hear of every leg that may use it.
    async fn index_recordings(&self, tx: &mut Tx, contact: i64, stage: &Stage) -> Result<()> {
        for recording in stage.recordings() {
            sqlx::query(
                "INSERT OR IGNORE INTO contact_recording (recording, contact) VALUES (?, ?)",
            )
            .bind(recording.as_str())
            .bind(contact)
            .execute(&mut **tx)
            .await
            .map_err(|error| self.fault(error))?;
        }
        Ok(())
    }
}

const HEAD: &str = "SELECT id, acd, version, stage, reason, stage_since, finished_at, lease_until, told, told_ccr, \
     forgotten_at IS NOT NULL AS forgotten FROM contact WHERE acd = ? AND leg = ?";

fn read_head(row: &SqliteRow) -> sqlx::Result<Head> {
    Ok(Head {
        id: row.try_get("id")?,
        acd: row.try_get("acd")?,
        version: row.try_get("version")?,
        stage: row.try_get("stage")?,
        reason: row.try_get("reason")?,
        stage_since: row.try_get("stage_since")?,
        finished_at: row.try_get("finished_at")?,
        lease_until: row.try_get("lease_until")?,
        told: row.try_get("told")?,
        told_ccr: row.try_get("told_ccr")?,
        forgotten: row.try_get("forgotten")?,
    })
}

/// A contact on its way is never forgotten.
fn demand_due(contact: &Contact, schedule: Schedule) -> Result<()> {
    let stage = contact.stage.name();
    if stage.is_final()
        || schedule
            .due_at
            .and_then(|due| time(due.timestamp_millis()))
            .is_some()
    {
        Ok(())
    } else {
        Err(LedgerError::NeverDue {
            leg: contact.leg.id,
            stage,
        })
    }
}

pub(super) fn json(what: &str, value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|_| LedgerError::Unreadable {
        what: what.to_owned(),
        fault: "it cannot be written as JSON".to_owned(),
    })
}
