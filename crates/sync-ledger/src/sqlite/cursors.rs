//! The tables of cursors and backfills.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use contact_model::AcdKey;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::rows::{acd_of, time_of};
use super::writing::Becomes;
use super::{SqliteLedger, Tx};
use crate::erasure::tombstone_of;
use crate::{
    Advance, Advanced, Backfill, BackfillId, BackfillState, CursorId, CursorPosition, CursorStore,
    LedgerError, Merge, NewLeg, Result, floor_ms,
};

macro_rules! select_backfill {
    ($rest:literal) => {
        concat!(
            "SELECT b.id, b.range_from, b.range_to, b.position, b.state, b.legs_new, b.legs_known, b.created_at, \
             b.moved_at, a.account, a.workspace, a.tenant FROM backfill b JOIN acd a ON a.id = b.acd ",
            $rest
        )
    };
}

impl CursorStore for SqliteLedger {
    async fn cursor(&self, acd: &AcdKey, stream: &str) -> Result<Option<CursorPosition>> {
        let row = sqlx::query(
            "SELECT u.position, u.moved_at FROM cursor u JOIN acd a ON a.id = u.acd \
             WHERE a.account = ? AND a.workspace = ? AND a.tenant = ? AND u.stream = ?",
        )
        .bind(acd.account.as_str())
        .bind(acd.workspace.as_str())
        .bind(acd.tenant.as_str())
        .bind(stream)
        .fetch_optional(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        let Some(row) = row else { return Ok(None) };
        let fault = |error| self.fault(error);
        Ok(Some(CursorPosition {
            position: time_of("a cursor", row.try_get("position").map_err(fault)?)?,
            moved_at: time_of("a cursor", row.try_get("moved_at").map_err(fault)?)?,
        }))
    }

    async fn advance(&self, step: Advance, merge: Merge<'_>) -> Result<Advanced> {
        let step = step.floored();
        let mut tx = self.begin().await?;
        let advanced = match &step.cursor {
            CursorId::Live { acd, stream } => {
                let id = self.acd_id(&mut tx, acd).await?;
                self.move_live(&mut tx, id, acd, stream, &step).await?;
                self.write_down(&mut tx, id, acd, &step.legs, step.at, merge)
                    .await?
            }
            CursorId::Backfill(backfill) => {
                self.advance_backfill(&mut tx, *backfill, &step, merge)
                    .await?
            }
        };
        self.commit(tx).await?;
        Ok(advanced)
    }

    async fn begin_backfill(
        &self,
        acd: &AcdKey,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Backfill> {
        let fault = |error| self.fault(error);
        let (from, to) = (floor_ms(from), floor_ms(to));
        if from >= to {
            return Err(LedgerError::NotForward {
                what: "a backfill".to_owned(),
                from,
                to,
            });
        }
        let mut tx = self.begin().await?;
        let acd_id = self.acd_id(&mut tx, acd).await?;
        let open: Option<i64> = sqlx::query_scalar(
            "SELECT id FROM backfill WHERE acd = ? AND range_from = ? AND range_to = ? AND state = 'open'",
        )
        .bind(acd_id)
        .bind(from.timestamp_millis())
        .bind(to.timestamp_millis())
        .fetch_optional(&mut *tx)
        .await
        .map_err(fault)?;
        let id = match open {
            Some(id) => id,
            None => sqlx::query(
                "INSERT INTO backfill (acd, range_from, range_to, position, state, created_at, moved_at) \
                 VALUES (?, ?, ?, ?, 'open', ?, ?)",
            )
            .bind(acd_id)
            .bind(from.timestamp_millis())
            .bind(to.timestamp_millis())
            .bind(from.timestamp_millis())
            .bind(now.timestamp_millis())
            .bind(now.timestamp_millis())
            .execute(&mut *tx)
            .await
            .map_err(fault)?
            .last_insert_rowid(),
        };
        let backfill = self.backfill_in(&mut tx, BackfillId(id)).await?;
        self.commit(tx).await?;
        Ok(backfill)
    }

    async fn backfill(&self, id: BackfillId) -> Result<Option<Backfill>> {
        let row = sqlx::query(select_backfill!("WHERE b.id = ?"))
            .bind(id.0)
            .fetch_optional(&self.inner.reader)
            .await
            .map_err(|error| self.fault(error))?;
        row.map(|row| self.read_backfill(&row)).transpose()
    }

    async fn backfills(&self, only_open: bool) -> Result<Vec<Backfill>> {
        let rows = sqlx::query(select_backfill!(
            "WHERE NOT ? OR b.state = 'open' ORDER BY b.id"
        ))
        .bind(only_open)
        .fetch_all(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        rows.iter().map(|row| self.read_backfill(row)).collect()
    }

    async fn cancel_backfill(&self, id: BackfillId, now: DateTime<Utc>) -> Result<Backfill> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "UPDATE backfill SET state = 'cancelled', moved_at = ? WHERE id = ? AND state = 'open'",
        )
        .bind(now.timestamp_millis())
        .bind(id.0)
        .execute(&mut *tx)
        .await
        .map_err(|error| self.fault(error))?;
        let backfill = self.backfill_in(&mut tx, id).await?;
        self.commit(tx).await?;
        Ok(backfill)
    }
}

impl SqliteLedger {
    async fn move_live(
        &self,
        tx: &mut Tx,
        id: i64,
        acd: &AcdKey,
        stream: &str,
        step: &Advance,
    ) -> Result<()> {
        let fault = |error| self.fault(error);
        let found: Option<i64> =
            sqlx::query_scalar("SELECT position FROM cursor WHERE acd = ? AND stream = ?")
                .bind(id)
                .bind(stream)
                .fetch_optional(&mut **tx)
                .await
                .map_err(fault)?;
        let found = found.map(|at| time_of("a cursor", at)).transpose()?;
        if found != step.from {
            return Err(LedgerError::CursorMoved {
                acd: Box::new(acd.clone()),
                stream: stream.to_owned(),
                expected: step.from,
                found,
            });
        }
        if let Some(from) = found.filter(|from| *from > step.to) {
            return Err(LedgerError::NotForward {
                what: format!("the cursor {stream}"),
                from,
                to: step.to,
            });
        }
        sqlx::query(
            "INSERT INTO cursor (acd, stream, position, moved_at) VALUES (?, ?, ?, ?) ON CONFLICT (acd, stream) \
             DO UPDATE SET position = excluded.position, moved_at = excluded.moved_at",
        )
        .bind(id)
        .bind(stream)
        .bind(step.to.timestamp_millis())
        .bind(step.at.timestamp_millis())
        .execute(&mut **tx)
        .await
        .map_err(fault)?;
        Ok(())
    }

    async fn advance_backfill(
        &self,
        tx: &mut Tx,
        id: BackfillId,
        step: &Advance,
        merge: Merge<'_>,
    ) -> Result<Advanced> {
        let backfill = self.backfill_in(tx, id).await?;
        if backfill.state != BackfillState::Open {
            return Err(LedgerError::BackfillClosed {
                id: id.0,
                state: backfill.state.as_str(),
            });
        }
        if step.from != Some(backfill.position) {
            return Err(LedgerError::CursorMoved {
                acd: Box::new(backfill.acd),
                stream: format!("of backfill {id}"),
                expected: step.from,
                found: Some(backfill.position),
            });
        }
        if step.to < backfill.position || step.to > backfill.to {
            let what = format!("backfill {id}");
            return Err(LedgerError::NotForward {
                what,
                from: backfill.position,
                to: step.to,
            });
        }
        let acd = self.acd_id(tx, &backfill.acd).await?;
        let advanced = self
            .write_down(tx, acd, &backfill.acd, &step.legs, step.at, merge)
            .await?;
        let state = if step.to == backfill.to {
            BackfillState::Done
        } else {
            BackfillState::Open
        };
        sqlx::query(
            "UPDATE backfill SET position = ?, state = ?, legs_new = legs_new + ?, legs_known = legs_known + ?, \
             moved_at = ? WHERE id = ?",
        )
        .bind(step.to.timestamp_millis())
        .bind(state.as_str())
        .bind(i64::try_from(advanced.new.len()).unwrap_or(i64::MAX))
        .bind(i64::try_from(advanced.known).unwrap_or(i64::MAX))
        .bind(step.at.timestamp_millis())
        .bind(id.0)
        .execute(&mut **tx)
        .await
        .map_err(|error| self.fault(error))?;
        Ok(advanced)
    }

    /// Writes legs of one ACD down, within a transaction.
    pub(super) async fn write_down(
        &self,
        tx: &mut Tx,
        acd_id: i64,
        acd: &AcdKey,
        legs: &[NewLeg],
        at: DateTime<Utc>,
        merge: Merge<'_>,
    ) -> Result<Advanced> {
        let mut advanced = Advanced::default();
        let mut known = HashSet::new();
        for new in legs {
            let leg = new.contact.leg.id;
            demand_same(acd, leg, &new.contact.leg.acd)?;
            let Some((head, stored)) = self.find(tx, acd_id, leg).await? else {
                let Some(forgotten) = self.when_forgotten(tx, acd_id, leg).await? else {
                    self.insert(tx, acd_id, new, at, None).await?;
                    advanced.new.push(leg);
                    continue;
                };
                self.insert(tx, acd_id, &tombstone_of(new, at), at, Some(forgotten))
                    .await?;
                known.insert(leg);
                continue;
            };
            known.insert(leg);
            if head.forgotten {
                continue;
            }
            // A row that cannot be read is left to whoever claims it: discovery goes on.
            let Ok(record) = stored.record(&self.inner.sealing) else {
                continue;
            };
            let Some(update) = merge(&record, new) else {
                continue;
            };
            demand_same(acd, leg, &update.contact.leg.acd)?;
            if update.contact.leg.id != leg {
                let found = update.contact.leg.acd;
                return Err(LedgerError::ForeignLeg {
                    leg: update.contact.leg.id,
                    expected: Box::new(acd.clone()),
                    found: Box::new(found),
                });
            }
            let becomes = Becomes {
                contact: &update.contact,
                schedule: update.schedule,
                details: &update.details,
                note: update.note.as_deref(),
                at,
                keeps_lease: true,
                waits_for: None,
                tell: update.tell.as_ref(),
            };
            self.apply(tx, &head, &becomes).await?;
            advanced.updated += 1;
        }
        // A leg that was listed twice is new once, and not known as well.
        advanced.known = known
            .iter()
            .filter(|leg| !advanced.new.contains(leg))
            .count() as u64;
        Ok(advanced)
    }

    async fn backfill_in(&self, tx: &mut Tx, id: BackfillId) -> Result<Backfill> {
        let row = sqlx::query(select_backfill!("WHERE b.id = ?"))
            .bind(id.0)
            .fetch_optional(&mut **tx)
            .await
            .map_err(|error| self.fault(error))?;
        match row {
            Some(row) => self.read_backfill(&row),
            None => Err(LedgerError::UnknownBackfill { id: id.0 }),
        }
    }

    fn read_backfill(&self, row: &SqliteRow) -> Result<Backfill> {
        let fault = |error| self.fault(error);
        let at = |column: &str| time_of("a backfill", row.try_get(column).map_err(fault)?);
        let count = |column: &str| {
            row.try_get::<i64, _>(column)
                .map(i64::unsigned_abs)
                .map_err(fault)
        };
        let state: String = row.try_get("state").map_err(fault)?;
        let unknown = || LedgerError::Unreadable {
            what: "a backfill".to_owned(),
            fault: "its state is none that this release knows".to_owned(),
        };
        Ok(Backfill {
            id: BackfillId(row.try_get("id").map_err(fault)?),
            acd: acd_of(row).map_err(fault)?,
            from: at("range_from")?,
            to: at("range_to")?,
            position: at("position")?,
            state: BackfillState::parse(&state).ok_or_else(unknown)?,
            legs_new: count("legs_new")?,
            legs_known: count("legs_known")?,
            created_at: at("created_at")?,
            moved_at: at("moved_at")?,
        })
    }
}

fn demand_same(expected: &AcdKey, leg: contact_model::LegId, found: &AcdKey) -> Result<()> {
    if expected == found {
        Ok(())
    } else {
        Err(LedgerError::ForeignLeg {
            leg,
            expected: Box::new(expected.clone()),
            found: Box::new(found.clone()),
        })
    }
}
