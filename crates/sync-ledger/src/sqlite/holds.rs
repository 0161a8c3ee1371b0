//! The table of what was seen of hold.

use contact_model::AcdKey;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite};
use twilio_sid::ConferenceSid;

use super::contacts::push_acd;
use super::rows::time_of;
use super::{SqliteLedger, Tx};
use crate::{ConferenceChange, HoldNote, HoldSource, HoldStore, LedgerError, POLL_GAP, Result};

const WHAT: &str = "an observation of hold";

/// How many conferences are asked for in one statement.
const AT_ONCE: usize = 200;

impl HoldStore for SqliteLedger {
    async fn note_told(
        &self,
        acd: &AcdKey,
        notes: &[HoldNote],
        changes: &[ConferenceChange],
    ) -> Result<u64> {
        let mut tx = self.begin().await?;
        let acd_id = self.acd_id(&mut tx, acd).await?;
        let mut new = 0;
        for note in notes {
            let is_again =
                note.source == HoldSource::Poll && self.seen_again(&mut tx, acd_id, note).await?;
            if is_again {
                continue;
            }
            new += sqlx::query(
                "INSERT OR IGNORE INTO hold_note (acd, conference, at, call, held, source) VALUES (?, ?, ?, ?, ?, ?)",
            )
            .bind(acd_id)
            .bind(note.conference.as_str())
            .bind(note.at.timestamp_millis())
            .bind(note.call.as_str())
            .bind(note.held)
            .bind(note.source.as_str())
            .execute(&mut *tx)
            .await
            .map_err(|error| self.fault(error))?
            .rows_affected();
        }
        for change in changes {
            sqlx::query(
                "INSERT OR IGNORE INTO conference_change (acd, conference, number, at) VALUES (?, ?, ?, ?)",
            )
            .bind(acd_id)
            .bind(change.conference.as_str())
            .bind(i64::try_from(change.number).unwrap_or(i64::MAX))
            .bind(change.at.timestamp_millis())
            .execute(&mut *tx)
            .await
            .map_err(|error| self.fault(error))?;
        }
        self.commit(tx).await?;
        Ok(new)
    }

    async fn changes_of(
        &self,
        acd: &AcdKey,
        conference: ConferenceSid,
    ) -> Result<Vec<ConferenceChange>> {
        let rows: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT c.number, c.at FROM conference_change c JOIN acd a ON a.id = c.acd WHERE a.account = ? \
             AND a.workspace = ? AND a.tenant = ? AND c.conference = ? ORDER BY c.number",
        )
        .bind(acd.account.as_str())
        .bind(acd.workspace.as_str())
        .bind(acd.tenant.to_string())
        .bind(conference.as_str())
        .fetch_all(&self.inner.reader)
        .await
        .map_err(|error| self.fault(error))?;
        let change = |(number, at): (i64, i64)| {
            Ok(ConferenceChange {
                conference,
                number: number.unsigned_abs(),
                at: time_of("a change of a conference", at)?,
            })
        };
        rows.into_iter().map(change).collect()
    }

    async fn holds_of(&self, acd: &AcdKey, conferences: &[ConferenceSid]) -> Result<Vec<HoldNote>> {
        let mut notes = Vec::new();
        for some in conferences.chunks(AT_ONCE) {
            let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
                "SELECT h.conference, h.at, h.call, h.held, h.source FROM hold_note h JOIN acd a ON a.id = h.acd \
                 WHERE h.conference IN (",
            );
            let mut list = query.separated(", ");
            for conference in some {
                list.push_bind(conference.to_string());
            }
            query.push(")");
            push_acd(&mut query, Some(acd));
            let found = query
                .build()
                .fetch_all(&self.inner.reader)
                .await
                .map_err(|error| self.fault(error))?;
            for row in &found {
                notes.push(self.read_hold(row)?);
            }
        }
        notes.sort();
        notes.dedup();
        Ok(notes)
    }
}

impl SqliteLedger {
    /// Whether polling saw the participant just so when it looked before, not long ago; if so, writes down that it still does.
    async fn seen_again(&self, tx: &mut Tx, acd: i64, note: &HoldNote) -> Result<bool> {
        let before: Option<(bool, i64, String)> = sqlx::query_as(
            "SELECT held, at, source FROM hold_note WHERE acd = ? AND conference = ? AND call = ? \
             AND source IN ('poll', 'poll-again') AND at <= ? ORDER BY at DESC, held DESC LIMIT 1",
        )
        .bind(acd)
        .bind(note.conference.as_str())
        .bind(note.call.as_str())
        .bind(note.at.timestamp_millis())
        .fetch_optional(&mut **tx)
        .await
        .map_err(|error| self.fault(error))?;
        let at = note.at.timestamp_millis();
        let Some((_, last, source)) = before.filter(|(held, last, _)| {
            *held == note.held && at - last <= POLL_GAP.num_milliseconds()
        }) else {
            return Ok(false);
        };
        let (again, first) = (HoldSource::PollAgain.as_str(), HoldSource::Poll.as_str());
        if source == first {
            sqlx::query(
                "INSERT OR IGNORE INTO hold_note (acd, conference, at, call, held, source) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )
        } else {
            sqlx::query(
                "UPDATE OR IGNORE hold_note SET at = ?3 WHERE acd = ?1 AND conference = ?2 AND at = ?7 AND call = ?4 \
                 AND held = ?5 AND source = ?6",
            )
        }
        .bind(acd)
        .bind(note.conference.as_str())
        .bind(at)
        .bind(note.call.as_str())
        .bind(note.held)
        .bind(again)
        .bind(last)
        .execute(&mut **tx)
        .await
        .map_err(|error| self.fault(error))?;
        Ok(true)
    }

    fn read_hold(&self, row: &SqliteRow) -> Result<HoldNote> {
        let fault = |error| self.fault(error);
        let unreadable = |fault: &str| LedgerError::Unreadable {
            what: WHAT.to_owned(),
            fault: fault.to_owned(),
        };
        let text = |column: &str| row.try_get::<String, _>(column).map_err(fault);
        Ok(HoldNote {
            conference: text("conference")?
                .parse()
                .map_err(|_| unreadable("it names no conference"))?,
            at: time_of(WHAT, row.try_get("at").map_err(fault)?)?,
            call: text("call")?
                .parse()
                .map_err(|_| unreadable("it names no call"))?,
            held: row.try_get("held").map_err(fault)?,
            source: HoldSource::parse(&text("source")?)
                .ok_or_else(|| unreadable("its source is none that this release knows"))?,
        })
    }
}
