//! The table of what was seen of hold.

use contact_model::AcdKey;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite};
use twilio_sid::ConferenceSid;

use super::contacts::push_acd;
use super::rows::time_of;
use super::{SqliteLedger, Tx};
use crate::{HoldNote, HoldSource, HoldStore, LedgerError, Result};

const WHAT: &str = "an observation of hold";

/// How many conferences are asked for in one statement.
const AT_ONCE: usize = 200;

impl HoldStore for SqliteLedger {
    async fn note_holds(&self, acd: &AcdKey, notes: &[HoldNote]) -> Result<u64> {
        let mut tx = self.begin().await?;
        let acd_id = self.acd_id(&mut tx, acd).await?;
        let mut new = 0;
        for note in notes {
            if note.source == HoldSource::Poll && self.seen_unchanged(&mut tx, acd_id, note).await?
            {
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
        self.commit(tx).await?;
        Ok(new)
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
    /// Whether polling saw the participant just so when it looked before.
    async fn seen_unchanged(&self, tx: &mut Tx, acd: i64, note: &HoldNote) -> Result<bool> {
        let before: Option<bool> = sqlx::query_scalar(
            "SELECT held FROM hold_note WHERE acd = ? AND conference = ? AND call = ? AND source = 'poll' AND at <= ? \
             ORDER BY at DESC, held DESC LIMIT 1",
        )
        .bind(acd)
        .bind(note.conference.as_str())
        .bind(note.call.as_str())
        .bind(note.at.timestamp_millis())
        .fetch_optional(&mut **tx)
        .await
        .map_err(|error| self.fault(error))?;
        Ok(before == Some(note.held))
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
